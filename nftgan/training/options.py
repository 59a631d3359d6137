"""Every option of training, one line each: type, default, range, help, group.

The command line, the checks, the table in the manual and `--dry-run` are made from these lines.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nftgan import plugins
from nftgan.errors import UsageError
from nftgan.networks.families import TRAINED_KINDS
from nftgan.training.pipes import PIPES

CFGS = TRAINED_KINDS
AUGMENTS = ("ada", "fixed", "none")
LOSSES = ("logistic", "relativistic")
plugins.register(
    "nftgan.losses", {name: f"nftgan.training.losses:{name.upper()}" for name in LOSSES}
)
METRICS = ("kid",)
STARTS = ("autoencoder",)
WATCHDOGS = ("warn", "stop")
PRESET_NAMES = ("tiny", "small", "128", "256", "512", "1024")

START, LENGTH, LEARNING = "Where it starts", "Length and records", "Learning"
AUGMENTATION, NETWORKS, MACHINE = "Augmentation", "Networks", "Machine"
GROUPS = (START, LENGTH, LEARNING, AUGMENTATION, NETWORKS, MACHINE)


@dataclass(frozen=True)
class Range:
    """Numbers that an option takes: from `least` to `most`, without `least` itself if `open`."""

    least: float = 0.0
    most: float = math.inf
    open: bool = False

    def __contains__(self, value: float) -> bool:
        above = self.least < value if self.open else self.least <= value
        return above and value <= self.most and math.isfinite(value)

    def __str__(self) -> str:
        if self.most < math.inf:
            return f"between {self.least:g} and {self.most:.16g}"
        floor = "zero" if self.least == 0 else f"{self.least:g}"
        return f"above {floor}" if self.open else f"{floor} or above"


POSITIVE = Range(open=True)
NOT_NEGATIVE = Range()
SHARE = Range(0, 1)


@dataclass(frozen=True)
class Option:
    """What is known of one option."""

    name: str
    kind: str  # a key of _TYPES
    default: Any
    help: str
    group: str
    range: Range | None
    choices: tuple[str, ...]
    more: str  # the group of plugins that add choices
    unset: str  # what decides when it is not given
    session: bool  # may differ when the same run goes on: it changes no step's result
    change: bool  # may be changed in the middle of a run, which keeps all its state
    flag: str | None  # on the command line, without dashes; None: for Python only
    parse: Callable[[str], Any] | None  # of a text on the command line
    text: str  # the default as it is written there, where `parse` reads it
    amount: Range | None  # a choice may be followed by a colon and a number in it
    first: bool  # one of those that most runs need: its words stand in the short help

    def _known(self) -> tuple[str, ...]:
        added = plugins.parts(self.more) if self.more else ()
        return (*self.choices, *(name for name in added if name not in self.choices))

    @property
    def python(self) -> type:
        """The type of one value."""
        return _TYPES[self.kind].python

    def check(self, value: Any) -> Any:
        """The value in its type. Raises UsageError for one that cannot be."""
        value = _TYPES[self.kind].convert(self.name, value)
        for one in value if isinstance(value, tuple) else (value,):
            if self.choices:
                what = "metric" if self.name == "metrics" else self.name
                check_choice(what, self._without_amount(one), self._known())
            if self.range and one not in self.range:
                raise UsageError(f"{self.name} must be {self.range}, not {one}")
        return value

    def _without_amount(self, value: str) -> str:
        name, amount = split_amount(self.name, value) if self.amount else (value, None)
        if amount is not None and self.amount and amount not in self.amount:
            raise UsageError(f"the number in {self.name} {value} must be {self.amount}")
        return name


def split_amount(option: str, value: str) -> tuple[str, float | None]:
    """`NAME:NUMBER` as both, NAME alone with None. Raises UsageError for what is no number."""
    name, colon, amount = value.partition(":")
    try:
        return name, float(amount) if colon else None
    except ValueError:
        raise UsageError(f"{option} {value}: what follows the colon is no number") from None


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise UsageError(f"{name} must be a whole number, not {value!r}")
    return int(value)


def _number(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise UsageError(f"{name} must be a number, not {value!r}")
    return value if isinstance(value, int) else float(value)


def _yes_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be True or False, not {value!r}")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name} must be a name, not {value!r}")
    return value


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise UsageError(f"{name} must be a list of names, not {value!r}")
    return tuple(_text(name, one) for one in value)


@dataclass(frozen=True)
class _Type:
    convert: Callable[[str, Any], Any]
    python: type


_TYPES = {
    "int": _Type(_whole, int),
    "float": _Type(_number, float),
    "bool": _Type(_yes_no, bool),
    "str": _Type(_text, str),
    "tuple[str, ...]": _Type(_names, str),
}


def _auto_or_number(text: str) -> float | None:
    try:
        return None if text == "auto" else float(text)
    except ValueError:
        raise UsageError(f"--gamma {text!r} is neither a number nor auto") from None


def _none_or_names(text: str) -> tuple[str, ...]:
    return () if text == "none" else tuple(text.split(","))


def option(
    default: Any,
    group: str,
    help: str,
    range: Range | None = None,
    *,
    choices: tuple[str, ...] = (),
    more: str = "",
    unset: str = "",
    session: bool = False,
    change: bool = False,
    flag: str | None = "",
    parse: Callable[[str], Any] | None = None,
    text: str = "",
    amount: Range | None = None,
    first: bool = False,
) -> Any:
    """The field of one option; `flag` "" spells it as the name does. See `Option`."""
    about = {
        "group": group,
        "help": help.replace("{choices}", _or(choices)),
        "range": range,
        "choices": choices,
        "more": more,
        "unset": unset,
        "session": session,
        "change": change,
        "flag": flag,
        "parse": parse,
        "text": text,
        "amount": amount,
        "first": first,
    }
    return dataclasses.field(default=default, metadata=about)


def _or(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}" if len(names) > 1 else "".join(names)


# fmt: off
@dataclass(frozen=True, kw_only=True)
class DirectOptions:
    """Options that a run's record has as they are given; a new one needs nothing but its line.

    Whoever uses it reads `config.NAME`. Its default must be what older versions did.
    """

    start: str | None = option(None, START, "Train G first as the decoder of an {choices}, for 8 kimg or as :KIMG says.", choices=STARTS, amount=POSITIVE, unset="against D at once")
    snap: int = option(5, LENGTH, "Ticks between snapshots.", POSITIVE, session=True)
    keep: int = option(20, LENGTH, "Networks kept, spread over the run.", POSITIVE, session=True)
    hours: float | None = option(None, LENGTH, "Stop, resumably, after this time.", POSITIVE, unset="no limit", session=True, first=True)
    metrics: tuple[str, ...] = option(("kid",), LENGTH, "kid: against the art held out, at each snapshot; or none.", choices=METRICS, session=True, parse=_none_or_names, text="kid")
    watchdog: str = option("warn", LENGTH, "When the run is lost: {choices}.", choices=WATCHDOGS, session=True)
    tensorboard: bool = option(False, LENGTH, "Also write event files for TensorBoard.", session=True)
    state_seconds: float = option(300.0, LENGTH, "Seconds between saves of the full state.", NOT_NEGATIVE, session=True, flag=None)
    loss: str = option("logistic", LEARNING, "{choices} (R3GAN, with R1 and R2).", choices=LOSSES, more="nftgan.losses")
    r1_interval: int = option(16, LEARNING, "Steps between penalties of the discriminator.", POSITIVE, flag=None)
    mirror: bool = option(False, LEARNING, "Also show mirrored art.", first=True)
    seed: int = option(0, LEARNING, "Everything random follows from it.", Range(0, 2**53 - 1), first=True)
    aug: str = option("ada", AUGMENTATION, "How often D sees altered images: {choices}.", choices=AUGMENTS)
    augpipe: str = option("art", AUGMENTATION, "How they are altered: {choices}.", choices=tuple(PIPES), more="nftgan.augmentations")
    aug_target: float = option(0.6, AUGMENTATION, "Sign of D on the art that ada steers for.", SHARE, change=True)
    aug_cap: float = option(0.8, AUGMENTATION, "Probability that ada never exceeds.", SHARE, change=True)
    recompute: bool = option(False, MACHINE, "Less memory, more time; the same result.", session=True)
    exact: bool = option(True, MACHINE, "On a GPU: a resumed run ends as an undisturbed one.", session=True)
    threads: int | None = option(None, MACHINE, "Threads of the processor.", POSITIVE, unset="PyTorch's", session=True, flag=None)


@dataclass(frozen=True, kw_only=True)
class TrainOptions(DirectOptions):
    """And those that are completed: by the preset, the networks, the data set or the machine."""

    cfg: str | None = option(None, START, "The networks: {choices}.", choices=CFGS, more="nftgan.networks", unset="stylegan2 for pixel art, else stylegan3-t", first=True)
    preset: str | None = option(None, START, "Size of the networks and of a batch: {choices}.", choices=PRESET_NAMES, unset="the one for the data set's size", first=True)
    resume: str | None = option(None, START, "Fine-tune this model ('base': the one shipped), or go on with this run.", unset="from noise", first=True)
    kimg: float | None = option(None, LENGTH, "Length in thousands of images.", POSITIVE, unset="the preset", session=True, first=True)
    tick: float | None = option(None, LENGTH, "Thousands of images between ticks.", POSITIVE, unset="the preset", session=True)
    holdout: float | None = option(None, LENGTH, "Share of the art never shown, to judge by.", Range(0, 0.5), unset="by the number of images")
    batch: int | None = option(None, LEARNING, "Images per step.", POSITIVE, unset="the preset", change=True)
    gamma: float | None = option(None, LEARNING, "R1 weight; auto follows resolution and batch.", NOT_NEGATIVE, unset="the preset, else size and batch", parse=_auto_or_number, text="auto", change=True)
    glr: float | None = option(None, LEARNING, "Generator learning rate.", POSITIVE, unset="the preset, else the networks", change=True)
    dlr: float | None = option(None, LEARNING, "Discriminator learning rate.", POSITIVE, unset="the preset, else 0.002", change=True)
    ema_kimg: float | None = option(None, LEARNING, "Half-life of the average.", NOT_NEGATIVE, unset="the preset", change=True)
    conditional: bool | None = option(None, LEARNING, "Train by class.", unset="if there are labels", flag="cond")
    freezed: int = option(0, LEARNING, "Freeze the first N discriminator layers.", NOT_NEGATIVE)
    aug_p: float | None = option(None, AUGMENTATION, "Augmentation probability to start from, or fixed.", SHARE, unset="0, fixed 0.2")
    cbase: int | None = option(None, NETWORKS, "Channels of the finest layers.", POSITIVE, unset="the preset")
    cmax: int | None = option(None, NETWORKS, "Channels of the coarsest layers.", POSITIVE, unset="the preset")
    map_depth: int | None = option(None, NETWORKS, "Layers of the mapping network.", POSITIVE, unset="the networks: 2 or 8")
    mbstd_group: int = option(4, NETWORKS, "Images compared by the minibatch deviation.", POSITIVE)
    d_cbase: int | None = option(None, NETWORKS, "cbase of the discriminator.", POSITIVE, unset="the preset", flag=None)
    d_cmax: int | None = option(None, NETWORKS, "cmax of the discriminator.", POSITIVE, unset="the preset", flag=None)
    z_dim: int | None = option(None, NETWORKS, "Length of a latent.", POSITIVE, unset="the preset", flag=None)
    w_dim: int | None = option(None, NETWORKS, "Length of a style.", POSITIVE, unset="the preset", flag=None)
    num_layers: int | None = option(None, NETWORKS, "Layers of StyleGAN3.", POSITIVE, unset="the preset", flag=None)
    margin_size: int | None = option(None, NETWORKS, "Samples around the image, StyleGAN3.", NOT_NEGATIVE, unset="the preset", flag=None)
    first_cutoff: float | None = option(None, NETWORKS, "Cycles per image of the finest input wave, StyleGAN3.", POSITIVE, unset="the preset", flag=None)
    micro_batch: int | None = option(None, MACHINE, "Images in memory at once.", POSITIVE, unset="the preset", session=True)
    device: str | None = option(None, MACHINE, "cpu or cuda.", unset="what is there", session=True, first=True)
# fmt: on


def options() -> tuple[Option, ...]:
    """All, by group."""
    hints = typing.get_type_hints(TrainOptions)
    found = [
        Option(
            name=field.name,
            kind=_type_name(hints[field.name]),
            default=field.default,
            **{**field.metadata, "flag": _flag(field)},
        )
        for field in dataclasses.fields(TrainOptions)
    ]
    return tuple(sorted(found, key=lambda one: GROUPS.index(one.group)))


def _type_name(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        return "tuple[str, ...]"
    kinds = [kind for kind in (typing.get_args(hint) or (hint,)) if kind is not type(None)]
    return str(kinds[0].__name__)


def _flag(field: dataclasses.Field[Any]) -> str | None:
    flag = field.metadata["flag"]
    return field.name.replace("_", "-") if flag == "" else flag


OPTIONS: Mapping[str, Option] = {one.name: one for one in options()}


def checked(given: Mapping[str, Any]) -> TrainOptions:
    """The options that are given, else defaults; None counts as not given.

    Raises UsageError for an unknown name, a wrong type, a value out of range or no choice.
    """
    values = {}
    for name, value in given.items():
        if name not in OPTIONS:
            near = difflib.get_close_matches(name, OPTIONS, 1)
            raise UsageError(
                f"there is no training option {name!r}",
                hint=f"did you mean {near[0]}?" if near else None,
            )
        if value is not None:
            values[name] = OPTIONS[name].check(value)
    return TrainOptions(**values)


def check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    """Raises UsageError, with the nearest one, for a `value` that is none of the choices."""
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, 1)
        lead = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"no {what} is called {value!r}", hint=f"{lead}choose one of {', '.join(choices)}"
        )
