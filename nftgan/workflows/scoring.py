"""Score the snapshots of a run against the art that it was never shown: KID and near-copies."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from nftgan import files
from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import split_dataset
from nftgan.errors import MissingStepError
from nftgan.progress import SILENT, Progress
from nftgan.training.config import TrainConfig
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.tick import SampleFn, Score

FAKES = 400
FEWEST_HELD = 20  # fewer say nothing
FEWEST_WHOLE = 50  # images of a set without a hold-out, below which nothing is scored
CACHE = "features.npz"
_CHUNK = 64


def scorer(config: TrainConfig, run_dir: Path, *, progress: Progress = SILENT) -> Score | None:
    """What measures a snapshot of this run; None when nothing is asked for, or too few images.

    Returns `KID` with `KID/error`, `KID/floor` (of the art itself) and `Copies`, the share of fakes
    nearer to an image shown than 99 in 100 held-out ones are. Where nothing is held out, all art
    is what fakes are compared with, the floor is that of one half of it against the other, and
    each image's own neighbour among the others says what a copy is. The art's features are kept
    in the run folder. A group of processes shares out the fakes.
    """
    if "kid" not in config.metrics:
        return None
    if config.holdout <= 0 and config.dataset.images < FEWEST_WHOLE:
        return None
    from nftgan.metrics.features import Extractor
    from nftgan.metrics.kid import kid

    try:
        extract = Extractor(config.device)
    except MissingStepError:
        return None  # the weights are an ordinary dependency: a run is worth more than its score
    art: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []

    def score(sample: SampleFn, distributed: Distributed = SINGLE_PROCESS) -> dict[str, float]:
        mine = torch.from_numpy(
            extract(sample(range(distributed.rank, FAKES, distributed.world_size)))
        )
        found = distributed.gather_rows(mine, FAKES).numpy()
        if not distributed.is_main:
            return {}
        if not art:
            art.append(_art_features(config, run_dir, extract, progress))
        shown, held = art[0]
        if config.holdout <= 0:
            return _against_all(found, shown)
        if min(len(held), len(shown)) < FEWEST_HELD:
            return {}
        value = kid(found, held)
        chosen = np.random.default_rng(0).permutation(len(shown))[: len(held)]
        limit = np.quantile(_distance(held, shown), 0.01)
        return {
            "KID": value.value,
            "KID/error": value.error,
            "KID/floor": kid(shown[chosen], held).value,
            "Copies": float((_distance(found, shown) < limit).mean()),
        }

    return score


def _against_all(found: npt.NDArray[np.float32], art: npt.NDArray[np.float32]) -> dict[str, float]:
    """The scores of fakes [N, 224] when no art [M, 224] is held out.

    KID alone would praise copies here, so that `Copies` belongs to it.
    """
    from nftgan.metrics.kid import kid

    value = kid(found, art)
    order = np.random.default_rng(0).permutation(len(art))
    half = len(art) // 2
    alike = art @ art.T
    np.fill_diagonal(alike, -1)  # leave-one-out: nobody is one's own neighbour
    limit = np.quantile(1 - alike.max(axis=1), 0.01)
    return {
        "KID": value.value,
        "KID/error": value.error,
        "KID/floor": kid(art[order[:half]], art[order[half:]]).value,
        "Copies": float((_distance(found, art) < limit).mean()),
    }


def _distance(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Cosine distance of each row of x to the nearest of y."""
    return np.asarray(1 - (x @ y.T).max(axis=1))


def _art_features(
    config: TrainConfig, run_dir: Path, extract: object, progress: Progress
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Features [N, 224] of the images shown and held out."""
    assert callable(extract)
    path = run_dir / CACHE
    wanted = f"{config.dataset.fingerprint} {config.holdout}"
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["of"]) == wanted:
                return kept["shown"], kept["held"]
    dataset = Dataset.open(config.dataset.path)
    found = []
    with progress.task("looking at the art, to score by", len(dataset), "images") as task:
        for first in range(0, len(dataset), _CHUNK):
            rows = range(first, min(first + _CHUNK, len(dataset)))
            found.append(extract(dataset.images(rows)))
            task.advance(len(rows))
    features = np.concatenate(found)
    split = split_dataset(dataset, config.holdout, rule=config.holdout_rule)
    shown, held = features[split.train], features[split.held]
    buffer = io.BytesIO()
    np.savez(buffer, of=np.array(wanted), shown=shown, held=held)
    files.write_bytes(path, buffer.getvalue())
    return shown, held
