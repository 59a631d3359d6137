"""Files of latents: what comes back, and what a hostile file may not do."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.synthesis.latent_files import (
    MAX_ARRAY_BYTES,
    MAX_MEMBERS,
    read_latent,
    save_latent,
)

WS = np.repeat(np.linspace(-1, 1, 16, dtype=np.float32)[None, None], 8, axis=1)  # [1, 8, 16]
ABOUT = {"model": "sha256:" + "a" * 64, "steps": 3}


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    target = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    save_latent(tmp_path / "a.npz", WS, ABOUT, target)
    found = read_latent(tmp_path / "a.npz")
    assert np.array_equal(found.latent.rows, WS[0, :1]) and found.model == ABOUT["model"]
    assert found.about["steps"] == 3 and np.array_equal(found.target, target)  # type: ignore[arg-type]
    first = (tmp_path / "a.npz").read_bytes()
    save_latent(tmp_path / "a.npz", WS, ABOUT, target)
    assert (tmp_path / "a.npz").read_bytes() == first


def test_a_file_of_another_tool_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "theirs.npz", w=WS.astype(np.float64), extra=np.zeros(3))
    found = read_latent(tmp_path / "theirs.npz")
    assert found.model is None and found.target is None
    assert np.array_equal(found.latent.rows, WS[0, :1])


class _Marker:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (pytest.fail, ("code of the file was run",))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return buffer.getvalue()


def _raw(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


_OBJECT = np.array([_Marker()], dtype=object)


def _pickled() -> bytes:
    return _header((1,), "|O") + pickle.dumps(_OBJECT)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"w.npy": _pickled()}, "not read"),
        ({"w.npy": _header((10**9, 10**6))}, "damaged"),
        ({"w.npy": _header((2, -2)) + bytes(16)}, "damaged"),
        ({"w.npy": _npy(np.full((1, 8, 16), np.nan))}, "damaged"),
        ({"w.npy": _npy(np.full((1, 8, 16), 1e9))}, "damaged"),
        ({"w.npy": _npy(np.zeros((3, 8, 16)))}, "one image"),
        ({"w.npy": _npy(np.zeros((1, 30, 512)) + np.arange(30)[:, None])}, "at most"),
        ({"v.npy": _npy(np.zeros((1, 8, 16)))}, "no array w"),
        ({"w.npy": b"not an array"}, "damaged"),
        ({"w.npy": bytes(MAX_ARRAY_BYTES + 1)}, "too large"),
        ({"w.npy": _npy(WS), "about.npy": _npy(np.array("[" * 900))}, "no JSON"),
        ({"w.npy": _npy(WS), "about.npy": _npy(np.array("{}"))}, "newer nftgan"),
        ({"w.npy": _npy(WS), "target.npy": _npy(np.zeros((2, 2)))}, "no image"),
        ({"w.npy": _raw("((((")}, "damaged"),
        ({"w.npy": _raw("{1: 2, 'a': 3}")}, "damaged"),
        ({"w.npy": _raw("{[]: 1}")}, "damaged"),
        ({"w.npy": _raw("-" * 9000 + "1")}, "damaged"),
        ({"w.npy": _npy(WS), "about.npy": _header((), "<U1") + b"\xff" * 4}, "no JSON"),
        ({f"{number}": b"" for number in range(MAX_MEMBERS + 1)}, "too many files"),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(
    tmp_path: Path, members: dict[str, bytes], words: str
) -> None:
    path = tmp_path / "bad.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(UsageError, match=words):
        read_latent(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    save_latent(tmp_path / "a.npz", WS, ABOUT)
    whole = (tmp_path / "a.npz").read_bytes()
    for end in (0, 10, len(whole) // 2, len(whole) - 3):
        (tmp_path / "a.npz").write_bytes(whole[:end])
        with pytest.raises(UsageError, match="no latent"):
            read_latent(tmp_path / "a.npz")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(UsageError, match="is no file"):
        read_latent(tmp_path / "a.npz")
