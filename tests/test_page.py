"""Pages of foreign text stay pages: nothing leaves its element or its attribute."""

from __future__ import annotations

from html.parser import HTMLParser

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


def test_words_stay_inside_attributes_of_both_quotes() -> None:
    for quote in "\"'":
        (tag,) = Seen(f"<a title={quote}{page.escape(EVIL)}{quote}>").tags
        assert tag == ("a", {"title": EVIL})


def test_each_part_of_a_page_keeps_words_as_words() -> None:
    (image,) = Seen(page.inline_image(b"x", EVIL)).tags
    assert image == ("img", {"alt": EVIL, "src": "data:image/png;base64,eA=="})
    cells = Seen(page.row(EVIL, 3))
    assert [tag for tag, _ in cells.tags] == ["tr", "td", "td"] and cells.text == EVIL + "3"
    text = Seen(page.svg_text(EVIL, 1, EVIL))
    assert text.tags[0][1]["x"] == EVIL and text.text == EVIL and len(text.tags) == 1
    (svg,) = Seen(page.svg(EVIL, [], width=EVIL, height=4)).tags
    assert svg[1]["aria-label"] == EVIL and svg[1]["width"] == EVIL
    whole = Seen(page.page(EVIL, "", "<p>ok</p>"))
    assert [tag for tag, _ in whole.tags if tag in {"script", "b"}] == []


def test_what_is_no_character_of_html_is_replaced() -> None:
    assert page.escape("a\x00b\x1b\ud800c\n") == "a\ufffdb\ufffd\ufffdc\n"


def test_what_hides_or_turns_the_direction_is_seen_on_a_page() -> None:
    assert page.escape("0x1\u202e2\u200b") == "0x1&lt;U+202E&gt;2&lt;U+200B&gt;"
    assert page.escape("a\x1b❤️") == "a\ufffd❤️"
