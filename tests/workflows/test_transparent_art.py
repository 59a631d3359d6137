"""Models that make transparent images: what takes them gives RGBA, all else says so."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.alpha import over, over_board, premultiplied
from nftgan.collection.manifest import Manifest
from nftgan.collection.traits import LEVELS
from nftgan.config import RecipeSection
from nftgan.dataset.pack import write_dataset
from nftgan.errors import CheckFailed, UsageError
from nftgan.networks import build_discriminator
from nftgan.networks.architecture import DiscriminatorConfig
from nftgan.networks.model_file import save_model
from nftgan.pixels import pixel_hash
from nftgan.png import read_png
from nftgan.progress import NullProgress
from nftgan.project import Project
from nftgan.synthesis import projection
from nftgan.synthesis.animation import BEHIND
from nftgan.synthesis.finish import upscale
from nftgan.synthesis.latent_files import read_latent
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Finish
from nftgan.synthesis.walk import Walk
from nftgan.workflows.curate import curate
from nftgan.workflows.evaluate import evaluate
from nftgan.workflows.explore import RenderOptions, mix, morph, morph_again
from nftgan.workflows.generate import generate
from nftgan.workflows.init import init
from nftgan.workflows.metadata import check_metadata, metadata
from nftgan.workflows.projecting import SearchOptions, project
from nftgan.workflows.render import render
from nftgan.workflows.report import report
from nftgan.workflows.site import site
from tests.synthesis import tiny
from tests.synthesis.filled import filled, kinds


def test_flat_transparent_art_is_enlarged_by_cubic() -> None:
    made = tiny.stylegan3(img_channels=4)
    flat = Model(made.generator, info={"dataset": {"flat_art": True}})
    finish = flat.recipe_of(RecipeSection(upscale=2)).finish
    assert finish is not None and finish.filter == "cubic"


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of 4 channels, 32 pixels."""
    path = tmp_path_factory.mktemp("clear") / "clear.safetensors"
    config = dataclasses.replace(kinds(32)["T"], img_channels=4)
    judge = DiscriminatorConfig(32, img_channels=4, channel_base=256, channel_max=16)
    save_model(
        path,
        generator=filled(config).generator,
        discriminator=build_discriminator(judge, seed=1),
        meta={},
    )
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of 16 pixels, and quick."""
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    made = tiny.stylegan3(img_channels=4)
    save_model(path, generator=made.generator, discriminator=made.discriminator, meta={})
    return path


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


def test_generate_writes_rgba_and_its_sheet_shows_a_checkerboard(
    clear: Path, tmp_path: Path
) -> None:
    done = generate(str(clear), [3, 4], tmp_path, grid=True)
    images = load_model(clear).generate([3, 4])
    assert images.shape == (2, 32, 32, 4)
    assert images[..., 3].min() < 128 < images[..., 3].max()
    for seed, image in zip((3, 4), images, strict=True):
        assert np.array_equal(read(tmp_path / f"seed{seed:04d}.png"), image)
    assert done.sheet is not None
    with Image.open(done.sheet) as sheet:
        assert sheet.mode == "RGB"
        shown = np.asarray(sheet)
    assert np.array_equal(shown[:128, :128], over_board(upscale(images[0], 4)))


def test_the_finish_of_pixel_art_gives_hard_edges(clear: Path, tmp_path: Path) -> None:
    generate(str(clear), [3], tmp_path, finish=Finish(grid=16, palette=4, upscale=2))
    image = read(tmp_path / "seed0003.png")
    assert image.shape == (32, 32, 4)
    assert set(np.unique(image[..., 3])) == {0, 255}
    assert len(np.unique(image[image[..., 3] == 255], axis=0)) <= 4


def test_the_canonical_image_is_near_its_preview(clear: Path) -> None:
    model = load_model(clear)
    rendered, preview = model.render(3), model.generate([3])[0]
    assert rendered.shape == (32, 32, 4)
    away = premultiplied(rendered).astype(int) - premultiplied(preview)
    assert np.abs(away).max() <= 1


def test_the_discriminator_sees_what_it_was_trained_on(clear: Path) -> None:
    model = load_model(clear)
    images = model.generate([3])
    images[:, :8, :, 3] = 0
    hidden = images.copy()
    hidden[:, :8, :, :3] = (9, 99, 200)  # shows nowhere
    assert np.array_equal(model.score(hidden), model.score(images))
    assert not np.array_equal(model.score(images), model.score(model.generate([3])))


def test_mixes_are_shown_on_a_checkerboard(clear: Path, tmp_path: Path) -> None:
    mix(str(clear), [1], [2], tmp_path / "m.png", options=RenderOptions())
    with Image.open(tmp_path / "m.png") as sheet:
        assert sheet.mode == "RGB" and sheet.size == (64, 64)


def test_evaluate_compares_transparent_fakes_with_transparent_art(
    clear: Path, tmp_path: Path
) -> None:
    art = load_model(clear).generate(range(100, 118))
    write_dataset(tmp_path / "art.zip", art)
    pairs = tmp_path / "pairs.png"
    done = evaluate(
        str(clear), tmp_path / "art.zip", metrics="swd,copies", images=8, holdout=0, sheet=pairs
    )
    assert done.copies == 0 and done.figures["swd"].value > 0
    with Image.open(pairs) as sheet:
        assert sheet.mode == "RGB"


@pytest.fixture
def birds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    init("birds", tmp_path / "collections")
    return Project(tmp_path / "collections" / "birds")


def write_settings(project: Project, key: str, value: str) -> None:
    text = project.config_path.read_text()
    changed = text.replace(f'{key} = "auto"', f"{key} = {value}")
    assert changed != text
    project.config_path.write_text(changed)


def test_a_transparent_collection_is_made_as_any_other(small: Path, birds: Project) -> None:
    write_settings(birds, "upscale", "3")
    art = load_model(small).generate(range(100, 130))
    write_dataset(birds.root / "art.zip", art)
    done = curate(
        birds, model=str(small), auto=3, candidates=range(12), dataset=birds.root / "art.zip"
    )
    assert len(done.seeds) == 3 and done.judged_by is not None
    manifest = Manifest.load(birds.manifest_path)
    assert manifest.recipe.finish == Finish(upscale=3, filter="cubic")  # as other art
    render(birds)
    again = load_model(birds.model_path)
    for piece in Manifest.load(birds.manifest_path).pieces:
        image = read_png(birds.images / f"{piece.id}.png")
        assert image.shape == (48, 48, 4) and pixel_hash(image) == piece.pixels
        assert np.array_equal(image, again.render(piece.seed, manifest.recipe))
        assert not image[image[..., 3] == 0].any()  # nothing hides where nothing shows
    assert render(birds).rendered == 0
    metadata(birds)
    document = json.loads((birds.metadata / "0.json").read_text())
    traits = {one["trait_type"]: one["value"] for one in document["attributes"]}
    assert "Background" in traits and set(LEVELS) <= set(traits)
    assert check_metadata(birds) == ()
    page = report(birds).path.read_text()
    assert "every image (3) has its recorded pixels" in page
    metadata(birds, live=True)
    assert (birds.live / "index.html").is_file()
    assert "animation_url" in json.loads((birds.metadata / "0.json").read_text())
    site(birds, birds.root / "site", disk=False)
    assert '"transparent":true' in (birds.root / "site" / "collection.js").read_text()


def test_a_copy_of_transparent_art_is_refused(small: Path, birds: Project) -> None:
    write_dataset(birds.root / "art.zip", load_model(small).generate(range(12), trunc=0.7))
    with pytest.raises(CheckFailed, match=r"3 is .* training image"):
        curate(birds, model=str(small), pick=[3, 20], dataset=birds.root / "art.zip")


def test_a_finish_that_takes_opaque_images_is_refused_before_anything_is_made(
    small: Path, birds: Project
) -> None:
    write_settings(birds, "filter", '"contour"')
    with pytest.raises(UsageError, match="the filter contour takes opaque images"):
        curate(birds, model=str(small), pick=[1, 2])
    assert not birds.manifest_path.exists()


class Heard(NullProgress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_films_keep_transparency_where_the_format_can(small: Path, tmp_path: Path) -> None:
    walk = list(Walk(load_model(small), [1, 2], steps=2))
    for name, kept in (("w.webp", True), ("w.png", True), ("w.gif", False)):
        assert (
            morph(str(small), [1, 2], tmp_path / name, options=RenderOptions(), steps=2).frames == 4
        )
        with Image.open(tmp_path / name) as film:
            for number, wanted in enumerate(walk):
                film.seek(number)
                assert np.array_equal(np.asarray(film.convert("RGBA")), wanted) or not kept
                shown = np.asarray(film.convert("RGB")).astype(int)
                assert kept or np.abs(shown - over(wanted, BEHIND)).mean() < 12
    again = tmp_path / "again.webp"
    morph_again(str(small), tmp_path / "w.webp.json", again)
    assert again.read_bytes() == (tmp_path / "w.webp").read_bytes()


def test_an_mp4_shows_transparent_frames_over_white_and_says_so(
    small: Path, tmp_path: Path
) -> None:
    import av

    said = Heard()
    morph(str(small), [1, 2], tmp_path / "w.mp4", options=RenderOptions(), steps=2, progress=said)
    assert said.notes == ["w.mp4 shows transparent images over white; .webp and .png keep them"]
    image = next(iter(Walk(load_model(small), [1, 2], steps=2)))
    with av.open(str(tmp_path / "w.mp4")) as film:
        frame = next(film.decode(video=0)).to_ndarray(format="rgb24", src_colorspace="ITU709")
    away = {grey: np.abs(over(image, (grey,) * 3) - frame.astype(int)).mean() for grey in (0, 255)}
    assert away[255] < away[0] / 3  # of noise, colours at half the size are not exact


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that begins at once."""
    monkeypatch.setattr(projection, "SAMPLES", 20)
    monkeypatch.setattr(projection, "STARTS", 2)


@pytest.mark.usefixtures("short")
def test_a_transparent_image_is_projected_with_its_transparency(
    small: Path, tmp_path: Path
) -> None:
    target = load_model(small).generate([7])[0]
    Image.fromarray(target).save(tmp_path / "target.png")
    options = SearchOptions(steps=3, loss="pixels")
    done = project(str(small), tmp_path / "target.png", tmp_path / "p", options=options)
    assert read(done.image).shape == (16, 16, 4)
    known = read_latent(done.latent)
    assert known.target is not None and np.array_equal(known.target, target)
    with Image.open(done.compared) as compared:
        assert compared.mode == "RGB"
    generate(str(small), [done.latent], tmp_path / "g")
    (made,) = (tmp_path / "g").glob("*.png")
    assert np.array_equal(read(made), read(done.image))


@pytest.mark.usefixtures("short")
def test_an_opaque_image_is_projected_as_one_of_full_alpha(small: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 16), "red").save(tmp_path / "target.png")
    options = SearchOptions(steps=1, loss="pixels")
    done = project(str(small), tmp_path / "target.png", tmp_path / "p", options=options)
    known = read_latent(done.latent).target
    assert known is not None and (known == (255, 0, 0, 255)).all()
