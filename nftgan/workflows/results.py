"""Results never replace others in silence: what stood under their name is kept under another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nftgan.files import sha256_file, translated_os_errors
from nftgan.progress import Progress


@contextmanager
def result(path: Path, progress: Progress) -> Iterator[Path]:
    """Inside, `path` is written anew; a file that was there and differs is kept beside it, said.

    Made again as it was, nothing stays beside it; where making it fails, the old one stands again.
    """
    if not path.is_file():
        yield path
        return
    kept = free_name(path)
    with translated_os_errors(path):
        path.rename(kept)
    try:
        yield path
    finally:
        with translated_os_errors(path):
            if not path.exists():
                kept.rename(path)
            elif sha256_file(path) == sha256_file(kept):
                kept.unlink()
            else:
                progress.note(f"the {path.name} that was there is now {kept.name}")


def free_name(path: Path) -> Path:
    """NAME.old-1.png for NAME.png, or the first number that no file has."""
    for number in itertools.count(1):
        kept = path.with_name(f"{path.stem}.old-{number}{path.suffix}")
        if not kept.exists() and not kept.is_symlink():
            return kept
    raise AssertionError
