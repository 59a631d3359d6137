from pathlib import Path

import pytest

from nftgan.dataset.labels import class_order, read_labels
from nftgan.errors import UsageError


def test_folders_name_the_class() -> None:
    labels = read_labels("folders")
    assert labels is not None
    assert labels.of("cats/a.png") == "cats"
    assert labels.of("cats/old/a.png") == "cats"
    assert labels.of("a.png") is None


def test_no_labels_are_none() -> None:
    assert read_labels(None) is None


@pytest.mark.parametrize("heading", ["", "file,class\n", "\ufeffname,kind\r\n"])
def test_a_csv_file_names_the_class(heading: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        heading + 'a.png,cat\n\n./sub/b.png,"big, dog"\nc\\d.png,cat\n', encoding="utf-8"
    )
    labels = read_labels(path)
    assert labels is not None
    names = ("a.png", "sub/b.png", "c/d.png", "x.png")
    assert [labels.of(name) for name in names] == ["cat", "big, dog", "cat", None]
    assert labels.missing == "labels.csv has no label for it"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png\n", "line 1: 'a.png' is not file,class"),
        ("a.png,cat\nb.png,\n", "line 2"),
        ("a.png,cat\na.png,dog\n", "line 2: a.png has two classes"),
        (b"\xff\xfe,x\n", "not a CSV file in UTF-8"),
    ],
)
def test_a_wrong_csv_file_is_refused(text: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=message):
        read_labels(path)


def test_a_missing_csv_file_says_what_labels_can_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist") as caught:
        read_labels(tmp_path / "none.csv")
    assert caught.value.hint is not None and "--labels folders" in caught.value.hint


def test_numbers_are_ordered_by_value() -> None:
    assert class_order({"10", "9", "2"}) == ["2", "9", "10"]
    assert class_order({"10", "9", "b"}) == ["10", "9", "b"]


def test_what_a_csv_file_says_is_quoted_in_part(tmp_path: Path) -> None:
    for text in ("file," + "x" * 9_000 + ",b\na.png,1", "a" * 9_000 + ",1\n" + "a" * 9_000 + ",2"):
        (tmp_path / "labels.csv").write_text(text)
        with pytest.raises(UsageError) as refused:
            read_labels(tmp_path / "labels.csv")
        assert len(refused.value.message) < 400


def test_a_csv_file_of_a_heading_alone_labels_nothing(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,size,kind\n")
    labels = read_labels(tmp_path / "labels.csv")
    assert labels is not None
    assert not labels.knows("a.png")
