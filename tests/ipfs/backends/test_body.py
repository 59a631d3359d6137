"""A part of a file goes out in pieces, whole, with what stands before and after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.errors import UsageError
from nftgan.ipfs.backends.body import PIECE_BYTES, Body, form

DATA = bytes(range(256)) * 10


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "collection.car"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize("size", [1, 7, 1000, -1])
def test_all_pieces_together_are_the_part_in_its_frame(file: Path, size: int) -> None:
    places: list[int] = []
    body = Body(file, 100, 2300, before=b"<<", after=b">>", sent=places.append)
    pieces = list(iter(lambda: body.read(size), b""))
    assert b"".join(pieces) == b"<<" + DATA[100:2300] + b">>" and len(body) == 2204
    assert places == sorted(places) and places[-1] == 2300
    assert size < 0 or max(map(len, pieces)) <= size
    assert body.read() == b""


def test_no_piece_is_larger_than_a_mebibyte(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(PIECE_BYTES + 5))
    body = Body(path, 0, PIECE_BYTES + 5)
    assert [len(body.read(1 << 30)) for _ in range(3)] == [PIECE_BYTES, 5, 0]


def test_a_file_that_became_shorter_ends_and_one_that_is_gone_is_an_error(file: Path) -> None:
    body = Body(file, 0, len(DATA))
    file.write_bytes(DATA[:10])
    assert body.read() == DATA[:10] and body.read() == b""
    file.unlink()
    with pytest.raises(UsageError, match=r"collection\.car"):
        Body(file, 0, 5).read()


def test_a_form_holds_its_fields_and_the_file_between_its_boundaries(file: Path) -> None:
    make, kind = form(file, len(DATA), {"network": "public"}, lambda place: None)
    boundary = kind.removeprefix("multipart/form-data; boundary=").encode()
    for _ in range(2):  # it can be made again, for another try
        body = make()
        data = b"".join(iter(lambda body=body: body.read(997), b""))
        assert len(data) == len(body)
        head, field, content, end = data.split(b"--" + boundary)
        assert head == b"" and end == b"--\r\n"
        assert field == b'\r\nContent-Disposition: form-data; name="network"\r\n\r\npublic\r\n'
        assert content.partition(b"\r\n\r\n")[2] == DATA + b"\r\n"
    assert form(file, 1, {}, lambda place: None)[1] != kind
