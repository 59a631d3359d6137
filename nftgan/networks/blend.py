"""A model of two: the first layers of one generator and the later ones of another.

Both must have one architecture, as a model and what was fine-tuned from it do: then their layers
still speak of the same things, and the first decide pose and shape, the later colour and strokes
(Pinkney and Adler 2020, "Resolution Dependent GAN Interpolation").
"""

from __future__ import annotations

import re
from typing import Any

from nftgan.errors import UsageError
from nftgan.networks.architecture import to_json
from nftgan.networks.model_data import ModelFile

_STYLEGAN2 = re.compile(r"synthesis\.(b(\d+))\.")
_STYLEGAN3 = re.compile(r"synthesis\.(L(\d+)_(\d+)_\d+)\.")


def blend(low: ModelFile, high: ModelFile, at: str) -> ModelFile:
    """`low` to the layer or resolution `at`, and `high` from there on; no discriminator.

    at: "16", the first layer that works at so many samples a side, or "L5", layer 5 of a StyleGAN3.
    The mapping, the mean of w and the input are those of `low`. The document names both as parents.
    Raises UsageError for architectures that differ, and for a place with nothing on one side.
    """
    _check_alike(low, high)
    layers = _layers(low)
    first = _first(layers, at)
    names = [name for name, _ in layers]
    taken = tuple(f"synthesis.{name}." for name in names[first:])
    tensors = {
        name: high.generator[name] if name.startswith(taken) else array
        for name, array in low.generator.items()
    }
    parents = [_parent(low), _parent(high)]
    licences = list(dict.fromkeys(str(one["licence"]) for one in parents if one["licence"]))
    meta: dict[str, Any] = {
        "conditioning": low.meta.get("conditioning"),
        "training": None,
        "parent": {
            **parents[0],
            "blended": {**parents[1], "from": names[first], "layers": names[first:]},
        },
        "licence": " and ".join(licences) or None,
    }
    known = high.meta.get("dataset") or {}
    if art := {key: known[key] for key in ("pixel_art", "flat_art") if known.get(key)}:
        meta["dataset"] = art
    notices = [one["notice"] for one in parents if "notice" in one]
    if notices:
        meta["parent"]["notice"] = notices[0]
    return ModelFile(low.generator_config, tensors, meta=meta)


def _parent(model: ModelFile) -> dict[str, Any]:
    known = model.meta.get("parent")
    notice = known.get("notice") if isinstance(known, dict) else None
    return {
        "identity": model.identity,
        "licence": model.meta.get("licence"),
        "dataset": (model.meta.get("dataset") or {}).get("fingerprint"),
        **({"notice": notice} if notice else {}),
    }


def _check_alike(low: ModelFile, high: ModelFile) -> None:
    one, other = to_json(low.generator_config), to_json(high.generator_config)
    for key in sorted({*one, *other}):
        if one.get(key) != other.get(key):
            raise UsageError(
                f"only networks of one architecture can be blended: {key} is {one.get(key)} in the"
                f" first and {other.get(key)} in the second",
                hint="blend a model with one that was fine-tuned from it",
            )
    if low.identity == high.identity:
        raise UsageError("both are the same model: there is nothing to blend")


def _layers(model: ModelFile) -> list[tuple[str, int]]:
    """(name, samples a side) of each layer, or block of a StyleGAN2, in order."""
    found: dict[int, tuple[str, int]] = {}
    config = model.generator_config
    margin = 2 * int(getattr(config, "margin_size", 0))
    for name in model.generator:
        if match := _STYLEGAN2.match(name):
            found[int(match[2])] = (match[1], int(match[2]))
        elif match := _STYLEGAN3.match(name):
            found[int(match[2])] = (match[1], int(match[3]) - margin)
    if not found:
        raise UsageError(f"a network of the kind {config.kind} cannot be blended by layers")
    layers = [found[key] for key in sorted(found)]
    # The last two of a StyleGAN3 have no margin.
    side = config.img_resolution
    bare = {len(layers) - 2, len(layers) - 1} if margin else set()
    return [(name, side if i in bare else rate) for i, (name, rate) in enumerate(layers)]


def _first(layers: list[tuple[str, int]], at: str) -> int:
    """The number of the first layer that `at` names."""
    numbered = layers[0][0].startswith("L")
    places = [str(rate) for rate in sorted({rate for _, rate in layers})]
    choices = [*places[1:], *([f"L1 to L{len(layers) - 1}"] if numbered else [])]
    wrong = UsageError(f"{at[:40]!r} is no place to blend at", hint=f"--at {', '.join(choices)}")
    digits = at[1:] if at[:1] == "L" and numbered else at
    if not (digits.isdecimal() and digits.isascii() and len(digits) < 6):
        raise wrong
    number = int(digits)
    if digits is not at:
        first = number
    else:
        if at not in places:
            raise wrong
        first = next(i for i, (_, rate) in enumerate(layers) if rate >= number)
    if not 0 < first < len(layers):
        raise wrong
    return first
