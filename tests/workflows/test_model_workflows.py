"""model info, import, export as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nftgan.errors import UsageError
from nftgan.networks.model_file import read_model, save_model
from nftgan.networks.published import NVIDIA_LICENCE
from nftgan.progress import NullProgress
from nftgan.workflows.model import model_export, model_import, model_info
from tests.networks import small
from tests.networks.published_writer import published_bytes


class Warnings(NullProgress):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def warn(self, message: str) -> None:
        self.seen.append(message)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "network.pkl"
    path.write_bytes(published_bytes(small.generator(), small.discriminator()))
    return path


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "ours.safetensors"
    save_model(
        path,
        generator=small.generator(),
        discriminator=small.discriminator(),
        meta={"licence": "CC0-1.0", "training": {"kimg": 3}},
    )
    return path


def test_info_says_what_a_model_is(ours: Path) -> None:
    info = model_info(ours)
    assert info["kind"] == "stylegan3-t"
    assert info["resolution"] == 16
    assert info["licence"] == "CC0-1.0"
    assert info["training"] == {"kimg": 3}
    assert info["identity"] == read_model(ours).identity
    assert json.loads(json.dumps(info)) == info


def test_info_of_a_run_is_that_of_its_newest_snapshot(tmp_path: Path, ours: Path) -> None:
    run = tmp_path / "00000-art"
    run.mkdir()
    (run / "training_options.json").write_text("{}")
    (run / "network-000003.safetensors").write_bytes(ours.read_bytes())
    assert model_info(run)["training"] == {"kimg": 3}


def test_import_keeps_identity_and_warns_of_the_licence(tmp_path: Path, published: Path) -> None:
    warnings = Warnings()
    result = model_import(published, tmp_path / "in.safetensors", progress=warnings)
    assert result.identity == model_info(published)["identity"]
    assert result.licence == NVIDIA_LICENCE
    assert warnings.seen == [result.notice]
    assert result.size_bytes == result.output.stat().st_size
    info = model_info(result.output)
    assert info["identity"] == result.identity
    assert info["parent"]["source"] == "network.pkl"
    assert info["discriminator"] is not None


def test_a_broken_file_is_not_imported(tmp_path: Path, published: Path) -> None:
    output = tmp_path / "in.safetensors"
    published.write_bytes(published.read_bytes()[:-100])
    with pytest.raises(UsageError, match=r"network\.pkl: not a readable network pickle"):
        model_import(published, output)
    assert not output.exists()


def test_export_in_half_precision_names_the_exact_model_as_parent(
    tmp_path: Path, ours: Path
) -> None:
    exact = model_info(ours)["identity"]
    result = model_export(ours, tmp_path / "half.safetensors", "float16")
    info = model_info(result.output)
    assert result.identity == info["identity"] != exact
    assert info["parent"] == {
        "identity": exact,
        "licence": "CC0-1.0",
        "source": "ours.safetensors",
    }
    assert result.size_bytes < ours.stat().st_size
    back = model_export(result.output, tmp_path / "back.safetensors", "float32")
    assert back.identity == result.identity


def test_export_in_half_precision_twice_changes_nothing(tmp_path: Path, ours: Path) -> None:
    once = model_export(ours, tmp_path / "once.safetensors", "float16")
    twice = model_export(once.output, tmp_path / "twice.safetensors", "float16")
    assert twice.output.read_bytes() == once.output.read_bytes()


def test_export_of_the_generator_leaves_the_discriminator_out(tmp_path: Path, ours: Path) -> None:
    result = model_export(ours, tmp_path / "g.safetensors", "generator")
    assert model_info(result.output)["discriminator"] is None
    assert result.identity == model_info(ours)["identity"]


def test_the_licence_notice_survives_an_export(tmp_path: Path, published: Path) -> None:
    result = model_export(published, tmp_path / "half.safetensors", "float16")
    info = model_info(result.output)
    assert info["licence"] == NVIDIA_LICENCE
    assert "research and evaluation" in info["parent"]["notice"]


@pytest.mark.parametrize(
    ("output", "format", "message"),
    [("x.safetensors", "onnx", "not exported as 'onnx'"), ("x.pkl", "float32", "does not end in")],
)
def test_other_outputs_are_refused(
    tmp_path: Path, ours: Path, output: str, format: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        model_export(ours, tmp_path / output, format)


def test_a_missing_model_is_named() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        model_info("gone.safetensors")
