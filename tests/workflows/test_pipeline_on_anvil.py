"""The same verbs against a real anvil node: only --chain and --rpc differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chain.conftest import running_anvil
from tests.workflows.typed import Desk

pytestmark = pytest.mark.node


def test_deploy_mint_and_verify_on_anvil(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.curated("3,8,15")
    where = ["-C", str(desk.collection)]
    desk.type("pin", *where)
    with running_anvil() as url:
        chain = ["--chain", "anvil", "--rpc", url]
        planned = desk.type("deploy", *where, *chain, "--dry-run")["result"]
        assert planned is not None
        desk.type("verify", *where, *chain, expect=2)  # a dry run leaves nothing on chain
        desk.type("deploy", *where, *chain, "--yes")
        desk.type("mint", *where, *chain, "--yes")
        result = desk.type("verify", *where, *chain)["result"]
        reports = result["tokens"]
        assert [report["seed"] for report in reports] == [3, 8, 15]
        assert {link["verdict"] for report in reports for link in report["links"]} == {"holds"}
        out = tmp_path / "proof"
        desk.type("regenerate", "1", *chain, "--contract", result["contract"], "-o", str(out))
        mine = (desk.collection / "images" / "1.png").read_bytes()
        assert (out / "1.png").read_bytes() == mine
