"""What networks of one size take over from trained ones of another size or with other labels.

StyleGAN2's image is a sum over its resolutions (Karras et al. 2020, fig. 7), so that it grows
without a seam: new blocks add nothing at first. The discriminator's new blocks hand on the halved
image, and the old ones judge it as before. A StyleGAN3 has its whole schedule of rates from the
size: there only the layers of the same place and shape are kept.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from torch import Tensor

from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN2Config
from nftgan.networks.labelling import labelled
from nftgan.networks.protocols import Discriminator, Generator

Tensors = dict[str, Tensor]
ENLARGED = "at first G draws the parent's images, enlarged"
HALVED = "at first D judges the halved image, as the parent did"
LABELLED = "at first every label is as no label to the parent"
SLOPE = 0.2  # of the leaky ReLU
_NUMBERED = re.compile(r"^synthesis\.(L\d+)_\d+_\d+\.")


@dataclass(frozen=True)
class Inheritance:
    """Tensors by their name in the new network; what stands in neither keeps its fresh value."""

    kept: Tensors = field(default_factory=dict)  # the parent's
    made: Tensors = field(default_factory=dict)  # so that the new parts change nothing at first
    misshapen: frozenset[str] = frozenset()  # there in both, of different shape
    designed: frozenset[str] = frozenset()  # follow from the new size: not learnt, so not new
    words: tuple[str, ...] = ()  # what the made ones lead to


def inherited(
    parent: Generator | Discriminator | None, fresh: Generator | Discriminator
) -> Inheritance:
    """What `fresh` begins with, of a parent of any size; nothing without one."""
    if parent is None:
        return Inheritance()
    before, now = parent.config, fresh.config
    theirs, ours = parent.state_dict(), fresh.state_dict()
    same_side = before.img_resolution == now.img_resolution
    found = {_place(name): tensor for name, tensor in theirs.items()}
    kept: Tensors = {}
    misshapen, designed = set(), set()
    for name, tensor in ours.items():
        known = found.get(_place(name))
        if name.endswith("_filter") and not same_side:
            designed.add(name)
        elif known is not None and known.shape == tensor.shape:
            kept[name] = known
        elif known is not None:
            misshapen.add(name)
    made: Tensors = {}
    words: list[str] = []
    if before.img_channels == now.img_channels and before.img_resolution < now.img_resolution:
        if isinstance(before, DiscriminatorConfig) and isinstance(now, DiscriminatorConfig):
            made = _handing_on(theirs, ours, before, now)
            words = [HALVED] if made else []
        elif isinstance(before, StyleGAN2Config) and isinstance(now, StyleGAN2Config):
            made, words = _adding_nothing(ours, before.img_resolution), [ENLARGED]
    if for_labels := labelled(parent, fresh):
        made |= for_labels
        words.append(LABELLED)
    misshapen -= made.keys()
    return Inheritance(kept, made, frozenset(misshapen), frozenset(designed), tuple(words))


def _place(name: str) -> str:
    """A layer of a StyleGAN3 by its number alone: its name tells size and width too."""
    return _NUMBERED.sub(r"synthesis.\1.", name)


def _adding_nothing(ours: Tensors, side: int) -> Tensors:
    """ToRGB of the blocks above `side` at zero: the image is the parent's, enlarged."""
    made = {}
    for name, tensor in ours.items():
        block = re.match(r"synthesis\.b(\d+)\.torgb\.(weight|bias)$", name)
        if block and int(block[1]) > side:
            made[name] = tensor.new_zeros(tensor.shape)
    return made


def _handing_on(
    theirs: Tensors, ours: Tensors, before: DiscriminatorConfig, now: DiscriminatorConfig
) -> Tensors:
    """New blocks that halve the image, of which the last one sees it as the old FromRGB did.

    A leaky ReLU passes x unharmed when it has x and -x beside each other: a pair of channels for
    each colour. All other channels keep their fresh values and reach nothing yet. Nothing is made
    where a block is too narrow for the pairs.
    """
    colours = now.img_channels
    old = before.img_resolution
    sides = [now.img_resolution]
    while sides[-1] > 2 * old:
        sides.append(sides[-1] // 2)
    if any(len(ours[f"b{side}.conv0.weight"]) < 2 * colours for side in sides):
        return {}
    residual = math.sqrt(0.5) if now.architecture == "resnet" else 1.0
    eye = ours[f"b{sides[0]}.fromrgb.weight"].new_zeros(2 * colours, colours)
    for i in range(colours):
        eye[i, i], eye[i + colours, i] = 1.0, -1.0  # [2 C, C]: x above -x
    made: Tensors = {}
    first = f"b{sides[0]}.fromrgb"
    made[f"{first}.weight"] = ours[f"{first}.weight"].clone()
    made[f"{first}.weight"][: 2 * colours, :, 0, 0] = eye * math.sqrt(colours)
    seen = theirs[f"b{old}.fromrgb.weight"][:, :, 0, 0].to(eye) / math.sqrt(colours)
    for side in sides:
        name = f"b{side}"
        made[f"{name}.conv0.weight"] = _reading(ours[f"{name}.conv0.weight"], eye)
        last = side == 2 * old
        wanted = (seen if last else eye) / residual
        made[f"{name}.conv1.weight"] = _reading(ours[f"{name}.conv1.weight"], wanted)
        if last:
            bias = theirs[f"b{old}.fromrgb.bias"].to(eye)
            made[f"{name}.conv1.bias"] = bias / residual
        if f"{name}.skip.weight" in ours:
            made[f"{name}.skip.weight"] = ours[f"{name}.skip.weight"].clone()
            made[f"{name}.skip.weight"][: len(wanted)] = 0
    return made


def _reading(fresh: Tensor, wanted: Tensor) -> Tensor:
    """A convolution [O, I, 3, 3] whose first outputs are `wanted` [R, C] of the pixel's colours.

    The input has each colour and its negative as a pair, after the activation and its gain.
    """
    rows, colours = wanted.shape
    weight = fresh.clone()
    gain = 1 / math.sqrt(weight[0].numel())
    # leaky(x) - leaky(-x) is (1 + slope) x
    scaled = wanted / ((1 + SLOPE) * math.sqrt(2) * gain)
    weight[:rows] = 0
    weight[:rows, :colours, 1, 1] = scaled
    weight[:rows, colours : 2 * colours, 1, 1] = -scaled
    return weight
