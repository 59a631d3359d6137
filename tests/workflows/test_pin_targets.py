"""Several places at once: each with a state of its own, and what is not proven is not minted."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import run
from nftgan.collection.manifest import Manifest
from nftgan.errors import (
    CheckFailed,
    CredentialError,
    MissingStepError,
    PartlyDone,
    ServiceError,
    UsageError,
)
from nftgan.files import read_json
from nftgan.ipfs.backends import open_backend
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import Cid
from nftgan.project import Project
from nftgan.workflows.deploy import Deployment
from nftgan.workflows.mint import Minting
from nftgan.workflows.pin import (
    embedded_store,
    pin,
    pin_again,
    verified_places,
)
from nftgan.workflows.pin_recheck import require_verified
from nftgan.workflows.publishing import ChainChoice
from nftgan.workflows.status import status
from tests.ipfs.fake_node import FakeNode
from tests.ipfs.fake_services import TOKEN, FakeServices
from tests.ipfs.test_pinning import Waits
from tests.workflows.typed import Desk

Typing = Callable[..., tuple[int, str]]

EXAMPLE = Path(__file__).parents[2] / "collections" / "avatars"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.setenv("NFTGAN_HOME", desk.environment["NFTGAN_HOME"])
    patient = functools.partial(open_backend, wait=Waits())
    for module in ("pin", "pin_recheck"):
        monkeypatch.setattr(f"nftgan.workflows.{module}.open_backend", patient)
    shutil.copytree(EXAMPLE, desk.collection)
    return desk


@pytest.fixture
def project(desk: Desk) -> Project:
    return Project(desk.collection)


@pytest.fixture
def type_(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typing:
    """The command line in this process: its exit code and all that it prints."""

    def type_(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["nftgan", *words])
        with pytest.raises(SystemExit) as left:
            run()
        said = capfd.readouterr()
        return int(left.value.code or 0), said.out + said.err

    return type_


ALL = ("embedded", "kubo", "pinata")


def manifest(project: Project) -> Manifest:
    return Manifest.load(project.manifest_path)


def test_three_places_at_once_hold_the_same_root(
    project: Project, node: FakeNode, services: FakeServices
) -> None:
    result = pin(project, ALL)
    assert {one.root for one in result.targets} == {result.root}
    assert verified_places(project, manifest(project)) == list(ALL)
    record = read_json(project.pins_path)
    assert {record[target]["state"] for target in ALL} == {"verified"}
    assert next(s for s in status(project).steps if s.verb == "pin").found == ", ".join(ALL)
    require_verified(project, manifest(project))


def test_one_that_fails_does_not_stop_the_others_and_is_named(
    project: Project, node: FakeNode, services: FakeServices
) -> None:
    services.faults["upload"] = ["413"]
    with pytest.raises(PartlyDone, match=r"2 of 3 places; pinata failed: pinata .*413") as failed:
        pin(project, ("pinata", "embedded", "kubo"))
    assert failed.value.exit_code == 6
    assert "nftgan pin --to pinata" in str(failed.value.hint)
    assert verified_places(project, manifest(project)) == ["embedded", "kubo"]
    assert read_json(project.pins_path)["pinata"]["state"] == "failed"
    assert "pinata (not verified)" in status(project).steps[3].found
    sent = node.received_bytes
    pin(project, ALL)
    assert verified_places(project, manifest(project)) == ["embedded", "kubo", "pinata"]
    assert node.received_bytes == sent


def test_when_all_fail_the_first_says_how(
    project: Project, node: FakeNode, services: FakeServices
) -> None:
    services.faults["files"] = ["403"]
    node.faults["version"] = ["503"] * 9
    with pytest.raises(CredentialError, match=r"pinata failed: .*; kubo failed: ") as failed:
        pin(project, ("pinata", "kubo"))
    assert failed.value.exit_code == 4


def test_a_missing_token_is_found_before_anything_is_sent(
    project: Project, node: FakeNode, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NFTGAN_PINATA_JWT")
    with pytest.raises(CredentialError, match="Pinata needs a token"):
        pin(project, ALL)
    assert not node.asked and not services.asked
    assert not project.car_path.exists()


def test_a_proof_outlives_a_silent_service_and_not_a_wrong_byte(
    project: Project, node: FakeNode
) -> None:
    pin(project, ("kubo",))
    node.faults["pin/ls"] = ["503"] * 9
    with pytest.raises(ServiceError):
        pin(project, ("kubo",))
    assert verified_places(project, manifest(project)) == ["kubo"]
    node.faults.clear()
    wrong = CarFile(project.car_path).cids[1]
    node.blocks[wrong] = b"other"
    with pytest.raises(CheckFailed, match="serves other bytes"):
        pin(project, ("kubo",))
    assert verified_places(project, manifest(project)) == []
    with pytest.raises(MissingStepError, match="not read back as it is now"):
        require_verified(project, manifest(project))
    pin(project, ("kubo",))
    require_verified(project, manifest(project))


def test_a_record_from_another_machine_is_not_believed(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pin(project)
    require_verified(project, manifest(project))
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "elsewhere"))
    assert verified_places(project, manifest(project)) == ["embedded"]
    with pytest.raises(MissingStepError, match="embedded does not hold the collection"):
        require_verified(project, manifest(project))


def test_a_place_that_forgot_one_token_is_found_out(project: Project) -> None:
    pin(project)
    promised = manifest(project).pieces[0].image_cid
    assert promised is not None
    embedded_store().path_of(Cid.parse(promised)).unlink()
    with pytest.raises(MissingStepError, match="does not hold the collection"):
        require_verified(project, manifest(project))


def test_a_service_that_gives_files_alone_is_asked_for_files(
    project: Project, services: FakeServices
) -> None:
    pin(project, ("pinata",))
    require_verified(project, manifest(project))


def test_what_was_pinned_before_a_change_does_not_count(project: Project) -> None:
    pin(project)
    record = project.pins_path.read_text()
    cids = read_json(project.pins_path)["embedded"]["cids"]
    project.pins_path.write_text(record.replace(cids["metadata"], cids["images"]))
    assert verified_places(project, manifest(project)) == []


def test_without_reading_back_nothing_is_proven(project: Project) -> None:
    pin(project, verify_mode="none")
    assert read_json(project.pins_path)["embedded"]["state"] == "sent, not verified"
    with pytest.raises(MissingStepError):
        require_verified(project, manifest(project))


def test_mint_and_deploy_refuse_it_unless_forced(project: Project) -> None:
    pin(project, verify_mode="none")
    asking: dict[str, Any] = {"prompt": str, "warn": print}
    with pytest.raises(MissingStepError, match="not read back as it is now"):
        Deployment(project, ChainChoice("embedded"), **asking)
    asking |= {"to": None, "tokens": None}
    with pytest.raises(MissingStepError, match="not read back as it is now"):
        Minting(project, ChainChoice("embedded"), **asking)
    with pytest.raises(MissingStepError, match="is not deployed"):
        Minting(project, ChainChoice("embedded"), **asking, force=True)


def test_a_kept_car_goes_anywhere_later_under_the_same_cids(
    project: Project, node: FakeNode, services: FakeServices, tmp_path: Path
) -> None:
    first = pin(project)
    kept = tmp_path / "kept.car"
    shutil.move(project.car_path, kept)
    shutil.rmtree(project.root)
    again = pin_again(kept, (f"kubo={node.url}", "pinata"))
    assert again.root == first.root
    assert {one.root for one in again.targets} == {first.root}
    assert pin_again(kept, ("kubo",)).targets[0].sent_bytes == 0
    assert pin_again(kept, ("pinata",), dry_run=True).shape == first.shape


def test_a_dry_run_says_what_would_be_and_does_nothing(
    desk: Desk, project: Project, node: FakeNode, services: FakeServices, type_: Typing
) -> None:
    before = {*desk.folder.rglob("*")}
    code, text = type_("pin", "-C", str(project.root), "-n", "--to", "kubo", "--to", "pinata")
    assert code == 0
    plan = pin(project, ("kubo", "pinata"), dry_run=True)
    assert {*desk.folder.rglob("*")} - before <= {project.root / ".lock"}
    assert not node.asked and not services.asked
    done = pin(project, ("kubo",))
    assert plan.shape == done.shape and plan.root == done.root
    assert plan.car_bytes == done.car_bytes == done.car.stat().st_size
    sharded = {folder.path: folder.sharded for folder in plan.shape.folders}
    assert sharded == {"/": False, "images": False, "metadata": False}
    kubo, pinata = plan.plans
    assert kubo.read_blocks == plan.blocks
    assert pinata.send_bytes == plan.car_bytes
    assert pinata.seconds > kubo.seconds > 0
    assert "at most 60 requests a minute" in pinata.notes
    for said in (plan.root, f"{plan.car_bytes:,} bytes", "one block", "60 requests a minute"):
        assert said in text


@pytest.mark.parametrize(
    ("target", "variable", "free"),
    [
        ("pinata", "NFTGAN_PINATA_JWT", "60 requests a minute"),
        ("filebase", "NFTGAN_FILEBASE_TOKEN", "6,000 requests a minute"),
        ("4everland", "NFTGAN_4EVERLAND_TOKEN", "it is sent nothing"),
        ("psa", "NFTGAN_PSA_TOKEN", "it is sent nothing"),
    ],
)
def test_a_dry_run_needs_no_account_anywhere_and_says_what_will_be_needed(
    project: Project,
    type_: Typing,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    variable: str,
    free: str,
) -> None:
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NFTGAN_PSA_URL", "https://psa.example")
    monkeypatch.setenv("NFTGAN_PSA_GATEWAY", "https://gateway.example")
    code, text = type_("pin", "-C", str(project.root), "-n", "--to", target)
    assert code == 0
    said = " ".join(text.split())
    assert f"before anything is sent: set {variable}" in said and free in said
    with pytest.raises(CredentialError, match="needs a token"):
        pin(project, (target,))


def test_a_place_that_cannot_take_it_is_refused_before_anything_is_sent(
    project: Project, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from nftgan.ipfs.backends.pinata import PinataBackend

    for limits, why in (
        (replace(PinataBackend.limits, most_bytes=1000), "takes 1,000 bytes at once"),
        (replace(PinataBackend.limits, most_folder_files=2), "takes 2 files in a folder and"),
    ):
        monkeypatch.setattr(PinataBackend, "limits", limits)
        with pytest.raises(UsageError, match=why):
            pin(project, ("pinata",))
    assert not services.asked


def test_a_disk_that_is_too_small_leaves_nothing_half_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(project.root.rglob("*"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 1000}))
    for dry_run in (True, False):
        with pytest.raises(UsageError, match="1,000 bytes free and") as failed:
            pin(project, dry_run=dry_run)
        assert failed.value.exit_code == 2
    monkeypatch.undo()
    assert sorted({*project.root.rglob("*")} - {project.root / ".lock"}) == before


def test_no_output_of_any_kind_holds_a_token(
    desk: Desk,
    node: FakeNode,
    services: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
    type_: Typing,
) -> None:
    monkeypatch.setenv("NFTGAN_IPFS_TOKEN", TOKEN)
    where = ["-C", str(desk.collection), "--to", "kubo", "--to", "pinata"]
    faults: list[tuple[dict[str, list[str]], int]] = [
        ({"upload": ["403"]}, 6),
        ({"files": ["302"]}, 6),
        ({"files": ["cut"] * 9}, 6),
        ({}, 0),
    ]
    for broken, expected in faults:
        services.faults = broken
        code, text = type_("pin", *where, "--debug", "--verbose")
        assert code == expected, text
        assert TOKEN not in text
    for path in desk.folder.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


def test_a_place_that_only_the_folder_names_gets_no_question_and_no_token(
    project: Project, node: FakeNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pin(project, (f"kubo={node.url}",))
    require_verified(project, manifest(project))
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("NFTGAN_IPFS_TOKEN", "artist-secret-token-123456")
    node.asked.clear()
    with pytest.raises(MissingStepError, match="not read back"):
        require_verified(project, manifest(project))
    assert not node.asked
