"""project: folders of images, gone on with and named apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nftgan.errors import PartlyDone, UsageError
from nftgan.networks.sources import base_model
from nftgan.synthesis.latent_files import read_latent
from nftgan.synthesis.model import load_model
from nftgan.workflows import projecting
from nftgan.workflows.projecting import SearchOptions, project_all

QUICK = SearchOptions(steps=2, loss="pixels")


@pytest.fixture
def art(tmp_path: Path) -> Path:
    folder = tmp_path / "art"
    (folder / "more").mkdir(parents=True)
    for name, seed in (("a.png", 1), ("b.webp", 2), ("more/a.png", 3)):
        image = load_model(base_model()).generate(seeds=[seed])[0]
        Image.fromarray(image).save(folder / name, lossless=True)
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_is_projected_and_gone_on_with(art: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    search = projecting._search

    def counted(*given: Any) -> Any:
        searched.append(1)
        return search(*given)

    monkeypatch.setattr(projecting, "_search", counted)
    output = art / "found"  # inside the art: its results are no art
    first = project_all("base", [art], output, options=QUICK)
    names = [one.latent.name for one in first.images]
    assert names == ["a-png-projected.npz", "b-projected.npz", "more-a-png-projected.npz"]
    assert first.kept == 0 and len(searched) == 3
    assert [name for name, _ in first.refused] == ["notes.txt"]
    stored = read_latent(first.images[1].latent)
    with Image.open(art / "b.webp") as asked:
        assert np.array_equal(stored.target, np.asarray(asked))  # type: ignore[arg-type]
    assert stored.model == load_model(base_model()).identity

    (output / "b-projected.png").unlink()
    again = project_all("base", [art], output, options=QUICK)
    assert again.kept == 2 and len(searched) == 4 and again.images == first.images
    other = project_all("base", [art], output, options=SearchOptions(steps=3, loss="pixels"))
    assert other.kept == 0 and len(searched) == 7
    Image.new("RGB", (32, 32), "red").save(art / "b.webp", lossless=True)
    changed = project_all("base", [art], output, options=SearchOptions(steps=3, loss="pixels"))
    assert changed.kept == 2 and len(searched) == 8


def test_an_image_that_was_named_and_is_none_is_said_at_the_end(art: Path) -> None:
    with pytest.raises(PartlyDone, match=r"1 are projected, but notes\.txt is no image"):
        project_all("base", [art / "notes.txt", art / "b.webp"], art / "found", options=QUICK)
    assert (art / "found" / "b-projected.npz").is_file()
    with pytest.raises(UsageError, match="none of 1 files is an image"):
        project_all("base", [art / "notes.txt"], art / "found", options=QUICK)
    with pytest.raises(UsageError, match="does not exist"):
        project_all("base", [art / "lost.png"], art / "found", options=QUICK)


@pytest.mark.parametrize(
    "distance", [10**400, True, "near", None, -1], ids=lambda one: type(one).__name__
)
def test_an_earlier_result_of_no_distance_is_made_anew(tmp_path: Path, distance: object) -> None:
    names = projecting._Names.of(tmp_path, "a")
    for path in (names.image, names.compared):
        path.touch()
    about = {"model": "m", "distance": distance}
    text = np.array(json.dumps({"nftgan_latent": 1, **about}))
    np.savez(names.latent, w=np.zeros((1, 2, 3)), about=text)
    assert projecting._earlier(names, {"model": "m"}) is None
