"""A model between its file and its networks: what every reader gives, and how its errors read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.networks.architecture import DiscriminatorConfig, to_json
from nftgan.networks.families import GeneratorConfig
from nftgan.plugins import MissingPlugin

META_KEYS = ("conditioning", "training", "parent", "dataset", "version", "licence")

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class ModelFile:
    """A model as numbers: configs, tensors as stored (float16 or float32) and metadata."""

    generator_config: GeneratorConfig
    generator: Tensors = field(repr=False)
    discriminator_config: DiscriminatorConfig | None = None
    discriminator: Tensors | None = field(default=None, repr=False)
    meta: dict[str, Any] = field(default_factory=dict)
    identity: str = ""

    @property
    def info(self) -> dict[str, Any]:
        """Architecture, size and lineage as plain JSON data."""
        d = self.discriminator_config
        return {
            **{key: None for key in META_KEYS},
            **self.meta,
            "identity": self.identity,
            "architecture": to_json(self.generator_config),
            "discriminator": to_json(d) if d is not None else None,
            "numbers": sum(array.size for array in self.generator.values()),
        }


@contextmanager
def errors_about(path: Path) -> Iterator[None]:
    """Inside, a UsageError begins with the file's name."""
    try:
        yield
    except UsageError as exc:
        if exc.message.startswith(str(path)):
            raise
        kind = MissingPlugin if isinstance(exc, MissingPlugin) else UsageError
        raise kind(f"{path.name}: {exc.message}", hint=exc.hint) from exc


def check_plain(options: Mapping[str, Any]) -> None:
    """Only short names with a number, a short text, a truth value or nothing each.

    Such options can be compared and named in a message without a cost. Raises UsageError.
    """
    if "img_resolution" not in options:
        raise UsageError("its architecture has no img_resolution")
    for name, value in options.items():
        if type(name) is not str or len(name) > 64 or not name.isidentifier():
            raise UsageError("its architecture has an option without a readable name")
        short = isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= 64)
        if value is not None and not short:
            raise UsageError(f"its architecture option {name} is not a plain value")
