"""Pages of foreign text stay pages: nothing leaves its element or its attribute."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from nftgan import page

EVIL = "\"><script>alert(1)</script><b onload='x' a=\"&amp;"


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def part(call: str, **values: object) -> Seen:
    """What one macro of parts.html makes of values."""
    template = '{% import "parts.html" as parts %}{{ parts.' + call + " }}"
    return Seen(page._environment().from_string(template).render(values))


def test_each_part_of_a_page_keeps_words_as_words() -> None:
    (image,) = part("image(data, evil, title=evil)", data=b"x", evil=EVIL).tags
    assert image[1]["alt"] == image[1]["title"] == EVIL
    assert image[1]["src"] == "data:image/png;base64,eA=="
    facts = part("facts([(evil, evil, true, evil)])", evil=EVIL)
    assert [tag for tag, _ in facts.tags] == ["dl", "div", "dt", "dd", "code"]
    assert facts.text.count(EVIL) == 2
    figures = part("figures([(evil, evil)])", evil=EVIL)
    assert "script" not in {tag for tag, _ in figures.tags}


def test_only_https_becomes_a_link() -> None:
    assert part("link(url, 'x')", url="https://a.example/\"'").tags == [
        ("a", {"href": "https://a.example/\"'", "rel": "noreferrer noopener"})
    ]
    for url in ("javascript:alert(1)//https://", "http://a.example", ""):
        assert part("link(url, 'x')", url=url).tags == []


def test_a_drawing_says_what_it_shows() -> None:
    from nftgan.plot import Bar, Label, Plot

    plot = Plot(EVIL, bars=(Bar("0", "1", "2", "3", EVIL),), labels=(Label("0", "0", EVIL),))
    seen = part("drawing(plot)", plot=plot)
    assert [tag for tag, _ in seen.tags] == ["svg", "rect", "title", "text"]
    assert seen.tags[0][1]["aria-label"] == EVIL and seen.text.strip() == EVIL + EVIL


def test_what_is_no_character_of_html_is_replaced() -> None:
    assert "a\ufffdb\ufffd\ufffdc" in page.render("enter.html", url="a\x00b\x1b\ud800c")


def test_what_hides_or_turns_the_direction_is_seen_on_a_page() -> None:
    shown = page.render("enter.html", url="0x1\u202e2\u200b a\x1b❤️")
    assert "0x1&lt;U+202E&gt;2&lt;U+200B&gt; a\ufffd❤️" in shown


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="url"):
        page.render("enter.html")


def test_every_template_escapes() -> None:
    for path in Path(str(page.PAGES)).glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "safe" not in text.split() and "|safe" not in text, path.name
        assert "autoescape false" not in text, path.name
    assert page._environment().autoescape is True


def test_pages_stand_alone() -> None:
    for path in Path(str(page.PAGES)).glob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "url(" not in text and "@import" not in text, path.name


def test_a_document_allows_its_own_sheet_alone() -> None:
    text = page.document(
        "dataset.html",
        title=EVIL,
        sheets=("document.css",),
        numbers=[],
        notes=[EVIL],
        heading="x",
        tiles=[],
        rejected=[],
        fingerprint="f",
    )
    seen = Seen(text)
    assert "script" not in {tag for tag, _ in seen.tags} and EVIL in seen.text
    policy = next(a["content"] for t, a in seen.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none'; img-src data:; style-src")
