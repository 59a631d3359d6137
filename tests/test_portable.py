"""The ground floor works where Unix's own modules are missing, as on Windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nftgan.project import state_home

WITHOUT = """
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "getuid"):
    if hasattr(os, name):
        delattr(os, name)
"""
MODULES = ["files", "project", "config", "seeds", "page", "ipfs.importer", "collection.manifest"]


@pytest.mark.parametrize("module", [*MODULES, "chain.accounts", "ops.kernels", "compiler"])
def test_a_module_can_be_imported_without_unix(module: str) -> None:
    # filelock chooses its own way by platform; here it is Unix's, loaded before.
    code = f"import filelock, subprocess, tempfile, asyncio\n{WITHOUT}\nimport nftgan.{module}\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_state_folder_is_the_one_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "here"))
    assert state_home() == tmp_path / "here"


@pytest.mark.skipif(sys.platform != "linux", reason="another system has other folders")
def test_on_linux_state_lies_where_xdg_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NFTGAN_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert state_home() == tmp_path / "nftgan"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_home() == tmp_path / ".local" / "share" / "nftgan"
