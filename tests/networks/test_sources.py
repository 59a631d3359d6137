"""One way to name a model, in Python and on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import nftgan
from nftgan.errors import MissingStepError, UsageError
from nftgan.metrics.likeness import KEY, read
from nftgan.networks.model_file import open_model, save_model
from nftgan.networks.sources import (
    BASES,
    BaseModel,
    base_model,
    base_named,
    model_source,
    newest_run,
    run_of,
)
from tests.networks import small


def run(folder: Path, kind: str = "t") -> str:
    """A run whose newest snapshot is a small model; its identity."""
    folder.mkdir(parents=True)
    (folder / "training_options.json").write_text("{}")
    return save_model(
        folder / "network-000001.safetensors",
        generator=small.generator(kind),
        discriminator=None,
        meta={},
    )


def test_load_model_opens_base_a_run_and_a_folder_of_runs(tmp_path: Path) -> None:
    old, new = run(tmp_path / "00009-art"), run(tmp_path / "00010-art", "sg2")
    (tmp_path / "notes").mkdir()
    assert nftgan.load_model("base").identity == nftgan.load_model(base_model()).identity
    assert nftgan.load_model("base-32").resolution == 32
    assert nftgan.load_model(tmp_path / "00009-art").identity == old
    assert nftgan.load_model(str(tmp_path)).identity == new != old


def test_a_url_is_handed_on_and_needs_its_hash() -> None:
    url = "https://example.org/art.safetensors"
    assert model_source(url) == url
    with pytest.raises(UsageError, match="has no hash"):
        nftgan.load_model(url)


def test_a_path_is_only_ever_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="the model base does not exist"):
        model_source(Path("base"))
    identity = run(tmp_path / "base")
    assert nftgan.load_model(Path("base")).identity == identity
    assert model_source("base") == base_model()


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.safetensors does not exist"):
        nftgan.load_model("gone.safetensors")
    with pytest.raises(MissingStepError, match="holds no training run"):
        nftgan.load_model(tmp_path)
    with pytest.raises(UsageError, match="no base model is made for 8 pixels, only for 16, 32, 64"):
        base_model(8)
    with pytest.raises(UsageError, match="the model base-99 does not exist") as caught:
        model_source("base-99")
    assert "those that ship are base-16, base-32, base-32-characters" in (caught.value.hint or "")


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_every_base_model_is_what_the_table_says(base: BaseModel) -> None:
    model = open_model(base.path)
    assert model_source(base.name) == base.path and base_named(base.name) == base
    assert model.generator_config.img_resolution == base.side
    assert model.discriminator_config is not None and model.meta["licence"] == "CC0-1.0"
    assert base.path.stat().st_size < 16_000_000
    noted = (model.meta.get("dataset") or {}).get("pixel_art")
    assert bool(noted) == base.pixel_art
    same = [one for one in BASES if (one.side, one.pixel_art) == (base.side, base.pixel_art)]
    if len(same) > 1:  # they are told apart by their art
        assert read(model.meta["dataset"][KEY]) is not None


def test_a_renamed_run_is_the_newest_only_where_no_numbered_one_is(tmp_path: Path) -> None:
    for number, name in enumerate(("zebra", "owls")):
        run(tmp_path / name)
        os.utime(tmp_path / name / "training_options.json", (number, number))
    assert newest_run(tmp_path).name == "owls"
    run(tmp_path / "00003-art")
    assert newest_run(tmp_path).name == "00003-art"


def test_a_run_is_known_by_its_folder_and_by_its_files(tmp_path: Path) -> None:
    run(tmp_path / "00000-art")
    folder = tmp_path / "00000-art"
    assert newest_run(folder) == folder
    assert run_of(folder) == run_of(folder / "network-000001.safetensors") == folder
    assert run_of(tmp_path) is run_of("https://example.org") is None
