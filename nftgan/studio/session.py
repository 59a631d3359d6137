"""One session of the studio: all that its pages are about."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from nftgan.config import CollectionSection
from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery
from nftgan.studio.looks import Latents, Variation, generate_variation
from nftgan.studio.opinions import Opinions
from nftgan.studio.queue import Rank
from nftgan.studio.screen import encode, tile
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

    def look(
        self, look: Variation, tried: int | None = None, rank: Rank = Rank.PAGE
    ) -> Future[bytes | None]:
        """The encoded image of `look`; tried: the number of a look that is only tried.

        None when a page tries a newer one by then. A draft is never kept, and is the image itself
        where that is known or as quick.
        """
        exact = replace(look, draft=False)
        with self._mutex:
            gallery = self.gallery
            if exact in self._variations:
                known: Future[bytes | None] = Future()
                known.set_result(self._variations[exact])
                return known
            kept = self._variations
        if not gallery.model.drafts:
            look = exact

        def paint() -> bytes | None:
            if tried is not None and tried < self.trying:
                return None
            image = generate_variation(gallery, look)
            data = encode(image if tried is None else tile(image))
            if not look.draft:
                with self._mutex:
                    kept[look] = data
                    while len(kept) > KEPT_LOOKS:
                        kept.popitem(last=False)
            return data

        return gallery.ask(paint, rank)

    def use_network(self, kimg: int) -> None:
        """Paint with another network of the run; its opinions are its own, and pages start afresh.

        Raises UsageError for a network that is not there or cannot be read.
        """
        if self.open_network is None:
            raise UsageError("this session is about one model only", hint="nftgan curate -m RUNS")
        with self._changing:
            parts = self.open_network(kimg)
            before = self.gallery
            with self._mutex:
                for name, value in parts.items():
                    setattr(self, name, value)
                self._variations = OrderedDict()
            self.gallery.start()
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
                self._variations = OrderedDict()  # what is painted by now may be of the look before
            self.walks = Walks(self.gallery)
            self.look_number += 1
        return before

    def admit(self, seed: int) -> None:
        """Make `seed` a candidate. Raises UsageError for what is no seed."""
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
        if not self.gallery.has(seed):
            self.gallery.add([seed], offered=False)
