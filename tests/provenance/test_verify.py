"""What a liar may change, one thing at a time: nothing is proven that is not so.

`tests/workflows/test_stranger.py` does the same through the program, a node and a gateway.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nftgan.errors import CheckFailed, PartlyDone
from nftgan.files import canonical_json
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.dagpb import DIRECTORY, FILE, Link, UnixFs, encode_node, encode_unixfs
from nftgan.networks.architecture import (
    StyleGAN1Config,
    StyleGAN2Config,
    StyleGAN3Config,
    stylegan3_r,
)
from nftgan.networks.cost import render_cost
from nftgan.provenance.checks import TokenReport
from nftgan.provenance.models import HEAVY, Limits
from nftgan.provenance.whole import collection_checks
from nftgan.synthesis.canonical import Rendered
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish
from tests.chain.actors import account
from tests.chain.forging import trapped
from tests.png_chunks import chunk, chunks
from tests.provenance.stage import Document, Stage
from tests.synthesis.colour_lists import ART

THIEF = account("thief").address


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture
def stage(made: Stage) -> Iterator[Stage]:
    """The blocks that a test adds or takes away are as they were afterwards."""
    before = dict(made.blocks)
    yield made
    made.blocks.clear()
    made.blocks.update(before)


def verdicts(report: TokenReport) -> dict[str, str]:
    return {check.name: check.verdict for check in report.links}


def found(report: TokenReport, name: str) -> str:
    return next(check.found for check in report.links if check.name == name)


def test_traits_of_the_first_version_still_hold(tmp_path: Path) -> None:
    verifier = Stage(tmp_path, version=1).verifier(measuring=True)
    whole = {check.name: check.verdict for check in collection_checks(verifier, measured=True)}
    assert whole["traits"] == "holds"


def test_an_honest_collection_is_proven_and_measured_again(stage: Stage) -> None:
    verifier = stage.verifier(measuring=True)
    for token in range(4):
        report = verifier.verify(token)
        assert set(verdicts(report).values()) == {"holds"} and report.passed
        assert verifier.regenerate(token).promised == stage.pixels[token]
    whole = {check.name: check.verdict for check in collection_checks(verifier, measured=True)}
    assert whole == {
        "links": "unproven",
        "each once": "holds",
        "traits": "holds",
        "words": "unproven",
    }


def test_a_piece_of_the_original_stylegan_is_proven(tmp_path: Path) -> None:
    few = {"z_dim": 8, "w_dim": 8, "mapping_layers": 1, "channel_base": 128, "channel_max": 8}
    stage = Stage(tmp_path, (3, 8), config=StyleGAN1Config(16, **few))
    assert stage.verifier().verify(1).passed


def test_a_clone_with_a_trap_in_it_is_not_looked_at_any_further(
    stage: Stage, tmp_path: Path
) -> None:
    genuine = stage.verifier().collection
    trap = trapped(stage.sending, genuine, stage.me.address, THIEF)
    verifier = stage.verifier(address=trap.address)
    report = verifier.verify(0)
    assert verdicts(report).pop("contract code") == "broken"
    assert "not made by nftgan's factory" in found(report, "contract code")
    assert {v for k, v in verdicts(report).items() if k != "contract code"} == {"unchecked"}
    assert collection_checks(verifier, measured=True) == ()
    with pytest.raises(CheckFailed, match="not made by nftgan's factory"):
        verifier.regenerate(0)


# ---- the image that is checked is the image that is seen


def with_chunk(kind: bytes, data: bytes, before: bytes = b"IDAT") -> Callable[[bytes], bytes]:
    def change(png: bytes) -> bytes:
        out = png[:8]
        for own, content in chunks(png):
            if own == before:
                out += chunk(kind, data)
            out += chunk(own, content)
        return out

    change.__name__ = kind.decode()
    return change


def other_compression(png: bytes) -> bytes:
    out = png[:8]
    for kind, data in chunks(png):
        again = zlib.compress(zlib.decompress(data), 9) if kind == b"IDAT" else data
        out += chunk(kind, again)
    return out


def damaged_crc(png: bytes) -> bytes:
    at = png.rindex(b"IEND") - 8
    return png[:at] + bytes([png[at] ^ 1]) + png[at + 1 :]


def two_headers(png: bytes) -> bytes:
    return png[:33] + png[8:33] + png[33:]


PNGS = [
    with_chunk(b"iCCP", b"x\0\0" + zlib.compress(b"red and blue exchanged"), b"PLTE"),
    with_chunk(b"gAMA", struct.pack(">I", 1_000)),
    with_chunk(b"cHRM", bytes(32)),
    with_chunk(b"cICP", bytes([9, 16, 0, 1])),
    with_chunk(b"sRGB", b"\0"),
    with_chunk(b"tRNS", b"\0"),
    with_chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\3\0\0\0\0\0\0"),
    with_chunk(b"acTL", struct.pack(">II", 1, 0)),
    with_chunk(b"tEXt", b"Comment\0hello", b"IEND"),
    with_chunk(b"PLTE", bytes(768)),
    two_headers,
    damaged_crc,
    other_compression,
    lambda png: png + b"trailing",
]


@pytest.mark.parametrize("change", PNGS, ids=lambda c: c.__name__)
def test_a_file_that_holds_more_than_its_pixels_is_broken(
    stage: Stage, change: Callable[[bytes], bytes]
) -> None:
    data = change(stage.pngs[1])
    assert data != stage.pngs[1]
    link = stage.image(data)
    report = stage.verifier(stage.changed(lambda one: one.update(image=link))).verify(1)
    assert verdicts(report)["image"] == "broken"
    assert {k for k, v in verdicts(report).items() if v != "holds"} == {"image"}


def test_the_genuine_file_under_another_link_holds(stage: Stage) -> None:
    link = stage.image(stage.pngs[1], "7.png")
    assert stage.verifier(stage.changed(lambda one: one.update(image=link))).verify(1).passed


def test_what_is_shown_instead_of_the_image_is_named(stage: Stage) -> None:
    moved = stage.changed(lambda one: one.update(animation_url="https://example.com/other"))
    report = stage.verifier(moved).verify(1)
    assert verdicts(report)["animation"] == "unproven"
    assert "https://example.com/other instead of the image" in found(report, "animation")
    assert report.passed  # nothing of the chain of custody is wrong with it


def folder_called(stage: Stage, name: str) -> str:
    """A base URI that leads through a folder with this name."""
    files = {f"{i}.json": canonical_json(one) for i, one in enumerate(stage.documents)}
    inner = stage.importer.add_tree(files).cid
    node = encode_node([Link(name, inner, 0)], encode_unixfs(UnixFs(DIRECTORY)))
    cid = Cid.of(node, 0x70)
    stage.blocks[cid] = node
    return f"ipfs://{cid}/{name}/"


@pytest.mark.parametrize("name", ["%61", ".", "..", "a b", "é", "a?b", "a#b", "a\\b", "a\n", "a\0"])
def test_a_name_that_others_read_differently_is_no_link(stage: Stage, name: str) -> None:
    assert stage.verifier(folder_called(stage, "a.b-c_D")).verify(1).passed
    report = stage.verifier(folder_called(stage, name)).verify(1)
    assert verdicts(report)["metadata"] == "broken"
    assert "plainest form" in found(report, "metadata")


def test_a_cid_has_one_spelling(stage: Stage) -> None:
    text = stage.args.base_uri.removeprefix("ipfs://").rstrip("/")
    raw = Cid.parse(text).to_bytes()
    last = text[:-1] + chr(ord(text[-1]) + 1)  # bits that no byte has
    for other in (
        text.upper(),
        "B" + text[1:].upper(),
        "f" + raw.hex(),
        last,
        text + "a",
        text[:-1],
    ):
        report = stage.verifier(f"ipfs://{other}/").verify(1)
        assert verdicts(report)["metadata"] == "broken", other


@pytest.mark.parametrize("uri", ["", "https://example.com/", "ipfs:/", "ipns://x/", "data:,"])
def test_another_kind_of_link_is_broken(stage: Stage, uri: str) -> None:
    assert verdicts(stage.verifier(uri).verify(1))["metadata"] == "broken"


def raw_document(stage: Stage, old: str, new: str) -> bytes:
    text = canonical_json(stage.documents[1]).decode()
    assert text.count(old) == 1, text.count(old)
    return text.replace(old, new).encode("utf-8", "surrogatepass")


BAD_JSON = {
    "NaN": ('"name":"Piece 1"', '"name":"Piece 1","x":NaN'),
    "a key twice": ('"name":"Piece 1"', '"name":"Other","name":"Piece 1"'),
    "a float seed": ('"seed":8', '"seed":8.0'),
    "another float seed": ('"seed":8', '"seed":8e0'),
    "infinity": ('"score":', '"score":1e999,"x":'),
    "deep": ('"name":"Piece 1"', '"name":"Piece 1","\\\\":"\\\\","x":' + "[" * 100_000),
    "deeper": ('"name":"Piece 1"', '"name":' + "[" * 150 + "]" * 150),
    "a line break": ('.png"', '.png\\n"'),
    "a surrogate": ('"name":"Piece 1"', '"name":"\\ud800"'),
    "bytes that are no text": ('"name":"Piece 1"', '"name":"\udc80"'),
    "a key that is unknown": ('"name":"Piece 1"', '"name":"Piece 1","image_data":"<svg/>"'),
    "no object": ('{"attributes"', '[{"attributes"'),
    "nothing": ('"name":"Piece 1"', ""),
}


@pytest.mark.parametrize("kind", BAD_JSON)
def test_a_document_that_readers_disagree_about_is_broken_and_ends_nothing_else(
    stage: Stage, kind: str
) -> None:
    files: list[Any] = list(stage.documents)
    files[1] = raw_document(stage, *BAD_JSON[kind])
    verifier = stage.verifier(stage.folder(files))
    report = verifier.verify(1)
    if kind != "a surrogate":  # it is JSON, and its name is shown by nobody here
        assert verdicts(report)["metadata"] == "broken"
        assert not report.passed
    others = verdicts(verifier.verify(2))
    proof = others.pop("merkle proof")
    assert set(others.values()) == {"holds"}
    assert proof == ("holds" if kind == "a surrogate" else "unchecked")
    collection_checks(verifier, measured=True)


def test_an_error_that_nobody_thought_of_is_no_proof_and_no_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: Any, **__: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr(Model, "render_checked", stumble)
    report = stage.verifier().verify(1)
    assert verdicts(report)["pixels"] == "unchecked" and not report.passed
    with pytest.raises(PartlyDone, match="cannot cope"):
        stage.verifier().regenerate(1)


def test_a_pixel_on_a_step_is_no_proof(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = Model.render_checked

    def near(self: Model, *words: Any, **look: Any) -> Rendered:
        return dataclasses.replace(genuine(self, *words, **look), margin=1e-12)

    monkeypatch.setattr(Model, "render_checked", near)
    report = stage.verifier().verify(1)
    assert verdicts(report)["pixels"] == "broken"
    assert "another processor" in found(report, "pixels")
    with pytest.raises(CheckFailed, match="another processor"):
        stage.verifier().regenerate(1)


# ---- what is claimed of the collection


def lie(stage: Stage, change: Callable[[Document], None]) -> str:
    verifier = stage.verifier(stage.changed(change))
    checks = {check.name: check for check in collection_checks(verifier, measured=True)}
    assert checks["traits"].verdict == "broken"
    assert verifier.verify(1).passed  # of the token itself all is true
    unasked = {check.name: check for check in collection_checks(verifier, measured=False)}
    assert unasked["traits"].verdict == "unproven"
    return checks["traits"].found


def test_a_trait_that_is_not_measured_is_a_lie(stage: Stage) -> None:
    def gild(document: Document) -> None:
        document["attributes"][2]["value"] = "Legendary"

    assert "token 1 says Warmth: Legendary, and Warmth: " in lie(stage, gild)
    assert "traits" in lie(stage, lambda one: one["attributes"].pop())

    def disguised(document: Document) -> None:
        document["attributes"].append({"trait_type": "wARMTH", "value": "Legendary"})

    assert "traits, measured: " in lie(stage, disguised)


def test_a_rank_is_computed_again(stage: Stage) -> None:
    def first(document: Document) -> None:
        document["nftgan"]["rarity"]["rank"] += 1

    assert "token 1 says rank" in lie(stage, first)
    assert "rank" in lie(stage, lambda one: one["nftgan"]["rarity"].update(of=10_000))


def test_a_tag_of_the_artist_is_a_word_and_no_lie(stage: Stage) -> None:
    def tag(document: Document) -> None:
        document["attributes"].append({"trait_type": "Mood", "value": "Legendary"})
        del document["nftgan"]["rarity"]

    for one in stage.documents:
        assert "rarity" in one["nftgan"]
    documents = json.loads(json.dumps(stage.documents))
    for one in documents:
        tag(one)
    verifier = stage.verifier(stage.folder(documents))
    checks = {c.name: c.verdict for c in collection_checks(verifier, measured=True)}
    assert checks["traits"] == "holds"


def test_one_image_sold_twelve_times_is_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path, (3, 3, 9, 3))
    verifier = stage.verifier()
    assert verifier.verify(3).passed
    checks = {check.name: check for check in collection_checks(verifier, measured=False)}
    assert checks["each once"].verdict == "unproven"
    assert checks["each once"].found == "tokens 0-1,3 are one image"


def test_a_burnt_token_is_burnt_and_a_frozen_collection_frozen(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.act("burn", 1)
    stage.act("freezeMetadata")
    verifier = stage.verifier()
    report = verifier.verify(1)
    assert report.burnt and report.passed and "burnt" in found(report, "token")
    assert verifier.regenerate(1).promised == stage.pixels[1]
    assert not verifier.verify(0).burnt
    missing = verifier.verify(4)
    assert not missing.burnt and verdicts(missing)["token"] == "broken"
    with pytest.raises(CheckFailed, match="does not exist"):
        verifier.regenerate(4)
    held = stage.verifier(holder=stage.me.address).verify(1)
    assert verdicts(held)["owner"] == "broken" and "burnt" in found(held, "owner")
    checks = {check.name: check.verdict for check in collection_checks(verifier, measured=False)}
    assert checks["links"] == "holds"


# ---- what the contract fixes


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"root": "0x" + "77" * 32}, "merkle proof"),
        ({"recipe": "sha256:" + "77" * 32}, "recipe"),
        ({"model": "sha256:" + "77" * 32}, "model"),
    ],
)
def test_another_hash_in_the_contract_stands_in_the_way(
    stage: Stage, changes: dict[str, str], broken: str
) -> None:
    address = stage.create(dataclasses.replace(stage.args, **changes))
    verifier = stage.verifier(address=address)
    assert verdicts(verifier.verify(1))[broken] == "broken"
    with pytest.raises(CheckFailed, match=f"token 1: {broken}: "):
        verifier.regenerate(1)


def test_another_list_of_colours_stands_in_the_way_wherever_it_stands(tmp_path: Path) -> None:
    stage = Stage(tmp_path, (3, 8), finish=Finish(0, 8, 1, colours=ART))
    assert stage.verifier().verify(1).passed
    finish = dataclasses.replace(
        stage.recipe.finish or Finish(), colours=ART.replace("ff0000", "ff8000")
    )
    other = dataclasses.replace(stage.recipe, finish=finish)

    def lie(one: Document) -> None:
        one["nftgan"]["recipe"] = other.to_json()

    told = stage.verifier(stage.changed(lie)).verify(1)
    assert verdicts(told)["recipe"] == "broken" and not told.passed
    # Where the contract says it too, the image that was sold is another one.
    address = stage.create(dataclasses.replace(stage.args, recipe=other.hash))
    sold = stage.verifier(stage.changed(lie), address=address).verify(1)
    assert verdicts(sold)["recipe"] == "holds" and verdicts(sold)["pixels"] == "broken"


# ---- bounds


def test_a_supply_of_four_billions_ends_at_once(stage: Stage) -> None:
    args = dataclasses.replace(stage.args, max_supply=4_000_000_000)
    verifier = stage.verifier(address=stage.create(args))
    report = verifier.verify(1)
    others = verdicts(report)
    assert others.pop("merkle proof") == "unchecked" and set(others.values()) == {"holds"}
    assert "speaks of 4,000,000,000 pieces" in found(report, "merkle proof")
    checks = {check.name: check.verdict for check in collection_checks(verifier, measured=True)}
    assert (checks["each once"], checks["traits"]) == ("unchecked", "unchecked")


def test_the_same_file_under_many_names_is_read_once(stage: Stage) -> None:
    tree = {f"{i}.json": canonical_json(stage.documents[1]) for i in range(3_000)}
    base = f"ipfs://{stage.importer.add_tree(tree).cid}/"
    reads: dict[Cid, int] = {}
    get = stage.get

    def counted(cid: Cid) -> bytes:
        reads[cid] = reads.get(cid, 0) + 1
        return get(cid)

    stage.get = counted  # type: ignore[method-assign]
    try:
        args = dataclasses.replace(stage.args, max_supply=3_000)
        verifier = stage.verifier(base, address=stage.create(args))
        assert verdicts(verifier.verify(1))["merkle proof"] == "broken"
    finally:
        stage.get = get  # type: ignore[method-assign]
    assert sum(reads.values()) < 400


def block_over_and_over(stage: Stage, data: bytes, times: int) -> str:
    """A file of some kilobytes that says it has gigabytes."""
    leaf = Cid.of(data, RAW)
    stage.blocks[leaf] = data
    record = UnixFs(FILE, b"", len(data) * times, (len(data),) * times)
    node = encode_node([Link("", leaf, len(data))] * times, encode_unixfs(record))
    cid = Cid.of(node, 0x70)
    stage.blocks[cid] = node
    return f"ipfs://{cid}"


def model_verdict(stage: Stage, uri: str, **more: Any) -> tuple[str, str]:
    moved = stage.changed(lambda one: one["nftgan"].update(model_uri=uri))
    report = stage.verifier(moved, **more).verify(1)
    assert verdicts(report)["pixels"] == "unchecked"
    return verdicts(report)["model"], found(report, "model")


def test_a_model_is_no_longer_than_its_first_bytes_say(stage: Stage) -> None:
    genuine = stage.model_path.read_bytes()
    uri = f"ipfs://{stage.importer.add_bytes(genuine + b'x').cid}"
    verdict, words = model_verdict(stage, uri)
    assert verdict == "broken" and "longer than its header says" in words
    verdict, words = model_verdict(stage, block_over_and_over(stage, bytes(1 << 20), 400))
    assert verdict == "broken" and "is no model" in words


def test_a_file_of_one_block_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nftgan.ipfs.reader.REPEATED_BYTES", 1 << 16)
    uri = block_over_and_over(stage, b"7" * 4096, 100)
    with pytest.raises(CheckFailed, match="a few blocks over and over"):
        stage.content().read(uri, 1 << 30)


def test_a_model_that_works_for_hours_is_not_run_unasked(stage: Stage) -> None:
    for limits in (Limits(render_seconds=0), Limits(render_bytes=1)):
        verdict, words = model_verdict(stage, stage.model_uri, limits=limits)
        assert verdict == "unchecked" and "is not run unasked: one image takes about" in words
    verdict, words = model_verdict(stage, stage.model_uri, limits=Limits(model_bytes=1000))
    assert verdict in ("broken", "unchecked") and "bytes" in words
    assert stage.verifier(limits=HEAVY).verify(1).passed


def test_what_people_publish_runs_unasked_and_a_bomb_of_some_kilobytes_does_not() -> None:
    """A file of 64 thin layers at 4,096 pixels takes most of an hour."""
    limits = Limits()
    for config in (StyleGAN3Config(1024), stylegan3_r(1024), StyleGAN2Config(1024)):
        cost = render_cost(config)
        assert cost.seconds < limits.render_seconds and cost.peak_bytes < limits.render_bytes
    small = {"z_dim": 1, "w_dim": 1, "mapping_layers": 1}
    thin = {"channel_base": 16384, "channel_max": 4, "num_layers": 63, "num_critical": 62}
    bomb = render_cost(StyleGAN3Config(4096, **small, **thin))
    assert bomb.numbers < 40_000
    assert bomb.seconds > limits.render_seconds and bomb.peak_bytes > limits.render_bytes


def test_a_model_that_takes_long_says_so_before(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nftgan.provenance.models.LONG_SECONDS", 0)
    notes: list[str] = []
    assert stage.verifier(on_note=notes.append).verify(1).passed
    assert len(notes) == 1 and "on a slow core" in notes[0]


def test_an_image_larger_than_its_recipe_is_not_unpacked(stage: Stage) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
    link = stage.image(bomb + chunk(b"IEND", b""))
    report = stage.verifier(stage.changed(lambda one: one.update(image=link))).verify(1)
    assert verdicts(report)["image"] == "broken" and report.links


# ---- what is heavy is asked about


@pytest.mark.parametrize(
    ("limits", "link"),
    [
        (Limits(pieces=2), "merkle proof"),
        (Limits(model_bytes=1_000), "model"),
        (Limits(render_seconds=1e-9), "model"),
        (Limits(image_pixels=16), "image"),
    ],
)
def test_a_person_is_asked_once_about_what_is_heavy(
    stage: Stage, limits: Limits, link: str
) -> None:
    for says in (True, False):
        asked: list[str] = []

        def answer(question: str, asked: list[str] = asked, says: bool = says) -> bool:
            asked.append(question)
            return says

        verifier = stage.verifier(limits=limits, on_heavy=answer)
        reports = [verifier.verify(token) for token in range(4)]
        assert len(asked) == 1 and "unasked" in asked[0]
        assert all(report.passed for report in reports) is says
        assert not any(report.failed for report in reports)
        if not says:
            assert found(reports[0], link).endswith("--allow-heavy does it all the same")
