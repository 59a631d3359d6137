"""C++ of this package, compiled once per machine by its own compiler; never required."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from nftgan.errors import UsageError
from nftgan.files import atomic_path, lock, write_text
from nftgan.project import state_home

log = logging.getLogger(__name__)

SWITCH = "NFTGAN_KERNELS"
"""Environment variable; `off` compiles and loads nothing."""

CACHE = "NFTGAN_KERNEL_CACHE"
"""Environment variable; the folder of the compiled kernels, else one in the state folder."""

FAILURES = (OSError, subprocess.SubprocessError, UsageError)
"""What `compiled`, and loading what it made, may raise."""

_MACOS = sys.platform == "darwin"
# Apple's compiler takes -fopenmp behind a switch of its own and lets symbols be found at loading.
_OPENMP = ("-Xpreprocessor", "-fopenmp") if _MACOS else ("-fopenmp",)
_LINK = ("-shared", "-undefined", "dynamic_lookup") if _MACOS else ("-shared",)
COMPILE_SECONDS = 300


def switched_off(what: str) -> bool:
    """Whether the user wants PyTorch alone, with a log line if so."""
    off = os.environ.get(SWITCH, "").lower() in {"off", "0", "no"}
    if off:
        log.info("%s switched off by %s", what, SWITCH)
    return off


def reason(exc: Exception) -> str:
    """What went wrong, on one line."""
    return " ".join(str(exc).split()) or type(exc).__name__


def compiled(
    package: str, flags: Sequence[str], *, openmp: bool = False, build: bool = True
) -> Path:
    """The library of `package`'s sources in csrc, for this compiler and this processor.

    flags: of the compiler; openmp: with its threads, of the runtime that torch has loaded. build:
    compile it if need be; else FileNotFoundError where it is not yet there. Raises one of FAILURES,
    PermissionError where another user could have put it there.

    It takes its final name whole. Processes that start at once wait for the one that compiles;
    the kernel drops its lock when it dies.
    """
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if not compiler:
        raise FileNotFoundError("no C++ compiler is installed")
    texts = _sources(package)
    tools = _key((tuple(flags), _LINK, compiler, _machine()))
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
    if not target.exists() and not build:
        raise FileNotFoundError("they are not compiled yet")
    if not target.exists():
        workshop = folder / f"build-{tools}"
        guard = folder / f"build-{tools}.lock"
        with lock(guard, what="the native kernels", patience_seconds=COMPILE_SECONDS):
            if not target.exists():
                built = _build(workshop, [compiler, *flags, *(_OPENMP if openmp else ())], texts)
                with atomic_path(target) as temporary:
                    shutil.copyfile(built, temporary)
                target.chmod(0o755)
    _check_owner(target)
    return target


def _sources(package: str) -> list[tuple[str, bytes]]:
    """The name and the text of each file of C++ in the package, sorted."""
    folder = resources.files(package).joinpath("csrc")
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


def _build(folder: Path, compiler: list[str], texts: list[tuple[str, bytes]]) -> Path:
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
    compile_ = [*compiler, "-c"]
    # Without the flags, and so without -fopenmp: its symbols come from the runtime that torch has
    # loaded, since two runtimes in one process would fight over the processor.
    link = [compiler[0], *_LINK]
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
