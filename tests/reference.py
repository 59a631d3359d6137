"""Golden numbers of published checkpoints and training steps (tests/golden/README.md)."""

from __future__ import annotations

import atexit
import functools
import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "golden"


@functools.cache
def _unpacked() -> Path:
    """A folder with the checkpoints, made once per process and removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="nftgan-golden-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with tarfile.open(FOLDER / "checkpoints.tar.xz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            (folder / member.name).write_bytes(content.read())
    return folder


def checkpoint(name: str) -> Path:
    """The published pickle `name`: t32, t32c, t32c_canary, r32 or sg2_32."""
    return _unpacked() / f"{name}.pkl"


def numbers(name: str) -> dict[str, np.ndarray]:
    """The arrays of `name`.npz."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        return dict(stored)
