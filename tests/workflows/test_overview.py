"""Where a person stands, by what lies in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nftgan.workflows.overview import overview


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def run(folder: Path, *, total: int, images: int) -> None:
    write(folder / "training_options.json", {"total_images": total})
    write(folder / "stats.jsonl", json.dumps({"images": images}) + '\n{"images": 99')


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_an_empty_folder_leads_to_the_demo(here: Path) -> None:
    found = overview(here)
    assert found.found == () and found.next == "nftgan demo --keep demo"


def test_each_step_leads_to_the_next(here: Path) -> None:
    write(here / "my art" / "1.PNG", "")
    write(here / "notes" / "a.txt", "")
    assert overview(here).next == "nftgan prepare 'my art' -o 'my art.zip'"
    assert [one.about for one in overview(here).found] == ["1 image"]

    write(here / "my art.zip", "")
    write(here / "my art.report.json", {"kept": 313, "resolution": 32})
    assert overview(here).next == "nftgan train 'my art.zip' -o runs --resume base"
    write(here / "my art.report.json", {"kept": 313, "resolution": 256})
    assert overview(here).next == "nftgan train 'my art.zip' -o runs"

    run(here / "runs" / "00000-stylegan2", total=20_000, images=4_500)
    found = overview(here)
    assert [one.kind for one in found.found] == ["data set", "run"]
    assert found.found[1].about == "4.5 of 20 kimg; its train command goes on"
    assert found.next == "nftgan init work"

    write(here / "collections" / "birds" / "nftgan.toml", '[collection]\nname = "Birds"\n')
    found = overview(here)
    assert found.found[-1].about == "no pieces yet"
    assert found.next.startswith("nftgan curate") and found.next.endswith("-C collections/birds")


def test_a_folder_that_holds_it_all_is_gone_into(here: Path) -> None:
    """As `demo --keep` leaves one: its contact sheet makes it no folder of art."""
    work = here / "a demo"
    write(work / "contact-sheet.png", "")
    write(work / "art.zip", "")
    write(work / "art.report.json", {"kept": 313, "resolution": 32})
    run(work / "runs" / "00000-stylegan2", total=20_000, images=20_000)
    write(work / "collections" / "birds" / "nftgan.toml", '[collection]\nname = "Birds"\n')
    write(here / "photos" / "1.png", "")
    found = overview(here)
    assert [(one.kind, one.path, one.about) for one in found.found] == [
        ("folder", work, "1 data set, 1 run, 1 collection")
    ]
    assert found.next == "cd 'a demo' && nftgan"
    assert overview(work).found[-1].path.name == "birds"


def test_inside_a_collection_it_speaks_of_that_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = here / "collections" / "birds"
    write(root / "nftgan.toml", '[collection]\nname = "Birds"\n')
    (root / "images").mkdir()
    found = overview(root / "images")
    assert [one.path for one in found.found] == [root]


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"total_images": "many"}', "\x00"])
def test_damaged_files_are_said_or_left_out_and_stop_nothing(here: Path, damaged: str) -> None:
    write(here / "runs" / "00000-a" / "training_options.json", damaged)
    write(here / "art.zip", "")
    write(here / "art.report.json", damaged)
    write(here / "collections" / "birds" / "nftgan.toml", damaged + "\n=")
    found = overview(here)
    assert [one.about for one in found.found if one.kind == "run"] == ["made by another version"]
    assert not [one for one in found.found if one.kind == "data set"]
    assert found.found[-1].about.startswith("cannot be read: ")
