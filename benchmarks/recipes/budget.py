"""From noise or from a base model, at equal processor seconds, on art that no base model has seen.

    python -m benchmarks.recipes.budget ART RUNS [--sets cameo,gaze:200] [--base FILE] [--cpu 600]

ART has a folder of pictures for each set; gaze:200 learns from 200 of gaze. `noise` trains by the
defaults for the art, `same` the base model's networks from noise, `base` fine-tunes them; options
follow as in base+batch=8+freezed=4. Every run is cut off after --cpu seconds
of processor time on one thread, without what its networks cost to judge. KID x1000 of the fakes of
seeds 0, 1, 2 ... without truncation, against pictures of the same folder that were not shown.

RUNS gets results.json, results.md, and NAME.png of each set: pictures above, then twelve fakes
(psi 0.7) of each arm. Started again, or with a larger --cpu, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETS = "cameo,gaze,thumbs"
ARMS = ("noise", "same", "base")
SHOWN = 12
LOG, SCORES = "cpu.jsonl", "scores.json"


@dataclass(frozen=True)
class Job:
    """One run: an arm on a set with a seed, and how it is judged."""

    runs: Path
    name: str
    arm: str
    seed: int
    base: str
    preset: str | None
    cpu: float
    points: int
    images: int
    tick: float = 1  # kimg between networks

    @property
    def run(self) -> Path:
        return self.runs / f"{self.name}-{self.arm}-{self.seed}"

    def zip(self, side: str) -> Path:
        return self.runs / f"{self.name}-{side}.zip"


def in_files(name: str) -> str:
    """A set's name, with its size where it has one, as files carry it."""
    return name.replace(":", "-")


def build_sets(art: Path, runs: Path, names: dict[str, int], side: int) -> None:
    """NAME-train.zip of as many pictures as `names` says, NAME-held.zip of the others.

    Which are which is drawn by their hash.
    """
    from nftgan.dataset.prepare import prepare
    from nftgan.dataset.prepare_options import PrepareOptions

    for name, shown in names.items():
        folder = name.partition(":")[0]
        files = [path for path in (art / folder).iterdir() if path.suffix.lower() == ".png"]
        files.sort(key=lambda path: hashlib.sha256(f"{folder}/{path.name}".encode()).digest())
        for part, chosen in (("train", files[:shown]), ("held", files[shown:])):
            target = runs / f"{in_files(name)}-{part}.zip"
            if target.exists():
                continue
            with tempfile.TemporaryDirectory() as folder:
                for path in chosen:
                    shutil.copy(path, folder)
                options = PrepareOptions(resolution=side, min_side=16, dedupe=0)
                report = prepare(Path(folder), target, options)
            print(f"{name}-{part}: {report.kept} pictures", file=sys.stderr, flush=True)


def options_of(job: Job) -> dict[str, Any]:
    """What the arm says to training beside what all say."""
    start, *options = job.arm.split("+")
    return _started(start, job) | dict(map(_option, options))


def _option(text: str) -> tuple[str, Any]:
    """A training option and its value, as JSON or as it stands."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _started(start: str, job: Job) -> dict[str, Any]:
    if start == "noise":
        return {}
    if start == "base":
        return {"resume": job.base}
    if start != "same":
        raise SystemExit(f"there is no start {start!r}: take {', '.join(ARMS)}")
    from nftgan.networks.model_file import open_model
    from nftgan.training.parent import architecture_options

    model = open_model(job.base)
    assert model.discriminator_config is not None
    return architecture_options(model.generator_config, model.discriminator_config)


def spent(run: Path) -> float:
    """Processor seconds of the run's sessions until its last tick."""
    log = run / LOG
    return float(json.loads(log.read_text().splitlines()[-1])["cpu"]) if log.exists() else 0.0


def learn(job: Job) -> None:
    """Train until the processor seconds are spent; a killed session loses a tick at most."""
    from nftgan.training.config import DatasetFacts
    from nftgan.training.loop import train
    from nftgan.training.resolving import resolve

    before = spent(job.run)
    if before >= job.cpu:
        return
    config = resolve(
        DatasetFacts.of(job.zip("train")),
        **{"preset": job.preset, "device": "cpu", "threads": 1, "seed": job.seed, "kimg": 100_000}
        | {"tick": job.tick, "snap": 1, "keep": 100_000, "metrics": (), "holdout": 0.0}
        | {"state_seconds": 1e9}  # at ticks alone, where the seconds are written too
        | options_of(job),
    )
    begun = time.process_time()
    for tick in train(config, run_dir=job.run):
        used = before + time.process_time() - begun
        line = {"kimg": tick.images / 1000, "cpu": round(used, 1)}
        with (job.run / LOG).open("a") as log:
            log.write(json.dumps(line) + "\n")
        if used >= job.cpu:
            break


def judged_at(job: Job) -> list[tuple[float, Path]]:
    """(processor seconds, network) of the ticks nearest below each of `points` equal parts."""
    ticks = [json.loads(line) for line in (job.run / LOG).read_text().splitlines()]
    chosen: dict[int, tuple[float, Path]] = {}
    for number in range(1, job.points + 1):
        limit = job.cpu * number / job.points
        past = [tick for tick in ticks if tick["cpu"] <= limit or number == job.points]
        if past:
            kimg = int(past[-1]["kimg"])
            network = job.run / f"network-{kimg:06d}.safetensors"
            if network.exists():
                chosen[kimg] = (past[-1]["cpu"], network)
    return list(chosen.values())


def judge(job: Job) -> list[dict[str, Any]]:
    """Scores of the networks at the points, kept beside the run: each is measured once."""
    import numpy as np

    from benchmarks.recipes.evaluate import fakes, features_of, nearest
    from nftgan.files import write_json
    from nftgan.metrics.features import Extractor
    from nftgan.metrics.kid import kid

    path = job.run / SCORES
    known = json.loads(path.read_text()) if path.exists() else []
    measured = {(row["network"], row["images"]) for row in known}
    wanted = judged_at(job)
    missing = [one for one in wanted if (one[1].name, job.images) not in measured]
    if missing:
        extract = Extractor()
        train, held = (features_of(job.zip(side), extract) for side in ("train", "held"))
        least = min(len(train), len(held))
        floor = kid(train[:least], held[:least])
        limit = float(np.quantile(nearest(held, train), 0.01))
        for used, network in missing:
            found = extract(fakes(network, job.images))
            score = kid(found, held)
            known.append(
                {"set": job.name, "arm": job.arm, "seed": job.seed, "cpu": used}
                | {"kimg": int(network.stem[-6:]), "network": network.name, "images": job.images}
                | {"kid": round(score.value * 1000, 1), "error": round(score.error * 1000, 1)}
                | {"floor": round(floor.value * 1000, 1), "shown": len(train), "held": len(held)}
                | {"copies": int((nearest(found, train) < limit).sum())}
            )
            write_json(path, known)
    names = {network.name for _, network in wanted}
    return [row for row in known if row["network"] in names and row["images"] == job.images]


def work(job: Job) -> list[dict[str, Any]]:
    """Learn, then judge; what a process of the pool does."""
    import torch

    torch.set_num_threads(1)
    learn(job)
    rows = judge(job)
    for row in rows:
        print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


def sheet(jobs: list[Job], target: Path) -> None:
    """Pictures of the set above, then a line of fakes for each job of it."""
    import numpy as np
    from PIL import Image

    from nftgan.dataset.archive import Dataset
    from nftgan.synthesis.model import load_model

    art = Dataset.open(jobs[0].zip("train")).images(range(SHOWN)).transpose(0, 2, 3, 1)
    lines = [np.concatenate(list(art), axis=1)]
    for job in jobs:
        model = load_model(judged_at(job)[-1][1])
        lines.append(np.concatenate(list(model.generate(seeds=range(SHOWN), trunc=0.7)), axis=1))
    whole = np.concatenate([line[..., :3] for line in lines])
    Image.fromarray(whole.repeat(2, axis=0).repeat(2, axis=1)).save(target)


def table(rows: list[dict[str, Any]]) -> str:
    """One line a run's point: KID beside the processor seconds and the images that it saw."""
    lines = ["| set | arm | seed | CPU s | kimg | KID x1000 | floor | copies |", "| --- " * 8 + "|"]
    for row in sorted(rows, key=lambda row: (row["set"], row["seed"], row["arm"], row["cpu"])):
        kid = f"{row['kid']:.0f}±{row['error']:.0f}"
        lines.append(
            f"| {row['set']} | {row['arm']} | {row['seed']} | {row['cpu']:.0f} | {row['kimg']} |"
            f" {kid} | {row['floor']:.0f} | {row['copies']} of {row['images']} |"
        )
    return "\n".join(lines) + "\n"


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("art", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--base", default="base", help="a file, a name, or base: what suits each")
    parser.add_argument("--preset", help="of all arms; else the one for the size")
    parser.add_argument("--cpu", type=float, default=600, help="processor seconds of each run")
    parser.add_argument("--points", type=int, default=3, help="at how many parts of them is judged")
    parser.add_argument("--images", type=int, default=300, help="fakes that are judged")
    parser.add_argument("--shown", type=int, default=300, help="pictures that a run learns from")
    parser.add_argument("--side", type=int, default=64, help="pixels")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each on one thread")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    chosen = parsed(arguments)
    from nftgan.dataset.archive import Dataset
    from nftgan.files import write_json
    from nftgan.workflows.bases import parent_source

    runs: Path = chosen.runs
    runs.mkdir(parents=True, exist_ok=True)
    sets = {name: int(name.partition(":")[2] or chosen.shown) for name in chosen.sets.split(",")}
    build_sets(chosen.art, runs, sets, chosen.side)
    names = [in_files(name) for name in sets]
    jobs = []
    for name in names:
        base, why = parent_source(chosen.base, Dataset.open(runs / f"{name}-train.zip"))
        print(f"{name}: {why or base}", file=sys.stderr, flush=True)
        jobs += [
            Job(
                runs,
                name,
                arm,
                int(seed),
                base,
                chosen.preset,
                chosen.cpu,
                chosen.points,
                chosen.images,
            )
            for seed in chosen.seeds.split(",")
            for arm in chosen.arms.split(",")
        ]
    os.environ["OMP_NUM_THREADS"] = "1"  # before a process of the pool loads torch
    rows: list[dict[str, Any]] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.jobs, mp_context=spawn) as pool:
        for found in pool.map(work, jobs):
            rows += found
            write_json(runs / "results.json", rows)
            (runs / "results.md").write_text(table(rows), encoding="utf-8")
    for name in names:
        sheet([job for job in jobs if job.name == name], runs / f"{name}.png")
    print(table(rows), end="")


if __name__ == "__main__":
    main()
