"""Files that are never half-written."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nftgan import files
from nftgan.errors import UsageError


def test_a_failed_write_leaves_the_old_content_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    files.write_json(target, {"b": 1})
    with pytest.raises(RuntimeError), files.atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert files.read_json(target) == {"b": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_control_c_while_the_file_is_made_leaves_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = os.open

    def pressed(*arguments: Any, **keywords: Any) -> int:
        os.close(made(*arguments, **keywords))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr(os, "open", pressed)
        files.write_bytes(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a"
    files.write_bytes(target, b"old")
    with pytest.raises(UsageError, match="no space left"), files.atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
        Path("/dev/full").write_bytes(b"x" * 10)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file"):
        files.write_text(tmp_path / "file" / "below", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_of_any_editor_is_read_without_its_mark(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert files.decode_text(mark + "Zoë;1\r\n".encode(encoding)) == "Zoë;1\r\n"
    with pytest.raises(UnicodeDecodeError):
        files.decode_text(b"\xe4;1")


def test_canonical_json_follows_rfc_8785() -> None:
    # The number and key-order example of RFC 8785, section 3.2.
    value = {"numbers": [333333333.33333329, 1e30, 4.5, 2e-3, 1e-27], "é": 1, "a": None}
    expected = '{"a":null,"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"é":1}'
    assert files.canonical_json(value) == expected.encode()


def test_a_second_process_is_refused_while_the_lock_is_held_and_served_after(
    tmp_path: Path,
) -> None:
    code = (
        "import sys; from pathlib import Path; from nftgan import files\n"
        "with files.lock(Path(sys.argv[1]), what='it'): pass"
    )
    again = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with files.lock(tmp_path / "lock", what="it"):
        assert (
            "another nftgan process"
            in subprocess.run(again, capture_output=True, text=True, check=False).stderr
        )
    assert subprocess.run(again, check=False).returncode == 0


def test_appended_lines_are_whole_and_in_order(tmp_path: Path) -> None:
    for number in range(3):
        files.append_line(tmp_path / "log", f"line {number}")
    assert (tmp_path / "log").read_text() == "line 0\nline 1\nline 2\n"


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":1,"b":2,"a":3}',
        b'[{"x":{"a":1,"a":1}}]',
        '{"a":1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b"1" * 5000,
        b'{"a":1} {"b":2}',
    ],
)
def test_json_about_which_readers_disagree_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        files.parse_json(text)


def test_brackets_behind_an_escaped_backslash_count_as_nesting() -> None:
    deep = rb'{"a":"\\","b":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(ValueError, match="nested deeper than 200"):
        files.parse_json(deep)
    text = rb'{"a":"\"[[[[","b":"' + b"[" * 100_000 + rb'\\"}'
    assert files.parse_json(text)["b"].startswith("[[[")


def test_json_of_the_greatest_depth_is_read_and_one_deeper_is_not() -> None:
    most = b"[" * files.MAX_JSON_DEPTH + b"]" * files.MAX_JSON_DEPTH
    files.parse_json(most)
    with pytest.raises(ValueError, match="nested deeper"):
        files.parse_json(b"[" + most + b"]")


def test_a_byte_order_mark_in_an_edited_file_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert files.read_json(tmp_path / "a.json") == {"a": 1}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '["]"' + ",[" * 201])
def test_json_nested_too_deep_is_refused_even_where_recursion_is_allowed(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "deep.json"
    path.write_text(text)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)  # as the EVM's library does for its own purposes
    try:
        with pytest.raises(UsageError, match="nested deeper"):
            files.read_json(path)
    finally:
        sys.setrecursionlimit(before)


def test_brackets_in_strings_do_not_count_as_depth(tmp_path: Path) -> None:
    path = tmp_path / "flat.json"
    value = {"a": "[" * 500 + '"\\', "b": [[]] * 300}
    files.write_json(path, value)
    assert files.read_json(path) == value


def test_what_a_killed_writer_left_is_not_taken_for_a_file(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", ".a.json.7ka8fyrq.tmp.json", "c.txt"):
        (tmp_path / name).write_text("{}")
    assert [path.name for path in files.complete_files(tmp_path, "*.json")] == ["a.json", "b.json"]
    assert files.complete_files(tmp_path / "missing", "*.json") == []


def test_a_lock_whose_holder_was_killed_is_free_and_leaves_its_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import os, sys; from pathlib import Path; from nftgan import files\n"
        "with files.lock(Path(sys.argv[1]), what='it'): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    with files.lock(path, what="it"):
        assert path.exists()


@pytest.mark.parametrize("failing", [False, True])
def test_a_file_is_on_disk_before_it_takes_its_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    seen: list[tuple[str, bytes]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        what = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        seen.append((what, target.read_bytes()))
        if failing:
            raise OSError(errno.EIO, "input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    if failing:
        with pytest.raises(UsageError, match="input/output error"):
            files.write_bytes(target, b"new")
        assert target.read_bytes() == b"old"
    else:
        files.write_bytes(target, b"new")
        assert seen == [("file", b"old"), ("folder", b"new")]


def test_a_repeated_key_among_many_is_found_in_one_pass() -> None:
    many = ",".join(f'"k{n}":0' for n in range(200_000))
    with pytest.raises(ValueError, match="'k7' occurs twice"):
        files.parse_json(f'{{{many},"k7":1}}'.encode())


def test_half_a_surrogate_pair_is_written_as_the_escape_that_it_was(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"error": "\ud800"})
    assert files.read_json(tmp_path / "a.json") == {"error": "\ud800"}


def test_the_depth_guard_keeps_nothing_of_a_long_string() -> None:
    import tracemalloc

    text = b'["' + b"a" * (4 << 20) + b'",' + b"[]," * 300 + b"0]"
    tracemalloc.start()
    files.parse_json(text)
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_the_work_goes_on_with_one_warning(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import fcntl

    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refused)
    monkeypatch.setattr(files, "_said", set())
    for _ in range(2):
        with files.lock(tmp_path / "lock", what="it"):
            files.write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert sum("has no locks" in record.message for record in caplog.records) == 1


def test_a_folder_that_cannot_be_made_durable_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "invalid argument")
        whole(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_bytes(tmp_path / "a", b"new")
    files.append_line(tmp_path / "log", "line")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_rename_that_fails_for_a_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RENAME_PAUSES", (0.0, 0.0))
    whole, failures = Path.replace, [errno.EBUSY, errno.EACCES]

    def replace(self: Path, target: Path) -> Path:
        if failures:
            raise OSError(failures.pop(), "busy")
        return whole(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    files.write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and not failures
    failures += [errno.EBUSY] * 9
    with pytest.raises(UsageError, match="busy"):
        files.write_bytes(tmp_path / "a", b"newer")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
