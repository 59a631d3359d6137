"""Networks that learn labels, from trained ones that knew none: at first no label matters.

The latent and the judgement of the parent would be lost with the first layer of G's mapping and the
last one of D, whose shapes change with labels. Here they go on as they were, whatever the label.
"""

from __future__ import annotations

import math
import re

from torch import Tensor

from nftgan.networks.protocols import Discriminator, Generator

Tensors = dict[str, Tensor]
RATE = 0.01  # learning rate multiplier of a mapping's layers: what they compute by is so much less


def labelled(parent: Generator | Discriminator, fresh: Generator | Discriminator) -> Tensors:
    """Tensors of `fresh` with which it does what `parent` does, for each label; where only one of
    the two knows labels the other way round, or the networks are built otherwise, none.
    """
    if parent.config.c_dim or not fresh.config.c_dim:
        return {}
    theirs, ours = parent.state_dict(), fresh.state_dict()
    if "b4.out.weight" in ours:
        return _judged(theirs, ours)
    return _mapped(theirs, ours)


def _mapped(theirs: Tensors, ours: Tensors) -> Tensors:
    """The first layer reads z as before, and not yet the label beside it."""
    before, now = theirs.get("mapping.fc0.weight"), ours.get("mapping.fc0.weight")
    if before is None or now is None or len(before) != len(now):
        return {}
    width = before.shape[1]
    if now.shape[1] <= width or "mapping.embed.weight" not in ours:
        return {}
    made = now.new_zeros(now.shape)
    # A layer divides by the root of its inputs' number, which is larger now.
    made[:, :width] = before.to(now) * math.sqrt(now.shape[1] / width)
    return {"mapping.fc0.weight": made}


def _judged(theirs: Tensors, ours: Tensors) -> Tensors:
    """The logit is a sum over numbers, each times one of the label's: the first is the parent's
    logit times a constant, the others are zero until they have learnt.
    """
    before, now = theirs.get("b4.out.weight"), ours["b4.out.weight"]
    layers = [int(found[1]) for name in ours if (found := re.match(r"mapping\.fc(\d+)\.b", name))]
    if before is None or len(before) != 1 or before.shape[1] != now.shape[1] or not layers:
        return {}
    last = f"mapping.fc{max(layers)}"
    weight, bias = now.new_zeros(now.shape), now.new_zeros(len(now))
    weight[0], bias[0] = before[0], theirs["b4.out.bias"][0]
    mapped, constant = ours[f"{last}.weight"].clone(), ours[f"{last}.bias"].clone()
    mapped[0] = 0
    # The sum is divided by the root of its length; the activation multiplies by that of 2.
    constant[0] = math.sqrt(len(now) / 2) / RATE
    made = {"b4.out.weight": weight, "b4.out.bias": bias}
    return made | {f"{last}.weight": mapped, f"{last}.bias": constant}
