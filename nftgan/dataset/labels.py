"""Classes for the images, from the folders they lie in or from a CSV file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nftgan.errors import UsageError
from nftgan.files import os_error

FOLDERS = "folders"


@dataclass(frozen=True)
class Labels:
    """Says an image's class by its name."""

    by_name: dict[str, str] | None  # None: the first folder of the name is the class
    where: str  # for messages

    def of(self, name: str) -> str | None:
        if self.by_name is not None:
            return self.by_name.get(name)
        parts = PurePosixPath(name).parts
        return parts[0] if len(parts) > 1 else None

    @property
    def missing(self) -> str:
        if self.by_name is None:
            return "it lies in no folder that could be its class"
        return f"{self.where} has no label for it"


def read_labels(labels: str | Path | None) -> Labels | None:
    """None, "folders", or a CSV file of `file,class` lines (a first line `file,…` is a heading).

    Raises UsageError that names the line.
    """
    if labels is None:
        return None
    if labels == FOLDERS:
        return Labels(None, FOLDERS)
    path = Path(labels)
    by_name: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                if not row or (number == 1 and row[0].strip().lower() in ("file", "name", "path")):
                    continue
                if len(row) != 2 or not row[0].strip() or not row[1].strip():
                    raise UsageError(
                        f"{path} line {number}: {','.join(row)[:80]!r} is not file,class"
                    )
                name = row[0].strip().replace("\\", "/").removeprefix("./")
                if by_name.setdefault(name, row[1].strip()) != row[1].strip():
                    raise UsageError(f"{path} line {number}: {name} has two classes")
    except FileNotFoundError as exc:
        raise UsageError(
            f"the label file {path} does not exist",
            hint="--labels folders takes the folders' names, --labels FILE.csv the lines of a file",
        ) from exc
    except OSError as exc:
        raise os_error(exc, path) from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"{path} is not a CSV file in UTF-8: {exc}") from exc
    return Labels(by_name, path.name)


def class_order(labels: set[str]) -> list[str]:
    """The classes in the order of their indices: numbers by value, all else by name."""
    if all(label.isdecimal() and label.isascii() for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)
