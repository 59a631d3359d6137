"""The steps of a finish by name: the core's own, and effects of plugins that stay canonical.

An effect is arithmetic of whole numbers on pixels. A recipe names it by package, name and version,
so that whoever verifies a piece takes the very same one, or none. What it makes of `probe_image` is
written down with it and compared before its first use: one that has changed, or that reckons
otherwise on this machine, draws nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nftgan import plugins
from nftgan.errors import UsageError
from nftgan.pixels import pixel_hash

GROUP = "nftgan.finishes"
OWN = ("grid", "palette", "nearest", "cubic", "contour")
plugins.register(GROUP, {name: f"nftgan.synthesis.finish:{name.upper()}" for name in OWN})
MAX_VALUE = 65_535
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Effect:
    """What an entry of the group is: a step of a finish.

    apply: uint8 [H, W, 3] and a number → uint8 [H, W, 3], the same on every machine, whole numbers
    only. It may not change what it is given. version: another one whenever any pixel becomes
    another. probes: what it makes of `probe_image` with some numbers, as `nftgan.pixels.pixel_hash`
    has it.
    """

    version: int
    apply: Callable[[np.ndarray, int], np.ndarray]
    probes: Mapping[int, str]


@dataclass(frozen=True)
class NamedEffect:
    """An effect of a plugin as a recipe names it. Raises UsageError for what cannot be one."""

    package: str  # in the normal form of PyPI
    name: str
    version: int
    value: int = 0  # the number that it is given

    def __post_init__(self) -> None:
        for key in ("package", "name"):
            value = getattr(self, key)
            if not isinstance(value, str) or not _NAME.fullmatch(value):
                raise UsageError(f"effect: {key} must be a short plain name, not {value!r:.80}")
        for key, least, most in (("version", 1, 1_000_000), ("value", 0, MAX_VALUE)):
            value = getattr(self, key)
            if type(value) is not int or not least <= value <= most:
                raise UsageError(f"effect: {key} must be from {least} to {most}, not {value!r:.80}")

    def __str__(self) -> str:
        """As it is asked for, in nftgan.toml and by --effect."""
        return f"{self.name}={self.value}" if self.value else self.name

    @classmethod
    def from_json(cls, raw: Any, where: str) -> NamedEffect:
        """The effect that `raw` holds; UsageError for a missing, unknown or wrong key."""
        if not isinstance(raw, Mapping) or set(raw) != {"package", "name", "version", "value"}:
            raise UsageError(f"{where}: effect must hold package, name, version and value")
        return cls(**raw)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image [H, W, 3] after the effect, uint8 of the same shape.

        Raises MissingPlugin where it is not installed, or in another version, PluginError for one
        that breaks a rule.
        """
        part, effect = _effect(self.package, self.name, self.version)
        try:
            found = effect.apply(image.copy(), self.value)
        except Exception as exc:  # a stranger's code: whatever it raises
            raise part.broken(exc) from exc
        return _checked(part, image, found)


def named_effect(text: str) -> NamedEffect | None:
    """The effect of a plugin that `text` asks for, "name" or "name=4"; None for "".

    Raises UsageError for a name that is not installed or no effect, or a number that is none.
    """
    name, given, number = text.strip().partition("=")
    if not name and not given:
        return None
    if given and not re.fullmatch("[0-9]{1,5}", number.strip()):
        raise UsageError(f"effect: {number.strip()!r:.80} is not a whole number up to {MAX_VALUE}")
    name = name.strip()
    known = plugins.parts(GROUP)
    if name in OWN:
        raise UsageError(f"{name} has a setting of its own", hint="pixel_grid, palette or filter")
    if name not in known:
        others = ", ".join(known.keys() - set(OWN)) or "none is installed"
        raise plugins.MissingPlugin(f"no effect is called {name!r:.80}", hint=f"known: {others}")
    part = known[name]
    effect = _load(part)
    return NamedEffect(part.project, name, effect.version, int(number or 0))


def probe_image() -> np.ndarray:
    """uint8 [24, 24, 3] of all kinds of pixels: ramps, flat squares, noise, black and white."""
    y, x = np.mgrid[:24, :24]
    channels = [x * 11 + y, y * 15 + (x // 4) * 7, (x * x * 31 + y * y * 17 + x * y * 7) % 256]
    image = np.stack(channels, axis=2) % 256
    image[:4, :4], image[-4:, -4:] = 0, 255
    return image.astype(np.uint8)


def _effect(package: str, name: str, version: int) -> tuple[plugins.Part, Effect]:
    wanted = f"the effect {name}, version {version}, of {package}"
    part = plugins.of_package(GROUP, name, package, needed=f"the recipe needs {wanted}")
    effect = _load(part)
    if effect.version != version:
        raise plugins.MissingPlugin(
            f"the recipe needs {wanted}, and {part.package} has version {effect.version} of it",
            hint=f"another release of {package} may have it: look before you install it",
        )
    return part, effect


@functools.cache
def _load(part: plugins.Part) -> Effect:
    effect = part.load()
    if not isinstance(effect, Effect) or type(effect.version) is not int or not effect.probes:
        raise part.broken("a finish is an Effect of nftgan.synthesis.effects, with probes")
    for value, promised in effect.probes.items():
        image = probe_image()
        try:
            found = effect.apply(image.copy(), value)
        except Exception as exc:
            raise part.broken(exc) from exc
        if pixel_hash(_checked(part, image, found)) != promised:
            raise part.broken(f"at {value} it does not give the pixels that it promises")
    return effect


def _checked(part: plugins.Part, image: np.ndarray, found: object) -> np.ndarray:
    if not isinstance(found, np.ndarray) or found.dtype != np.uint8 or found.shape != image.shape:
        raise part.broken(f"it must give uint8 {list(image.shape)}")
    return found
