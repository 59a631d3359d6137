"""OpenZeppelin's published ERC-721 behaviour tests, run against a collection on anvil."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from .test_contract_artifact import CONTRACTS


@pytest.mark.node
@pytest.mark.slow
def test_openzeppelins_own_erc721_tests_pass() -> None:
    node, folder = shutil.which("node"), CONTRACTS / "conformance"
    installed = (folder / "node_modules" / "mocha", CONTRACTS / "node_modules" / "solc")
    if node is None or not all(path.is_dir() for path in installed):
        pytest.skip("needs node and the packages of contracts/conformance: make node-deps")
    done = subprocess.run(
        [node, "run.cjs"], cwd=folder, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "388 of 394 pass; 6 ask for more than the ERC; 0 fail" in done.stdout
