"""One session of the studio: all that its pages are about."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nftgan.config import CollectionSection
from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery, encode
from nftgan.studio.looks import Latents, Variation, generate_variation
from nftgan.studio.opinions import Opinions
from nftgan.studio.walks import Walks

KEPT_LOOKS = 200


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

    def __post_init__(self) -> None:
        self.boot = secrets.token_hex(8)  # a page that sees another one starts afresh
        self.look_number = 0  # rises with the look: every image has another address then
        self.latents = Latents(self.gallery)
        self.walks = Walks(self.gallery)
        self._variations: OrderedDict[Variation, bytes] = OrderedDict()
        self._mutex = threading.Lock()

    def look(self, look: Variation) -> bytes:
        """The encoded image of `look`."""
        with self._mutex:
            if look in self._variations:
                return self._variations[look]
        data = encode(self.gallery.ask(lambda: generate_variation(self.gallery, look)).result())
        with self._mutex:
            self._variations[look] = data
            while len(self._variations) > KEPT_LOOKS:
                self._variations.popitem(last=False)
        return data

    def admit(self, seed: int) -> None:
        """Make `seed` a candidate. Raises UsageError for what is no seed."""
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
        if not self.gallery.has(seed):
            self.gallery.add([seed], offered=False)
