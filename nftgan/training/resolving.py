"""From the options that were given to the complete config of a run: option > preset > default."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from nftgan.dataset.holdout import default_fraction
from nftgan.errors import UsageError
from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN3Config
from nftgan.networks.families import GeneratorConfig, family_named, training_rules
from nftgan.training import schedule
from nftgan.training.config import DatasetFacts, Parent, TrainConfig
from nftgan.training.options import OPTIONS, TrainOptions, checked, split_amount
from nftgan.training.parent import (
    Architectures,
    about_labels,
    architecture_options,
    check_architecture,
    is_of_preset,
    parent_of,
)
from nftgan.training.presets import PRESETS, default_preset

FIRST_STOPBAND_REL = 2**1.1  # StyleGAN3 paper: stopband over cutoff of the first layer
START_KIMG = 8.0
"""Length of the first stage where `start` does not say it."""
T = TypeVar("T")


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
        parent, architectures = parent_of(chosen.resume, dataset, notes)
    if architectures:
        check_architecture(asked, *architectures)
    cfg = architectures[0].kind if architectures else chosen.cfg or default_cfg(dataset)
    c_dim = _c_dim(chosen.conditional, dataset)
    if architectures and architectures[0].c_dim != c_dim:
        # What a label enters by is new then; `transfer` says so, and takes over all else.
        notes.append(about_labels(architectures[0].c_dim, c_dim))
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
        if asked.preset is not None and not is_of_preset(answers, asked.preset):
            notes.append(
                f"the networks are those of the model to start from, not of preset {asked.preset},"
                " which decides batch, rates and length"
            )
    config = _config(chosen, dataset, parent, generator, discriminator)
    if dataset.channels == 4:
        notes.append(
            "the art is transparent, so is what the model will draw; only the filter contour and"
            " effects of plugins take opaque images (prepare without --alpha makes such art)"
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


def _check_freezed(freezed: int, discriminator: DiscriminatorConfig) -> None:
    blocks = discriminator.img_resolution.bit_length() - 3
    layers = 3 * blocks + 1 if discriminator.architecture == "resnet" else 2 * blocks + 1
    if freezed > layers:
        raise UsageError(
            f"freezed must be between 0 and {layers}, the layers of this discriminator, not"
            f" {freezed}"
        )
