"""project: where images lie in the latent space of a model, one image or a folder of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from nftgan.dataset.crop import Crop, square
from nftgan.dataset.decode import Rejected, decode
from nftgan.dataset.resize import Resample, resize
from nftgan.dataset.scan import scan
from nftgan.errors import PartlyDone, UsageError
from nftgan.files import sha256_hex, translated_os_errors
from nftgan.networks.sources import model_source
from nftgan.ops.device import device_named
from nftgan.png import write_png
from nftgan.progress import SILENT, Progress, Task
from nftgan.synthesis.animation import check_animation, flattened, write_animation
from nftgan.synthesis.generate import contact_sheet, write_sheet
from nftgan.synthesis.latent_files import read_latent, save_latent
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.projection import Projection, Search
from nftgan.terminal import visible
from nftgan.workflows.results import result

WHITE = (255, 255, 255)
FILM_FRAMES = 150  # of a search, at most
FILM_FPS = 30
_RESULT = re.compile(r"(.+)-(?:projected|compared)(?:\.old-\d+)?\.(?:png|npz)")


@dataclass(frozen=True)
class ProjectResult:
    """The latent (.npz, key w), the image it gives, and the distance from the one asked for.

    compared: the image asked for and the one found, side by side. film: the search, or None.
    """

    latent: Path
    image: Path
    distance: float
    compared: Path
    film: Path | None = None


@dataclass(frozen=True)
class ProjectedFolder:
    """One result for each image that could be read, in the order of names.

    kept: how many of them an earlier run found with the same options. refused: (name, why not).
    """

    folder: Path
    images: tuple[ProjectResult, ...]
    kept: int
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SearchOptions:
    """How a latent is looked for; see `nftgan.synthesis.projection.Search`."""

    steps: int = 500
    class_idx: int | None = None
    seed: int = 0  # of the noise that shakes the search
    loss: str = "perceptual"

    def about(self, model: Model, data: bytes) -> dict[str, Any]:
        """What a latent's file says of its origin; data: the image's file. Equal, it is done."""
        return {
            "model": model.identity,
            "image": f"sha256:{sha256_hex(data)}",
            "steps": self.steps,
            "class": self.class_idx,
            "seed": self.seed,
            "loss": self.loss,
        }


@dataclass(frozen=True)
class _Names:
    """The files of one image. Never its own name, which may lie in the same folder."""

    latent: Path
    image: Path
    compared: Path

    @classmethod
    def of(cls, output: Path, stem: str) -> _Names:
        return cls(
            output / f"{stem}-projected.npz",
            output / f"{stem}-projected.png",
            output / f"{stem}-compared.png",
        )


def project(
    model: str,
    image_path: Path,
    output: Path,
    *,
    options: SearchOptions = SearchOptions(),
    film: Path | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
) -> ProjectResult:
    """Find the latent whose image is closest to `image_path`, cropped to its centre and scaled.

    film: an animation of the search, the image asked for beside the best one so far. Without it,
    what an earlier run found with the same options is kept. Raises UsageError for an image that
    cannot be read.
    """
    if film is not None:
        check_animation(film)
    loaded = load_model(model_source(model), device=device_named(device))
    data = _read(image_path)
    names, about = _Names.of(output, image_path.stem), options.about(loaded, data)
    if film is None and (earlier := _earlier(names, about)):
        progress.note("it was found before with the same options")
        return earlier
    if film is not None and loaded.transparent and (note := flattened(film)):
        progress.note(note)
    try:
        target = _target(data, loaded)
    except Rejected as exc:
        raise UsageError(f"{image_path}: {exc}", hint="use an image that prepare accepts") from None
    search = _search(loaded, target, options, progress)
    if film is None:
        found = search.run()
    else:
        every = -(-options.steps // FILM_FRAMES)
        beside = (
            np.concatenate([target, image], axis=1)
            for step, image in enumerate(search, 1)
            if step % every == 0 or step == options.steps
        )
        with result(film, progress):
            write_animation(film, beside, fps=FILM_FPS)
        found = search.result
    return _write(names, target, found, about, progress, film)


def project_all(
    model: str,
    sources: Sequence[Path],
    output: Path,
    *,
    options: SearchOptions = SearchOptions(),
    device: str | None = None,
    progress: Progress = SILENT,
) -> ProjectedFolder:
    """`project` for every image among `sources`, files and folders with all below them.

    What an earlier run found for the same bytes with the same model and options is kept. A file
    that is no image is passed over and named. Raises UsageError when nothing is an image, and
    PartlyDone when one that was named by itself is none.
    """
    loaded = load_model(model_source(model), device=device_named(device))
    files, refused = _files(sources)
    done: dict[str, ProjectResult] = {}
    todo: list[tuple[str, Path]] = []
    for stem, path in files:
        earlier = _earlier(_Names.of(output, stem), options.about(loaded, _read(path)))
        if earlier is None:
            todo.append((stem, path))
        else:
            done[stem] = earlier
    kept = len(done)
    if kept:
        progress.note(f"{kept} of {len(files)} were found before with the same options")
    with progress.task("projecting", len(todo) * options.steps, "steps") as task:
        for number, (stem, path) in enumerate(todo):
            data = _read(path)
            try:
                target = _target(data, loaded)
            except Rejected as exc:
                refused.append((path.name, str(exc)))
                progress.warn(f"{visible(path.name)} is passed over: {exc}")
                task.advance(options.steps)
                continue
            task.update(note=f"{number + 1} of {len(todo)}: {visible(path.name)}")
            # The steps of all images are one task, so that the time left is that of all.
            found = _searched(_search(loaded, target, options), task)
            about = options.about(loaded, data)
            done[stem] = _write(_Names.of(output, stem), target, found, about, progress)
    if not done:
        raise UsageError(
            f"none of {len(refused)} files is an image" if refused else "there are no images",
            hint="name a folder with PNG, JPEG or WebP images, or the images",
        )
    images = tuple(done[stem] for stem, _ in files if stem in done)
    named = {path.name for path in sources}
    if wrong := [name for name, _ in refused if name in named]:
        raise PartlyDone(
            f"{len(images)} are projected, but {visible(wrong[0])} is no image that can be used",
            hint="leave it out, or save it as PNG",
        )
    return ProjectedFolder(output, images, kept, tuple(refused))


def _search(
    model: Model, target: np.ndarray, options: SearchOptions, progress: Progress = SILENT
) -> Search:
    return Search(
        model,
        target,
        steps=options.steps,
        class_idx=options.class_idx,
        seed=options.seed,
        loss=options.loss,
        progress=progress,
    )


def _searched(search: Search, task: Task) -> Projection:
    for _ in search:
        task.advance()
    return search.result


def _files(
    sources: Sequence[Path],
) -> tuple[list[tuple[str, Path]], list[tuple[str, str]]]:
    """(stem of its results, path) of every candidate by name, and what is none with the reason.

    Two images that would share a name keep their folder and ending in it.
    """
    named: list[tuple[PurePosixPath, Path]] = []
    refused: list[tuple[str, str]] = []
    for source in sources:
        if source.is_dir():
            found = scan(source)
            inside = [(PurePosixPath(one.name), Path(str(one.path))) for one in found.candidates]
            named += [(name, path) for name, path in inside if not _is_result(path)]
            refused += found.rejected
        elif source.exists():
            named.append((PurePosixPath(source.name), source))
        else:
            raise UsageError(f"{source} does not exist", hint="name an image or a folder of them")
    paths = {path.resolve(): (name, path) for name, path in named}  # each once
    stems = [name.stem for name, _ in paths.values()]
    files: dict[str, Path] = {}
    for name, path in paths.values():
        stem = name.stem if stems.count(name.stem) == 1 else "-".join(name.parts).replace(".", "-")
        if stem in files:
            raise UsageError(
                f"{files[stem]} and {path} would have results of one name",
                hint="project one of the folders into another -o",
            )
        files[stem] = path
    return sorted(files.items()), refused


def _is_result(path: Path) -> bool:
    """Whether an earlier run wrote it, which may have written into the folder of the art."""
    match = _RESULT.fullmatch(path.name)
    return match is not None and path.with_name(f"{match[1]}-projected.npz").is_file()


def _earlier(names: _Names, about: dict[str, Any]) -> ProjectResult | None:
    """What an earlier run found by the same options; None where a file of it is missing."""
    if not all(path.is_file() for path in (names.latent, names.image, names.compared)):
        return None
    try:
        known = read_latent(names.latent).about
    except UsageError:
        return None
    if any(known.get(key) != value for key, value in about.items()):
        return None
    distance = known.get("distance")
    if isinstance(distance, bool) or not isinstance(distance, (int, float)):
        return None
    if not 0 <= distance < 1e9:  # a whole number of JSON has no end
        return None
    return ProjectResult(names.latent, names.image, float(distance), names.compared)


def _write(
    names: _Names,
    target: np.ndarray,
    found: Projection,
    about: dict[str, Any],
    progress: Progress,
    film: Path | None = None,
) -> ProjectResult:
    """The latent comes last: where it is, the others are."""
    with result(names.image, progress):
        write_png(names.image, found.image)
    with result(names.compared, progress):
        write_sheet(names.compared, contact_sheet([target, found.image], gap=len(target) // 16))
    with result(names.latent, progress):
        save_latent(names.latent, found.ws, {**about, "distance": found.distance}, target)
    return ProjectResult(names.latent, names.image, found.distance, names.compared, film)


def _read(path: Path) -> bytes:
    with translated_os_errors(path):
        return path.read_bytes()


def _target(data: bytes, model: Model) -> np.ndarray:
    """uint8 [R, R, 3], over white where it is transparent, or RGBA where the model makes that.

    Rejected for what is no image that can be used.
    """
    behind = None if model.transparent else WHITE
    cropped, _ = square(decode(data, behind).image, Crop.CENTER, WHITE)
    resized, _ = resize(cropped, model.resolution, Resample.AUTO)
    return np.asarray(resized)
