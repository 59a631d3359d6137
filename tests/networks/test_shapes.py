"""The table of expected tensors equals what the built networks have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nftgan.errors import UsageError
from nftgan.networks.shapes import compare_shapes, expected_shapes
from tests.networks import small


@pytest.mark.parametrize("name", small.GENERATORS)
def test_the_table_of_a_generator_is_its_state_dict(name: str) -> None:
    G = small.generator(name)
    built = {key: tuple(tensor.shape) for key, tensor in G.state_dict().items()}
    assert expected_shapes(small.GENERATORS[name]) == built


@pytest.mark.parametrize("name", small.DISCRIMINATORS)
def test_the_table_of_a_discriminator_is_its_state_dict(name: str) -> None:
    D = small.discriminator(name)
    built = {key: tuple(tensor.shape) for key, tensor in D.state_dict().items()}
    assert expected_shapes(small.DISCRIMINATORS[name]) == built


@pytest.mark.parametrize(
    ("resolution", "numbers"),
    [(1024, 22_313_167), (512, 24_873_519), (256, 28_472_133)],
)
def test_the_published_sizes_have_the_published_number_of_parameters(
    resolution: int, numbers: int
) -> None:
    shapes = expected_shapes(small.StyleGAN3Config(resolution))
    buffers = ("_filter", "magnitude_ema", "transform", "freqs", "phases", "w_avg")
    total = 0
    for name, shape in shapes.items():
        if not name.endswith(buffers):
            size = 1
            for side in shape:
                size *= side
            total += size
    assert total == numbers


@pytest.mark.parametrize(
    "change",
    [
        {"num_fp16_res": 1_000_000_000},
        {"conv_kernel": 1_000_000},
        {"first_cutoff": 0.0},
        {"first_stopband": -1.0},
        {"last_stopband_rel": float("nan")},
        {"conv_clamp": float("inf")},
        {"num_critical": -1},
        {"lrelu_upsampling": 0},
        {"first_stopband": 0.01},
    ],
)
def test_values_that_no_network_has_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        expected_shapes(replace(small.T, **change))  # type: ignore[arg-type]


def test_the_first_difference_is_named() -> None:
    with pytest.raises(UsageError, match="it lacks the tensor b"):
        compare_shapes({"a": (1,), "b": ()}, {"a": (1,)}, "it")
    with pytest.raises(UsageError, match="has the tensor 'c', which"):
        compare_shapes({"a": (1,)}, {"a": (1,), "c": ()}, "it")
    with pytest.raises(UsageError, match=r"a has the shape \[2\] instead of \[1\]"):
        compare_shapes({"a": (1,)}, {"a": (2,)}, "it")
