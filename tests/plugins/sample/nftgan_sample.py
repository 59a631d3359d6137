"""One of everything that a package can add, each as docs/extending.md says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nftgan.chain.networks import Chain
from nftgan.collection.added_traits import Trait
from nftgan.errors import UsageError
from nftgan.ipfs.backends import Limits, Setup, UploadJournal
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import Cid
from nftgan.metrics.evaluation import MetricResult
from nftgan.progress import Progress
from nftgan.synthesis.effects import Effect
from nftgan.training.augmentation import Augmentation
from nftgan.training.losses import Loss

CHAINS = [Chain("marble", 424_242, "https://rpc.marble.example", "", 3, 2.0, mainnet=False)]
IMPOSTORS = [Chain("ethereum-test", 1, "https://rpc.example", "", 0, 1.0, mainnet=False)]

HINGE = Loss(
    generator=lambda fakes, reals: -fakes.flatten(),
    discriminator=lambda fakes, reals: (
        (1 + fakes).clamp(min=0) + (1 - reals).clamp(min=0)
    ).flatten(),
)
"""Zero where both are on their side by one (Lim and Ye 2017)."""


class Drawer:
    """Blocks as files in a folder."""

    limits = Limits(local=True)
    by_path = None

    def __init__(self, folder: Path) -> None:
        self.name = f"drawer ({folder.name})"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(
        self,
        car: CarFile,
        roots: Sequence[Cid],
        *,
        label: str,
        journal: UploadJournal,
        progress: Progress,
    ) -> int:
        sent = 0
        for cid in car.cids:
            data = car.get(cid)
            (self._folder / str(cid)).write_bytes(data)
            sent += len(data)
        (self._folder / "pinned").write_text("".join(f"{root}\n" for root in roots))
        return sent

    def is_pinned(self, root: Cid) -> bool:
        path = self._folder / "pinned"
        return path.exists() and str(root) in path.read_text().split()

    def get(self, cid: Cid) -> bytes:
        return (self._folder / str(cid)).read_bytes()

    def unpin(self, root: Cid) -> None:
        (self._folder / "pinned").unlink(missing_ok=True)

    def close(self) -> None:
        pass


def drawer(setup: Setup) -> Drawer:
    """A folder on this machine: drawer=FOLDER."""
    if setup.address is None:
        raise UsageError("drawer needs a folder", hint="--to drawer=FOLDER")
    return Drawer(Path(setup.address))


def brightness(fakes: np.ndarray, reals: np.ndarray, *, seed: int) -> MetricResult:
    """How much brighter the fakes are than the art, in grey levels."""
    value = float(fakes.mean() - reals.mean())
    return MetricResult(value, None, 0.0, None, "floor", "brighter than the art, grey levels")


def moody(fakes: np.ndarray, reals: np.ndarray, *, seed: int) -> MetricResult:
    """Never has a number."""
    return MetricResult(float("nan"), None, None, None, "lower", "")


def hello(
    ui: Any,
    name: Annotated[str, typer.Argument(help="Whom to greet.")] = "you",
) -> Any:
    """Greet somebody."""
    if name == "nobody":
        raise UsageError("there is nobody to greet", hint="nftgan hello YOU")
    ui.print(f"hello {name}")
    return {"greeted": name}


def posterize(image: np.ndarray, value: int) -> np.ndarray:
    """Each level down to a multiple of `value`."""
    step = np.uint8(max(1, min(value, 255)))
    return image - image % step


POSTERIZE = Effect(
    1, posterize, {4: "sha256:6e8abe339158c0281f6465d189bd6994262c15b67f632d8c05fcacae21c62861"}
)
UNSTEADY = Effect(1, posterize, {4: f"sha256:{'0' * 64}"})
"""Not what it once was: it draws nothing."""

REDNESS = Trait(
    2,
    lambda pixels: int(pixels[..., 0].astype(np.int64).sum()),
    ("Pale", "Blush", "Rosy", "Red", "Crimson"),
)

FOG = (
    "xint",
    Augmentation(
        "fog",
        sample=lambda chance: chance.where(np.full(chance.count, 0.5), 1),
        apply=lambda images, clear: images * clear[:, None, None, None],
    ),
)
"""Shifts, and half of the contrast to mid-grey."""
MISSPELT = ("xint", "scael")
