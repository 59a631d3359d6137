"""The end of a session: the picks are checked as pieces must be, then written."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any

from nftgan.collection.manifest import piece_name
from nftgan.config import CollectionSection
from nftgan.dataset.art_names import in_own_names, index_of, own_name
from nftgan.errors import NftganError
from nftgan.studio.gallery import Gallery
from nftgan.studio.opinions import Opinions
from nftgan.studio.tray import near_twins
from nftgan.synthesis.canonical import SAFE_MARGIN

IDLE = {"state": "idle"}


class Finishing:
    """Makes the picks the pieces of the collection; one at a time, in a thread of its own.

    write: makes the seeds it is given the pieces and says which
    file holds them; it is also told which are kept knowingly, and why they should not be. A seed
    that copies the training art or another piece, or shows nothing, is refused unless the artist
    keeps it knowingly; one whose canonical image another machine could round differently is
    always refused.
    """

    def __init__(
        self,
        gallery: Gallery,
        opinions: Opinions,
        write: Callable[[tuple[int, ...], Mapping[int, str]], str],
        section: CollectionSection | None = None,
    ) -> None:
        self._gallery, self._opinions = gallery, opinions
        self._write = write
        self._section = section or CollectionSection()
        self._margins: dict[tuple[str, int], float] = {}
        self._mutex = threading.Lock()
        self.state: dict[str, Any] = IDLE
        """What the page shows: idle, working, refused (with problems), done or failed."""

    def begin(self, kept: Collection[int]) -> None:
        """Start unless it runs already; `kept`: seeds that stay in spite of their likeness."""
        with self._mutex:
            if self.state["state"] == "working":
                return
            self.state = {"state": "working", "done": 0, "of": len(self._opinions.picked())}
        threading.Thread(target=self._run, args=(frozenset(kept),), daemon=True).start()

    def _run(self, kept: frozenset[int]) -> None:
        try:
            self.state = self._finish(kept)
        except NftganError as exc:
            self.state = {"state": "failed", "error": exc.message, "hint": exc.hint}
        except Exception as exc:
            self.state = {"state": "failed", "error": f"a bug in nftgan: {exc}", "hint": None}

    def _finish(self, kept: frozenset[int]) -> dict[str, Any]:
        seeds = self._opinions.picked()
        if not seeds:
            return {"state": "failed", "error": "nothing is picked", "hint": "pick some first"}
        if shared := self._shared_name(seeds):
            return shared
        problems: list[dict[str, Any]] = []
        stay: dict[int, str] = {}

        def judge(seed: int, reason: str) -> None:
            if seed in kept:
                stay.setdefault(seed, reason)
            else:
                problems.append({"seed": seed, **self._beside(seed, reason), "may_stay": True})

        for number, seed in enumerate(seeds):
            self.state = {"state": "working", "done": number, "of": len(seeds)}
            if likeness := self._likeness(seed):
                judge(seed, likeness)
            if self._margin(seed) < SAFE_MARGIN:
                reason = "a pixel on a rounding step: another machine could draw it differently"
                problems.append({"seed": seed, "reason": reason, "may_stay": False})
        for seed, other in near_twins(self._gallery, seeds).items():
            judge(seed, f"nearly the same image as seed {other}")
        if problems:
            return {"state": "refused", "problems": problems}
        return {"state": "done", "pieces": len(seeds), "file": self._write(seeds, stay)}

    def _beside(self, seed: int, reason: str) -> dict[str, Any]:
        """The reason in the artist's words, and the image that one must see to decide."""
        training, found = self._gallery.training, self._gallery.candidate(seed)
        twin = re.fullmatch(r"nearly the same image as seed (\d+)", reason)
        shown: dict[str, Any] = {"reason": in_own_names(training, reason)}
        if twin:
            shown["twin"] = int(twin.group(1))
        elif training is not None and found is not None and found.copy and found.neighbour:
            name = re.search(r"\d{5}/img\d{8}\.png", reason)
            index = index_of(training, name.group() if name else found.neighbour.name)
            if index is not None:
                shown["art"] = {"index": index, "name": own_name(training, index)}
        return shown

    def _shared_name(self, seeds: tuple[int, ...]) -> dict[str, Any] | None:
        """The refusal where two pieces would have one name."""
        seen: dict[str, int] = {}
        for number, seed in enumerate(seeds):
            said = self._opinions.of(seed)
            name = said and said.name
            if not name:
                words = self._section
                if "{" in words.piece_name.replace("{name}", "").replace("{id}", ""):
                    continue  # traits fill it in later
                name = piece_name(words.piece_name, name=words.name, id=number, seed=seed)
            name = unicodedata.normalize("NFC", name)
            if name in seen:
                both = [seen[name], seed]
                return {
                    "state": "failed",
                    "error": f"seeds {both[0]} and {both[1]} are both called {name!r}",
                    "hint": "rename one of them",
                    "seeds": both,
                }
            seen[name] = seed
        return None

    def _likeness(self, seed: int) -> str | None:
        """Waits until the image is generated and, with training art, judged."""
        if not self._gallery.has(seed):
            self._gallery.add([seed])
        self._gallery.want(seed)
        try:
            while True:
                found = self._gallery.candidate(seed)
                judged = self._gallery.training is None or (found and found.neighbour)
                if found is not None and judged:
                    return found.refusal
                if self._gallery.failure is not None:
                    raise NftganError(self._gallery.failure, hint="nftgan curate")
                time.sleep(0.02)
        finally:
            self._gallery.unwant(seed)

    def _margin(self, seed: int) -> float:
        recipe = self._gallery.whole_recipe
        key = recipe.hash, seed
        if key not in self._margins:
            self._margins[key] = self._gallery.ask(
                lambda: self._gallery.model.render_checked(seed, recipe).margin
            ).result()
        return self._margins[key]
