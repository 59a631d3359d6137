"""The bridge to torch-fidelity: what it is given, what is made of its answer, how it may fail."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest
import torch

from nftgan.errors import MissingStepError, NftganError, ServiceError, UsageError
from nftgan.metrics.fidelity import fidelity
from nftgan.networks.sources import base_model
from nftgan.synthesis.model import load_model

GENERATOR = load_model(base_model()).generator
FAKES = np.random.default_rng(0).integers(0, 256, (6, 1, 32, 32)).astype(np.uint8)
REALS = (9, lambda index: np.full((3, 32, 32), index, np.uint8))


def install(monkeypatch: pytest.MonkeyPatch, calculate: Any) -> None:
    module = types.ModuleType("torch_fidelity")
    module.calculate_metrics = calculate  # type: ignore[attr-defined]
    module.GenerativeModelModuleWrapper = lambda *options: options  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", module)


def test_it_is_given_images_and_a_generator_of_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def calculate(**options: Any) -> dict[str, float]:
        print("chatter")
        assert options["cuda"] is False and options["rng_seed"] == 5
        if options.get("ppl"):
            painter, size, kind, classes = options["input1"]
            assert (size, kind, classes) == (GENERATOR.z_dim, "normal", 0)
            images = painter(torch.randn(2, size))
            assert images.dtype == torch.uint8 and images.shape == (2, 3, 32, 32)
            return {"perceptual_path_length_mean": 12.0}
        fakes, reals = options["input1"], options["input2"]
        assert len(fakes) == 6 and len(reals) == 9 and options["kid_subset_size"] == 3
        assert fakes[2].shape == (3, 32, 32) and fakes[2].dtype == torch.uint8
        np.testing.assert_array_equal(fakes[2][1], FAKES[2, 0])
        assert int(reals[4].max()) == 4
        return {
            "frechet_inception_distance": 50.0,
            "kernel_inception_distance_mean": 0.02,
            "kernel_inception_distance_std": 0.01,
            "precision": 0.5,
            "recall": 0.25,
        }

    install(monkeypatch, calculate)
    found = fidelity(FAKES, REALS, GENERATOR, seed=5)
    assert {name: figure.value for name, figure in found.items()} == {
        "fid": 50.0, "kid_inception": 0.02, "precision_vgg": 0.5, "recall_vgg": 0.25, "ppl": 12.0
    }  # fmt: skip
    assert found["kid_inception"].error == 0.01 and found["fid"].error is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (OSError("<urlopen error no route>"), ServiceError, "could not be downloaded"),
        (ValueError("too few samples"), UsageError, "too few samples"),
    ],
)
def test_its_failures_are_one_sentence(
    failure: Exception, kind: type[NftganError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calculate(**_: Any) -> dict[str, float]:
        raise failure

    install(monkeypatch, calculate)
    with pytest.raises(kind, match=words):
        fidelity(FAKES, REALS, GENERATOR)


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(MissingStepError) as refusal:
        fidelity(FAKES, REALS, GENERATOR)
    assert "nftgan[fid]" in (refusal.value.hint or "")
