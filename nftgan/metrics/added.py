"""Metrics of plugins: functions of two sets of images, found by their names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nftgan import plugins
from nftgan.errors import NftganError
from nftgan.metrics.evaluation import MetricResult

GROUP = "nftgan.metrics"
BETTER = ("lower", "higher", "floor")


def added_metrics(taken: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the metrics that plugins add; nothing is loaded. `taken`: the core's own."""
    found = []
    for name, part in plugins.parts(GROUP).items():
        if name in taken or name == "all" or "," in name:
            plugins.warn(f"{part.package} offers another metric {name}: it is left out")
        else:
            found.append(name)
    return tuple(found)


def added_result(name: str, fakes: np.ndarray, reals: np.ndarray, *, seed: int) -> MetricResult:
    """What the plugin's metric `name` says of fakes against reals, both uint8 [N, C, S, S].

    Raises PluginError when it cannot be loaded, fails, or gives anything but a finite MetricResult.
    """
    part = plugins.parts(GROUP)[name]
    metric = part.load()
    try:
        result: Any = metric(fakes, reals, seed=seed)
    except NftganError:
        raise
    except Exception as exc:  # a stranger's code: whatever it raises
        raise part.broken(exc) from exc
    if not isinstance(result, MetricResult):
        raise part.broken(f"it gives a {type(result).__name__}, not a MetricResult")
    if not isinstance(result.value, (int, float)) or not math.isfinite(result.value):
        raise part.broken("its value is no finite number")
    if result.better not in BETTER:
        raise part.broken(f"its better is not {', '.join(BETTER)}")
    return result
