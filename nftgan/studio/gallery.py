"""The candidates: a thread that generates them, the wanted ones first, and knows what they look
like.

One thread owns the model: an image takes every core for its time. It does what a person waits
for before anything else: the large image, questions about its piece, then images in view,
then the rest of the pool in order, so that it can be sorted and filtered as a whole. Where there
are several GPUs, each other one has a copy of the model and a thread that paints the pool with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nftgan.collection.features import features
from nftgan.collection.inspection import art_key, is_blank
from nftgan.collection.novelty import Neighbour, NoveltyGuard
from nftgan.collection.parts import DECIMALS, ArtParts, reduced, without_colours
from nftgan.collection.quality import BY_PARTS, Order, order
from nftgan.collection.traits import LEVELS, Measures, measure, traits
from nftgan.dataset.archive import Dataset
from nftgan.errors import NftganError, UsageError
from nftgan.ops.device import current_device
from nftgan.seeds import MAX_SEED
from nftgan.studio.cache import Cache
from nftgan.studio.painters import Look
from nftgan.studio.queue import Questions, Rank
from nftgan.studio.raws import Raws
from nftgan.studio.screen import encode, raw_key, screen_recipe, tile
from nftgan.synthesis.finish import apply_finish, art_pixels_after
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish, Recipe

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_POOL = 20_000
FIRST = 32  # images that come before the training art is looked at
MAX_BATCH = 16
BATCH_SECONDS = 0.25  # a batch should not keep a person waiting for longer
TABLE_REST = 8  # a table of traits is made again after this many times its own making


@dataclass(frozen=True)
class Candidate:
    """What is known of one seed's image."""

    seed: int
    measures: Measures
    blank: bool
    neighbour: Neighbour | None = None  # None: no training art, or not looked at yet
    copy: str | None = None  # in words, where it is too close to the training art
    logit: float | None = None  # what the discriminator says, larger is more real
    parts: np.ndarray | None = field(default=None, compare=False)
    """float32 [places]: how far its parts are from those of the art, where that is known."""

    @property
    def refusal(self) -> str | None:
        """Why it should not be a piece."""
        return "a blank image" if self.blank else self.copy


class Gallery:
    """Candidates by seed. Thread-safe; `start` before use and `close` after."""

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        seeds: Sequence[int],
        *,
        training: Dataset | None = None,
        cache_folder: Path | None = None,
        raws: Raws | None = None,
        helpers: Sequence[Model] = (),
    ) -> None:
        """helpers: copies of `model` on other devices, which paint beside it."""
        self.model, self._helpers = model, tuple(helpers)
        self.training = training
        self.guard: NoveltyGuard | None = None
        self.parts: ArtParts | None = None
        self._raws = raws or Raws()
        self._folder = cache_folder
        self._look = self._look_of(recipe)
        self._in_hand: set[int] = set()  # seeds that somebody paints just now
        self._change = threading.Condition()
        self._questions = Questions()
        self._wanted: dict[int, int] = {}  # seed → how many wait for it; the last one comes first
        self._pool: list[int] = []
        self._place: dict[int, int] = {}
        self._next = 0  # place in the pool before which all is generated
        self._done = 0  # candidates in the pool that are generated
        self._end = 0  # behind the last seed that was offered; others may have been named
        self._unjudged: list[int] = []
        self._unscored: list[int] = []
        self._known: dict[int, Candidate] = {}
        self._rows = np.empty((256, 0), dtype=np.int16)
        self._row_of: dict[int, int] = {}
        self._batch = 1
        self._table: tuple[int, float, float, dict[str, Any]] = (-1, 0.0, 0.0, {})
        self._stopped = False
        self.version = 0
        """Rises whenever more is known of a candidate."""
        self.failure: str | None = None
        """Why generating has stopped, where it has."""
        self._threads = [
            threading.Thread(target=self._work, args=(one,), name="studio generator", daemon=True)
            for one in (model, *self._helpers)
        ]
        self._art_thread = threading.Thread(target=self._look_at_art, daemon=True)
        self.add(seeds)

    def _look_of(self, recipe: Recipe) -> Look:
        side = self.model.resolution
        raw = replace(recipe, finish=None, size=(side, side))
        cache = Cache(recipe, art_key(self.training), self._folder)
        return Look(screen_recipe(recipe), recipe, raw, cache)

    @property
    def recipe(self) -> Recipe:
        """By which the screen's images are made."""
        return self._look.recipe

    @property
    def whole_recipe(self) -> Recipe:
        """By which the pieces are made."""
        return self._look.whole

    @property
    def _cache(self) -> Cache:
        return self._look.cache

    # ---- life

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        if self.training is not None:
            self._art_thread.start()

    def close(self) -> None:
        """Stop after the batch in hand."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        for thread in (*self._threads, self._art_thread):
            if thread.is_alive():
                thread.join()
        self._cache.close()

    # ---- the pool

    def add(self, seeds: Iterable[int], *, offered: bool = True) -> None:
        """Make `seeds` candidates. Raises UsageError when there would be too many.

        offered: the pool goes on behind them; a seed that somebody named does not move its end.
        """
        seeds = list(seeds)
        fresh = [seed for seed in dict.fromkeys(seeds) if seed not in self._place]
        if len(self._pool) + len(fresh) > MAX_POOL:
            raise UsageError(f"the studio shows at most {MAX_POOL:,} candidates")
        with self._change:
            if offered:
                self._end = max(self._end, max(seeds, default=-1) + 1)
            for seed in fresh:
                if seed not in self._place:
                    self._place[seed] = len(self._pool)
                    self._pool.append(seed)
                    self._done += seed in self._known
            self._take_stored(fresh)
            self._change.notify_all()

    def _take_stored(self, seeds: Sequence[int]) -> None:
        """Learn what the cache knows of `seeds`."""
        for one in self._cache.all(seeds):
            known = replace(_candidate(one.seed, one.facts, one.verdict), logit=one.logit)
            self._learn(one.seed, known, one.row)
            if one.verdict is None and self.training is not None:
                self._unjudged.append(one.seed)
            if one.logit is None:
                self._unscored.append(one.seed)

    def use(self, recipe: Recipe) -> None:
        """From now on the candidates are those of `recipe`, of the same model and latents."""
        recipe = replace(recipe, latents=self.whole_recipe.latents)

        def switch() -> None:
            before, fresh = self._cache, self._look_of(recipe)
            with self._change:
                self._look, self._in_hand = fresh, set()
                if self.parts is not None and not _fits(self.parts, fresh):
                    self.parts = None
                self._known, self._row_of, self._done, self._next = {}, {}, 0, 0
                self._unjudged, self._unscored = [], []
                self._table = (-1, 0.0, 0.0, {})
                self.version += 1
                self._take_stored(self._pool)
            before.close()

        self.ask(switch, Rank.STAGE).result()

    def grow(self, count: int) -> None:
        """Add the next `count` seeds after those that were offered, as far as there is room."""
        room = min(count, MAX_POOL - len(self._pool))
        self.add(self.coming(room))

    def coming(self, count: int) -> list[int]:
        """The next `count` seeds that are no candidates yet."""
        after = range(min(self._end, MAX_SEED + 1), MAX_SEED + 1)
        return list(islice((seed for seed in after if seed not in self._place), max(count, 0)))

    def pool(self) -> list[int]:
        """All candidates, in the order in which they came."""
        with self._change:
            return list(self._pool)

    def has(self, seed: int) -> bool:
        return seed in self._place

    def painted(self, after: int) -> list[int]:
        """The generated candidates in the order of their generating, without the first `after`."""
        with self._change:
            return list(islice(self._known, after, None))

    @property
    def counts(self) -> tuple[int, int]:
        """(candidates, of them generated)."""
        return len(self._pool), self._done

    # ---- images and facts

    def candidate(self, seed: int) -> Candidate | None:
        """What is known of `seed`; None before it is generated."""
        return self._known.get(seed)

    def image(self, seed: int) -> bytes | None:
        """The encoded image; None while it is not generated."""
        return self._cache.image(seed) if seed in self._known else None

    def want(self, seed: int) -> None:
        """Generate `seed` before the others, until `unwant`."""
        with self._change:
            self._wanted[seed] = self._wanted.pop(seed, 0) + 1
            self._change.notify_all()

    def unwant(self, seed: int) -> None:
        with self._change:
            left = self._wanted.get(seed, 0) - 1
            if left > 0:
                self._wanted[seed] = left
            else:
                self._wanted.pop(seed, None)

    def paint(self, seed: int) -> None:
        """Generate `seed` at once where it is not; for questions that are given to `ask`."""
        if seed not in self._known or not self._cache.image(seed):
            self._paint([seed], self._look, self.model)

    def ask(self, question: Callable[[], T], rank: Rank = Rank.PAGE) -> Future[T]:
        """`question()` in the thread that owns the model, before images of the grid.

        One that is cancelled before its turn is left out.
        """
        with self._change:
            if self._stopped:
                answer: Future[T] = Future()
                answer.set_exception(UsageError("the studio paints something else by now"))
                return answer
            answer = self._questions.put(question, rank)
            self._change.notify_all()
        return answer

    def let_pass(self) -> None:
        """Between two parts of a long question, in its thread: the large image need not wait."""
        while True:
            with self._change:
                first = self._questions.take(Rank.STAGE)
            if first is None:
                return
            first()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def rows(self) -> tuple[list[int], np.ndarray]:
        """(seeds, their features float64 [N, SIZE])."""
        with self._change:
            seeds = list(self._row_of)
            return seeds, self._rows[: len(seeds)].astype(np.float64)

    def row(self, seed: int) -> np.ndarray | None:
        """float64 [SIZE], None before it is generated."""
        with self._change:
            place = self._row_of.get(seed)
            return None if place is None else self._rows[place].astype(np.float64)

    def table(self) -> dict[str, Any]:
        """Traits and novelty of every generated candidate, by column.

        Levels are quantiles of all candidates, so one new image may move them all; to keep the
        machine free for generating, a table may be a little old while images come in.
        """
        version, made, cost, table = self._table
        now = time.monotonic()
        resting = now - made < TABLE_REST * cost and self._done < len(self._pool)
        if version == self.version or (table and resting):
            return table
        with self._change:
            version, known, parts = self.version, list(self._known.values()), self.parts
        rows = [
            {a["trait_type"]: a["value"] for a in row}
            for row in (traits([one.measures for one in known]) if known else ())
        ]
        columns = {}
        for kind in rows[0] if rows else ():
            values = LEVELS.get(kind) or sorted({row[kind] for row in rows}, key=_counted)
            number = {value: place for place, value in enumerate(values)}
            columns[kind] = {"values": values, "at": [number[row[kind]] for row in rows]}
        scores, by = self._scores(known, parts)
        table = {
            "score": scores,
            "score_by": by,
            "version": version,
            "seeds": [one.seed for one in known],
            "columns": columns,
            "novelty": [one.neighbour and round(one.neighbour.ratio, 3) for one in known],
            "refusals": {one.seed: one.refusal for one in known if one.refusal},
        }
        done = time.monotonic()
        self._table = (version, done, done - now, table)
        return table

    @property
    def scored(self) -> bool:
        """Whether candidates can be ordered by how good they seem."""
        return self.model.discriminator is not None or self.training is not None

    def _scores(
        self, known: Sequence[Candidate], parts: ArtParts | None
    ) -> tuple[list[int | None], str | None]:
        """From 0, the worst, to 100, as `curate --auto` orders, and what told, in words.

        None where it is not known yet.
        """
        found: list[int | None] = [None] * len(known)
        if not self.scored or (self.training is not None and parts is None):
            return found, None
        sure = [
            place
            for place, one in enumerate(known)
            if (self.training is None or one.neighbour is not None) and not one.refusal
        ]
        result = self._order([known[place] for place in sure], parts)
        if result is None:  # only the discriminator can tell, and it has not seen all
            sure = [place for place in sure if known[place].logit is not None]
            result = self._order([known[place] for place in sure], parts)
        if result is None:
            return found, None
        for place, value in zip(sure, result.values, strict=True):
            found[place] = round(100 * float(value))
        return found, result.by

    def _order(self, known: Sequence[Candidate], art: ArtParts | None) -> Order | None:
        """How good `known` seem; None where that cannot be told of all of them yet."""
        parts = [one.parts for one in known if one.parts is not None]
        logits = [one.logit for one in known if one.logit is not None]
        complete = art is not None and art.known and 0 < len(parts) == len(known)
        by_parts = (np.stack(parts), art.own) if complete and art else None
        ratios = [one.neighbour.ratio for one in known if one.neighbour is not None]
        waiting = self.model.discriminator is not None and len(logits) < len(known)
        result = order(
            parts=by_parts,
            ratios=None if self.training is None else ratios,
            logits=None if self.model.discriminator is None or waiting else lambda: logits,
        )
        return None if waiting and result is not None and result.by != BY_PARTS else result

    def raw(self, seed: int, recipe: Recipe) -> np.ndarray:
        """uint8 [R, R, 3] of `recipe` before its finish, kept for the next finish that is tried."""
        key = raw_key(seed, recipe)
        found = self._raws.get(key)
        if found is None:
            side = self.model.resolution
            found = self.model.generate([seed], replace(recipe, finish=None, size=(side, side)))[0]
            self._raws.put(key, found)
        return found

    def preview(self, seed: int) -> np.ndarray:
        """uint8 [R, R, 3] before the finish; for questions that are given to `ask`."""
        result: np.ndarray = self.model.generate([seed], self._look.raw)[0]
        return result

    # ---- the threads that generate

    def _work(self, model: Model) -> None:
        with current_device(model.device):
            while (work := self._next_work(model)) is not None:
                try:
                    work()
                except Exception as exc:
                    said = exc.message if isinstance(exc, NftganError) else f"{exc}"
                    log.exception("the studio cannot paint")
                    with self._change:
                        self.failure = f"painting stopped: {said}"

    def _next_work(self, model: Model) -> Callable[[], None] | None:
        """What is to be done with `model`, once there is anything; None: the studio closes."""
        with self._change:
            while True:
                # Questions are asked of the one model that pages know.
                work = self._questions.take() if model is self.model else None
                if work is not None or self._stopped:
                    return work
                if (work := self._todo(model)) is not None:
                    return work
                self._change.wait()

    def _todo(self, model: Model) -> Callable[[], None] | None:
        """The next batch, of what is waited for first."""
        if self.failure is not None:
            return None
        batch: dict[int, None] = {}
        for seed in reversed(self._wanted):
            # Who looks at one image is about to see the next ones.
            place = self._place.get(seed, len(self._pool))
            self._gather([seed, *self._pool[place : place + 4 * MAX_BATCH]], batch)
            if len(batch) >= self._batch:
                break
        if not batch:
            while self._next < len(self._pool) and self._pool[self._next] in self._known:
                self._next += 1
            self._gather(self._pool[self._next : self._next + 64 * MAX_BATCH], batch)
        if batch:
            return self._begun(list(batch), model)
        if self.guard is not None and self.parts is None and model is self.model:
            return self._parts_again  # nothing is left to paint, yet scores need them
        # The art is looked at in parallel; what is generated before must be judged afterwards.
        if self.guard is not None and self._unjudged:
            taken, self._unjudged = self._unjudged[: self._batch], self._unjudged[self._batch :]
            return self._begun(taken, model)
        # How good one seems is asked last: nobody waits for an image meanwhile.
        if self._unscored and self.model.discriminator is not None:
            taken, self._unscored = self._unscored[: self._batch], self._unscored[self._batch :]
            return partial(self._score, taken, self._look, model)
        return None

    def _begun(self, seeds: Sequence[int], model: Model) -> Callable[[], None]:
        """The batch of `seeds`, which nobody else paints meanwhile; the lock must be held."""
        look = self._look
        number = look.order.begin()
        self._in_hand.update(seeds)

        def paint() -> None:
            try:
                self._paint(seeds, look, model, number)
            except BaseException:
                with self._change:
                    look.order.end(number)
                raise

        return paint

    def _gather(self, seeds: Iterable[int], batch: dict[int, None]) -> None:
        for seed in seeds:
            if len(batch) >= self._batch:
                return
            if seed in self._in_hand:
                continue
            if seed not in self._known or (seed in self._wanted and not self._cache.image(seed)):
                batch[seed] = None

    def _paint(
        self, seeds: Sequence[int], look: Look, model: Model, number: int | None = None
    ) -> None:
        """number: of a batch; None: what somebody waits for is known at once."""
        began = time.monotonic()
        parts = self._parts_of(look)
        guard = None if parts is None else self.guard
        painted, looked = [], []
        for seed, raw in model.previews(seeds, look.raw, batch=len(seeds)):
            self._raws.put(raw_key(seed, look.raw), raw)
            finished = apply_finish(raw, look.recipe.finish)
            row = features(finished)
            facts = {
                **asdict(measure(art_pixels_after(raw, look.whole.finish))),
                "blank": is_blank(raw),
            }
            verdict = None
            if guard is not None:
                # Copies are looked for before the finish, which could hide them.
                own = row if finished is raw else features(raw)
                copy, neighbour = guard.judge(raw, own)
                verdict = {"copy": copy, **asdict(neighbour)}
            painted.append((seed, encode(tile(finished)), row, facts))
            plain = _before_enlargement(raw, finished, look.recipe.finish)
            looked.append((seed, facts, verdict, row, reduced(plain)))
        # Those of a batch together: to bring the art's parts near takes longer than to compare.
        apart = _apart(parts, [small for *_, small in looked])
        verdicts = [
            (seed, {**verdict, "parts": own})
            for (seed, _, verdict, *_), own in zip(looked, apart, strict=True)
            if verdict is not None
        ]
        judged = dict(verdicts)
        learned = [
            (seed, _candidate(seed, facts, judged.get(seed)), row)
            for seed, facts, _, row, _ in looked
        ]
        look.cache.put(painted)
        look.cache.judge(verdicts)

        def tell() -> None:
            if look is not self._look:
                return
            self._in_hand.difference_update(seeds)
            for seed, candidate, row in learned:
                known = self._known.get(seed)
                if guard is None and self.training is not None:
                    self._unjudged.append(seed)
                if known is None:
                    self._unscored.append(seed)
                else:
                    candidate = replace(candidate, logit=known.logit)
                self._learn(seed, candidate, row)

        pace = (time.monotonic() - began) / len(seeds)
        with self._change:
            if number is None:
                tell()
            else:
                look.order.end(number, tell)
            self._change.notify_all()
            self._batch = max(1, min(MAX_BATCH, 2 * self._batch, int(BATCH_SECONDS / pace)))

    def _parts_of(self, look: Look) -> ArtParts | None:
        """The parts of the art as the finish of `look` shows them; None until the art is known."""
        if self.guard is not None and self.parts is None and look is self._look:
            self._parts_again()
        parts = self.parts
        return parts if parts is not None and _fits(parts, look) else None

    def _parts_again(self) -> None:
        assert self.training is not None
        look = self._look
        parts = ArtParts(self.training, look.recipe.finish, side=self.model.resolution)
        with self._change:
            if look is self._look:
                self.parts = parts
                self.version += 1

    def _score(self, seeds: Sequence[int], look: Look, model: Model) -> None:
        found = []
        for seed in seeds:
            raw = self._raws.get(raw_key(seed, look.raw))
            if raw is None:
                raw = model.generate([seed], look.raw)[0]
            scores = model.score(raw[None], look.recipe.class_idx, look.recipe.condition)
            found.append((seed, float(scores[0])))
        look.cache.score(found)
        with self._change:
            if look is not self._look:
                return
            for seed, logit in found:
                self._known[seed] = replace(self._known[seed], logit=logit)
            self.version += 1

    def _learn(self, seed: int, candidate: Candidate, row: np.ndarray) -> None:
        place = self._row_of.setdefault(seed, len(self._row_of))
        if place == 0 and self._rows.shape[1] != len(row):
            self._rows = np.empty((256, len(row)), dtype=np.int16)
        if place == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[place] = row
        self._done += seed in self._place and seed not in self._known
        self._known[seed] = candidate
        self.version += 1

    def _look_at_art(self) -> None:
        # The first images come first: whoever opens the page waits for them.
        while len(self._known) < min(FIRST, len(self._pool)) and not self._stopped:
            time.sleep(0.05)
        if self.training is None or self._stopped:
            return
        try:
            guard = NoveltyGuard(self.training)
            parts = ArtParts(self.training, self.recipe.finish, side=self.model.resolution)
        except NftganError as exc:
            self.failure = f"the training art cannot be read: {exc.message}"
            return
        with self._change:
            self.guard, self.parts = guard, parts if _fits(parts, self._look) else None
            self._change.notify_all()


def _before_enlargement(raw: np.ndarray, finished: np.ndarray, finish: Finish | None) -> np.ndarray:
    """What `curate --auto` compares with the art: a screen's image may be enlarged by contour."""
    if finish is None or finish.upscale == 1:
        return finished
    return apply_finish(raw, finish.without_enlargement)


def _fits(parts: ArtParts, look: Look) -> bool:
    """Whether `parts` are those of the finish of `look`: others have other places."""
    return parts.finish == without_colours(look.recipe.finish)


def _candidate(seed: int, facts: dict[str, Any], verdict: dict[str, Any] | None) -> Candidate:
    values = {**facts, "levels": tuple(facts["levels"])}
    blank = values.pop("blank")
    neighbour = copy = parts = None
    if verdict is not None:
        copy = verdict["copy"]
        parts = np.array(verdict["parts"], dtype=np.float32) if verdict["parts"] else None
        neighbour = Neighbour(verdict["name"], verdict["ratio"], verdict["mirrored"])
    return Candidate(seed, Measures(**values), blank, neighbour, copy, parts=parts)


def _apart(parts: ArtParts | None, small: Sequence[np.ndarray]) -> list[list[float]]:
    """What verdicts keep of `ArtParts.distances`; empty lists where the art is too little."""
    if parts is None or not parts.known:
        return [[] for _ in small]
    return [[round(float(one), DECIMALS) for one in row] for row in parts.distances(small)]


def _counted(value: str) -> tuple[int, str]:
    """Numbers by size, words by the alphabet."""
    return (int(value) if value.isdecimal() else 0, value)
