"""What a run takes over from its parent, of the same size or another."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.model_file import load_networks, save_model
from nftgan.training import loop
from nftgan.training.config import TrainConfig
from nftgan.training.state import fresh_state
from nftgan.training.transfer import transfer


@pytest.fixture
def model_of(tmp_path: Path, configure: Any) -> Any:
    """model_of(side, **changes) -> a model file with untrained networks of that side."""

    def made(side: int, **changes: Any) -> str:
        config = configure(**changes)
        generator, discriminator = (
            build(dataclasses.replace(one, img_resolution=side), seed=3)
            for build, one in (
                (build_generator, config.generator),
                (build_discriminator, config.discriminator),
            )
        )
        path = tmp_path / f"parent-{side}.safetensors"
        save_model(
            path, generator=generator, discriminator=discriminator, meta={"licence": "CC0-1.0"}
        )
        return str(path)

    return made


def test_transfer_into_another_shape_says_what_did_not_fit(configure: Any, model_of: Any) -> None:
    parent = load_networks(model_of(16))
    fresh = fresh_state(configure(cmax=6))
    report = transfer(fresh, parent.generator, parent.discriminator)
    assert "G.mapping.fc0.weight" in report.taken
    assert any(name.startswith("G.synthesis.") for name in (*report.missing, *report.misshapen))
    assert "taken over; new:" in str(report)
    torch.testing.assert_close(fresh.g_ema.mapping.fc0.weight, parent.generator.mapping.fc0.weight)


def begun(config: TrainConfig, run: Path, ticks: int | None = None) -> None:
    for number, _ in enumerate(loop.train(config, run_dir=run), start=1):
        if number == ticks:
            break


def test_a_run_grown_from_a_smaller_model_goes_on_exactly_and_names_its_parent(
    configure: Any, model_of: Any, tmp_path: Path
) -> None:
    wide = {"cfg": "stylegan2", "cbase": 256, "d_cbase": 256, "cmax": 8, "d_cmax": 8}
    source = model_of(8, **wide)
    kept = {"num_layers": None, "margin_size": None}  # of a StyleGAN3 alone
    config = configure(resume=source, kimg=0.016, **wide | kept)
    assert (config.generator.img_resolution, config.generator.channel_base) == (16, 256)
    begun(config, tmp_path / "straight")
    begun(config, tmp_path / "broken", ticks=1)
    begun(config, tmp_path / "broken")
    straight, broken = (load_networks(tmp_path / name) for name in ("straight", "broken"))
    assert straight.identity == broken.identity
    parent = load_networks(source)
    assert straight.info["parent"]["identity"] == parent.identity
    log = (tmp_path / "broken" / "log.txt").read_text()
    (line,) = re.findall(".*grown from 8 to 16 pixels.*", log)
    assert "at first G draws the parent's images, enlarged" in line
    assert "at first D judges the halved image" in line
    state = fresh_state(config)
    report = transfer(state, parent.generator, parent.discriminator)
    for name in ("mapping.w_avg", "synthesis.b8.conv0.weight"):
        for network in (state.generator, state.g_ema):
            assert torch.equal(network.state_dict()[name], parent.generator.state_dict()[name])
    assert not report.misshapen and "G.synthesis.b16.conv0.weight" in report.missing
