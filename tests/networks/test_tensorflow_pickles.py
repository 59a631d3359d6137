"""TensorFlow checkpoints: no real file is at hand, so one is written by the described layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN2Config
from nftgan.networks.model_file import build_networks
from nftgan.networks.published import parse_published
from tests.networks import assembler as a
from tests.networks import small
from tests.networks.published_writer import Network, dump

G_CONFIG = StyleGAN2Config(
    16,
    z_dim=4,
    w_dim=4,
    c_dim=2,
    channel_base=64,
    channel_max=4,
    mapping_layers=3,
    conv_clamp=None,
    num_fp16_res=0,
)
D_CONFIG = DiscriminatorConfig(
    16, c_dim=2, channel_base=64, channel_max=4, conv_clamp=None, num_fp16_res=0, mapping_layers=2
)
COMMON = {"resolution": 16, "label_size": 2, "fmap_base": 32, "fmap_max": 4, "num_channels": 3}


def kernel(weight: np.ndarray) -> np.ndarray:
    return np.moveaxis(weight, (0, 1), (3, 2))  # OIHW -> HWIO


def to_tensorflow(state: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Our generator's tensors in the layout of the TensorFlow program, by component."""
    mapping: dict[str, np.ndarray] = {}
    synthesis: dict[str, np.ndarray] = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        if head == "mapping" and rest != "w_avg":
            layer, _, leaf = rest.partition(".")
            title = "LabelEmbed" if layer == "embed" else f"Dense{layer[2:]}"
            mapping[f"{title}/{leaf}"] = value.T
            continue
        if head == "mapping" or rest.endswith("resample_filter"):
            continue
        block, _, rest = rest.partition(".")
        r = int(block[1:])
        level = int(np.log2(r))
        scope = f"{r}x{r}"
        if rest == "const":
            synthesis[f"{scope}/Const/const"] = value[None]
            continue
        layer, _, leaf = rest.partition(".")
        conv1 = "Conv" if r == 4 else "Conv1"
        title = {"conv0": "Conv0_up", "conv1": conv1, "torgb": "ToRGB"}[layer]
        if leaf == "noise_const":
            number = 2 * level - 5 if layer == "conv0" else 2 * level - 4
            synthesis[f"noise{number}"] = value[None, None]
        elif leaf == "affine.weight":
            synthesis[f"{scope}/{title}/mod_weight"] = value.T
        elif leaf == "affine.bias":
            synthesis[f"{scope}/{title}/mod_bias"] = value - 1
        elif leaf == "weight":
            weight = value[:, :, ::-1, ::-1] if layer == "conv0" else value
            synthesis[f"{scope}/{title}/weight"] = kernel(weight)
        else:
            # variables without dimensions come as NumPy numbers
            synthesis[f"{scope}/{title}/{leaf}"] = value[()]
    own = {"dlatent_avg": state["mapping.w_avg"], "lod": np.float32(0)}
    return {"own": own, "mapping": mapping, "synthesis": synthesis}


def judge_to_tensorflow(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    variables = {}
    titles = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip"}
    for name, value in state.items():
        if name.endswith("resample_filter"):
            continue
        block, layer, leaf = name.split(".")
        if block == "mapping":
            title = "LabelEmbed" if layer == "embed" else f"Mapping{layer[2:]}"
            variables[f"{title}/{leaf}"] = value.T
        elif block == "b4":
            title = {"conv": "4x4/Conv", "fc": "4x4/Dense0", "out": "Output"}[layer]
            turned = kernel(value) if value.ndim == 4 else value.T
            variables[f"{title}/{leaf}"] = turned
        else:
            turned = kernel(value) if value.ndim == 4 else value
            variables[f"{block[1:]}x{block[1:]}/{titles[layer]}/{leaf}"] = turned
    return variables


def network(
    variables: dict[str, np.ndarray], kwargs: dict[str, Any], version: int = 4, **components: Any
) -> Network:
    return Network(
        {
            "version": version,
            "name": "G",
            "static_kwargs": kwargs,
            "components": components,
            "build_module_src": "raise SystemExit('was run')",
            "build_func_name": "G_main",
            "variables": list(variables.items()),
        }
    )


def networks() -> tuple[Any, Any]:
    """A generator and a discriminator whose tensors are all different."""
    from nftgan.networks import build_discriminator, build_generator

    G, D = build_generator(G_CONFIG, seed=3), build_discriminator(D_CONFIG, seed=4)
    rng = np.random.RandomState(0)
    for part in (G, D):
        for name, tensor in part.state_dict().items():
            if not name.endswith("resample_filter"):
                tensor.copy_(tensor.new_tensor(rng.standard_normal(tuple(tensor.shape))))
    return G.eval().requires_grad_(False), D.eval().requires_grad_(False)


def arrays(module: Any) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def checkpoint(*, version: int = 4, drop: str = "", **options: Any) -> memoryview:
    G, D = networks()
    parts = to_tensorflow(arrays(G))
    parts["synthesis"].pop(drop, None)
    kwargs = {**COMMON, "latent_size": 4, "dlatent_size": 4, "truncation_psi": 0.5, **options}
    generator = network(
        parts["own"],
        kwargs,
        version,
        mapping=network(parts["mapping"], {"mapping_layers": 3}, version),
        synthesis=network(parts["synthesis"], {"architecture": "skip"}, version),
    )
    judge = network(judge_to_tensorflow(arrays(D)), {**COMMON, "architecture": "resnet"}, version)
    return memoryview(dump((generator, judge, generator)))


@pytest.mark.parametrize("version", [4, 5])
def test_layouts_are_converted_exactly(version: int) -> None:
    G, D = networks()
    model = parse_published(checkpoint(version=version))
    assert model.generator_config == G_CONFIG
    assert model.discriminator_config == D_CONFIG
    assert model.discriminator is not None
    for ours, theirs in ((model.generator, arrays(G)), (model.discriminator, arrays(D))):
        assert ours.keys() == theirs.keys()
        for name, array in theirs.items():
            # +1 and -1 on a modulation bias round once
            tolerance = 3e-7 if name.endswith("affine.bias") else 0
            np.testing.assert_allclose(ours[name], array, rtol=0, atol=tolerance)


def test_a_converted_generator_makes_the_same_image() -> None:
    import torch

    G, _ = networks()
    loaded = build_networks(parse_published(checkpoint()))
    z, c = torch.randn(2, 4, generator=torch.Generator().manual_seed(0)), torch.eye(2)
    expected = G(z, c)
    assert torch.allclose(loaded.generator(z, c), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": 3}, "TensorFlow network of version 3"),
        ({"resample_kernel": [1, 2, 1]}, "resample_kernel is list"),
        ({"mapping_nonlinearity": "relu"}, "mapping_nonlinearity is 'relu'"),
        ({"normalize_latents": False}, "normalize_latents is False"),
        ({"mapping_lrmul": 1.0}, "mapping_lrmul is 1.0"),
        ({"drop": "4x4/Conv/mod_weight"}, "neither of StyleGAN nor of StyleGAN2"),
        ({"drop": "8x8/Conv1/bias"}, "lacks the variable synthesis/8x8/Conv1/bias"),
        ({"drop": "noise1"}, "lacks the variable synthesis/noise1"),
        ({"drop": "16x16/ToRGB/weight"}, "cannot be converted"),
        ({"resolution": 1 << 60}, "not a power of two"),
        ({"fmap_base": 16}, "shape"),
        ({"fmap_base": [1]}, "channel_base is not a plain value"),
    ],
)
def test_what_cannot_be_converted_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_published(checkpoint(**options))


def test_a_component_cannot_contain_its_owner() -> None:
    made = a.name("dnnlib.tflib.network", "Network") + b")\x81q\x05"
    state = {
        "version": a.number(4),
        "static_kwargs": b"}",
        "variables": b"]",
        "components": b"}" + a.text("mapping") + b"h\x05s",
    }
    one = made + a.table(state) + b"b"
    # A network is its own component: empty while it is added, so one level and no further.
    with pytest.raises(UsageError):
        parse_published(memoryview(b"\x80\x04" + a.group(one, b"h\x05", b"h\x05") + b"."))


def test_the_small_networks_are_not_mistaken_for_tensorflow() -> None:
    with pytest.raises(UsageError, match="no networks"):
        parse_published(memoryview(dump((1, small.TINY, 3))))
