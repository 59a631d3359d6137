"""One session of the studio: all that its pages are about."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from nftgan.config import CollectionSection
from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery, encode, tile
from nftgan.studio.looks import Latents, Variation, generate_variation
from nftgan.studio.opinions import Opinions
from nftgan.studio.steps import Steps
from nftgan.studio.walks import Walks
from nftgan.synthesis.recipe import Recipe

KEPT_LOOKS = 200


class LookFile(Protocol):
    """Where the look is kept: [recipe] of nftgan.toml."""

    def read(self) -> dict[str, Any]:
        """The values as a person wrote them, such as "auto"."""

    def write(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], Recipe]:
        """Set some of them: the values before, and the recipe that follows."""


@dataclass
class Studio:
    """All that the pages are about."""

    section: CollectionSection
    gallery: Gallery
    opinions: Opinions
    finishing: Finishing
    run_dir: Path | None = None  # of the training run that is followed
    source: str = "base"  # the model as a person names it
    close: Callable[[], None] = lambda: None
    look_file: LookFile | None = None  # where the look of all pieces is kept
    network: int | None = None  # of the run: thousands of images that the one painted with saw
    open_network: Callable[[int], dict[str, Any]] | None = None
    steps: Steps = field(default_factory=lambda: Steps({}))
    made: Callable[[], tuple[int, ...] | None] = lambda: None  # seeds that are pieces by now

    def __post_init__(self) -> None:
        self._variations: OrderedDict[Variation, bytes] = OrderedDict()
        self._mutex = threading.Lock()
        self._changing = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self.boot = secrets.token_hex(8)  # a page that sees another one starts afresh
        self.look_number = 0  # rises with the look: every image has another address then
        self.latents = Latents(self.gallery)
        self.walks = Walks(self.gallery)
        self.trying = 0  # number of the newest look that a page tries

    def look(self, look: Variation, tried: int | None = None) -> bytes | None:
        """The encoded image of `look`; tried: the number of a look that is only tried.

        None when a page tries a newer one by then. A draft is never kept, and is the image itself
        where that is known or as quick.
        """
        exact = replace(look, draft=False)
        if not self.gallery.model.drafts:
            look = exact
        with self._mutex:
            if exact in self._variations:
                return self._variations[exact]

        def paint() -> bytes | None:
            if tried is not None and tried < self.trying:
                return None
            image = generate_variation(self.gallery, look)
            return encode(image if tried is None else tile(image))

        data = self.gallery.ask(paint).result()
        if data is None or look.draft:
            return data
        with self._mutex:
            self._variations[look] = data
            while len(self._variations) > KEPT_LOOKS:
                self._variations.popitem(last=False)
        return data

    def use_network(self, kimg: int) -> None:
        """Paint with another network of the run; its opinions are its own, and pages start afresh.

        Raises UsageError for a network that is not there or cannot be read.
        """
        if self.open_network is None:
            raise UsageError("this session is about one model only", hint="nftgan curate -m RUNS")
        with self._changing:
            parts = self.open_network(kimg)
            before = self.gallery
            for name, value in parts.items():
                setattr(self, name, value)
            self.gallery.start()
            with self._mutex:
                self._variations.clear()
            self._begin()
        before.close()

    def use_look(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Write the look that all pieces share; the values before, to be written back.

        Every image is another one then: the candidates are made anew, opinions stay. Raises
        UsageError for values that no image can have; the file is then as it was.
        """
        if self.look_file is None:
            raise UsageError("this session has no nftgan.toml to write to")
        with self._changing:
            before, recipe = self.look_file.write(values)
            self.gallery.use(recipe)
            with self._mutex:
                self._variations.clear()
            self.walks = Walks(self.gallery)
            self.look_number += 1
        return before

    def admit(self, seed: int) -> None:
        """Make `seed` a candidate. Raises UsageError for what is no seed."""
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
        if not self.gallery.has(seed):
            self.gallery.add([seed], offered=False)
