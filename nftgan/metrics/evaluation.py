"""Fakes against held-out art: every figure with its error and what real art itself would get."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from nftgan.errors import UsageError
from nftgan.metrics.copies import CopyCheck, PerceptualHashes, TrainingArt
from nftgan.metrics.diversity import MOST, kernel_width, mean_distance, vendi
from nftgan.metrics.equivariance import eq_r, eq_t
from nftgan.metrics.estimate import Estimate
from nftgan.metrics.features import Extractor
from nftgan.metrics.kid import kid
from nftgan.metrics.manifold import Manifold, manifold
from nftgan.metrics.observed import Observed, Observer
from nftgan.metrics.reference import Reference
from nftgan.metrics.swd import IMAGES, Patches, swd
from nftgan.networks.protocols import Generator

METRICS = ("kid", "swd", "pr", "diversity", "eq", "copies")
LEAST = 8  # images of a set that can be judged at all
EQ_SAMPLES = 32
_MILLI = 1000.0


@dataclass(frozen=True)
class MetricResult:
    """One measured number.

    error: one standard error, None where unknown; real_baseline: what real art gets against real
    art under the same conditions, with its error (`floor` and `floor_error` in JSON); better:
    "lower", "higher" or "floor" (the nearer to it).
    """

    value: float
    error: float | None
    real_baseline: float | None = field(metadata={"json": "floor"})
    real_baseline_error: float | None = field(metadata={"json": "floor_error"})
    better: str
    description: str = field(metadata={"json": "words"})

    @property
    def verdict(self) -> str:
        """The value against the baseline in words, within two standard errors of both."""
        if self.real_baseline is None or self.error is None or self.real_baseline_error is None:
            return ""
        difference = self.value - self.real_baseline
        if abs(difference) <= 2 * math.hypot(self.error, self.real_baseline_error):
            return "like art"
        if self.better == "floor":
            return "above art" if difference > 0 else "below art"
        return "better than art" if (difference > 0) == (self.better == "higher") else "not yet art"


@dataclass(frozen=True)
class Evaluation:
    """All figures by name, in the order of `METRICS`, and under what conditions they hold.

    fakes, against, reals: numbers of images judged, compared with and learnt from.
    copies: the check with its closest pairs, when it was asked for.
    """

    figures: dict[str, MetricResult]
    fakes: int
    against: int
    reals: int
    held_out: bool
    copies: CopyCheck | None = None


def parse_metrics(text: str, known: tuple[str, ...] = METRICS) -> tuple[str, ...]:
    """ "kid,swd" or "all" (of `METRICS`) as names, in the order of `known`.

    Raises UsageError that lists those there are.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if names == ("all",):
        return METRICS
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise UsageError(
            f"no metric is called {(wrong or [text])[0]!r}", hint=f"there are {', '.join(known)}"
        )
    return tuple(name for name in known if name in names)


class Evaluator:
    """Scores sets of fakes by the same art; what depends on the art alone is computed once.

    reals: the art that was learnt from; held: art that was not, or None. Without any the training
    art is cut in two halves: one to compare with, the other for the baseline. A generator that
    knows its art by heart looks perfect then, which only the copy check shows.
    """

    def __init__(
        self,
        reals: Reference,
        held: Reference | None = None,
        *,
        metrics: Iterable[str] = METRICS,
        extractor: Extractor | None = None,
        seed: int = 0,
    ) -> None:
        """Raises UsageError for an unknown metric or too few images."""
        self._metrics = parse_metrics(",".join(metrics))
        self._reals, self._held, self._seed = reals, held, seed
        self._observe = Observer(self._metrics, extractor or Extractor(), seed=seed)
        order = np.random.default_rng(seed).permutation(len(reals))
        if held is None:
            self._others, self._against = reals.take(order[::2]), reals.take(order[1::2])
        else:
            self._others, self._against = reals.take(order), held
        if min(len(self._others), len(self._against)) < LEAST:
            raise UsageError(
                f"{len(self._against)} images are too few to judge by: {LEAST} are the least",
                hint="use a data set with more images, or hold out more of them",
            )
        # What fakes are compared with under equal numbers, by that number.
        self._baseline_manifold = cache(self._manifold_of_art)
        self._baseline_swd = cache(self._swd_of_art)

    def __call__(
        self, fakes: Iterable[np.ndarray], *, generator: Generator | None = None
    ) -> Evaluation:
        """Score fakes, an iterable of uint8 [n, 1 or 3, S, S], read once and not kept.

        generator: the StyleGAN3 itself, for "eq"; without one, or with another kind, that is left
        out. Raises UsageError for fewer than 8 fakes.
        """
        parts, count = [], 0
        for images in fakes:
            parts.append(self._observe(images, count))
            count += len(images)
        if not parts:
            raise _too_few(0)
        return self.judge(Observed.joined(parts), generator=generator)

    def judge(self, fakes: Observed, *, generator: Generator | None = None) -> Evaluation:
        """Score fakes that an `Observer` of the same metrics and seed has measured; as a call."""
        wanted, count, rows = self._metrics, len(fakes), fakes.features
        if count < LEAST:
            raise _too_few(count)
        patches = Patches(seed=self._seed + 1)
        patches.extend(fakes.patches)
        figures: dict[str, MetricResult] = {}
        copies = None
        if "kid" in wanted:
            figures["kid"] = self._kid(rows)
        if "swd" in wanted:
            figures["swd"] = self._swd(patches)
        if "pr" in wanted:
            figures.update(self._manifold(rows))
        if "diversity" in wanted:
            figures.update(self._diversity(rows))
        if "eq" in wanted and generator is not None:
            figures.update(equivariance(generator, seed=self._seed))
        if "copies" in wanted:
            copies = self._training_art.check(
                (rows, fakes.mirrored, fakes.hashes),
                None if self._held is None else _to_compare(self._held),
                self._reals.mirrored,
            )
            figures["copies"] = _copies(copies, held_out=self._held is not None)
        return Evaluation(
            figures,
            count,
            len(self._against),
            len(self._reals),
            self._held is not None,
            copies,
        )

    def _kid(self, rows: np.ndarray) -> MetricResult:
        found, real_baseline = kid(rows, self._against.features), self._baseline_kid
        return _result(found, real_baseline, "lower", "distance from the art, x1000", _MILLI)

    @cached_property
    def _baseline_kid(self) -> Estimate:
        return kid(self._others.features, self._against.features)

    def _swd(self, patches: Patches) -> MetricResult:
        real_baseline = self._baseline_swd(min(patches.images, IMAGES))
        found = swd(patches, self._against_patches, seed=self._seed)
        return _result(found, real_baseline, "lower", "distance between textures, x1000")

    @cached_property
    def _against_patches(self) -> Patches:
        return self._against.patches(IMAGES)

    def _swd_of_art(self, count: int) -> Estimate:
        return swd(self._others.patches(count), self._against_patches, seed=self._seed)

    def _manifold(self, rows: np.ndarray) -> dict[str, MetricResult]:
        rows = rows[: len(self._others)]
        found, real_baseline = (
            manifold(rows, self._against.features),
            self._baseline_manifold(len(rows)),
        )
        description = {
            "precision": "share of the fakes that look like art",
            "recall": "share of the art that the fakes could look like",
            "coverage": "share of the art with a fake beside it",
        }
        return {
            name: _result(getattr(found, name), getattr(real_baseline, name), "higher", text)
            for name, text in description.items()
        }

    def _manifold_of_art(self, count: int) -> Manifold:
        return manifold(self._others.features[:count], self._against.features)

    def _diversity(self, rows: np.ndarray) -> dict[str, MetricResult]:
        art = self._others.features
        count = min(len(rows), len(art), MOST)
        distances = (mean_distance(rows[:MOST]), mean_distance(art[:MOST]))
        width = kernel_width(art[:MOST])
        vendis = (vendi(rows[:count], width), vendi(art[:count], width))
        return {
            "spread": _result(*distances, "floor", "distance of two fakes, x1000", _MILLI),
            "kinds": _result(*vendis, "floor", f"different images in {count} (Vendi score)"),
        }

    @cached_property
    def _training_art(self) -> TrainingArt:
        return TrainingArt(self._reals.names, self._reals.features, self._reals.hashes)


def _too_few(count: int) -> UsageError:
    return UsageError(f"{count} fakes are too few to judge: {LEAST} are the least")


def evaluate(
    fakes: Iterable[np.ndarray],
    reals: Reference,
    held: Reference | None = None,
    *,
    metrics: Iterable[str] = METRICS,
    generator: Generator | None = None,
    extractor: Extractor | None = None,
    seed: int = 0,
) -> Evaluation:
    """One set of fakes, scored once: see `Evaluator`, which serves several."""
    evaluator = Evaluator(reals, held, metrics=metrics, extractor=extractor, seed=seed)
    return evaluator(fakes, generator=generator)


def equivariance(
    generator: Generator, *, samples: int = EQ_SAMPLES, seed: int = 0
) -> dict[str, MetricResult]:
    """EQ-T and EQ-R in dB of a StyleGAN3; nothing for a generator whose input cannot be moved."""
    if not generator.movable:
        return {}
    kinds: dict[str, tuple[Callable[..., float], str]] = {
        "eq_t": (eq_t, "dB: how exactly a shifted input shifts the image"),
        "eq_r": (eq_r, "dB: how exactly a turned input turns the image"),
    }
    return {
        name: MetricResult(
            measure(generator, samples=samples, seed=seed), None, None, None, "higher", w
        )
        for name, (measure, w) in kinds.items()
    }


def _to_compare(reference: Reference) -> tuple[np.ndarray, np.ndarray, PerceptualHashes]:
    return reference.features, reference.mirrored, reference.hashes


def _copies(check: CopyCheck, *, held_out: bool) -> MetricResult:
    kind = "art held out" if held_out else "the art itself"
    description = f"share of the fakes closer to training art than nearly all of {kind}"
    return _result(check.close, check.held, "lower", description)


def _result(
    found: Estimate, real_baseline: Estimate, better: str, description: str, scale: float = 1.0
) -> MetricResult:
    return MetricResult(
        found.value * scale,
        found.error * scale,
        real_baseline.value * scale,
        real_baseline.error * scale,
        better,
        description,
    )
