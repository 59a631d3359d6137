"""Published checkpoints: the golden files give the golden images, and nothing in them runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks.model_file import load_networks, open_model, save_model
from nftgan.networks.published import NVIDIA_LICENCE, parse_published, read_published
from tests import reference
from tests.networks import small
from tests.networks.published_writer import (
    TRAP,
    Persistent,
    constructor_arguments,
    dump,
    published_bytes,
    record,
)

NAMES = ("t32", "t32c", "r32", "sg2_32", "t32c_canary")
# float32 sums in another order; sg2_32's image goes up to 11, the reference itself is 8.5e-6 off
TOLERANCE = {"sg2_32": 1e-5}


def expected(name: str) -> dict[str, np.ndarray]:
    return reference.numbers(name.removesuffix("_canary"))


def difference(G: Any, numbers: dict[str, np.ndarray], key: str, **options: Any) -> float:
    """Largest deviation from a golden image; some are of the first latent alone."""
    n = len(numbers[key])
    c = torch.from_numpy(numbers["c"][:n]).float() if G.c_dim else None
    images = G(torch.from_numpy(numbers["z"][:n]), c, **options).numpy()
    return float(np.abs(images - numbers[key]).max())


@pytest.mark.parametrize("name", NAMES)
def test_golden_checkpoints_give_the_golden_images(name: str) -> None:
    numbers = expected(name)
    G = load_networks(reference.checkpoint(name)).generator
    atol = TOLERANCE.get(name, 5e-6)
    for key, options in {
        "img_psi1": {},
        "img_psi07": {"truncation_psi": 0.7},
        "img_psi05_cut2": {"truncation_psi": 0.5, "truncation_cutoff": 2},
    }.items():
        assert difference(G, numbers, key, **options) < atol
    if hasattr(G.synthesis, "input"):
        G.synthesis.input.transform.copy_(torch.from_numpy(numbers["tr_a_inverse"]))
        assert difference(G, numbers, "img_tr_a") < atol


@pytest.mark.parametrize("name", ["t32", "t32c", "sg2_32"])
def test_golden_checkpoints_give_the_golden_logits(name: str) -> None:
    numbers = expected(name)
    D = load_networks(reference.checkpoint(name)).discriminator
    assert D is not None
    reals = torch.from_numpy(numbers["reals_u8"]).float() / 127.5 - 1
    labels = torch.from_numpy(numbers["reals_c"]).float()
    for k in (1, 2, 4, 8):
        logits = D(reals[:k], labels[:k] if D.c_dim else None).numpy()
        assert np.abs(logits - numbers[f"logits_real{k}"]).max() < 5e-6


def test_a_model_without_discriminator_loads() -> None:
    assert load_networks(reference.checkpoint("r32")).discriminator is None


def test_embedded_source_does_not_change_the_identity() -> None:
    canary, plain = (read_published(reference.checkpoint(n)) for n in ("t32c_canary", "t32c"))
    assert canary.identity == plain.identity
    assert read_published(reference.checkpoint("t32")).meta["training"] == {"augment_p": 0.125}


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("name", small.GENERATORS)
@pytest.mark.parametrize("nested", [False, True])
def test_every_tensor_and_option_is_read(
    tmp_path: Path, name: str, protocol: int, nested: bool
) -> None:
    G, D = small.generator(name), small.discriminator("d-classes")
    path = tmp_path / "network.pkl"
    path.write_bytes(published_bytes(G, D, protocol=protocol, nested=nested))
    loaded = load_networks(path)
    assert loaded.generator.config == G.config
    assert loaded.discriminator is not None
    assert loaded.discriminator.config == D.config
    for ours, theirs in ((loaded.generator, G), (loaded.discriminator, D)):
        state = ours.state_dict()
        assert state.keys() == theirs.state_dict().keys()
        assert all(torch.equal(state[key], value) for key, value in theirs.state_dict().items())


def test_lineage_says_licence_source_and_file_but_no_local_path(tmp_path: Path) -> None:
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(published_bytes(small.generator()))
    info = open_model(path).info
    assert info["licence"] == NVIDIA_LICENCE
    assert "non-commercial" in info["licence"]
    assert info["parent"]["licence"] == NVIDIA_LICENCE
    assert info["parent"]["source"] == "ffhq.pkl"
    assert "research and evaluation" in info["parent"]["notice"]
    assert TRAP not in str(info)
    assert "/home/somebody" not in str(info)
    assert str(tmp_path) not in str(info)


def test_an_imported_model_keeps_identity_and_licence_in_its_own_file(tmp_path: Path) -> None:
    path, ours = tmp_path / "x.pkl", tmp_path / "x.safetensors"
    path.write_bytes(published_bytes(small.generator()))
    theirs = load_networks(path)
    identity = save_model(
        ours,
        generator=theirs.generator,
        meta={"parent": theirs.info["parent"], "licence": theirs.info["licence"]},
    )
    assert identity == theirs.identity
    assert open_model(ours).info["licence"] == NVIDIA_LICENCE


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_types_are_read_by_value(dtype: torch.dtype) -> None:
    G = small.generator().to(dtype)
    model = parse_published(memoryview(published_bytes(G)))
    for name, tensor in G.state_dict().items():
        assert np.array_equal(model.generator[name].astype(np.float32), tensor.float().numpy())


def test_strides_are_honoured() -> None:
    G = small.generator()
    for module in G.modules():
        if getattr(module, "weight", None) is not None and module.weight.ndim == 4:
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    model = parse_published(memoryview(published_bytes(G)))
    for name, tensor in G.state_dict().items():
        assert np.array_equal(model.generator[name], tensor.numpy())


def checkpoint(**changes: Any) -> memoryview:
    """A checkpoint whose G_ema was made with other constructor arguments."""
    G = small.generator()
    arguments = constructor_arguments(G, nested=False)
    for name, value in changes.items():
        arguments[name] = value
    return memoryview(dump({"G_ema": record(G, arguments), "D": None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "unknown key 'colour'"),
        ({"activation": "relu"}, "activation is not supported"),
        ({"mapping_kwargs": {"lr_multiplier": 0.1}}, "mapping_kwargs option lr_multiplier"),
        ({"num_layers": 5}, "has the tensor|lacks the tensor|shape"),
        ({"z_dim": 5}, "shape"),
        ({"z_dim": None}, "z_dim must be int"),
        ({"z_dim": [4]}, "not a plain value"),
        ({"img_resolution": 1 << 62}, "not a power of two"),
        ({"no name": 1}, "a part is called 'no name'"),
        ({"x" * 70: 1}, "a part is called"),
    ],
)
def test_options_that_would_change_the_images_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        parse_published(checkpoint(**changes))


def test_harmless_options_are_accepted() -> None:
    data = checkpoint(
        activation="lrelu",
        class_name="training.networks_stylegan3.Generator",
        mapping_kwargs={"num_layers": 2, "lr_multiplier": 0.01, "w_avg_beta": 0.995},
    )
    assert parse_published(data).generator_config == small.T


def meta(**changes: Any) -> Persistent:
    whole = record(small.generator(), constructor_arguments(small.generator(), nested=False))
    return Persistent({**whole.meta, **changes})


def state(**changes: Any) -> Persistent:
    return meta(state={**meta().meta["state"], **changes})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "without a G_ema"),
        ([], "without a G_ema"),
        ({"G": meta()}, "without a G_ema"),
        ({"G_ema": 3}, "without a G_ema"),
        ((1, 2, 3), "no networks"),
        ({"G_ema": meta(type="function")}, "persistent object"),
        ({"G_ema": meta(version=7)}, "persistence version 7"),
        ({"G_ema": meta(class_name="SuperresGenerator")}, "class 'SuperresGenerator'"),
        ({"G_ema": meta(class_name=["Generator"])}, "class list"),
        ({"G_ema": meta(class_name="Discriminator")}, "G_ema is a Discriminator"),
        ({"G_ema": meta(state=[])}, "module of class"),
        ({"G_ema": state(_modules={})}, "has no synthesis"),
        ({"G_ema": state(_modules={"a.b": meta()})}, "a part is called"),
        ({"G_ema": state(_modules={"a": 3})}, "is no module"),
        ({"G_ema": state(_parameters=[])}, "_parameters is list"),
        ({"G_ema": state(_parameters={"a": 3})}, "is no tensor"),
        ({"G_ema": state(_parameters={"a": torch.arange(3)})}, "int64"),
        ({"G_ema": state(_buffers={"a": torch.zeros(3)})}, "'a', which it should not have"),
        ({"G_ema": state(_init_kwargs=None)}, "_init_kwargs is NoneType|_init_kwargs is None"),
        ({"G_ema": state(_init_kwargs={"z_dim": 4})}, "has no img_resolution"),
    ],
)
def test_another_structure_is_refused(content: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_published(memoryview(dump(content)))


def test_another_family_of_generators_is_refused() -> None:
    class Generator(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.synthesis = small.generator().mapping

    CLASS = record(Generator(), {})
    with pytest.raises(UsageError, match="neither of StyleGAN3 nor of StyleGAN2"):
        parse_published(memoryview(dump({"G_ema": CLASS})))


def test_sharing_does_not_multiply_the_work() -> None:
    part = record(torch.nn.Identity())
    part.meta["class_name"] = "SynthesisLayer"
    for _ in range(14):
        inner = part
        part = Persistent({**inner.meta, "state": {**inner.meta["state"]}})
        part.meta["state"]["_modules"] = {name: inner for name in "abcd"}
    part.meta["class_name"] = "Generator"
    with pytest.raises(UsageError, match="too deeply or too many"):
        parse_published(memoryview(dump({"G_ema": part})))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.touch()
    with pytest.raises(UsageError, match=r"x\.pkl: not a readable network pickle: 0 bytes"):
        read_published(path)
