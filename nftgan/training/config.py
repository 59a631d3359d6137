"""Every choice of a training run as one frozen dataclass: the options, completed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from nftgan.dataset.holdout import default_fraction
from nftgan.errors import UsageError
from nftgan.networks import architecture
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    GeneratorConfig,
    StyleGAN2Config,
    StyleGAN3Config,
)
from nftgan.training import schedule
from nftgan.training.options import OPTIONS, DirectOptions, TrainOptions, checked
from nftgan.training.presets import PRESETS, default_preset

FIRST_STOPBAND_REL = 2**1.1  # StyleGAN3 paper: stopband over cutoff of the first layer
OPTIONS_FILE = "training_options.json"
T = TypeVar("T")


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
    pixel_grid: int = 0  # squares along a side of pixel art; 0: the art is none
    pixel_colours: int = 0  # of a typical image of pixel art

    @staticmethod
    def of(path: Path) -> DatasetFacts:
        from nftgan.dataset.archive import Dataset

        dataset = Dataset.open(path)
        art = dataset.notes.get("pixel_art") or {}
        return DatasetFacts(
            path=str(path),
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            images=len(dataset),
            resolution=dataset.resolution,
            channels=dataset.channels,
            label_count=dataset.label_count,
            classes=dataset.classes,
            pixel_grid=art.get("grid", 0),
            pixel_colours=art.get("colours", 0),
        )


@dataclass(frozen=True)
class Parent:
    """The model that a fine-tuning run starts from."""

    source: str
    identity: str
    licence: str


SESSION = {"session": True}


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

    def to_json(self) -> dict[str, Any]:
        document = dataclasses.asdict(self)
        document["generator"] = architecture.to_json(self.generator)
        document["discriminator"] = architecture.to_json(self.discriminator)
        return document

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> TrainConfig:
        """The config that `to_json` wrote; a direct option that it lacks has its default.

        UsageError for an unknown or missing key.
        """
        values = dict(document)
        try:
            dataset = values["dataset"]
            values["dataset"] = DatasetFacts(**dataset | {"classes": tuple(dataset["classes"])})
            values["parent"] = Parent(**values["parent"]) if values["parent"] else None
            values["metrics"] = tuple(values["metrics"])
            values["generator"] = architecture.from_json(values["generator"])
            values["discriminator"] = architecture.from_json(values["discriminator"])
            return TrainConfig(**values)
        except (KeyError, TypeError) as exc:
            raise UsageError(f"the training options are not from this version: {exc}") from exc

    def decisive(self) -> dict[str, Any]:
        """What must be equal for a run to be continued: all that changes the result of a step."""
        document = self.to_json()
        for one in dataclasses.fields(self):
            if one.metadata.get("session"):
                del document[one.name]
        del document["dataset"]["path"]
        if document["parent"]:
            del document["parent"]["source"]
        return document


@dataclass(frozen=True)
class OptionInUse:
    """One option as a run uses it."""

    name: str
    group: str
    value: Any
    decided_by: str


@dataclass(frozen=True)
class Resolved:
    """The config of a run, and the options that it was made from, complete."""

    config: TrainConfig
    options: TrainOptions
    given: frozenset[str]  # options that were given, and not as they are by default
    of_parent: frozenset[str]  # options that the architecture of the parent answers

    def in_use(self) -> tuple[OptionInUse, ...]:
        """Every option, by group, with its value and who decided it."""
        return tuple(
            OptionInUse(name, one.group, getattr(self.options, name), self._decided_by(name))
            for name, one in OPTIONS.items()
        )

    def _decided_by(self, name: str) -> str:
        if name in self.of_parent:
            return "the model to start from"
        return "given" if name in self.given else OPTIONS[name].unset or "default"


def default_cfg(dataset: DatasetFacts) -> str:
    """The generator that suits the art.

    StyleGAN3 is free of aliases because it draws nothing sharper than its pixels can carry, so that
    it rings at the hard edges of pixel art; StyleGAN2 draws them (docs/training.md has figures).
    """
    return "stylegan2" if dataset.pixel_grid else "stylegan3-t"


def resolve(dataset: DatasetFacts, **options: Any) -> TrainConfig:
    """One complete config: option > preset > default, checked against the data set.

    options: of `TrainOptions`; None is as good as none. `resume` names a model to start from; its
    architecture is kept when its resolution and channels are those of the data set. UsageError
    names the first choice that cannot be, with what can.
    """
    return resolve_options(dataset, **options).config


def resolve_options(dataset: DatasetFacts, **options: Any) -> Resolved:
    """As `resolve`, with the options that the config was made from."""
    chosen = checked(options)
    given = frozenset(name for name, one in OPTIONS.items() if getattr(chosen, name) != one.default)
    device = _device(chosen.device)
    name = chosen.preset or default_preset(dataset.resolution, device)
    chosen = dataclasses.replace(chosen, device=device, preset=name)
    chosen = _filled(chosen, dataclasses.asdict(PRESETS[name]))
    _check_against(chosen, dataset)
    parent = architectures = None
    if chosen.resume is not None:
        parent, architectures = _parent(chosen.resume, dataset)
    if architectures and chosen.cfg not in (None, architectures[0].kind):
        raise UsageError(
            f"the model to start from is a {architectures[0].kind}, not a {chosen.cfg}",
            hint="leave --cfg out, or leave --resume out and train from noise",
        )
    cfg = architectures[0].kind if architectures else chosen.cfg or default_cfg(dataset)
    c_dim = _c_dim(chosen.conditional, dataset)
    if architectures and architectures[0].c_dim != c_dim:
        # What a label enters by is new then; `transfer` says so, and takes over all else.
        architectures = (
            dataclasses.replace(architectures[0], c_dim=c_dim),
            dataclasses.replace(architectures[1], c_dim=c_dim),
        )
    chosen = _filled(chosen, {"cfg": cfg} | _rules(cfg, chosen, dataset))
    generator, discriminator = architectures or (
        _generator(chosen, dataset, c_dim),
        _discriminator(chosen, dataset, c_dim),
    )
    discriminator = dataclasses.replace(
        discriminator,
        freeze_layers=chosen.freezed,
        mbstd_group_size=min(chosen.mbstd_group, _complete(chosen.batch)),
    )
    of_parent: frozenset[str] = frozenset()
    if architectures:
        chosen, of_parent = _with_architecture(chosen, *architectures)
    config = _config(chosen, dataset, parent, generator, discriminator)
    return Resolved(config, chosen, given, of_parent)


def _complete(option: T | None) -> T:
    """An option that is complete by now."""
    assert option is not None
    return option


def _filled(chosen: TrainOptions, values: Mapping[str, Any]) -> TrainOptions:
    """The options, where none is given with the value here."""
    missing = {
        key: one for key, one in values.items() if key in OPTIONS and getattr(chosen, key) is None
    }
    return dataclasses.replace(chosen, **missing)


def _rules(cfg: str, chosen: TrainOptions, dataset: DatasetFacts) -> dict[str, Any]:
    """What follows from the networks, the batch and the data set where no preset says it."""
    stylegan2 = cfg == "stylegan2"
    return {
        "gamma": schedule.auto_gamma(cfg, dataset.resolution, _complete(chosen.batch)),
        "glr": 0.002 if stylegan2 else 0.0025,
        "dlr": 0.002,
        "aug_p": 0.2 if chosen.aug == "fixed" else 0.0,
        "map_depth": 8 if stylegan2 else 2,
        "conditional": dataset.label_count > 0,
        "holdout": default_fraction(dataset.images),
    }


def _with_architecture(
    chosen: TrainOptions, generator: GeneratorConfig, discriminator: DiscriminatorConfig
) -> tuple[TrainOptions, frozenset[str]]:
    """The options as the networks of the parent answer them, and which those are."""
    values: dict[str, Any] = {
        "cfg": generator.kind,
        "cbase": generator.channel_base,
        "cmax": generator.channel_max,
        "z_dim": generator.z_dim,
        "w_dim": generator.w_dim,
        "map_depth": generator.mapping_layers,
        "d_cbase": discriminator.channel_base,
        "d_cmax": discriminator.channel_max,
        "conditional": generator.c_dim > 0,
    }
    of_stylegan3 = ("num_layers", "margin_size", "first_cutoff")
    values |= {name: getattr(generator, name, None) for name in of_stylegan3}
    return dataclasses.replace(chosen, **values), frozenset(values)


def _config(
    chosen: TrainOptions,
    dataset: DatasetFacts,
    parent: Parent | None,
    generator: GeneratorConfig,
    discriminator: DiscriminatorConfig,
) -> TrainConfig:
    stylegan2 = generator.kind == "stylegan2"
    batch = _complete(chosen.batch)
    starts_blurred = generator.kind == "stylegan3-r" and parent is None
    same = {
        one.name: getattr(chosen, one.name)
        for one in dataclasses.fields(TrainConfig)
        if one.name in OPTIONS
    }
    follows: dict[str, Any] = {
        "micro_batch": min(_complete(chosen.micro_batch), batch),
        "total_images": round(_complete(chosen.kimg) * 1000),
        "tick_images": max(round(_complete(chosen.tick) * 1000), 1),
        "aug_ramp_images": 100_000 if parent else 500_000,
        "ema_images": round(_complete(chosen.ema_kimg) * 1000),
        # Published programs switch the ramp off for a parent; then the average of a short
        # fine-tuning is mostly the parent: KID 1410 instead of 1178 after 4 kimg (docs).
        "ema_rampup": 0.25 if parent else 0.05,
        "style_mixing": 0.9 if stylegan2 else 0.0,
        "pl_weight": 2.0 if stylegan2 else 0.0,
        "pl_interval": 4,
        "blur_sigma": 10.0 if starts_blurred else 0.0,
        "blur_fade_images": batch * 200_000 // 32 if starts_blurred else 0,
        "parent": parent,
    }
    return TrainConfig(
        dataset=dataset, generator=generator, discriminator=discriminator, **same | follows
    )


def _generator(chosen: TrainOptions, dataset: DatasetFacts, c_dim: int) -> GeneratorConfig:
    shared: dict[str, Any] = {
        "kind": chosen.cfg,
        "img_resolution": dataset.resolution,
        "img_channels": dataset.channels,
        "z_dim": chosen.z_dim,
        "w_dim": chosen.w_dim,
        "c_dim": c_dim,
        "num_fp16_res": 0 if chosen.device == "cpu" else 4,
        "mapping_layers": chosen.map_depth,
    }
    cbase, cmax = _complete(chosen.cbase), _complete(chosen.cmax)
    if chosen.cfg == "stylegan2":
        return StyleGAN2Config(**shared, channel_base=cbase, channel_max=cmax)
    radial = chosen.cfg == "stylegan3-r"
    first_cutoff = _complete(chosen.first_cutoff)
    return StyleGAN3Config(
        **shared,
        channel_base=cbase * (2 if radial else 1),
        channel_max=cmax * (2 if radial else 1),
        num_layers=_complete(chosen.num_layers),
        margin_size=_complete(chosen.margin_size),
        first_cutoff=first_cutoff,
        first_stopband=first_cutoff * FIRST_STOPBAND_REL,
        conv_kernel=1 if radial else 3,
        use_radial_filters=radial,
        magnitude_ema_beta=0.5 ** (_complete(chosen.batch) / 20_000),
    )


def _discriminator(chosen: TrainOptions, dataset: DatasetFacts, c_dim: int) -> DiscriminatorConfig:
    return DiscriminatorConfig(
        img_resolution=dataset.resolution,
        img_channels=dataset.channels,
        c_dim=c_dim,
        channel_base=_complete(chosen.d_cbase),
        channel_max=_complete(chosen.d_cmax),
        num_fp16_res=0 if chosen.device == "cpu" else 4,
    )


def _device(name: str | None) -> str:
    from nftgan.ops.device import device_named

    return device_named(name)


def _parent(
    source: str, dataset: DatasetFacts
) -> tuple[Parent, tuple[GeneratorConfig, DiscriminatorConfig] | None]:
    """Who the parent is, and its architecture where the data set has its shape."""
    from nftgan.networks.model_file import open_model

    model = open_model(source)
    parent = Parent(source, model.identity, str(model.meta.get("licence") or "unknown"))
    generator = model.generator_config
    fits = (generator.img_resolution, generator.img_channels) == (
        dataset.resolution,
        dataset.channels,
    )
    if not fits or model.discriminator_config is None:
        return parent, None
    return parent, (generator, model.discriminator_config)


def _c_dim(conditional: bool | None, dataset: DatasetFacts) -> int:
    """Classes that the networks know. Labels in a data set are used unless declined."""
    if conditional and dataset.label_count == 0:
        raise UsageError(
            f"{dataset.name} has no labels",
            hint="prepare it with --labels folders, or train without --cond",
        )
    return 0 if conditional is False else dataset.label_count


def _check_against(chosen: TrainOptions, dataset: DatasetFacts) -> None:
    """UsageError for a size, or for numbers that do not go together."""
    side = dataset.resolution
    if side < 8 or side & (side - 1):
        raise UsageError(
            f"{dataset.name} is {side} pixels wide; the networks need a power of two from 8 up",
            hint="prepare it again with --resolution 64, 128, 256 …",
        )
    batch, group = _complete(chosen.batch), chosen.mbstd_group
    micro = min(_complete(chosen.micro_batch), batch)
    if batch > 1 and batch % min(group, batch):
        raise UsageError(
            f"batch {batch} is not a multiple of mbstd_group {group}",
            hint=f"try --batch {max(batch // group, 1) * group}",
        )
    if micro % min(group, batch) or batch % micro:
        raise UsageError(
            f"micro_batch {micro} must divide batch {batch} and be a multiple of"
            f" mbstd_group {group}"
        )
