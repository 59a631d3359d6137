"""Which of several ways to compute the same thing on a GPU: chosen by measuring, or by default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

DENSE, GROUPED = "dense", "grouped"
IEEE, TF32X3 = "ieee", "tf32x3"


@dataclass(frozen=True)
class Choices:
    """Ways of a run on a GPU. Each gives the same function; they differ in rounding and time."""

    convolution: str = DENSE  # shared weights between scaled channels, or each sample's own
    channels_last: bool = True  # memory format of D's and StyleGAN2's layers in half precision
    exact: str = TF32X3  # how the filtered activation multiplies float32
    benchmark: bool = False  # cuDNN tries its algorithms for each new shape
    graphs: bool = False  # phases of a step are recorded once and replayed


_current = Choices()


def current() -> Choices:
    """What is in force in this process."""
    return _current


@contextmanager
def using(choices: Choices) -> Iterator[None]:
    """Within, `choices` are in force, for all threads."""
    global _current
    before, _current = _current, choices
    try:
        yield
    finally:
        _current = before
