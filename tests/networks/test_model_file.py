"""Model files: what is written comes back, identity stays, and anything else is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import nftgan
from nftgan.errors import MissingStepError, NftganError, UsageError
from nftgan.networks.architecture import to_json
from nftgan.networks.model_file import (
    load_networks,
    model_identity,
    newest_snapshot,
    open_model,
    read_model,
    save_model,
)
from tests.networks import small

META: dict[str, Any] = {
    "conditioning": {"classes": 0},
    "training": {"kimg": 1.5},
    "parent": None,
    "dataset": {"fingerprint": "sha256:00", "name": "art", "images": 3},
    "licence": "CC0-1.0",
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, generator=small.generator(), discriminator=small.discriminator(), meta=META)
    return path


@pytest.mark.parametrize("name", small.GENERATORS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_saving_what_was_loaded_leaves_identity_and_numbers(
    tmp_path: Path, name: str, dtype: str
) -> None:
    first, second, third = (tmp_path / f"{i}.safetensors" for i in range(3))
    judge = small.discriminator()
    identity = save_model(
        first, generator=small.generator(name), discriminator=judge, meta=META, dtype=dtype
    )
    loaded = load_networks(first)
    again = {
        "generator": loaded.generator,
        "discriminator": loaded.discriminator,
        "meta": {key: loaded.info[key] for key in META},
    }
    assert loaded.identity == identity
    assert save_model(second, dtype=dtype, **again) == identity
    assert second.read_bytes() == first.read_bytes()
    assert save_model(third, **again) == identity
    assert read_model(third).identity == identity


def test_names_and_document_are_as_published(saved: Path) -> None:
    G, D = small.generator(), small.discriminator()
    with safe_open(saved, framework="np") as file:
        names = set(file.keys())
        document = json.loads(file.metadata()["nftgan"])
    assert names == {f"G.{n}" for n in G.state_dict()} | {f"D.{n}" for n in D.state_dict()}
    assert document == {
        **META,
        "nftgan": 1,
        "version": nftgan.__version__,
        "generator": to_json(small.T),
        "discriminator": to_json(small.D),
    }


def test_loaded_networks_compute_the_same(saved: Path) -> None:
    loaded = load_networks(str(saved))
    z, image = torch.randn(2, 4), torch.randn(2, 3, 16, 16)
    assert torch.equal(loaded.generator(z), small.generator()(z))
    assert loaded.discriminator is not None
    assert torch.equal(loaded.discriminator(image), small.discriminator()(image))
    assert not loaded.generator.training
    assert not any(p.requires_grad for p in loaded.generator.parameters())
    assert loaded.info["licence"] == "CC0-1.0"
    assert loaded.info["architecture"] == to_json(small.T)


def test_loading_leaves_the_random_state_alone(saved: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load_networks(saved)
    assert torch.equal(torch.rand(3), expected)


def test_half_precision_halves_weights_and_keeps_filters_exact(tmp_path: Path) -> None:
    exact, half = tmp_path / "32.safetensors", tmp_path / "16.safetensors"
    G = small.generator()
    first = save_model(exact, generator=G, meta={})
    second = save_model(half, generator=G, meta={}, dtype="float16")
    assert first != second
    tensors = load_file(half)
    for name, tensor in G.state_dict().items():
        stored = tensors[f"G.{name}"]
        assert (stored.dtype == np.float16) == name.endswith("weight")
        if stored.dtype == np.float32:
            assert np.array_equal(stored, tensor.numpy())
    assert half.stat().st_size < exact.stat().st_size


def test_a_weight_beyond_half_precision_stays_float32(tmp_path: Path) -> None:
    G = small.generator()
    G.mapping.fc0.weight[0, 0] = 70_000.0
    path = tmp_path / "x.safetensors"
    save_model(path, generator=G, meta={}, dtype="float16")
    assert read_model(path).generator["mapping.fc0.weight"].dtype == np.float32


def test_identity_ignores_metadata_and_discriminator(tmp_path: Path, saved: Path) -> None:
    path = tmp_path / "bare.safetensors"
    identity = save_model(path, generator=small.generator(), meta={})
    assert identity == read_model(saved).identity
    assert identity == model_identity(small.T, small.generator().state_dict())
    assert load_networks(path).discriminator is None


def test_float64_networks_are_saved_as_their_float32_values(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    identity = save_model(path, generator=small.generator().double(), meta={})
    assert identity == model_identity(small.T, small.generator().state_dict())


def test_reading_needs_no_torch(saved: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from nftgan.networks.model_file import read_model; "
        f"read_model(Path({str(saved)!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_nan_is_neither_saved_nor_loaded(tmp_path: Path, saved: Path) -> None:
    before = saved.read_bytes()
    G = small.generator()
    G.mapping.fc0.bias[0] = float("nan")
    with pytest.raises(UsageError, match=r"mapping\.fc0\.bias holds NaN"):
        save_model(saved, generator=G, meta={})
    assert saved.read_bytes() == before
    broken = forged(saved, tmp_path, tensors={"G.mapping.fc0.bias": np.full(4, np.inf, "f4")})
    with pytest.raises(UsageError, match=r"mapping\.fc0\.bias holds NaN or infinity"):
        read_model(broken)


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        save_model(tmp_path / "x.safetensors", generator=small.generator(), meta={}, dtype="int8")
    with pytest.raises(NftganError, match="own"):
        save_model(tmp_path / "x.safetensors", generator=small.generator(), meta={"generator": 1})
    assert list(tmp_path.iterdir()) == []


def forged(
    saved: Path,
    folder: Path,
    *,
    tensors: dict[str, np.ndarray | None] | None = None,
    document: Any = None,
    **changes: Any,
) -> Path:
    """The saved model with some tensors (None: removed) or parts of its document changed."""
    with safe_open(saved, framework="np") as file:
        metadata = json.loads(file.metadata()["nftgan"])
    content = {**load_file(saved), **(tensors or {})}
    text = json.dumps({**metadata, **changes}) if document is None else document
    path = folder / "forged.safetensors"
    kept = {name: array for name, array in content.items() if array is not None}
    save_file(kept, path, metadata={"nftgan": text})
    return path


GENERATOR = to_json(small.T)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"document": "x"}, "not JSON"),
        ({"document": "[]"}, "not a table"),
        ({"document": "[" * 100_000}, "not JSON"),
        ({"document": '{"a":' * 60 + "1" + "}" * 60}, "not a table"),
        ({"nftgan": 2}, "later format"),
        ({"generator": None}, "names no generator"),
        ({"generator": []}, "not described"),
        ({"conditioning": "x"}, "its conditioning is not described"),
        ({"training": 3}, "its training is not described"),
        ({"parent": ["x"]}, "its parent is not described"),
        ({"dataset": True}, "its dataset is not described"),
        ({"generator": {**GENERATOR, "kind": "stylegan9"}}, "unknown network kind"),
        ({"generator": {"kind": "stylegan2"}}, "has no img_resolution"),
        ({"generator": {**GENERATOR, "kind": 3}}, "unknown network kind"),
        ({"generator": {**GENERATOR, "colour": 1}}, "unknown key 'colour'"),
        ({"generator": {**GENERATOR, "x" * 100_000: 1}}, "without a readable name"),
        ({"generator": {**GENERATOR, "z_dim": [[[1]]]}}, "not a plain value"),
        ({"generator": {**GENERATOR, "z_dim": "4"}}, "z_dim must be int"),
        ({"generator": {**GENERATOR, "z_dim": 5}}, "instead of"),
        (
            {"generator": {**GENERATOR, "img_resolution": 4096, "channel_base": 1 << 14}},
            "lacks the tensor",
        ),
        ({"generator": {**GENERATOR, "img_resolution": 1 << 70}}, "not a power of two"),
        ({"generator": {**GENERATOR, "num_fp16_res": 1 << 40}}, "num_fp16_res"),
        ({"generator": to_json(small.D)}, "names no generator"),
        ({"discriminator": GENERATOR}, "its discriminator is a stylegan3-t"),
        ({"discriminator": None}, "the discriminator has the tensor"),
        ({"tensors": {"G.mapping.w_avg": None}}, "lacks the tensor mapping.w_avg"),
        ({"tensors": {"G.mapping.w_avg": np.zeros(5, "f4")}}, "the shape"),
        ({"tensors": {"G.evil": np.zeros(5, "f4")}}, "'evil', which it should not have"),
        ({"tensors": {"D.evil": np.zeros(5, "f4")}}, "'evil', which it should not have"),
        ({"tensors": {"X.evil": np.zeros(5, "f4")}}, "belongs to no network"),
        ({"tensors": {"evil": np.zeros(5, "f4")}}, "belongs to no network"),
        ({"tensors": {"G.mapping.w_avg": np.zeros(4, "f8")}}, "not float16 or float32"),
        ({"tensors": {"G.mapping.w_avg": np.zeros(4, "i4")}}, "not float16 or float32"),
    ],
)
def test_a_forged_model_is_refused_in_one_sentence(
    saved: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_model(forged(saved, tmp_path, **changes))
    assert caught.value.message.startswith("forged.safetensors: ")
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_filters_that_do_not_fit_the_cutoffs_are_refused(saved: Path, tmp_path: Path) -> None:
    wrong = forged(saved, tmp_path, generator={**GENERATOR, "first_cutoff": 2.2})
    with pytest.raises(UsageError, match="filter does not fit its architecture"):
        load_networks(wrong)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damage") / "model.safetensors"
    save_model(path, generator=small.generator(), meta=META)
    return path


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_model_is_refused_or_known_by_another_identity(place: Path, data: Any) -> None:
    good, original = place.read_bytes(), read_model(place)
    header = 8 + int.from_bytes(good[:8], "little")
    damaged = bytearray(good)
    # The header is where damage could mislead.
    position = st.integers(0, header - 1) | st.integers(0, len(good) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(position)] ^= data.draw(st.integers(1, 255))
    path = place.with_name("damaged.safetensors")
    path.write_bytes(damaged)
    try:
        model = read_model(path)
    except UsageError as exc:
        assert "\n" not in exc.message
        return
    same = model.generator_config == original.generator_config and all(
        array.tobytes() == original.generator[name].tobytes()
        for name, array in model.generator.items()
    )
    assert (model.identity == original.identity) == same


def test_the_newest_whole_snapshot_of_a_run_is_used(tmp_path: Path) -> None:
    for number in (2, 10):
        path = tmp_path / f"network-{number:06d}.safetensors"
        save_model(path, generator=small.generator(), meta={"training": {"kimg": number}})
    (tmp_path / "network-000011.safetensors").write_bytes(path.read_bytes()[:-1])
    (tmp_path / ".network-000012.safetensors.x.tmp.safetensors").write_bytes(b"")
    (tmp_path / "state-000012.safetensors").write_bytes(b"")
    found, model = newest_snapshot(tmp_path)
    assert found.name == "network-000010.safetensors"
    assert model.meta["training"] == {"kimg": 10}
    assert load_networks(tmp_path).info["training"] == {"kimg": 10}


def test_a_run_without_snapshots_names_the_earlier_step(tmp_path: Path) -> None:
    (tmp_path / "network-000011.safetensors").write_bytes(b"cut off")
    with pytest.raises(MissingStepError, match="no finished network"):
        open_model(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a whole safetensors"),
        (b"PK\x03\x04rest", "torch archive"),
        (b"\x80\x04N.", "without a G_ema"),
        (b"\x89PNG\r\n", "not a whole safetensors"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        load_networks(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.safetensors: no such file"):
        load_networks(tmp_path / "gone.safetensors")


def test_safetensors_of_another_program_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3, "f4")}, tmp_path / "x.safetensors")
    with pytest.raises(UsageError, match="not a model of nftgan"):
        load_networks(tmp_path / "x.safetensors")


def test_a_header_of_any_length_is_not_mistaken_for_a_pickle(tmp_path: Path) -> None:
    """A header of 128 bytes more than a multiple of 256 begins as a pickle does."""
    path, first_bytes = tmp_path / "model.safetensors", set()
    for length in range(0, 256, 4):
        meta = META | {"dataset": META["dataset"] | {"name": "x" * length}}
        identity = save_model(path, generator=small.generator(), meta=meta)
        first_bytes.add(path.read_bytes()[0])
        assert open_model(path).identity == identity
    assert 0x80 in first_bytes
