"""What a contract fixes follows from the manifest, and a contract of something else is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from nftgan.chain.accounts import keystore_folder
from nftgan.collection.manifest import Manifest
from nftgan.files import write_json
from nftgan.project import Project
from nftgan.workflows.immutable import immutable_args

Answer = Callable[..., Any]


def test_the_royalty_on_chain_is_the_manifests(published: Project) -> None:
    manifest = Manifest.load(published.manifest_path)
    args = immutable_args(manifest, "0x" + "1" * 40)
    assert args.royalty_bps == round(manifest.royalties.percent * 100)
    assert args.royalty_receiver == "0x" + "1" * 40


def test_mint_puts_no_token_into_a_contract_of_another_collection(
    published: Project, answer: Answer, tmp_path: Any
) -> None:
    other = tmp_path / "cats"
    answer("init", "cats", "--in", str(tmp_path))
    answer("curate", "-C", str(other), "-m", "base", "--pick", "1,2,4")
    answer("render", "-C", str(other))
    answer("metadata", "-C", str(other))
    answer("deploy", "-C", str(other), "--force")
    [record] = published.deployments.glob("*.json")
    record.write_bytes((other / "deployments" / record.name).read_bytes())
    error = answer("mint", "-C", str(published.root), "--force", expect=3)
    assert "is of another collection" in error["message"]
    assert "name" in error["message"] and "root" in error["message"]


def test_the_plan_of_deploy_shows_what_can_never_be_changed(
    published: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    from nftgan.cli.main import app

    for path in published.deployments.iterdir():
        path.unlink()
    with pytest.raises(SystemExit):
        app(
            ["deploy", "-C", str(published.root), "--force", "--dry-run"],
            standalone_mode=False,
        )
    shown = capsys.readouterr()
    for word in ("Fixed for ever", "birds", "BIRDS", "royalty", "5 % to 0x", "1024 x 1024"):
        assert word in shown.out + shown.err, word


def test_deploy_in_json_names_every_immutable_arg(published: Project, answer: Answer) -> None:
    for path in published.deployments.iterdir():
        path.unlink()
    plan = answer("deploy", "-C", str(published.root), "--force", "--dry-run")
    manifest = json.loads(published.manifest_path.read_text())
    assert plan["fixed"]["root"] == manifest["pieces_root"]
    assert plan["image_size"] == manifest["recipe"]["size"]


def test_a_dry_run_opens_no_wallet(
    published: Project, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))  # nobody who could be asked
    for path in published.deployments.iterdir():
        path.unlink()
    address = "0x52908400098527886E0F7030069857D2E4169EE7"
    locked = {"version": 3, "address": address[2:].lower(), "crypto": {}}
    write_json(keystore_folder() / "locked.json", locked)
    words = ("deploy", "-C", str(published.root), "--force", "--from", address)
    assert answer(*words, "--dry-run")["account"] == address
    assert "password" in answer(*words, expect=4)["message"]
