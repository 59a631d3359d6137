"""The Solidity tests of contracts/: unit, fuzz, invariants, and their form."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .test_contract_artifact import CONTRACTS

pytestmark = pytest.mark.node


def forge(tmp_path: Path, *words: str) -> None:
    """Run forge without the slow code generator; the shipped bytecode is pytest's matter."""
    node = shutil.which("node")
    if node is None or not (CONTRACTS / "node_modules" / "@foundry-rs").is_dir():
        pytest.skip("needs node and `npm ci --ignore-scripts --prefix contracts`")
    folders = {name: str(tmp_path / name) for name in ("FOUNDRY_OUT", "FOUNDRY_CACHE_PATH")}
    done = subprocess.run(
        [node, "forge.mjs", *words],
        cwd=CONTRACTS,
        env={**os.environ, **folders, "FOUNDRY_VIA_IR": "false"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_every_solidity_test_passes(tmp_path: Path) -> None:
    forge(tmp_path, "test")


def test_the_solidity_files_are_formatted(tmp_path: Path) -> None:
    forge(tmp_path, "fmt", "--check", "src", "test", "peers", "conformance/Receiver.sol")
