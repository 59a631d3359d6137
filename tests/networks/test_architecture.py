"""Configs: their journey through JSON, and which ones no network can have."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from nftgan.errors import UsageError
from nftgan.networks.architecture import check, from_json, stylegan3_r, to_json
from nftgan.networks.shapes import expected_shapes
from tests.networks import small

CONFIGS = {**small.GENERATORS, **small.DISCRIMINATORS}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_survives_its_journey_through_json(name: str) -> None:
    config = CONFIGS[name]
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


def test_the_rotation_equivariant_defaults_are_the_published_ones() -> None:
    config = stylegan3_r(256)
    assert (config.channel_base, config.channel_max, config.conv_kernel) == (65536, 1024, 1)
    assert config.use_radial_filters
    assert stylegan3_r(256, channel_base=32768).channel_base == 32768


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "stylegan4"}, "unknown network kind 'stylegan4'"),
        ({"kind": None}, "unknown network kind None"),
        ({"margins": 3}, "margins"),
        ({"img_resolution": 48}, "a resolution of 48 is not a power of two"),
        ({"img_resolution": 8192}, "a resolution of 8192"),
        ({"num_layers": 2}, "num_layers = 2 must exceed num_critical"),
        ({"channel_max": 0}, "channel_max = 0 is not between"),
        ({"channel_base": 8}, "channel_base = 8 leaves no channel at 16 pixels"),
        ({"margin_size": -1}, "margin_size = -1 is not between"),
        ({"c_dim": -1}, "c_dim = -1"),
    ],
)
def test_what_no_network_can_have_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_json({**to_json(small.T), **changes})


@pytest.mark.parametrize("kind", ["stylegan1", "stylegan2", "stylegan3-t", "stylegan2-d"])
def test_one_channel_at_the_full_size_is_the_least(kind: str) -> None:
    least = 9 if kind == "stylegan3-t" else 16
    shape = {"kind": kind, "img_resolution": 16, "channel_base": least}
    widths = {one[0] for one in expected_shapes(from_json(shape)).values() if len(one) == 4}
    assert min(widths) == 1
    with pytest.raises(UsageError, match="leaves no channel at 16 pixels"):
        from_json({**shape, "channel_base": least - 1})


def test_a_misspelt_kind_names_its_neighbour() -> None:
    with pytest.raises(UsageError) as caught:
        from_json({**to_json(small.T), "kind": "stylegan-3t"})
    assert "did you mean stylegan3-t?" in str(caught.value.hint)


@pytest.mark.parametrize("margin", [0, 4, 10])
def test_any_margin_from_none_to_the_published_one_is_allowed(margin: int) -> None:
    check(dataclasses.replace(small.T, margin_size=margin))
