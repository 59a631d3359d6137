"""deploy --seed-store code: the same verbs, with seeds that are read from contract code."""

from __future__ import annotations

from pathlib import Path

from tests.workflows.typed import Desk


def test_seeds_in_contract_code_from_deploy_to_verify(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.curated("5,2")
    where = ["-C", str(desk.collection)]
    desk.type("pin", *where)
    refused = desk.type("deploy", *where, "--seed-store", "logs", expect=2)["error"]
    assert refused["message"] == "--seed-store 'logs' is not event or code"
    assert desk.type("deploy", *where, "--seed-store", "code", "--dry-run")["ok"]
    made = desk.type("deploy", *where, "--seed-store", "code")["result"]
    assert (made["seed_store"], made["created"]) == ("code", True)
    again = desk.type("deploy", *where)["result"]  # what is there already needs no option
    assert (again["seed_store"], again["created"]) == ("code", False)
    refused = desk.type("deploy", *where, "--seed-store", "event", expect=2)["error"]
    assert "keeps its seeds in store 'code', which is for ever" in refused["message"]
    desk.type("mint", *where, "--tokens", "0")
    desk.type("mint", *where)
    result = desk.type("verify", *where)["result"]
    assert [report["seed"] for report in result["tokens"]] == [5, 2]
    assert {link["verdict"] for one in result["tokens"] for link in one["links"]} == {"holds"}
