"""Families of generators by the kind that a config names: the core's own, and those of plugins.

Nothing of torch is loaded until a network is built. A kind is for ever: whoever changes what one
computes gives it a new name, since a recipe names a model and a model its kind.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nftgan import plugins
from nftgan.errors import NftganError, UsageError

if TYPE_CHECKING:
    from nftgan.networks.protocols import Generator

GROUP = "nftgan.networks"
TRAINED_KINDS = ("stylegan3-t", "stylegan3-r", "stylegan2")
KINDS = (*TRAINED_KINDS, "stylegan1")
"""The core's own. The rest is opened, rendered and verified, but not trained."""
plugins.register(
    GROUP,
    {kind: f"nftgan.networks.own_families:{kind.upper().replace('-', '_')}" for kind in KINDS},
)

Shapes = dict[str, tuple[int, ...]]
LayerCost = tuple[int, int, int]
"""Multiply-adds, filtered samples, bytes: of one layer and one image in float64."""


@dataclass(frozen=True)
class GeneratorConfig:
    """What every generator has; a family's config is a frozen dataclass that adds its own.

    Plain values only: it becomes JSON and comes back.
    """

    img_resolution: int  # pixels a side
    kind: str = ""
    z_dim: int = 512
    c_dim: int = 0  # classes; 0 is unconditional
    w_dim: int = 512
    img_channels: int = 3
    mapping_layers: int = 8
    channel_base: int = 32768  # capacity
    channel_max: int = 512
    num_fp16_res: int = 4  # on a GPU only


@dataclass(frozen=True)
class TrainingRules:
    """What training takes for a family where nobody says otherwise."""

    gamma: float = 0.001  # R1 weight per squared pixel side and per 1/batch
    glr: float = 0.0025  # learning rate of the generator
    mapping_layers: int = 2
    style_mixing: float = 0.0  # probability
    pl_weight: float = 0.0  # of the path length penalty
    blurred: bool = False  # D sees blurred images in the beginning


@dataclass(frozen=True)
class Family:
    """What an entry of the group is; its name is the kind.

    build: a config → the generator with fresh weights, on the CPU, its parameters from torch's
    random state alone. shapes: a config → every tensor of its state dict by name, worked out
    without building it; UsageError for values that none can have. num_ws: styles that it takes.
    layer_costs: what an image costs, so that a bomb is told from a model. training: None for
    networks that are only opened and rendered.
    """

    config: type[GeneratorConfig]
    build: Callable[[Any], Generator]
    shapes: Callable[[Any], Shapes]
    num_ws: Callable[[Any], int]
    layer_costs: Callable[[Any, Shapes], list[LayerCost]]
    training: TrainingRules | None = TrainingRules()

    def new_config(self, **values: Any) -> GeneratorConfig:
        return self.config(**values)


@functools.cache
def family_named(kind: str) -> Family:
    """The family of `kind`. Raises MissingPlugin where none is, PluginError for a broken one."""
    known = plugins.parts(GROUP)
    if kind not in known:
        close = difflib.get_close_matches(kind, known, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
        raise plugins.MissingPlugin(f"unknown network kind {kind!r:.80}", hint=hint)
    family = known[kind].load()
    if not isinstance(family, Family) or not issubclass(family.config, GeneratorConfig):
        raise known[kind].broken("a family is a Family of nftgan.networks.families")
    return family


def of_family(config: GeneratorConfig, what: str, *more: Any) -> Any:
    """What the family of `config` gives for `what`, a field of `Family` that can be called.

    Raises PluginError for whatever a plugin's code raises, and its own errors.
    """
    family = family_named(config.kind)
    part = plugins.parts(GROUP)[config.kind]
    try:
        return getattr(family, what)(config, *more)
    except NftganError:
        raise
    except Exception as exc:
        if part.is_core:
            raise
        raise part.broken(exc) from exc


def training_rules(kind: str) -> TrainingRules:
    """How networks of `kind` are trained. UsageError where they are only opened and rendered."""
    rules = family_named(kind).training
    if rules is None:
        raise UsageError(
            f"networks of the kind {kind} are opened and rendered, but not trained",
            hint=f"train others, without --resume: --cfg {' or '.join(TRAINED_KINDS)}",
        )
    return rules
