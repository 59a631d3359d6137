"""Every choice of a training run as one frozen dataclass: the record that it is continued by."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nftgan.dataset.holdout import RULE
from nftgan.errors import UsageError
from nftgan.networks import architecture
from nftgan.networks.architecture import DiscriminatorConfig
from nftgan.networks.families import GeneratorConfig
from nftgan.noted_art import PixelArt
from nftgan.training.changes import Change
from nftgan.training.options import DirectOptions

if TYPE_CHECKING:
    from nftgan.dataset.archive import Dataset

OPTIONS_FILE = "training_options.json"


@dataclass(frozen=True)
class DatasetFacts:
    """What training must know of a data set before it opens it."""

    path: str
    name: str
    fingerprint: str
    images: int
    resolution: int
    channels: int
    label_count: int
    classes: tuple[str, ...] = ()  # names of the classes, where the data set knows them
    conditions: tuple[str, ...] = ()  # what each number means, where a label is a vector of them
    pixel_grid: int = 0  # squares along a side of pixel art; 0: the art is none
    pixel_colours: int = 0  # of a typical image of pixel art
    flat_art: bool = False  # few plain colours with sharp borders
    art_colours: str = ""  # of the whole set of pixel art, six hex digits each; "": too many

    @staticmethod
    def of(dataset: Path | Dataset) -> DatasetFacts:
        from nftgan.dataset.archive import Dataset

        if isinstance(dataset, Path):
            dataset = Dataset.open(dataset)
        art = PixelArt.of(dataset.notes)
        return DatasetFacts(
            path=str(dataset.path),
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            images=len(dataset),
            resolution=dataset.resolution,
            channels=dataset.channels,
            label_count=dataset.label_count,
            classes=dataset.classes,
            conditions=dataset.condition_names,
            pixel_grid=art.grid,
            pixel_colours=art.colours,
            flat_art=art.flat,
            art_colours=art.art_colours,
        )


@dataclass(frozen=True)
class Parent:
    """The model that a fine-tuning run starts from."""

    source: str
    identity: str
    licence: str


SESSION = {"session": True}


def is_session(field: dataclasses.Field[Any]) -> bool:
    """Whether a field of the configuration may differ when the same run goes on."""
    return bool(field.metadata.get("session"))


@dataclass(frozen=True, kw_only=True)
class TrainConfig(DirectOptions):
    """Everything that decides a run: the direct options, and here what follows from the others.

    Images are counted in integers: no float places a tick. What is marked as of the session may
    differ when the same run goes on: how long, how often, on what.
    """

    dataset: DatasetFacts
    cfg: str
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    total_images: int = field(metadata=SESSION)
    tick_images: int = field(metadata=SESSION)
    batch: int
    micro_batch: int = field(metadata=SESSION)
    gamma: float  # R1 weight
    glr: float
    dlr: float
    aug_p: float  # where p starts (ada), or stays (fixed)
    aug_ramp_images: int
    ema_images: int  # half-life of the generator's moving average
    ema_rampup: float
    style_mixing: float  # probability
    pl_weight: float
    pl_interval: int
    blur_sigma: float
    blur_fade_images: int
    preset: str | None = field(metadata=SESSION)
    parent: Parent | None
    device: str = field(metadata=SESSION)
    holdout: float  # share of the data set that is never shown, to judge by
    holdout_rule: int = RULE  # that says which images these are
    start_images: int = 0  # of the first stage, by `start`
    changes: tuple[Change, ...] = ()  # made in the middle of the run, oldest first

    def at(self, images: int) -> TrainConfig:
        """What the step after so many images is done by: as here, without the later changes."""
        undone = [change for change in self.changes if change.images > images]
        return self._without(undone) if undone else self

    def original(self) -> TrainConfig:
        """What the run began with."""
        return self._without(self.changes)

    def _without(self, undone: Sequence[Change]) -> TrainConfig:
        values: dict[str, Any] = {}
        for change in reversed(undone):  # the oldest says last what was before
            values |= {name: before for name, before, _ in change.values}
        batch = values.get("batch", self.batch)
        return dataclasses.replace(
            self,
            **values,
            micro_batch=math.gcd(self.micro_batch, batch),
            changes=self.changes[: len(self.changes) - len(undone)],
        )

    def to_json(self) -> dict[str, Any]:
        document = dataclasses.asdict(self)
        document["generator"] = architecture.to_json(self.generator)
        document["discriminator"] = architecture.to_json(self.discriminator)
        document["changes"] = [change.to_json() for change in self.changes]
        return document

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> TrainConfig:
        """The config that `to_json` wrote; a direct option that it lacks has its default. The
        images of a run from before there were rules are held out by the first.

        UsageError for an unknown or missing key.
        """
        values = {"holdout_rule": 1, **document}
        try:
            dataset = values["dataset"]
            names = {key: tuple(dataset.get(key, ())) for key in ("classes", "conditions")}
            values["dataset"] = DatasetFacts(**dataset | names)
            values["parent"] = Parent(**values["parent"]) if values["parent"] else None
            values["metrics"] = tuple(values["metrics"])
            values["generator"] = architecture.from_json(values["generator"])
            values["discriminator"] = architecture.from_json(values["discriminator"])
            values["changes"] = tuple(map(Change.from_json, values.get("changes", ())))
            return TrainConfig(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise UsageError(f"the training options are not from this version: {exc}") from exc

    def decisive(self) -> dict[str, Any]:
        """What must be equal for a run to be continued: all that changes the result of a step.

        Of the values here, not of those before the changes.
        """
        document = self.to_json()
        for one in dataclasses.fields(self):
            if is_session(one):
                del document[one.name]
        # A data set is its images: its fingerprint says which, whatever the file is called today.
        for fact in ("path", "name", "conditions", "art_colours", "flat_art"):
            del document["dataset"][fact]
        del document["changes"]
        if document["start"]:  # its length, said or not, is in `start_images`
            document["start"] = document["start"].partition(":")[0]
        if document["parent"]:
            del document["parent"]["source"]
        return document
