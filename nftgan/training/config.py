"""Every choice of a training run as one frozen dataclass: the options, completed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nftgan.dataset.holdout import RULE, default_fraction
from nftgan.errors import UsageError
from nftgan.networks import architecture
from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN3Config
from nftgan.networks.families import GeneratorConfig, family_named, training_rules
from nftgan.noted_art import PixelArt
from nftgan.training import schedule
from nftgan.training.changes import Change
from nftgan.training.options import OPTIONS, DirectOptions, TrainOptions, checked, split_amount
from nftgan.training.presets import PRESETS, default_preset

if TYPE_CHECKING:
    from nftgan.dataset.archive import Dataset

FIRST_STOPBAND_REL = 2**1.1  # StyleGAN3 paper: stopband over cutoff of the first layer
OPTIONS_FILE = "training_options.json"
START_KIMG = 8.0
"""Length of the first stage where `start` does not say it."""
OF_STYLEGAN3 = ("num_layers", "margin_size", "first_cutoff")
Architectures = tuple[GeneratorConfig, DiscriminatorConfig]
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
    notes: tuple[str, ...] = ()  # for a person: what is taken over from the parent, what is not

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
    architecture is kept, at the data set's resolution, when its channels are those of the data
    set. UsageError names the first choice that cannot be, with what can.
    """
    return resolve_options(dataset, **options).config


def resolve_options(dataset: DatasetFacts, **options: Any) -> Resolved:
    """As `resolve`, with the options that the config was made from."""
    asked = chosen = checked(options)
    given = frozenset(name for name, one in OPTIONS.items() if getattr(chosen, name) != one.default)
    device = _device(chosen.device)
    name = chosen.preset or default_preset(dataset.resolution, device)
    chosen = dataclasses.replace(chosen, device=device, preset=name)
    chosen = _filled(chosen, dataclasses.asdict(PRESETS[name]))
    _check_against(chosen, dataset)
    parent: Parent | None = None
    architectures: Architectures | None = None
    notes: list[str] = []
    if chosen.resume is not None:
        parent, architectures = _parent(chosen.resume, dataset, notes)
    if architectures:
        _check_architecture(asked, *architectures)
    cfg = architectures[0].kind if architectures else chosen.cfg or default_cfg(dataset)
    c_dim = _c_dim(chosen.conditional, dataset)
    if architectures and architectures[0].c_dim != c_dim:
        # What a label enters by is new then; `transfer` says so, and takes over all else.
        notes.append(_about_labels(architectures[0].c_dim, c_dim))
        architectures = (
            dataclasses.replace(architectures[0], c_dim=c_dim),
            dataclasses.replace(architectures[1], c_dim=c_dim),
        )
    chosen = _filled(chosen, {"cfg": cfg} | _rules(cfg, chosen, dataset))
    generator, discriminator = architectures or (
        _generator(chosen, dataset, c_dim),
        _discriminator(chosen, dataset, c_dim),
    )
    _check_freezed(chosen.freezed, discriminator)
    discriminator = dataclasses.replace(
        discriminator,
        freeze_layers=chosen.freezed,
        mbstd_group_size=min(chosen.mbstd_group, _complete(chosen.batch)),
    )
    of_parent: frozenset[str] = frozenset()
    if architectures:
        answers = architecture_options(*architectures)
        chosen, of_parent = dataclasses.replace(chosen, **answers), frozenset(answers)
        if asked.preset is not None and not _is_of_preset(answers, asked.preset):
            notes.append(
                f"the networks are those of the model to start from, not of preset {asked.preset},"
                " which decides batch, rates and length"
            )
    config = _config(chosen, dataset, parent, generator, discriminator)
    if dataset.channels == 4:
        notes.append(
            "the art is transparent, so is what the model will draw: generate writes it, but"
            " collections, the studio, morph and project take opaque images (prepare without"
            " --alpha makes such art)"
        )
    if config.start_images:
        notes.append(
            f"the first {config.start_images / 1000:g} kimg: as an autoencoder, the last fifth of"
            " them the discriminator alone, without augmentation"
        )
    return Resolved(config, chosen, given, of_parent, tuple(notes))


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
    rules = training_rules(cfg)
    return {
        "gamma": schedule.auto_gamma(cfg, dataset.resolution, _complete(chosen.batch)),
        "glr": rules.glr,
        "dlr": 0.002,
        "aug_p": 0.2 if chosen.aug == "fixed" else 0.0,
        "map_depth": rules.mapping_layers,
        "conditional": dataset.label_count > 0,
        "holdout": default_fraction(dataset.images),
    }


def architecture_options(
    generator: GeneratorConfig, discriminator: DiscriminatorConfig
) -> dict[str, Any]:
    """The options as these networks answer them; those of StyleGAN3 alone are None for others."""
    wide = 2 if generator.kind == "stylegan3-r" else 1  # as `_generator` widens it
    values: dict[str, Any] = {
        "cfg": generator.kind,
        "cbase": generator.channel_base // wide,
        "cmax": generator.channel_max // wide,
        "z_dim": generator.z_dim,
        "w_dim": generator.w_dim,
        "map_depth": generator.mapping_layers,
        "d_cbase": discriminator.channel_base,
        "d_cmax": discriminator.channel_max,
        "conditional": generator.c_dim > 0,
    }
    return values | {name: getattr(generator, name, None) for name in OF_STYLEGAN3}


def _check_architecture(
    asked: TrainOptions, generator: GeneratorConfig, discriminator: DiscriminatorConfig
) -> None:
    """UsageError for an option that says something else than the networks to start from."""
    for name, value in architecture_options(generator, discriminator).items():
        wanted = getattr(asked, name)
        if name == "conditional" or wanted in (None, value):
            continue
        spelled = f"--{OPTIONS[name].flag}" if OPTIONS[name].flag else name
        has = (
            f"has {spelled.lstrip('-')} {value}" if value is not None else f"is a {generator.kind}"
        )
        if name == "cfg":
            has = f"is a {value}"
        raise UsageError(
            f"{spelled} {wanted} cannot be: the model to start from {has}, and its networks are"
            " kept",
            hint=f"leave {spelled} out, or leave --resume out and train from noise",
        )


def _is_of_preset(answers: Mapping[str, Any], preset: str) -> bool:
    """Whether networks are the size that the preset has."""
    wanted = dataclasses.asdict(PRESETS[preset])
    return all(
        wanted[name] == value
        for name, value in answers.items()
        if name in wanted and value is not None
    )


def _about_labels(before: int, now: int) -> str:
    if not now:
        return "labels, which the model to start from knows, are not used: its first layers are new"
    if not before:
        return f"the model to start from knows no labels: what learns the {now} of the art is new"
    return (
        f"the model to start from knows {before} classes, the art has {now}: what knows them is new"
    )


def _check_freezed(freezed: int, discriminator: DiscriminatorConfig) -> None:
    blocks = discriminator.img_resolution.bit_length() - 3
    layers = 3 * blocks + 1 if discriminator.architecture == "resnet" else 2 * blocks + 1
    if freezed > layers:
        raise UsageError(
            f"freezed must be between 0 and {layers}, the layers of this discriminator, not"
            f" {freezed}"
        )


def _config(
    chosen: TrainOptions,
    dataset: DatasetFacts,
    parent: Parent | None,
    generator: GeneratorConfig,
    discriminator: DiscriminatorConfig,
) -> TrainConfig:
    rules = training_rules(generator.kind)
    batch = _complete(chosen.batch)
    start_images = _start_images(chosen, parent)
    starts_blurred = rules.blurred and parent is None and not start_images
    same = {
        one.name: getattr(chosen, one.name)
        for one in dataclasses.fields(TrainConfig)
        if one.name in OPTIONS
    }
    follows: dict[str, Any] = {
        "micro_batch": min(_complete(chosen.micro_batch), batch),
        "total_images": max(round(_complete(chosen.kimg) * 1000), 1),
        "tick_images": max(round(_complete(chosen.tick) * 1000), 1),
        "aug_ramp_images": 100_000 if parent else 500_000,
        "ema_images": round(_complete(chosen.ema_kimg) * 1000),
        # Published programs switch the ramp off for a parent; then the average of a short
        # fine-tuning is mostly the parent: KID 1410 instead of 1178 after 4 kimg (docs).
        "ema_rampup": 0.25 if parent else 0.05,
        "style_mixing": rules.style_mixing,
        "pl_weight": rules.pl_weight,
        "pl_interval": 4,
        "blur_sigma": 10.0 if starts_blurred else 0.0,
        "blur_fade_images": batch * 200_000 // 32 if starts_blurred else 0,
        "parent": parent,
        "start_images": start_images,
    }
    return TrainConfig(
        dataset=dataset, generator=generator, discriminator=discriminator, **same | follows
    )


def _start_images(chosen: TrainOptions, parent: Parent | None) -> int:
    """Images of the first stage; UsageError for one that cannot be, or fills the whole run."""
    if chosen.start is None:
        return 0
    name, said = split_amount("start", chosen.start)
    if parent is not None:
        raise UsageError(
            f"a run starts as an {name} or from a model, not as both",
            hint="leave out --start or --resume",
        )
    kimg, whole = START_KIMG if said is None else said, _complete(chosen.kimg)
    if kimg >= whole:
        raise UsageError(
            f"--start {chosen.start} takes {kimg:g} kimg, and the run is to end at"
            f" {whole:g}: no image would be judged",
            hint=f"--kimg {10 * kimg:g}, or --start autoencoder:{whole / 5:g}",
        )
    return max(round(kimg * 1000), 1)


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
    family = family_named(_complete(chosen.cfg))
    if not issubclass(family.config, StyleGAN3Config):
        return family.new_config(**shared, channel_base=cbase, channel_max=cmax)
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
    source: str, dataset: DatasetFacts, notes: list[str]
) -> tuple[Parent, Architectures | None]:
    """Who the parent is, and its architecture at the size of the data set; None where colours
    differ, or the parent has no discriminator.

    notes: gets what a person should know of both.
    """
    from nftgan.networks.model_file import open_model

    model = open_model(source)
    parent = Parent(source, model.identity, str(model.meta.get("licence") or "unknown"))
    generator = model.generator_config
    training_rules(generator.kind)
    channels = generator.img_channels
    if channels != dataset.channels or model.discriminator_config is None:
        why = (
            f"the model to start from draws {_colours(channels)}, the art is"
            f" {_colours(dataset.channels)}"
            if channels != dataset.channels
            else "the model to start from has no discriminator"
        )
        notes.append(f"{why}: the networks are new, and take over what has the same shape")
        return parent, None
    names = (model.meta.get("conditioning") or {}).get("names")
    if generator.c_dim == dataset.label_count and isinstance(names, list) and dataset.classes:
        for number, (before, now) in enumerate(zip(names, dataset.classes, strict=False)):
            if before != now:
                notes.append(
                    f"class {number} is {before!r} in the model to start from, {now!r} in the art"
                )
                break
    theirs, side = generator.img_resolution, dataset.resolution
    if theirs != side:
        verb = "grown" if theirs < side else "shrunk"
        notes.append(f"the model to start from draws {theirs} pixels: it is {verb} to {side}")
    return parent, (
        dataclasses.replace(generator, img_resolution=side),
        dataclasses.replace(model.discriminator_config, img_resolution=side),
    )


def _colours(channels: int) -> str:
    words = {1: "in grey", 4: "in colour with transparency"}
    return words.get(channels, "in colour")


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
