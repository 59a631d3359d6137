"""kill -9 in the middle of train, pin and mint: the same command again ends where it would have."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from nftgan.dataset.shipped import unpack
from nftgan.networks.model_file import open_model
from tests.workflows.typed import Desk

TRAIN = ["train", "art.zip", "--resume", "base", "--kimg", "0.16", "--tick", "0.032", "--snap", "1"]


def lines(folder: Path, pattern: str) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in folder.glob(pattern))


def test_a_killed_training_gives_the_same_model(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    art = tmp_path / "art"
    unpack("pixel-art", art)
    for path in sorted(art.glob("*.png"))[48:]:
        path.unlink()
    desk.type("prepare", "art", "-o", "art.zip", "--resolution", "32")
    desk.type_apart(*TRAIN, "-o", "whole")
    runs = tmp_path / "runs"
    for ticks in (1, 3):

        def has_saved(ticks: int = ticks) -> bool:
            return (
                len(list(runs.glob("*/state-*.json"))) > 0 and lines(runs, "*/stats.jsonl") >= ticks
            )

        assert desk.kill(*TRAIN, "-o", "runs", when=has_saved)
    desk.type_apart(*TRAIN, "-o", "runs")
    assert len(list(runs.iterdir())) == 1  # continued, not begun anew
    pair = [
        sorted((tmp_path / name).glob("*/network-*.safetensors"))[-1] for name in ("whole", "runs")
    ]
    assert open_model(pair[0]).identity == open_model(pair[1]).identity


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("curated"))
    desk.curated("0-39")
    return desk


def copy_of(desk: Desk, folder: Path) -> Desk:
    shutil.copytree(desk.folder, folder, dirs_exist_ok=True)
    return Desk(folder)


def test_a_killed_pin_gives_the_same_roots(curated: Desk, tmp_path: Path) -> None:
    whole = copy_of(curated, tmp_path / "whole")
    expected = whole.type("pin", "-C", str(whole.collection))["result"]
    desk = copy_of(curated, tmp_path / "killed")
    where = ["-C", str(desk.collection)]
    blocks = desk.folder / "home"
    for count in (1, 20, 60):

        def has_written(count: int = count) -> bool:
            seen = (path for path in blocks.rglob("*") if path.is_file())
            return sum(1 for _ in itertools.islice(seen, count)) >= count

        desk.kill("pin", *where, when=has_written)
    found = desk.type_apart("pin", *where)["result"]
    same = {key for key, value in expected.items() if "cid" in key.lower() or "root" in key.lower()}
    assert same and all(found[key] == expected[key] for key in same)
    cars = [next(d.collection.glob("*.car")).read_bytes() for d in (whole, desk)]
    assert cars[0] == cars[1]


def test_a_killed_mint_mints_each_token_once(curated: Desk, tmp_path: Path) -> None:
    desk = copy_of(curated, tmp_path)
    where = ["-C", str(desk.collection)]
    desk.type("pin", *where)
    desk.type("deploy", *where, "--yes")

    for written in (1, 2, 3, 6):

        def has_journalled(written: int = written) -> bool:
            return lines(desk.collection, "**/mint-*.jsonl") >= written

        desk.kill("mint", *where, "--yes", when=has_journalled)
    desk.type_apart("mint", *where, "--yes")
    desk.type("mint", *where, "--yes")  # and once more changes nothing
    reports = desk.type("verify", *where, "0-39")["result"]["tokens"]
    assert [report["token"] for report in reports] == list(range(40))
    assert {link["verdict"] for report in reports for link in report["links"]} == {"holds"}
    # There is no forty-first: nothing was sent twice.
    desk.type("verify", *where, "40", expect=3)
