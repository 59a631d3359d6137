"""The native CPU kernels: compiled once per machine by its own C++ compiler, never required."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nftgan.files import fsync_folder
from nftgan.project import state_home

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

SWITCH = "NFTGAN_KERNELS"
"""Environment variable; `off` keeps to the PyTorch formulation."""

CACHE = "NFTGAN_KERNEL_CACHE"
"""Environment variable; the folder of the compiled kernels, else one in the state folder."""

FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-std=c++17", "-fPIC")
COMPILE_SECONDS = 300


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None, after one log line with the reason.

    There is no lock: each process compiles into a folder of its own and renames the result, so
    two at once do the work twice and nobody can wait for a dead one.
    """
    if switched_off("native kernels are"):
        return None
    try:
        return _load(_compiled())
    except (OSError, subprocess.SubprocessError) as exc:
        log.warning("native kernels are not used, PyTorch is: %s", _reason(exc))
        return None


def routine(name: str, like: Tensor) -> Any:
    """The library's routine of this name for the dtype of `like`, float32 or float64."""
    return getattr(library(), f"nftgan_{name}_f{8 * like.element_size()}")


def address(tensor: Tensor | None) -> ctypes.c_void_p | None:
    """Where its first value lies, for a call of the library; the caller keeps it alive."""
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())


def switched_off(what: str) -> bool:
    """Whether the user wants PyTorch alone, with a log line if so."""
    off = os.environ.get(SWITCH, "").lower() in {"off", "0", "no"}
    if off:
        log.info("%s switched off by %s", what, SWITCH)
    return off


def _load(path: Path) -> ctypes.CDLL:
    import torch  # noqa: F401  (its OpenMP runtime must be the one that the kernels join)

    return ctypes.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_LOCAL)


def _compiled() -> Path:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if not compiler:
        raise FileNotFoundError("no C++ compiler is installed")
    sources = sorted(
        (p for p in resources.files("nftgan.ops").joinpath("csrc").iterdir() if p.name != ".keep"),
        key=lambda p: p.name,
    )
    texts = [
        (source.name, source.read_bytes()) for source in sources if source.name.endswith(".cpp")
    ]
    key = hashlib.sha256(repr((texts, FLAGS, compiler, _machine())).encode()).hexdigest()[:24]
    chosen = os.environ.get(CACHE)
    folder = Path(chosen) if chosen else state_home() / "cache" / "kernels"
    target = folder / f"nftgan-{key}.so"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        paths = [Path(scratch) / name for name, _ in texts]
        for path, (_, text) in zip(paths, texts, strict=True):
            path.write_bytes(text)
        objects = [path.with_suffix(".o") for path in paths]
        for path, made in zip(paths, objects, strict=True):
            _run([compiler, *FLAGS, "-fopenmp", "-c", str(path), "-o", str(made)])
        built = Path(scratch) / "built.so"
        # Without -fopenmp here: the symbols come from the OpenMP runtime that torch has loaded,
        # since two runtimes in one process would fight over the processor.
        _run([compiler, "-shared", *map(str, objects), "-o", str(built)])
        built.replace(target)
    fsync_folder(folder)
    return target


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False
    )
    if done.returncode:
        raise OSError(f"{command[0]} failed: {done.stderr.strip()[-400:]}")


def _machine() -> str:
    """What -march=native depends on: code for another processor must not be loaded."""
    flags = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {platform.processor()} {flags}"


def _reason(exc: Exception) -> str:
    return " ".join(str(exc).split()) or type(exc).__name__
