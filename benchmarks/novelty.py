"""How many copies of training art the novelty guard catches, and how often it is wrong.

    python -m benchmarks.novelty [--copies 100] [--steps 900] [--json]

Half of each CC0 set that ships is the training art. Its copies, changed in several ways, should all
be refused. Baseline: the other half, the same artist's images that are no copies; how many of
them are refused is the false alarm that the rates are to be read against. Pixel Art is looked at
as it is (16 pixels) and enlarged to 64, since no crop of 16 pixels keeps its pixels. A generator is
trained until its seeds 0 to 5 give six training images again; those seeds should be refused. The
model that ships has seen other art of the same styles, so its images should pass. Shares are of
all images of a row, with Wilson's 95 % interval.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance

from nftgan.collection.features import features
from nftgan.collection.novelty import NoveltyGuard
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.dataset.shipped import unpack
from nftgan.networks.sampling import latents
from nftgan.networks.sources import base_model
from nftgan.synthesis.model import Model, load_model

SETS = {"Open Peeps, 64 px": ("open-peeps", 1), "Pixel Art, 16 px": ("pixel-art", 1)}
ENLARGED = {"Pixel Art, enlarged to 64 px": ("pixel-art", 4)}
PLANTED = 6
FRESH = 400
RATE = 4e-3


@dataclass(frozen=True)
class Row:
    """Of `images`, `refused` were; copies should be, others not."""

    art: str
    what: str
    copy: bool
    images: int
    refused: int
    named: int | None = None  # of the copies: the right training image was named

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        n, share, z = self.images, self.refused / self.images, 1.96
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        share = f"{self.refused / self.images:.1%} ({low:.1%} to {high:.1%})"
        named = "" if self.named is None else f", {self.named} named rightly"
        kind = "copy " if self.copy else "fresh"
        return f"{kind} | {self.art}: {self.what}: {self.refused} of {self.images}, {share}{named}"


def jpeg(image: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=70)
    return np.asarray(Image.open(buffer))


def recoloured(image: np.ndarray) -> np.ndarray:
    """Hue turned by 7 degrees, a tenth more colour, a twentieth brighter."""
    hsv = np.asarray(Image.fromarray(image).convert("HSV")).astype(int)
    hsv[..., 0] = (hsv[..., 0] + 5) % 256
    turned = Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB")
    vivid = ImageEnhance.Color(turned).enhance(1.1)
    return np.asarray(ImageEnhance.Brightness(vivid).enhance(1.05))


def cropped(share: float, left: float, top: float) -> Callable[[np.ndarray], np.ndarray]:
    def cut(image: np.ndarray) -> np.ndarray:
        side = image.shape[0]
        x, y, rest = side * share * left, side * share * top, side * (1 - share)
        pil_image = Image.fromarray(np.ascontiguousarray(image))
        box = (x, y, x + rest, y + rest)
        return np.asarray(pil_image.resize((side, side), Image.Resampling.BICUBIC, box))

    return cut


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the image itself": lambda image: image,
    "mirrored": lambda image: image[:, ::-1],
    "JPEG, quality 70": jpeg,
    "slightly recoloured": recoloured,
    "5 % cropped, centre": cropped(0.05, 0.5, 0.5),
    "5 % cropped, corner": cropped(0.05, 0, 1),
    "10 % cropped, centre": cropped(0.1, 0.5, 0.5),
    "10 % cropped, corner": cropped(0.1, 1, 0),
    "8 % cropped and mirrored": lambda image: cropped(0.08, 0.2, 0.9)(image)[:, ::-1],
}


def art_of(name: str, times: int) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        unpack(name, Path(folder))
        paths = sorted(Path(folder).glob("*.png"))
        images = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    return [image.repeat(times, axis=0).repeat(times, axis=1) for image in images]


def guard_of(images: Sequence[np.ndarray]) -> NoveltyGuard:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "art.zip"
        write_dataset(path, list(images))
        return NoveltyGuard(Dataset.open(path))


def judged(
    guard: NoveltyGuard, art: str, what: str, images: Sequence[np.ndarray], copies: bool
) -> Row:
    """One row; copy number k is of training image k."""
    refused = named = 0
    for number, image in enumerate(images):
        image = np.ascontiguousarray(image)
        reason, _ = guard.judge(image, features(image))
        refused += reason is not None
        named += f"img{number:08d}.png" in (reason or "")
    return Row(art, what, copies, len(images), refused, named if copies else None)


def memorised(art: Sequence[np.ndarray], steps: int) -> tuple[Model, float]:
    """The base model, trained on until seed k gives image k of `art`; mean error, grey levels."""
    model = load_model(base_model())
    generator = model.generator.train().requires_grad_(True)
    size = (model.resolution, model.resolution)
    small = [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BOX)) for p in art]
    wanted = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1
    z = torch.from_numpy(latents(range(len(art)), generator.z_dim)).float()
    optimizer = torch.optim.Adam(generator.parameters(), lr=RATE)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        out = generator.synthesis(generator.mapping(z, None), noise_mode="const")
        loss = (out - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    generator.eval().requires_grad_(False)
    overfitted = Model(generator)
    error = np.abs(overfitted.generate(range(len(art))).astype(int) - np.stack(small)).mean()
    return overfitted, float(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=100, help="copies of each kind, at most")
    parser.add_argument("--steps", type=int, default=900, help="of the overfitting")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    base = load_model(base_model())
    fresh = list(base.generate(range(FRESH), trunc=0.7))
    rows: list[Row] = []
    facts: dict[str, float] = {"load": os.getloadavg()[0]}

    def add(row: Row) -> None:
        rows.append(row)
        if not chosen.json:
            print(row, flush=True)

    for art, (name, times) in (SETS | ENLARGED).items():
        images = art_of(name, times)
        half = len(images) // 2
        training, other = images[:half], images[half:]
        began = time.process_time()
        guard = guard_of(training)
        facts[f"{art}: ms to look at one of {half} training images"] = round(
            1000 * (time.process_time() - began) / half, 2
        )
        for what, change in CHANGES.items():
            if "cropped" in what and training[0].shape[0] < 32:
                continue
            copies = [change(image) for image in training[: chosen.copies]]
            add(judged(guard, art, what, copies, True))
        add(judged(guard, art, "other images of the same artist", other, False))
        began = time.process_time()
        add(judged(guard, art, "the base model's images, truncation 0.7", fresh, False))
        facts[f"{art}: ms to judge one image"] = round(
            1000 * (time.process_time() - began) / len(fresh), 2
        )
        if art in ENLARGED:
            continue
        model, error = memorised(training[:PLANTED], chosen.steps)
        facts[f"{art}: grey levels that the memorised images are off"] = round(error, 2)
        planted = list(model.generate(range(PLANTED)))
        add(judged(guard, art, "memorised by a generator, 32 px", planted, True))
    if chosen.json:
        found = [{**asdict(row), "interval": row.interval} for row in rows]
        print(json.dumps({"rows": found, "facts": facts}, indent=2))
    else:
        for what, value in facts.items():
            print(f"{what}: {value}")


if __name__ == "__main__":
    main()
