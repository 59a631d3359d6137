"""What is submitted to explorers is exactly what the shipped bytecode was compiled from."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from nftgan.chain.artifact import SALE, artifact
from nftgan.chain.birth import shared_contracts
from nftgan.chain.contract import SEED_STORES
from nftgan.chain.splitter import splitter_implementation
from nftgan.chain.standard_json import submission

CONTRACTS = Path(__file__).parents[2] / "contracts"
SHARED = {
    one.address: one
    for name in (*SEED_STORES.values(), SALE)
    for one in (*shared_contracts(name), splitter_implementation())
}


@pytest.mark.parametrize("one", SHARED.values(), ids=lambda one: f"{one.artifact}-{one.address}")
def test_every_shared_contract_has_its_sources_settings_and_arguments(one: object) -> None:
    made = submission(one)  # type: ignore[arg-type]
    built = artifact(one.artifact)  # type: ignore[attr-defined]
    assert made.name.endswith(f".sol:{one.artifact}")  # type: ignore[attr-defined]
    assert made.compiler == "0.8.37+commit.f401782d"
    assert set(made.input["sources"]) == set(built["sources"])
    assert {k: v for k, v in made.input["settings"].items() if k != "outputSelection"} == (
        built["compiler"]["settings"]
    )
    code = bytes.fromhex(built["bytecode"][2:] + made.arguments)
    assert code == one.creation_code  # type: ignore[attr-defined]


@pytest.mark.node
def test_compiling_the_submission_gives_the_bytecode_that_is_deployed(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (CONTRACTS / "node_modules" / "solc").is_dir():
        pytest.skip("needs node and `npm ci --ignore-scripts --prefix contracts`")
    one = splitter_implementation()
    made = submission(one)
    (tmp_path / "input.json").write_text(json.dumps(made.input))
    program = (
        "const solc = require('solc'); const fs = require('fs');"
        "process.stdout.write(solc.compile(fs.readFileSync(process.argv[1], 'utf8')))"
    )
    out = subprocess.run(
        [node, "-e", program, str(tmp_path / "input.json")],
        cwd=CONTRACTS,
        check=True,
        timeout=300,
        capture_output=True,
    ).stdout
    path, name = made.name.split(":")
    compiled = json.loads(out)["contracts"][path][name]["evm"]["bytecode"]["object"]
    assert bytes.fromhex(compiled + made.arguments) == one.creation_code
