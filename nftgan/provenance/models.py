"""A stranger's model: bounded as it is read, known before it is built, weighed before it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nftgan.errors import CheckFailed, NftganError, ServiceError, UsageError
from nftgan.networks.container import MAX_HEADER_BYTES, header_size
from nftgan.networks.cost import RenderCost, render_cost
from nftgan.networks.model_file import ModelFile, build_networks, open_model
from nftgan.plugins import MissingPlugin
from nftgan.provenance.content import MAX_MODEL_BYTES, Content

if TYPE_CHECKING:
    from nftgan.synthesis.model import Model

LONG_SECONDS = 20
"""For one image: more than this is said beforehand."""


class TooHeavy(NftganError):
    """Work that nobody agreed to; the hint says how to."""

    exit_code = 6
    kind = "partly_done"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="--allow-heavy does it all the same")


@dataclass(frozen=True)
class Limits:
    """What is done for a stranger's collection without being asked."""

    pieces: int = 100_000  # whose metadata is read
    model_bytes: int = 512 << 20
    image_pixels: int = 1 << 24  # of one image
    render_seconds: float = 300  # for one image on a slow core, as estimated
    render_bytes: int = 12 << 30  # in the largest layer, as estimated


HEAVY = Limits(10_000_000, MAX_MODEL_BYTES, 1 << 28, float("inf"), 1 << 50)
"""For who says so. A file is bounded all the same."""


def fetched_model(
    content: Content, uri: str, identity: str, limits: Limits, on_note: Callable[[str], None]
) -> Model:
    """The published model, from bytes that its CID proves, when it is the model `identity`.

    Raises as `opened_model`, and Unavailable where no place has it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"

        def write(pieces: Iterator[bytes]) -> None:
            written, expected = 0, 0
            head = bytearray()
            with path.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                    written += len(piece)
                    if not expected:
                        head += piece[: MAX_HEADER_BYTES + 8 - len(head)]
                        expected = _expected_size(bytes(head), uri, limits)
                    if expected and written > expected:
                        raise CheckFailed(f"{uri} is longer than its header says")

        content.save(uri, write, MAX_MODEL_BYTES)
        return opened_model(path, identity, limits, on_note, what=uri)


def _expected_size(head: bytes, uri: str, limits: Limits) -> int:
    """The size of a model file by its first bytes; 0: more of them are needed."""
    try:
        size = header_size(head)
    except UsageError as exc:
        raise CheckFailed(f"{uri} is no model: {exc.message}") from exc
    if size > limits.model_bytes:
        raise TooHeavy(f"{uri} is a model of {size:,} bytes, more than is read unasked")
    return size


def opened_model(
    path: Path,
    identity: str,
    limits: Limits,
    on_note: Callable[[str], None],
    *,
    what: str | None = None,
) -> Model:
    """The model in a file, ready to render, when it is the model `identity`.

    Raises CheckFailed when it is another one or none, TooHeavy when an image would take longer
    than the limits allow, MissingPlugin where its family is none of those here; on_note is told
    when it takes long.
    """
    from nftgan.synthesis.model import Model

    what = what or str(path)
    try:
        file = open_model(path)
    except (ServiceError, MissingPlugin):
        raise
    except NftganError as exc:
        raise CheckFailed(exc.message, hint=exc.hint) from exc
    if file.identity != identity:
        raise CheckFailed(
            f"{what} is the model {file.identity[:19]}…, the chain says {identity[:19]}…"
        )
    check_cost(file, what, limits, on_note)
    loaded = build_networks(replace(file, discriminator=None, discriminator_config=None))
    return Model(loaded.generator, None, loaded.identity, loaded.info)


def check_cost(
    file: ModelFile, what: str, limits: Limits, on_note: Callable[[str], None]
) -> RenderCost:
    """Raises TooHeavy when an image of this model takes more than the limits allow."""
    cost = render_cost(file.generator_config)
    said = (
        f"one image takes about {_duration(cost.seconds)} on a slow core and"
        f" {cost.peak_bytes / 2**30:,.1f} GiB of memory"
    )
    if cost.seconds > limits.render_seconds or cost.peak_bytes > limits.render_bytes:
        raise TooHeavy(f"{what} is not run unasked: {said}")
    if cost.seconds > LONG_SECONDS:
        on_note(said)
    return cost


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.0f} seconds"
    return f"{seconds / 60:,.0f} minutes" if seconds < 7200 else f"{seconds / 3600:,.0f} hours"
