"""The report says what is so, shows any name as text, and asks nobody for anything."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.journal import Journal
from nftgan.collection.manifest import Manifest
from nftgan.errors import MissingStepError, UsageError
from nftgan.project import Project
from nftgan.provenance.checks import Check, TokenReport
from nftgan.provenance.report import Facts, Images, ether, render
from nftgan.workflows import report as workflow
from nftgan.workflows.publishing import mint_journal_path
from nftgan.workflows.report import report

EXAMPLE = Path(__file__).parents[2] / "collections" / "avatars"
ADDRESS = "0x" + "5a" * 20


class Seen(HTMLParser):
    """Every tag with its attributes, and all text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "line", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "img", "line", "rect"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data

    def count(self, tag: str, **wanted: str) -> int:
        wanted = {key.rstrip("_"): value for key, value in wanted.items()}
        return sum(tag == t and wanted.items() <= a.items() for t, a in self.tags)


def is_harmless(page: str) -> Seen:
    """Asserts that the page runs nothing and fetches nothing, and gives what is in it."""
    seen = Seen(page)
    assert seen.open == []
    assert {tag for tag, _ in seen.tags}.isdisjoint(
        {"script", "iframe", "object", "embed", "link", "base", "form", "a:href", "foreignobject"}
    )
    for tag, attributes in seen.tags:
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in {"style", "srcset"}, (tag, name)
            if name in {"src", "xlink:href"}:
                assert (value or "").startswith("data:image/")
            if name == "href":
                assert tag == "a" and re.match(r"#([a-z]+|t\d+)$|https://", value or "")
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style and "url(" not in style[1] and "@import" not in style[1]
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(a["content"] for t, a in seen.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None and f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    return seen


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(EXAMPLE, tmp_path / "avatars")
    (tmp_path / "avatars" / "report.html").unlink(missing_ok=True)
    return Project(tmp_path / "avatars")


def edited(project: Project, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(project.manifest_path.read_text())
    change(document)
    project.manifest_path.write_text(json.dumps(document))


def test_the_example_has_the_page_that_is_made_here(project: Project) -> None:
    made = report(project)
    assert made.path == project.root / "report.html" and made.failed == ()
    assert made.path.read_bytes() == (EXAMPLE / "report.html").read_bytes(), (
        "run: nftgan report -C collections/avatars"
    )
    assert made.bytes == made.path.stat().st_size < 300_000
    again = report(project, project.root / "again.html")
    assert again.path.read_bytes() == made.path.read_bytes()


def test_the_page_shows_every_piece_with_its_traits_and_hashes(project: Project) -> None:
    seen = is_harmless(report(project).path.read_text("utf-8"))
    manifest = Manifest.load(project.manifest_path)
    assert seen.count("li", class_="card") == seen.count("img") == 12
    values = {(a["trait_type"], a["value"]) for p in manifest.pieces for a in p.attributes}
    assert seen.count("rect", class_="bar") == len(manifest.pieces) + len(values)
    for piece in manifest.pieces:
        assert piece.name in seen.text and f"seed {piece.seed}" in seen.text
        for attribute in piece.attributes:
            assert attribute["value"] in seen.text
    for hash in (manifest.model.identity, manifest.recipe_hash, manifest.cids.images):
        assert str(hash) in seen.text
    assert "the images themselves" not in seen.text  # pixel art is embedded whole
    assert "on no chain yet" in seen.text and "nftgan regenerate 0-11 -o proof" in seen.text


HOSTILE = [
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</style></title><iframe src=https://evil.example>",
    "&lt;b&gt; & &#60;",
    "\u202egnp.exe\u202c",
    "nul\x00 bell\x07 esc\x1b[31m",
    "lone \ud800 surrogate",
    "javascript:alert(1)",
    "{body}{style}%s{0}",
    "n" * 3000,
    "\n\n\n<!-- ",
    "]]>",
]


def test_hostile_words_stay_words(project: Project) -> None:
    def poison(document: dict[str, Any]) -> None:
        section = document["collection"]
        section["name"] = section["description"] = "".join(HOSTILE[:3])
        section["symbol"] = "</h1><b>"
        section["external_url"] = "javascript:alert(1)//https://"
        for token, text in zip(document["tokens"], HOSTILE, strict=True):
            token["name"] = text
            token["attributes"] = [{"trait_type": text, "value": text}, {"value": 3.5}]

    edited(project, poison)
    made = report(project)
    seen = is_harmless(made.path.read_text("utf-8"))
    assert seen.count("li", class_="card") == 12
    assert "<script>alert(1)</script>" in seen.text and "&lt;b&gt; & &#60;" in seen.text
    assert seen.count("a", href="javascript:alert(1)//https://") == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff]", seen.text)
    assert [check.name for check in made.checks if check.failed] == ["metadata"]


def test_what_changed_is_said_and_the_page_is_there_all_the_same(project: Project) -> None:
    shutil.copy(project.images / "0.png", project.images / "5.png")
    (project.images / "7.png").write_bytes(b"no image")
    made = report(project)
    assert made.failed == ("images: 5.png has other pixels than were recorded (and 1 more)",)
    seen = is_harmless(made.path.read_text("utf-8"))
    assert "The files contradict each other" in seen.text
    assert seen.count("p", class_="pill broken") == 1
    assert seen.count("li", class_="card") == 11


def test_another_model_is_noticed(project: Project) -> None:
    from nftgan.networks.sources import base_model

    shutil.copy(base_model(), project.root / "model.safetensors")
    assert any("model: model.safetensors is another model" in one for one in report(project).failed)


def test_before_rendering_there_is_nothing_to_report(project: Project) -> None:
    def forget(document: dict[str, Any]) -> None:
        document["pieces_root"] = document["tokens"][3]["pixels"] = None

    edited(project, forget)
    with pytest.raises(MissingStepError) as caught:
        report(project)
    assert caught.value.hint == "nftgan render"
    assert not (project.root / "report.html").exists()


def test_a_large_collection_has_the_rarest_and_a_sheet(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "ALL_SHOWN", 11)
    monkeypatch.setattr(workflow, "RAREST_SHOWN", 3)
    monkeypatch.setattr(workflow, "SHEET_TILES", 5)
    monkeypatch.setattr("nftgan.provenance.report.TABLE_ROWS", 4)
    monkeypatch.setattr("nftgan.provenance.rarity_plot.FEW", 11)
    made = report(project)
    assert (made.pieces, made.cards, made.on_sheet) == (12, 3, 4)
    seen = is_harmless(made.path.read_text("utf-8"))
    assert seen.count("img") == 4
    ids = [a["id"] for t, a in seen.tags if a.get("class") == "card"]
    ranked = sorted(Manifest.load(project.manifest_path).pieces, key=lambda p: p.rarity.rank)
    assert ids == [f"t{piece.id}" for piece in ranked[:3]]
    assert "4 of 12: every 3rd piece from token 0 on" in seen.text
    assert "The 4 rarest of 12; collection.json has all." in seen.text
    assert "common on the left" in seen.text


def deployed(project: Project, **changes: Any) -> None:
    """As deploy and mint leave it behind; three transactions with known costs."""
    manifest = Manifest.load(project.manifest_path)
    record = {
        "chain": "sepolia",
        "chain_id": 11155111,
        "genesis": "0x00",
        "collection": ADDRESS,
        "factory": ADDRESS,
        "owner": ADDRESS,
        "block": 7_000_000,
        "fixed": {
            "model": manifest.model.identity,
            "recipe": manifest.recipe_hash,
            "root": manifest.pieces_root,
            "max_supply": 12,
        },
        **changes,
    }
    project.deployments.mkdir(exist_ok=True)
    (project.deployments / "11155111.json").write_text(json.dumps(record))
    journal = Journal.open(project.deployments / "11155111.jsonl", {})
    journal.final("create collection", hash="0xaa", block=7, gas=180_000, fee_wei=18 * 10**13)
    journal = Journal.open(mint_journal_path(project, 11155111), {})
    for first, count in ((0, 8), (8, 4)):
        name = f"mint {first}"
        journal.plan(name, first=first, count=count, to=ADDRESS)
        journal.final(name, hash=f"0xbb{first}", block=8, gas=30_000, fee_wei=3 * 10**13)


def test_costs_are_those_of_the_journals(project: Project) -> None:
    deployed(project)
    made = report(project)
    seen = is_harmless(made.path.read_text("utf-8"))
    assert made.failed == ()
    assert "240,000" in seen.text and "0.00024" in seen.text  # 180,000 + 2 · 30,000 gas at 1 gwei
    assert "0.00002 ether and 20,000 gas a token" in seen.text
    assert "12 of 12" in seen.text and "has no price" in seen.text
    assert seen.count("a", href=f"https://sepolia.etherscan.io/address/{ADDRESS}") == 2
    assert f"nftgan verify --contract {ADDRESS} --chain sepolia --gateway" in seen.text
    assert "The files agree with each other. The chain was not asked for this page." in seen.text


def test_a_deployment_for_other_pieces_is_broken(project: Project) -> None:
    deployed(project, fixed={"root": "0x00"})
    assert report(project).failed == (
        "deployment on sepolia: was deployed for another model, recipe or other pieces",
    )


@pytest.mark.parametrize(
    "changes",
    [{"chain_id": "<b>"}, {"block": None}, {"chain_id": [1]}, {"collection": "<b>"}],
)
def test_a_damaged_record_is_one_sentence(project: Project, changes: dict[str, Any]) -> None:
    deployed(project, **changes)
    with pytest.raises(UsageError, match="damaged"):
        report(project)


def test_hostile_records_stay_words(project: Project) -> None:
    evil = '"><script>1</script>'
    deployed(project, chain=evil, owner=evil)
    journal = Journal.open(project.deployments / "11155111.jsonl", {})
    journal.final(evil, hash=evil, block=1, gas=1, fee_wei=1)
    seen = is_harmless(report(project).path.read_text("utf-8"))
    assert evil in seen.text
    assert f"nftgan verify --contract {ADDRESS} --chain '{evil}'" in seen.text  # safe to paste


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (("holds", "holds"), "All 2 minted tokens are proven back to their pixels."),
        (("holds", "unchecked"), "1 of 2 tokens are proven in full."),
        (("holds", "broken"), "1 of 2 tokens have a broken link."),
    ],
)
def test_the_verdict_is_that_of_the_worst_link(verdicts: tuple[Any, Any], sentence: str) -> None:
    manifest = Manifest.load(EXAMPLE / "collection.json")
    manifest = dataclasses.replace(manifest, pieces=manifest.pieces[:2])
    reports = tuple(
        TokenReport(n, 1, (Check("seed", "holds", "yes"), Check("pixels", verdict, "<i>so</i>")))
        for n, verdict in enumerate(verdicts)
    )
    seen = is_harmless(
        render(Facts(manifest, "0" * 64, {}, (), reports, (), (), Images({}, None, (), 1)))
    )
    assert sentence in seen.text
    assert ("token 1, pixels" in seen.text) == (verdicts[1] != "holds")


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0"),
        (1, "0.000000000000000001"),
        (10**18, "1"),
        (123_456_789 * 10**10, "1.23457"),
        (24 * 10**13, "0.00024"),
        (10**24, "1000000"),
    ],
)
def test_ether_is_written_without_powers_of_ten(wei: int, text: str) -> None:
    assert ether(wei) == text
