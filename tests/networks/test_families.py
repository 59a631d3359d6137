"""Families of generators: the core's come by the same door, and agree with what they build."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from nftgan import plugins
from nftgan.errors import UsageError
from nftgan.networks.architecture import (
    StyleGAN1Config,
    StyleGAN2Config,
    StyleGAN3Config,
    stylegan3_r,
)
from nftgan.networks.builders import build_generator
from nftgan.networks.families import (
    GROUP,
    KINDS,
    TRAINED_KINDS,
    Family,
    GeneratorConfig,
    family_named,
    of_family,
    training_rules,
)
from nftgan.networks.shapes import expected_shapes
from nftgan.plugins import MissingPlugin, Part, PluginError

SMALL = {"z_dim": 8, "w_dim": 8, "channel_base": 128, "channel_max": 8, "mapping_layers": 1}
CONFIGS: tuple[GeneratorConfig, ...] = (
    StyleGAN2Config(16, **SMALL),
    StyleGAN3Config(16, num_layers=4, margin_size=2, **SMALL),
    stylegan3_r(16, num_layers=4, margin_size=2, **SMALL),
    StyleGAN1Config(16, **SMALL),
    StyleGAN1Config(16, c_dim=3, fade=0.5, **SMALL),
)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_what_a_family_says_of_a_network_is_what_it_builds(config: GeneratorConfig) -> None:
    generator = build_generator(config, seed=1)
    found = {name: tuple(one.shape) for name, one in generator.state_dict().items()}
    assert found == expected_shapes(config)
    assert of_family(config, "num_ws") == generator.num_ws


def test_every_kind_of_the_core_is_a_family_and_an_unknown_one_is_named() -> None:
    own = [part.name for part in plugins.parts(GROUP).values() if part.is_core]
    assert tuple(own) == KINDS == (*TRAINED_KINDS, "stylegan1")
    assert {config.kind for config in CONFIGS} == set(KINDS)
    with pytest.raises(MissingPlugin, match="unknown network kind 'cubes'") as unknown:
        family_named("cubes")
    assert "stylegan3-t" in str(unknown.value.hint) and isinstance(unknown.value, UsageError)


def test_a_kind_that_is_only_opened_is_not_trained() -> None:
    for kind in TRAINED_KINDS:
        assert training_rules(kind) is family_named(kind).training
    with pytest.raises(UsageError, match="stylegan1 are opened and rendered, but not trained"):
        training_rules("stylegan1")


@dataclasses.dataclass(frozen=True)
class OddConfig(GeneratorConfig):
    kind: str = "odd"


def _fails(config: OddConfig) -> dict[str, tuple[int, ...]]:
    raise KeyError("squares")


ODD = Family(OddConfig, _fails, _fails, lambda config: 1, lambda config, shapes: [])  # type: ignore[arg-type]


def test_whatever_a_plugin_raises_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(GROUP, "odd", f"{__name__}:ODD", "art-tools 1")
    monkeypatch.setattr(plugins, "_installed", lambda *_: (part,))
    with pytest.raises(PluginError, match=r"art-tools 1.* is broken: KeyError"):
        expected_shapes(OddConfig(16))


def test_a_config_is_read_and_weighed_without_torch() -> None:
    code = (
        "import sys; from nftgan.networks.cost import render_cost;"
        "from nftgan.networks.architecture import from_json;"
        "render_cost(from_json({'kind': 'stylegan2', 'img_resolution': 16}));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
