"""What one picture costs a generator, from its config alone: before anything is built or run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nftgan.networks.architecture import StyleGAN1Config, StyleGAN2Config, StyleGAN3Config
from nftgan.networks.families import GeneratorConfig, LayerCost, Shapes, of_family
from nftgan.networks.shapes import expected_shapes

_LAYER3 = re.compile(r"synthesis\.L(\d+)_(\d+)_\d+\.weight")
_LAYER1 = re.compile(r"synthesis\.b(\d+)\.(layer0|layer1|torgb)\.weight")
_LAYER2 = re.compile(r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.weight")
DOUBLE_BYTES = 8
CONV_PER_SECOND = 2.0e10
SAMPLES_PER_SECOND = 4.0e7
"""Multiply-adds of convolutions, and filtered samples, that a slow core manages in float64."""


@dataclass(frozen=True)
class RenderCost:
    """Work of one picture in float64, by which a bomb is told from a model.

    multiply_adds: of all convolutions. samples: values that pass a filter, at the inner rate.
    peak_bytes: what the largest layer holds at a time. numbers: parameters.
    """

    multiply_adds: int
    samples: int
    peak_bytes: int
    numbers: int

    @property
    def seconds(self) -> float:
        """On one slow core, roughly; most machines take a fraction of it."""
        return self.multiply_adds / CONV_PER_SECOND + self.samples / SAMPLES_PER_SECOND


def render_cost(config: GeneratorConfig) -> RenderCost:
    """Raises UsageError for a config that no network can have."""
    shapes = expected_shapes(config)
    layers: list[LayerCost] = of_family(config, "layer_costs", shapes)
    numbers = sum(_product(shape) for shape in shapes.values())
    return RenderCost(
        sum(one[0] for one in layers),
        sum(one[1] for one in layers),
        max((one[2] for one in layers), default=0) + numbers * DOUBLE_BYTES,
        numbers,
    )


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product


def stylegan3_costs(config: StyleGAN3Config, shapes: Shapes) -> list[LayerCost]:
    """Of each layer of a StyleGAN3 generator."""
    found = {}
    for name, shape in shapes.items():
        if match := _LAYER3.fullmatch(name):
            found[int(match[1])] = (int(match[2]), shape, name.removesuffix("weight"))
    layers, before = [], found[0][0] if found else 0
    for number in sorted(found):
        size, shape, prefix = found[number]
        out, inner, kernel = shape[0], shape[1], shape[2]
        grid = (max(before, size) + kernel) ** 2
        up = max(
            1, shapes.get(f"{prefix}up_filter", (config.filter_size,))[0] // config.filter_size
        )
        down_filter = shapes.get(f"{prefix}down_filter", (1,))
        # At the inner rate every value passes both filters; a radial one is no product of two.
        wide = (before + kernel + config.filter_size) ** 2 * up * up * out
        passes = 1 + (down_filter[0] if len(down_filter) > 1 else 1) // 4
        layers.append(
            (
                grid * inner * out * kernel * kernel,
                wide * max(1, passes),
                (wide + grid * (inner + out)) * DOUBLE_BYTES,
            )
        )
        before = size
    return layers


def stylegan2_costs(config: StyleGAN2Config, shapes: Shapes) -> list[LayerCost]:
    """Of each layer of a StyleGAN2 generator."""
    layers = []
    for name, shape in shapes.items():
        if match := _LAYER2.fullmatch(name):
            grid = (int(match[1]) + shape[2]) ** 2
            samples = grid * (shape[0] if match[2] == "conv0" else 0)
            layers.append((grid * _product(shape), samples, 2 * grid * (shape[0] + shape[1]) * 8))
    return layers


def stylegan1_costs(config: StyleGAN1Config, shapes: Shapes) -> list[LayerCost]:
    """Of each convolution of a generator of the original StyleGAN, with the norm after it."""
    layers = []
    for name, shape in shapes.items():
        if match := _LAYER1.fullmatch(name):
            out, inner, kernel, _ = shape
            grid = int(match[1]) ** 2
            up = match[2] == "layer0"  # 4x4 products for each sample of half the side
            products = grid * out * inner * (4 if up else kernel * kernel)
            samples = 0 if match[2] == "torgb" else grid * out * (2 if up else 1)
            columns = grid * (4 * out if up else kernel * kernel * inner)
            layers.append((products, samples, (columns + grid * (out + inner)) * DOUBLE_BYTES))
    return layers
