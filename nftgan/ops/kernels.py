"""The native CPU kernels: compiled once per machine by its own C++ compiler, never required."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nftgan.errors import UsageError
from nftgan.files import atomic_path, lock, write_text
from nftgan.project import state_home

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

SWITCH = "NFTGAN_KERNELS"
"""Environment variable; `off` keeps to the PyTorch formulation."""

CACHE = "NFTGAN_KERNEL_CACHE"
"""Environment variable; the folder of the compiled kernels, else one in the state folder."""

FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-std=c++17", "-fPIC")
_MACOS = sys.platform == "darwin"
# Apple's compiler takes -fopenmp behind a switch of its own and lets symbols be found at loading.
_OPENMP = ("-Xpreprocessor", "-fopenmp") if _MACOS else ("-fopenmp",)
_LINK = ("-shared", "-undefined", "dynamic_lookup") if _MACOS else ("-shared",)
COMPILE_SECONDS = 300


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None, after one log line with the reason.

    Their folder must be ours: code that another user could have put there is never loaded.
    """
    if switched_off("native kernels are"):
        return None
    try:
        return _load(_compiled())
    except (OSError, subprocess.SubprocessError, UsageError) as exc:
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
    """The library for these sources, this compiler and this processor, compiled if need be.

    It takes its final name whole. Processes that start at once wait for the one that compiles;
    the kernel drops its lock when it dies.
    """
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if not compiler:
        raise FileNotFoundError("no C++ compiler is installed")
    texts = _sources()
    tools = _key((FLAGS, _LINK, compiler, _machine()))
    chosen = os.environ.get(CACHE)
    folder = Path(chosen).expanduser() if chosen else state_home() / "cache" / "kernels"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    folder = folder.resolve()
    _check_owner(folder)
    for place in folder.parents:
        _check_owner(place, above=True)
    target = folder / f"nftgan-{_key((texts, tools))}.so"
    if not target.exists():
        build = folder / f"build-{tools}"
        guard = folder / f"build-{tools}.lock"
        with lock(guard, what="the native kernels", patience_seconds=COMPILE_SECONDS):
            if not target.exists():
                built = _build(build, compiler, texts)
                with atomic_path(target) as temporary:
                    shutil.copyfile(built, temporary)
                target.chmod(0o755)
    _check_owner(target)
    return target


def _sources() -> list[tuple[str, bytes]]:
    """The name and the text of each file of C++ in this package, sorted."""
    folder = resources.files("nftgan.ops").joinpath("csrc")
    return sorted((p.name, p.read_bytes()) for p in folder.iterdir() if p.name.endswith(".cpp"))


def _key(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:24]


def _check_owner(path: Path, *, above: bool = False) -> None:
    """PermissionError unless nobody but this user and root can change `path`.

    above: it is a folder above ours, where others may write when it is sticky, as /tmp is.
    """
    if not hasattr(os, "getuid"):
        return  # Windows: a profile's folders are its user's own
    found = path.stat()
    if found.st_uid not in (0, os.getuid()):
        raise PermissionError(f"{path} belongs to another user")
    others = stat.S_IWOTH if _own_group(found.st_gid) else stat.S_IWOTH | stat.S_IWGRP
    if found.st_mode & others and not (above and found.st_mode & stat.S_ISVTX):
        raise PermissionError(f"other users may write in {path}: chmod go-w {path}")


def _own_group(group: int) -> bool:
    """Whether it is the group that many systems give each user alone."""
    import grp
    import pwd

    try:
        return grp.getgrgid(group).gr_name == pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return False


def _build(folder: Path, compiler: str, texts: list[tuple[str, bytes]]) -> Path:
    """Compile `texts` in `folder` and link them; returns the library.

    With ninja only the sources that changed are compiled, as many at once as there are processors;
    without it, all of them in a row.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in texts:
        source = folder / name
        if not source.exists() or source.read_bytes() != text:
            source.write_bytes(text)
    names = [name for name, _ in texts]
    objects = [f"{name}.o" for name in names]
    compile_ = [compiler, *FLAGS, *_OPENMP, "-c"]
    # Without -fopenmp in the link: the symbols come from the OpenMP runtime that torch has loaded,
    # since two runtimes in one process would fight over the processor.
    link = [compiler, *_LINK]
    if ninja := _ninja():
        rules = {"compile": compile_, "link": link}
        lines = []
        for rule, command in rules.items():
            shell = shlex.join(command).replace("$", "$$")
            lines += [f"rule {rule}", f"  command = {shell} $in -o $out"]
        lines += [f"build {o}: compile {n}" for o, n in zip(objects, names, strict=True)]
        lines += [f"build built.so: link {' '.join(objects)}", "default built.so", ""]
        write_text(folder / "build.ninja", "\n".join(lines))
        _run([ninja, "--quiet"], folder)
    else:
        for made, name in zip(objects, names, strict=True):
            _run([*compile_, name, "-o", made], folder)
        _run([*link, *objects, "-o", "built.so"], folder)
    return folder / "built.so"


def _ninja() -> str | None:
    """The program of the package ninja, where it is installed."""
    try:
        from ninja import BIN_DIR
    except ImportError:
        return None
    return shutil.which("ninja", path=BIN_DIR)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False
    )
    if done.returncode:
        text = done.stderr.strip() or done.stdout.strip()  # ninja repeats the compiler's on stdout
        raise OSError(f"{command[0]} failed: {text[-400:]}")


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
