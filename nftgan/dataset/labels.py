"""What each image is labelled with: by its folder, a CSV file, or StyleGAN's dataset.json."""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nftgan.errors import UsageError
from nftgan.files import decode_text, os_error, parse_json

FOLDERS, NO_LABELS = "folders", "none"
LABELS_MEMBER = "dataset.json"
MAX_CONDITIONS = 512  # numbers of one image's vector
_HEADINGS = ("file", "name", "path", "filename", "image")
_ARCHIVE_ENDINGS = (".zip", ".cbz", ".tar", ".tgz", ".tar.gz")

Vector = tuple[float, ...]


@dataclass(frozen=True)
class Labels:
    """Says an image's class, or its vector of conditions, by its name."""

    by_name: dict[str, str] | None  # None: the first folder of the name is the class
    where: str  # for messages
    vectors: dict[str, Vector] | None = None  # instead of classes
    conditions: tuple[str, ...] = ()  # what each number of a vector means
    wrapper: str = ""  # a folder that everything lies in, and that is no class

    def of(self, name: str) -> str | None:
        """The class of the image called `name`; None for an image without one, and of vectors."""
        if self.by_name is not None:
            return self.by_name.get(self._key(name, self.by_name))
        if self.vectors is not None:
            return None
        parts = PurePosixPath(name.removeprefix(self.wrapper)).parts
        return _without_ending(parts[0]) if len(parts) > 1 else None

    def vector(self, name: str) -> Vector | None:
        """The conditions of the image called `name`, where there are vectors."""
        return None if self.vectors is None else self.vectors.get(self._key(name, self.vectors))

    def knows(self, name: str) -> bool:
        """Whether the image is labelled, one way or the other."""
        return self.of(name) is not None or self.vector(name) is not None

    def absent(self, names: Iterable[str]) -> list[str]:
        """The images that are labelled and not among `names`, sorted."""
        told = self.by_name if self.by_name is not None else self.vectors
        if told is None:
            return []
        return sorted(set(told) - {self._key(name, told) for name in names})

    @property
    def missing(self) -> str:
        """Why an image without a label is not used."""
        if self.by_name is None and self.vectors is None:
            return "it lies in no folder that could be its class"
        return f"{self.where} has no label for it"

    def to_json(self) -> Any:
        """What decides about labels, for a digest."""
        return (
            self.by_name if self.vectors is None else {k: list(v) for k, v in self.vectors.items()}
        )

    def _key(self, name: str, told: dict[str, Any]) -> str:
        """`name` as the labels have it: one system writes é as one letter, another as two."""
        name = composed(name)
        return name if name in told else composed(name.removeprefix(self.wrapper))


def composed(name: str) -> str:
    """`name` in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", name)


def _without_ending(name: str) -> str:
    for ending in _ARCHIVE_ENDINGS:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def read_labels(labels: str | Path | None) -> Labels | None:
    """None or "none", "folders", a CSV file, or a dataset.json.

    CSV: lines of `file,class`; with a heading `file,…` there may be more columns, and each becomes
    numbers of a vector: a column of numbers one, from 0 for its least to 1 for its largest, and a
    column of words one for each word. Raises UsageError that names the line.
    """
    if labels is None or labels == NO_LABELS:
        return None
    if labels == FOLDERS:
        return Labels(None, FOLDERS)
    path = Path(labels)
    try:
        data = path.read_bytes()
    except FileNotFoundError as exc:
        raise UsageError(
            f"the label file {path} does not exist",
            hint="--labels folders takes the folders' names, --labels FILE.csv the lines of a file",
        ) from exc
    except OSError as exc:
        raise os_error(exc, path) from exc
    if path.suffix.lower() == ".json":
        return labels_of_json(data, str(path))
    return _labels_of_csv(data, path)


def _labels_of_csv(data: bytes, path: Path) -> Labels:
    try:
        text = decode_text(data)
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count) if "," not in first else ","
        rows = list(enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1))
    except (UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"{path} is not a CSV file in UTF-8: {exc}") from exc
    rows = [(number, [cell.strip() for cell in row]) for number, row in rows if any(row)]
    heading: list[str] = []
    if rows and rows[0][0] == 1 and rows[0][1][0].lower() in _HEADINGS:
        heading = rows.pop(0)[1]
    width = len(heading) if heading else 2
    told: dict[str, list[str]] = {}
    for number, row in rows:
        if len(row) != width or not all(row) or width < 2:
            form = ",".join(heading)[:80] or "file,class"
            raise UsageError(f"{path} line {number}: {','.join(row)[:80]!r} is not {form}")
        name = composed(row[0].replace("\\", "/").removeprefix("./"))
        if told.setdefault(name, row[1:]) != row[1:]:
            raise UsageError(f"{path} line {number}: {name[:80]} has two classes")
    if width == 2 or not told:
        return Labels({name: row[0] for name, row in told.items()}, path.name)
    return _vectors_of_columns(told, heading[1:], path)


def _vectors_of_columns(told: dict[str, list[str]], heading: list[str], path: Path) -> Labels:
    names: list[str] = []
    columns: list[list[float]] = []
    for place, title in enumerate(heading):
        cells = [row[place] for row in told.values()]
        numbers = [_number(cell) for cell in cells]
        if all(number is not None for number in numbers):
            values = [float(number or 0) for number in numbers]
            least, span = min(values), max(values) - min(values)
            names.append(f"{title} {least:g} to {least + span:g}")
            columns.append([(value - least) / span if span else 0.0 for value in values])
        else:
            for word in sorted(set(cells)):
                names.append(f"{title}={word}")
                columns.append([float(cell == word) for cell in cells])
    if len(names) > MAX_CONDITIONS:
        raise UsageError(
            f"{path} makes {len(names)} conditions an image, more than {MAX_CONDITIONS}",
            hint="leave out columns of words that hardly repeat, such as titles",
        )
    vectors = dict(zip(told, zip(*columns, strict=True), strict=True)) if columns else {}
    return Labels(None, path.name, vectors, tuple(names))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e30 else None  # also NaN


def labels_of_json(
    data: bytes, where: str, classes: tuple[str, ...] = (), conditions: tuple[str, ...] = ()
) -> Labels | None:
    """The labels of a dataset.json, StyleGAN's or ours; None when it says that there are none.

    classes, conditions: names of the classes, or of a vector's numbers, where the set has them. A
    label is a class (2, 2.0,
    [2], a word), a list with a single 1 among zeros, which is a class too, or a vector of numbers.
    An image with null is without. Raises UsageError for anything else.
    """
    try:
        document = parse_json(data.removeprefix(codecs.BOM_UTF8))
    except ValueError as exc:
        raise UsageError(f"{where} is not valid JSON: {exc}") from exc
    entries = document.get("labels") if isinstance(document, dict) else None
    if not entries:
        return None
    pairs = pairs_of(entries, where)
    if not pairs:
        return None
    numbers = {name: class_number(value) for name, value in pairs.items()}
    if all(number is not None for number in numbers.values()):
        names = dict(enumerate(classes))
        told = {name: names.get(int(n or 0), str(n)) for name, n in numbers.items()}
        return Labels(told, LABELS_MEMBER)
    if all(isinstance(value, str) for value in pairs.values()):
        return Labels({name: str(value) for name, value in pairs.items()}, LABELS_MEMBER)
    vectors = {name: vector_of(value, name, where) for name, value in pairs.items()}
    ((length, _),) = Counter(map(len, vectors.values())).most_common(1)
    for name, vector in vectors.items():
        if len(vector) != length:
            raise UsageError(
                f"{where}: the label of {name[:80]} has {len(vector)} numbers, others {length}"
            )
    if len(conditions) != length:
        conditions = tuple(map(str, range(length)))
    return Labels(None, LABELS_MEMBER, vectors, conditions)


def pairs_of(entries: Any, where: str) -> dict[str, Any]:
    """Label by name, composed and with forward slashes, of what `labels` holds; null is left out.

    Raises UsageError for another form, and for an image with two labels.
    """
    if isinstance(entries, dict):
        entries = [list(pair) for pair in entries.items()]
    if not isinstance(entries, list):
        raise UsageError(f"{where}: labels must be a list or null")
    found: dict[str, Any] = {}
    for entry in entries:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)):
            raise UsageError(f"{where}: {str(entry)[:80]} is not a [name, label] pair")
        name = composed(entry[0].replace("\\", "/"))
        if found.setdefault(name, entry[1]) != entry[1]:
            raise UsageError(f"{where}: {name[:80]} has two labels")
    return {name: label for name, label in found.items() if label is not None}


def class_number(label: Any) -> int | None:
    """The class that a label names by number or as a one-hot list; None when it is no class."""
    if isinstance(label, list):
        if len(label) == 1:
            return class_number(label[0])
        ones = [place for place, part in enumerate(label) if _is_number(part) and part == 1]
        zeros = sum(1 for part in label if _is_number(part) and part == 0)
        return ones[0] if len(ones) == 1 and zeros == len(label) - 1 else None
    if not _is_number(label) or label < 0 or label != int(label):
        return None
    return int(label)


def vector_of(label: Any, name: str, where: str) -> Vector:
    """The numbers of a label that is a vector. Raises UsageError for anything else."""
    parts = label if isinstance(label, list) else [label]
    alone = type(label) is int and label < 0  # how some mark an image without a class
    if alone or not parts or not all(_is_number(part) for part in parts):
        raise UsageError(
            f"{where}: the label of {name[:80]} must be a class, 0 and up, or a list of numbers,"
            f" not {str(label)[:40]}",
            hint="--no-cond trains without labels",
        )
    if len(parts) > MAX_CONDITIONS:
        raise UsageError(
            f"{where}: the label of {name[:80]} has more than {MAX_CONDITIONS} numbers"
        )
    return tuple(float(part) for part in parts)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30


def class_order(labels: set[str]) -> list[str]:
    """The classes in the order of their indices: numbers by value, all else by name."""
    if all(label.isdecimal() and label.isascii() for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)
