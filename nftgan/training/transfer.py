"""How a fine-tuning run begins: with what fits of its parent, whatever the parent's size."""

from __future__ import annotations

from dataclasses import dataclass

from nftgan.networks.growing import inherited
from nftgan.networks.protocols import Discriminator, Generator
from nftgan.training.state import TrainState


@dataclass(frozen=True)
class Transfer:
    """What a fine-tuning run took over from its parent, by tensor name."""

    taken: tuple[str, ...]
    missing: tuple[str, ...]  # in this run's networks, not in the parent
    misshapen: tuple[str, ...]  # in both, of different shape
    made: tuple[str, ...] = ()  # new, so that a grown network does at first what its parent did
    before: int = 0  # pixels a side of the parent
    now: int = 0
    words: tuple[str, ...] = ()  # what the made ones lead to

    def __str__(self) -> str:
        left = [*self.missing, *self.misshapen]
        total = len(self.taken) + len(self.made) + len(left)
        said = [f"{len(self.taken)} of {total} tensors taken over"]
        if left:
            shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
            said.append(f"new: {shown}")
        elif not self.made:
            said = [f"all {total} tensors taken over"]
        if self.before != self.now:
            verb = "grown" if self.before < self.now else "shrunk"
            said.insert(0, f"{verb} from {self.before} to {self.now} pixels")
        return "; ".join([*said, *self.words])


def transfer(
    state: TrainState, generator: Generator, discriminator: Discriminator | None
) -> Transfer:
    """Start from a parent: its published generator becomes G and the average, its D becomes D.

    A tensor is taken where place and shape agree. Where the size is another, new parts begin so
    that they change nothing, if the networks allow it: see `networks/growing.py`. All else keeps
    its fresh value.
    """
    taken: list[str] = []
    made: list[str] = []
    missing: list[str] = []
    misshapen: list[str] = []
    words: list[str] = []
    for prefix, source, targets in (
        ("G", generator, (state.generator, state.g_ema)),
        ("D", discriminator, (state.discriminator,)),
    ):
        found = inherited(source, targets[0])
        words += [line for line in found.words if line not in words]
        for name in targets[0].state_dict():
            value = found.made.get(name, found.kept.get(name))
            if name in found.designed:
                continue
            if value is None:
                (misshapen if name in found.misshapen else missing).append(f"{prefix}.{name}")
                continue
            (made if name in found.made else taken).append(f"{prefix}.{name}")
            for target in targets:
                target.state_dict()[name].copy_(value)
    sides = generator.config.img_resolution, state.config.generator.img_resolution
    return Transfer(
        tuple(taken), tuple(missing), tuple(misshapen), tuple(made), *sides, tuple(words)
    )
