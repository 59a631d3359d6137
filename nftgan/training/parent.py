"""What a run keeps of the model that it starts from: its networks, at the size of the art."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from nftgan.errors import UsageError
from nftgan.networks.architecture import DiscriminatorConfig
from nftgan.networks.families import GeneratorConfig, training_rules
from nftgan.training.config import DatasetFacts, Parent
from nftgan.training.options import OPTIONS, TrainOptions
from nftgan.training.presets import PRESETS

OF_STYLEGAN3 = ("num_layers", "margin_size", "first_cutoff")
Architectures = tuple[GeneratorConfig, DiscriminatorConfig]


def parent_of(
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


def architecture_options(
    generator: GeneratorConfig, discriminator: DiscriminatorConfig
) -> dict[str, Any]:
    """The options as these networks answer them; those of StyleGAN3 alone are None for others."""
    wide = 2 if generator.kind == "stylegan3-r" else 1  # as `resolving` widens it
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


def check_architecture(
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


def is_of_preset(answers: Mapping[str, Any], preset: str) -> bool:
    """Whether networks are the size that the preset has."""
    wanted = dataclasses.asdict(PRESETS[preset])
    return all(
        wanted[name] == value
        for name, value in answers.items()
        if name in wanted and value is not None
    )


def about_labels(before: int, now: int) -> str:
    """What becomes of the classes that a model knows, where the art has other ones, in words."""
    if not now:
        return "labels, which the model to start from knows, are not used: its first layers are new"
    if not before:
        return f"the model to start from knows no labels: what learns the {now} of the art is new"
    return (
        f"the model to start from knows {before} classes, the art has {now}: what knows them is new"
    )
