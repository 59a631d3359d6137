"""CSV files of addresses as spreadsheets write them, and those that no list can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.chain import address_lists
from nftgan.chain.address_lists import read_rows
from nftgan.errors import UsageError
from tests.chain.actors import account

A, B = account("a").address, account("b").address


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_a_spreadsheet_does_to_a_file_changes_nothing(
    tmp_path: Path, encoding: str, end: str, separator: str
) -> None:
    path = tmp_path / "list.csv"
    lines = [
        f"Adreßse{separator}Zahl",
        "",
        "# friends",
        f"{A} {separator} 2",
        f'"{B}"',
        3 * separator,
    ]
    path.write_bytes(end.join(lines).encode(encoding))
    titles, rows = read_rows(path)
    assert titles == ("Adreßse", "Zahl")
    assert [(row.line, row.address(), row.number(1)) for row in rows] == [(4, A, 2), (5, B, None)]


def test_the_separator_line_of_excel_and_an_old_encoding_are_read(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(f"sep=;\r\nEmpfänger;Stück\r\n{A};3\r\n".encode("latin-1"))
    titles, [row] = read_rows(path)
    assert titles == ("Empfänger", "Stück") and (row.address(), row.number(1)) == (A, 3)


def test_a_first_line_that_may_be_meant_is_no_title(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    for first in ("someone.eth,2", A[2:] + ",2", A[:-1] + ",2", A.swapcase() + ",2"):
        path.write_text(f"{first}\n{B},1\n")
        titles, rows = read_rows(path)
        assert titles == ()
        with pytest.raises(UsageError, match=r"list\.csv, line 1: "):
            rows[0].address()


@pytest.mark.parametrize("number", ["-1", "1.5", "2e3", "٣", "1" * 79, "two", "+1", "0x2"])
def test_a_number_is_digits_alone(tmp_path: Path, number: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{A},1\n{B},{number}\n")
    with pytest.raises(UsageError, match=r"list\.csv, line 2: .* is not a number"):
        read_rows(path)[1][1].number(1)


def test_what_is_no_list_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.csv"
    with pytest.raises(UsageError, match="no such file"):
        read_rows(path)
    path.write_bytes(A.encode("utf-16-le"))
    with pytest.raises(UsageError, match="is not text"):
        read_rows(path)
    path.write_text(A + ',"' + "x" * 140_000 + '"')
    with pytest.raises(UsageError, match="line 1: not a line of CSV"):
        read_rows(path)
    monkeypatch.setattr(address_lists, "MAX_BYTES", 1 << 20)
    path.write_bytes(b"\n" * ((1 << 20) + 1))
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        read_rows(path)
