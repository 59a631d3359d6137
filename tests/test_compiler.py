"""The native kernels: ninja builds what changed; nothing of a stranger's folder is loaded."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from nftgan import compiler
from nftgan.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no kernels on Windows")

FLAGS = ("-O2",)
# Notes what it is asked to compile and joins its inputs; with TOGETHER set it goes on only when a
# second one runs beside it.
COMPILER = r"""#!/bin/sh
out=; in=
while [ $# -gt 0 ]; do
  case "$1" in
    -o) out=$2; shift ;;
    -undefined) shift ;;
    -*|dynamic_lookup) ;;
    *) in="$in $1" ;;
  esac
  shift
done
echo "$out" >> "$LOG"
if [ -n "$TOGETHER" ] && [ "$out" != built.so ]; then
  : > "$TOGETHER/$out"
  until [ "$(ls "$TOGETHER" | wc -l)" -ge 2 ]; do sleep 0.02; done
fi
grep -q BROKEN $in && { echo "error: BROKEN" >&2; exit 1; }
cat $in > "$out"
"""


def made() -> Path:
    """The library of the workshop's sources."""
    return compiler.compiled("any", FLAGS)


class Workshop:
    """A compiler that keeps a log, sources of our own, and a cache."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = folder / "log"
        self.cache = folder / "cache"
        self.sources = {"a.cpp": b"A", "b.cpp": b"B"}
        fake = folder / "c++"
        fake.write_text(COMPILER)
        fake.chmod(0o755)
        monkeypatch.setenv("CXX", str(fake))
        monkeypatch.setenv("LOG", str(self.log))
        monkeypatch.delenv("TOGETHER", raising=False)
        monkeypatch.setenv(compiler.CACHE, str(self.cache))
        monkeypatch.setattr(compiler, "_sources", lambda _package: sorted(self.sources.items()))

    def made(self) -> tuple[bytes, list[str]]:
        """The library's bytes, and what the compiler was asked for meanwhile."""
        self.log.write_text("")
        content = made().read_bytes()
        return content, sorted(self.log.read_text().split())


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


def test_only_the_source_that_changed_is_compiled_again(workshop: Workshop) -> None:
    assert workshop.made() == (b"AB", ["a.cpp.o", "b.cpp.o", "built.so"])
    assert workshop.made() == (b"AB", [])
    workshop.sources["b.cpp"] = b"C"
    assert workshop.made() == (b"AC", ["b.cpp.o", "built.so"])


def test_sources_are_compiled_at_the_same_time(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "started").mkdir()
    monkeypatch.setenv("TOGETHER", str(tmp_path / "started"))
    assert workshop.made()[0] == b"AB"  # one after the other they would wait for ever


def test_without_ninja_the_compiler_is_called_for_each(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "_ninja", lambda: None)
    assert workshop.made() == (b"AB", ["a.cpp.o", "b.cpp.o", "built.so"])


@pytest.mark.parametrize("ninja", [True, False])
def test_a_source_that_does_not_compile_leaves_no_library(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, ninja: bool
) -> None:
    if not ninja:
        monkeypatch.setattr(compiler, "_ninja", lambda: None)
    workshop.made()
    kept = sorted(workshop.cache.glob("*.so"))
    workshop.sources["a.cpp"] = b"BROKEN"
    with pytest.raises(OSError, match="error: BROKEN"):
        workshop.made()
    assert sorted(workshop.cache.glob("*.so")) == kept
    workshop.sources["a.cpp"] = b"MENDED"
    assert workshop.made()[0] == b"MENDEDB"


def test_the_folder_and_the_library_are_closed_to_others(workshop: Workshop) -> None:
    before = os.umask(0)
    try:
        library = made()
    finally:
        os.umask(before)
    assert stat.S_IMODE(workshop.cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(library.stat().st_mode) == 0o755


def test_a_library_in_a_folder_that_others_may_write_in_is_refused(workshop: Workshop) -> None:
    workshop.made()
    workshop.cache.chmod(0o777)
    workshop.log.write_text("")
    with pytest.raises(PermissionError) as caught:
        made()
    assert f"other users may write in {workshop.cache}: chmod go-w" in str(caught.value)
    assert workshop.log.read_text() == ""
    workshop.cache.chmod(0o1777)  # sticky is no help where the library itself lies
    with pytest.raises(PermissionError):
        made()


def test_what_may_not_be_built_is_taken_only_where_it_lies_already(workshop: Workshop) -> None:
    with pytest.raises(FileNotFoundError, match="not compiled yet"):
        compiler.compiled("any", FLAGS, build=False)
    assert not list(workshop.cache.glob("*.so"))
    assert compiler.compiled("any", FLAGS) == compiler.compiled("any", FLAGS, build=False)


def test_other_flags_give_another_library(workshop: Workshop) -> None:
    assert compiler.compiled("any", ("-O1",)) != compiler.compiled("any", ("-O2",))
    assert len(list(workshop.cache.glob("*.so"))) == 2


def test_a_library_that_others_may_write_is_not_loaded(workshop: Workshop) -> None:
    made().chmod(0o666)
    with pytest.raises(PermissionError, match=r"other users may write in .*\.so"):
        made()


def test_a_folder_above_may_be_open_to_all_only_when_it_is_sticky(
    workshop: Workshop, tmp_path: Path
) -> None:
    tmp_path.chmod(0o1777)
    workshop.made()
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="other users may write"):
        made()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives away")
def test_what_belongs_to_another_user_is_not_loaded(workshop: Workshop) -> None:
    library = made()
    os.chown(library, 12345, -1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        made()
    os.chown(library, 0, -1)
    os.chown(workshop.cache, 12345, -1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        made()


def test_a_build_that_another_process_holds_too_long_is_one_sentence(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nftgan.files import lock

    workshop.made()
    (name,) = workshop.cache.glob("*.lock")
    workshop.sources["a.cpp"] = b"NEW"
    monkeypatch.setattr(compiler, "COMPILE_SECONDS", 0)
    with lock(name, what="it"), pytest.raises(UsageError, match="native kernels"):
        made()
