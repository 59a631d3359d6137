"""How quickly the studio shows candidates, and what ten thousand of them cost in memory.

    python benchmarks/studio.py [--seconds 20] [--many 10000] [--threads 2] [--drafts]

--drafts: only what a draft of the default networks costs, beside the image.

Baseline: the same model painting the same seeds with nothing around it (`Model.previews`), in the
same run; processor time an image holds on a busy machine too. The 32-pixel model is the one that
ships; the 128-pixel one is untrained, as speed does not depend on the weights. Time to first
image counts from the start of the server with the model loaded. Memory is the process's resident
set; ten thousand candidates come from a cache filled beforehand, since painting them would measure
patience.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nftgan.collection.features import features
from nftgan.collection.traits import measure
from nftgan.config import CollectionSection
from nftgan.networks import build_generator
from nftgan.networks.architecture import StyleGAN2Config, StyleGAN3Config
from nftgan.networks.sources import base_model
from nftgan.studio.cache import Cache
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery
from nftgan.studio.opinions import Opinions
from nftgan.studio.screen import encode
from nftgan.studio.server import StudioServer
from nftgan.studio.session import Studio
from nftgan.synthesis.latents import seeds_to_ws
from nftgan.synthesis.model import Model, load_model


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def ask(server: StudioServer, path: str) -> bytes:
    token = server.address.partition("token=")[2]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    connection.request("GET", path, headers={"Cookie": f"nftgan-studio-{server.port}={token}"})
    data = connection.getresponse().read()
    connection.close()
    return data


def open_studio(model: Model, seeds: range, folder: Path) -> tuple[StudioServer, Gallery, Any]:
    recipe = model.recipe(truncation_psi=0.7)
    opinions = Opinions(folder / "ratings.jsonl", model.identity)
    gallery = Gallery(model, recipe, seeds, cache_folder=folder)
    finishing = Finishing(gallery, opinions, lambda chosen, kept: "")
    server = StudioServer(Studio(CollectionSection(), gallery, opinions, finishing))
    return server, gallery, server.serve_in_thread()


def speed(name: str, model: Model, batch: int, seconds: float, folder: Path) -> None:
    recipe = model.recipe(truncation_psi=0.7)
    began = time.perf_counter()
    bare = 0
    for _ in model.previews(range(10**6), recipe, batch=batch):
        bare += 1
        if bare % batch == 0 and time.perf_counter() - began > seconds:
            break
    baseline = bare / (time.perf_counter() - began)
    began = time.perf_counter()
    server, gallery, thread = open_studio(model, range(10_000), folder)
    ask(server, "/image/0")
    first = time.perf_counter() - began
    before, worked = gallery.counts[1], time.process_time()
    time.sleep(seconds)
    painted = max(1, gallery.counts[1] - before)
    worked = (time.process_time() - worked) / painted
    shown = gallery.counts[1] / (time.perf_counter() - began)
    server.stop()
    thread.join()
    print(
        f"{name}: first image after {first:.2f} s; {shown:.1f} candidates a second"
        f" ({shown / baseline:.2f} of the {baseline:.1f} that the model alone paints),"
        f" {worked * 1000:.0f} ms of processor each"
    )


def memory(model: Model, many: int, folder: Path) -> None:
    image = model.generate([0], truncation_psi=0.7)[0]
    cache = Cache(model.recipe(truncation_psi=0.7), "", folder)
    rng = np.random.default_rng(0)
    for start in range(0, many, 500):
        rows = []
        for seed in range(start, min(start + 500, many)):
            other = np.clip(image.astype(int) + rng.integers(-40, 40, 3), 0, 255).astype(np.uint8)
            facts = {**vars(measure(other)), "blank": False}
            rows.append((seed, encode(other), features(other), facts))
        cache.put(rows)
    cache.close()
    before = resident_mib()
    began = time.perf_counter()
    server, _, thread = open_studio(model, range(many), folder)
    ask(server, "/api/pool")
    ready = time.perf_counter() - began
    news = json.loads(ask(server, "/api/news?after=0&known=0"))
    assert news["painted"] == many
    began = time.perf_counter()
    table = ask(server, "/api/table")
    table_seconds = time.perf_counter() - began
    began = time.perf_counter()
    for seed in range(0, many, 10):
        ask(server, f"/image/{seed}")
    images = many // 10 / (time.perf_counter() - began)
    print(
        f"{many:,} candidates: open after {ready:.2f} s with {resident_mib() - before:.0f} MiB more"
        f" ({before:.0f} before); all traits in {table_seconds:.2f} s,"
        f" {len(table) / 1e6:.2f} MB; {images:.0f} painted images a second, one connection each"
    )
    server.stop()
    thread.join()


def drafts(times: int = 3) -> None:
    """Processor seconds of one draft and of one image, the least of several; untrained networks."""
    sizes: dict[str, Any] = {"channel_base": 16384, "channel_max": 512}
    for name, config in (
        ("StyleGAN3-T, 128 px", StyleGAN3Config(img_resolution=128, **sizes)),
        ("StyleGAN3-T, 256 px", StyleGAN3Config(img_resolution=256, **sizes)),
        ("StyleGAN2, 256 px", StyleGAN2Config(img_resolution=256, **sizes)),
    ):
        model = Model(build_generator(config, seed=0))
        recipe = model.recipe(truncation_psi=0.7)
        ws = seeds_to_ws(model.generator, [0], recipe)
        ways = (partial(model.draft, ws, recipe), partial(model.generate, ws=ws.numpy()))
        draft, whole = (min(_processor(way) for _ in range(times + 1)) for way in ways)
        print(f"{name}: draft {draft:.2f} s, image {whole:.2f} s, {whole / draft:.1f} times")


def _processor(act: Callable[[], object]) -> float:
    before = time.process_time()
    act()
    return time.process_time() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--drafts", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.drafts:
        print(f"{arguments.threads} threads, load of the machine {os.getloadavg()[0]:.1f}")
        return drafts()
    base = load_model(base_model())
    config = StyleGAN3Config(img_resolution=128, channel_base=16384)
    large = Model(build_generator(config, seed=0))
    load = os.getloadavg()[0]
    print(f"{arguments.threads} threads, load of the machine {load:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        memory(base, arguments.many, Path(folder))
    for name, model, batch in (
        ("32 px, the model that ships", base, 16),
        ("128 px, untrained", large, 1),
    ):
        with tempfile.TemporaryDirectory() as folder:
            speed(name, model, batch, arguments.seconds, Path(folder))


if __name__ == "__main__":
    main()
