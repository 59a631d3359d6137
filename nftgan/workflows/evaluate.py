"""evaluate: how near a model's images are to the art, in figures that can be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.dataset.archive import Dataset
from nftgan.dataset.art_names import in_own_names
from nftgan.dataset.holdout import RULE, Split, split_dataset, usable_fraction
from nftgan.errors import UsageError
from nftgan.files import parse_json, read_json
from nftgan.metrics.added import added_metrics, added_result
from nftgan.metrics.copies import Pair
from nftgan.metrics.evaluation import METRICS, Evaluation, Evaluator, MetricResult, parse_metrics
from nftgan.metrics.features import Extractor
from nftgan.metrics.fidelity import fidelity
from nftgan.metrics.observed import Observer
from nftgan.metrics.reference import Reference, look_at, references
from nftgan.networks.sources import RUN_OPTIONS, model_source
from nftgan.ops.device import device_named
from nftgan.progress import SILENT, Progress
from nftgan.project import state_home
from nftgan.synthesis.generate import contact_sheet, write_sheet
from nftgan.synthesis.model import Model, load_model
from nftgan.training.distributed import Distributed
from nftgan.training.shares import shared, work_group
from nftgan.workflows.fakes import Fakes, Told, observe, spoken

FAKES = (100, 1000)  # least and most by default; between them, as many as there is art
ALL_METRICS = (*METRICS, "fid")


@dataclass(frozen=True)
class EvaluateResult:
    """Every figure with its floor, and under which conditions: numbers of images, seeds, hashes.

    pairs: the fakes (by seed) closest to training images, nearest first.
    """

    model: str
    dataset: str
    seeds: tuple[int, int]  # first and last
    figures: dict[str, MetricResult]
    fakes: int
    against: int
    reals: int
    held_out: bool
    copies: int | None  # fakes that are training images again, pixel by pixel
    pairs: tuple[dict[str, Any], ...]
    sheet: Path | None = None


def evaluate(
    model: str | Path,
    dataset: str | Path,
    *,
    metrics: str = ",".join(METRICS),
    images: int | None = None,
    seed: int = 0,
    trunc: float = 1.0,
    holdout: float | None = None,
    sheet: Path | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
) -> EvaluateResult:
    """Generate `images` fakes of seeds `seed`, `seed` + 1, … and compare them with `dataset`.

    metrics: names of `ALL_METRICS`, or of plugins, with commas between; holdout: the share of the
    art that the model has not learnt from, None for that of its run, else the default; sheet: a
    PNG of the closest pairs, each fake beside its training image. Started by torchrun, or by
    `--gpus`, each process makes this call and gets the answer.
    Raises UsageError for a model or a data set that cannot be compared, PartlyDone when a process
    has died.
    """
    wanted = parse_metrics(metrics, (*ALL_METRICS, *added_metrics(ALL_METRICS)))
    with work_group(device_named(device)) as (group, own):
        loaded, art = load_model(model_source(model), device=own), Dataset.open(Path(dataset))
        extractor = Extractor(own)
        observer = Observer(wanted, extractor, seed=seed, keep=bool(set(wanted) - set(METRICS)))
        what = (*wanted, f"seed {seed}")
        if not group.is_main:
            _take_part(group, loaded, art, extractor, observer, what)
            return _heard(group.broadcast_str(""))
        result = _evaluate(
            group,
            loaded,
            art,
            extractor,
            observer,
            what,
            wanted=wanted,
            source=model_source(model),
            images=images,
            seed=seed,
            trunc=trunc,
            holdout=holdout,
            sheet=sheet,
            progress=progress,
        )
        if group.world_size > 1:
            group.broadcast_str(json.dumps({**asdict(result), "sheet": str(result.sheet or "")}))
        return result


def _heard(text: str) -> EvaluateResult:
    """The result that the main process has told."""
    fields = parse_json(text.encode())
    figures = {name: MetricResult(**one) for name, one in fields["figures"].items()}
    return EvaluateResult(
        **{
            **fields,
            "seeds": tuple(fields["seeds"]),
            "figures": figures,
            "pairs": tuple(fields["pairs"]),
            "sheet": Path(fields["sheet"]) if fields["sheet"] else None,
        }
    )


_LOOK = "art"


def _take_part(
    group: Distributed,
    model: Model,
    art: Dataset,
    extractor: Extractor,
    observer: Observer,
    what: Sequence[str],
) -> None:
    """What the other processes do: look at the art, where nobody has, and at the fakes."""
    said = group.broadcast_str("")
    if said == _LOOK:
        look_at(art, extractor, partial(shared, group, _LOOK), lambda done: None)
        said = group.broadcast_str("")
    observe(Fakes.heard(said), model, observer, group, SILENT, what=what)


def _check_art(loaded: Model, art: Dataset, progress: Progress) -> Mapping[str, Any]:
    """What the model says of its own art; a warning where that is other art.

    Raises UsageError for images of another size.
    """
    if loaded.resolution != art.resolution:
        raise UsageError(
            f"the model makes {loaded.resolution} pixels, the images of {art.path} have"
            f" {art.resolution}",
            hint=f"nftgan prepare ART -o art-{loaded.resolution}.zip"
            f" --resolution {loaded.resolution}",
        )
    learnt: Mapping[str, Any] = loaded.info.get("dataset") or {}
    if learnt.get("fingerprint") not in (None, art.fingerprint):
        progress.warn(
            f"the model was trained on other images than {art.path}: what is said about copies and"
            " held-out art does not hold"
        )
    return learnt


def _split(art: Dataset, holdout: float | None, rule: int, progress: Progress) -> Split:
    """What is held out, a share that the art has room for where nobody says; a note for none."""
    if holdout is None:
        holdout = usable_fraction(art, None, progress=progress)
    split = split_dataset(art, holdout, rule=rule, progress=progress)
    if not len(split.held):
        progress.note("no art is held out, so a model that repeats its art looks good: see copies")
    return split


def _evaluate(
    group: Distributed,
    loaded: Model,
    art: Dataset,
    extractor: Extractor,
    observer: Observer,
    what: Sequence[str],
    *,
    wanted: tuple[str, ...],
    source: str | Path,
    images: int | None,
    seed: int,
    trunc: float,
    holdout: float | None,
    sheet: Path | None,
    progress: Progress,
) -> EvaluateResult:
    own = tuple(name for name in wanted if name in METRICS)
    learnt = _check_art(loaded, art, progress)
    of_run, rule = _holdout_of_run(source, learnt)
    split = _split(art, of_run if holdout is None else holdout, rule, progress)
    count = images or int(np.clip(len(split.train), *FAKES))
    order = _seeds(loaded, art, split, count, seed)

    def share(
        parts: int, work: Callable[[int], bytes], on_done: Callable[[int], None]
    ) -> dict[int, bytes]:
        group.broadcast_str(_LOOK)
        return shared(group, _LOOK, parts, work, on_done)

    reals, held = references(
        art,
        split,
        extractor=extractor,
        cache=state_home() / "cache" / "features",
        progress=progress,
        share=share,
    )
    fakes = Fakes.of(order, trunc)
    group.broadcast_str(fakes.told())
    observed = observe(fakes, loaded, observer, group, progress, what=what)
    assert observed is not None  # this is the main process
    found = Evaluation({}, count, 0, len(reals), held is not None)
    if own:
        evaluator = Evaluator(reals, held, metrics=own, extractor=extractor, seed=seed)
        found = evaluator.judge(observed, generator=loaded.generator)
    others = _of_other_packages(
        wanted, observed.pixels, reals, held, loaded, seed=seed, progress=progress
    )
    found = replace(found, figures={**found.figures, **others})
    pairs = found.copies.pairs if found.copies else ()
    if sheet is not None and pairs:
        _write_pairs(sheet, loaded, art, order, pairs, trunc)
    return EvaluateResult(
        loaded.identity,
        art.fingerprint,
        (seed, seed + count - 1),
        found.figures,
        found.fakes,
        found.against,
        found.reals,
        found.held_out,
        found.copies.copies if found.copies else None,
        tuple(
            {
                "seed": order[pair.fake][0],
                "name": in_own_names(art, pair.name),
                "distance": pair.distance,
                "bits": pair.bits,
                "copy": pair.copy,
            }
            for pair in pairs
        ),
        sheet if sheet is not None and pairs else None,
    )


def _of_other_packages(
    wanted: tuple[str, ...],
    fakes: np.ndarray,
    reals: Reference,
    held: Reference | None,
    model: Model,
    *,
    seed: int,
    progress: Progress,
) -> dict[str, MetricResult]:
    """The figures of torch-fidelity and of plugins, as far as they are wanted.

    fakes: uint8 [N, C, H, W], kept where one of these is wanted.
    """
    figures: dict[str, MetricResult] = {}
    if "fid" in wanted:
        progress.note("torch-fidelity computes FID, KID, PR and PPL")
        arts = (len(reals), lambda index: reals.read([index])[0])
        figures = fidelity(fakes, arts, model.generator, seed=seed)
    for name in added_metrics(ALL_METRICS):
        if name in wanted:
            against = reals if held is None else held
            pixels = against.read(range(min(len(against), len(fakes))))
            figures[name] = added_result(name, fakes, pixels, seed=seed)
    return figures


def _holdout_of_run(source: str | Path, learnt: Mapping[str, Any]) -> tuple[float | None, int]:
    """What share the model's run held out, and by which rule; None when nobody wrote one down."""
    for record in _records(source, learnt):
        share = record.get("holdout")  # of a file that anyone may have written
        if isinstance(share, (int, float)) and not isinstance(share, bool) and 0 <= share < 1:
            return float(share), record.get("holdout_rule", 1)
    return None, RULE


def _records(source: str | Path, learnt: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield learnt
    for folder in (Path(source), Path(source).parent):
        options = folder / RUN_OPTIONS
        if not str(source).startswith("http") and options.is_file():
            yield read_json(options)


def _seeds(
    model: Model, art: Dataset, split: Split, count: int, first: int
) -> list[tuple[int, Told]]:
    """(seed, class or condition) of each fake: drawn from those of the art, equals together."""
    seeds = range(first, first + count)
    classes = int(model.generator.c_dim)
    if not classes:
        return [(seed, None) for seed in seeds]
    random = np.random.default_rng(first)
    if art.has_vectors or (model.condition_names and art.label_count == 0):
        return _with_conditions(art, split, seeds, classes, random)
    labels = art.labels(split.train)
    if labels is None:
        chosen = random.integers(classes, size=count)
    elif int(labels.max()) >= classes:
        raise UsageError(f"{art.path} has classes that the model does not know")
    else:
        chosen = random.choice(labels, count)
    return sorted(zip(seeds, map(int, chosen), strict=True), key=lambda pair: (pair[1], pair[0]))


def _with_conditions(
    art: Dataset, split: Split, seeds: Sequence[int], wanted: int, random: np.random.Generator
) -> list[tuple[int, Told]]:
    """(seed, condition) of each fake, the condition that of an image of the art drawn at random."""
    rows = art.conditions(split.train)
    if rows is None:
        raise UsageError(
            f"{art.path} has no labels, and the model is told {wanted} numbers an image",
            hint="name the data set that it learned from",
        )
    if rows.shape[1] != wanted:
        raise UsageError(
            f"{art.path} has {rows.shape[1]} numbers an image, and the model takes {wanted}",
            hint="name the data set that it learned from",
        )
    chosen = rows[random.integers(len(rows), size=len(seeds))].tolist()
    told = [(seed, tuple(map(float, row))) for seed, row in zip(seeds, chosen, strict=True)]
    return sorted(told, key=lambda pair: (pair[1], pair[0]))


def _write_pairs(
    path: Path,
    model: Model,
    art: Dataset,
    order: list[tuple[int, Told]],
    pairs: tuple[Pair, ...],
    trunc: float,
) -> None:
    """Each fake with the training image to its right, two pairs in a row."""
    shown = []
    for pair in pairs:
        seed, told = order[pair.fake]
        real = art.hwc(art.names.index(pair.name))
        shown.append(model.generate([seed], **spoken(told, trunc))[0])
        shown.append(real if real.ndim == 3 else real[..., None].repeat(3, axis=2))
    write_sheet(path, contact_sheet(shown, columns=4, gap=2))
