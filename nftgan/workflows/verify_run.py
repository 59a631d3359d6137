"""What one run of verify has fetched and made, kept until the run over all tokens is complete."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nftgan import __version__
from nftgan.errors import NftganError
from nftgan.files import complete_files, lock
from nftgan.ipfs.fetched import Kept
from nftgan.ipfs.store import BlockStore
from nftgan.project import state_home
from nftgan.provenance.rendered import RenderedNotes
from nftgan.words import counted

WORTH_KEEPING = 32
"""Tokens: fewer are checked again as fast as they are looked up."""


@dataclass
class VerifyRun:
    """Blocks that gateways gave, and images that were made again."""

    kept: Kept = field(default_factory=Kept)
    rendered: RenderedNotes = field(default_factory=lambda: RenderedNotes(__version__))
    complete: bool = False
    """Set when every token was looked at and nothing was left unchecked."""


def folder_name(subject: str) -> str:
    """Of the folder in the state folder where a run about `subject` lies."""
    return hashlib.sha256(subject.encode()).hexdigest()[:24]


@contextmanager
def resumable(
    run: VerifyRun,
    subject: str,
    tokens: int,
    on_notes: Callable[[RenderedNotes], None],
    note: Callable[[str], None],
) -> Iterator[None]:
    """Inside, `run` lies in this person's state folder; it is deleted when `run.complete`.

    subject: what is verified, such as chain and address. Where the folder cannot be written, or
    another process verifies the same, nothing is kept.
    """
    if tokens < WORTH_KEEPING:
        yield
        return
    folder = state_home() / "verify" / folder_name(subject)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock(folder.with_suffix(".lock"), what="the same proof"))
            run.kept.blocks = BlockStore(folder, durable=False)
            # Several processes noted their shares in files of their own.
            others = complete_files(folder, "rendered-*.jsonl")
            run.rendered = RenderedNotes(__version__, folder / "rendered.jsonl", others)
        except (NftganError, OSError):
            yield
            return
        on_notes(run.rendered)
        if run.rendered.earlier:
            note(
                f"going on: {counted(run.rendered.earlier, 'image')} made again already by a run"
                " that was cut off"
            )
        yield
        if run.complete:
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_suffix(".lock").unlink(missing_ok=True)
