"""A run that goes on by its own record, with what is to change from now on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from nftgan.errors import UsageError
from nftgan.training.changes import Change
from nftgan.training.config import DatasetFacts, TrainConfig, is_session
from nftgan.training.options import OPTIONS, checked
from nftgan.training.parent import architecture_options
from nftgan.training.resolving import OptionInUse

ELSEWHERE = {"kimg": "total_images", "tick": "tick_images", "ema_kimg": "ema_images"}
"""Options in thousands of images, which the record has in images."""


def as_options(config: TrainConfig) -> dict[str, Any]:
    """Every option as the run uses it; `resume` as None, whatever the run was started from."""
    found: dict[str, Any] = architecture_options(config.generator, config.discriminator)
    found |= {
        "freezed": config.discriminator.freeze_layers,
        "mbstd_group": config.discriminator.mbstd_group_size,
        "resume": None,
    }
    found |= {name: getattr(config, field) / 1000 for name, field in ELSEWHERE.items()}
    return found | {name: getattr(config, name) for name in OPTIONS if name not in found}


def go_on(
    record: TrainConfig, dataset: DatasetFacts, given: Mapping[str, Any], *, images: int, by: str
) -> TrainConfig:
    """The run of `record` from `images` on: with the options given, and all others as they were.

    given: of `TrainOptions`; None is as good as none. What may change in the middle of a run is
    noted in `changes`. UsageError for an option that would make it another run.
    """
    from nftgan.ops.device import device_named

    asked = checked({name: value for name, value in given.items() if name != "resume"})
    now = as_options(record)
    session: dict[str, Any] = {"device": device_named(asked.device), "hours": asked.hours}
    changed: list[tuple[str, Any, Any]] = []
    for name, one in OPTIONS.items():
        value = getattr(asked, name)
        if value == one.default or name in session or value == now[name]:
            continue
        field = ELSEWHERE.get(name, name)
        if field != name:
            value = max(round(value * 1000), 0 if name == "ema_kimg" else 1)
        if one.change:
            changed.append((field, getattr(record, field), value))
        elif one.session and name != "preset":
            session[field] = value
        else:
            raise UsageError(
                f"{one.flag or name} is {_plain(now[name])} in this run, and cannot become"
                f" {_plain(value)} in its middle",
                hint="leave it out, or name one of the run's networks: --resume"
                " RUN/network-….safetensors starts a new run from it",
            )
    values = {name: after for name, _, after in changed}
    batch = values.get("batch", record.batch)
    _check_batch(batch, record.discriminator.mbstd_group_size or 1)
    micro = min(session.pop("micro_batch", record.micro_batch), batch)
    changes = record.changes
    if changed:
        changes += (Change(images, by, tuple(sorted(changed))),)
    return dataclasses.replace(
        record,
        dataset=dataset,
        **values,
        **session,
        micro_batch=_fitting(micro, batch, record),
        changes=changes,
    )


def with_record(record: TrainConfig, config: TrainConfig) -> TrainConfig:
    """The run of `record` with what is of the session from `config`, that of the same command."""
    session = {
        one.name: getattr(config, one.name)
        for one in dataclasses.fields(TrainConfig)
        if is_session(one)
    }
    session["micro_batch"] = _fitting(config.micro_batch, record.batch, record)
    return dataclasses.replace(record, dataset=config.dataset, parent=config.parent, **session)


def options_in_use(config: TrainConfig, given: Mapping[str, Any]) -> tuple[OptionInUse, ...]:
    """Every option of a run that goes on, by group, and whether it was given now."""
    now = as_options(config)
    return tuple(
        OptionInUse(
            name,
            one.group,
            now[name],
            "given" if given.get(name) not in (None, one.default) else "the run's record",
        )
        for name, one in OPTIONS.items()
    )


def _fitting(micro: int, batch: int, record: TrainConfig) -> int:
    """Images in memory at once, about `micro`: a divisor of the batch, in whole groups."""
    group = min(record.discriminator.mbstd_group_size or 1, batch)
    return max(math.gcd(micro, batch), group)


def _check_batch(batch: int, group: int) -> None:
    if batch % group:
        raise UsageError(
            f"batch {batch} is not a multiple of {group}, the images that this run's discriminator"
            " compares",
            hint=f"try --batch {max(batch // group, 1) * group}",
        )


def _plain(value: Any) -> str:
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
