"""studio: curate by hand in the browser; the picks become the collection's pieces."""

from __future__ import annotations

import stat
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.collection.inspection import Refusal
from nftgan.collection.settings import check_settings
from nftgan.config import read_config
from nftgan.errors import Cancelled, UsageError
from nftgan.networks.model_file import newest_snapshot
from nftgan.networks.sources import (
    BASE,
    BASES,
    USUAL,
    is_run,
    newest_run,
    run_of,
)
from nftgan.ops.device import devices_named
from nftgan.page import render
from nftgan.progress import SILENT, Progress
from nftgan.project import Project, state_home
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery
from nftgan.studio.opinions import Opinions
from nftgan.studio.painters import on_devices
from nftgan.studio.run import NETWORK, networks
from nftgan.studio.server import StudioServer
from nftgan.studio.session import Studio
from nftgan.studio.steps import Steps
from nftgan.synthesis.model import load_model
from nftgan.workflows.curate import (
    refuse_after_deploy,
    source_of,
    warn_without_art,
    with_known_latents,
    write_choice,
)
from nftgan.workflows.studio_steps import TomlLook, later_steps, pieces_as_made
from nftgan.workflows.training_art import find_training_art


@dataclass(frozen=True)
class StudioResult:
    """What a session left: ratings are on disk already, pieces only when it was finished."""

    ratings: Path
    picked: tuple[int, ...]
    manifest: Path | None  # None: the picks were not made pieces


def studio(
    project: Project,
    *,
    model: str | None = None,
    candidates: Sequence[int] = tuple(range(256)),
    dataset: Path | None = None,
    watch: Path | None = None,
    port: int = 0,
    device: str | None = "cpu",
    ready: Callable[[str], None] = lambda address: None,
    progress: Progress = SILENT,
) -> StudioResult:
    """Serve the studio until its page says that the session is over.

    ready: called with the address, which holds the key. watch: a run folder, or a folder of runs,
    to follow; None: that of the model, where it is one. device: None and cuda: every GPU that is
    visible paints. Raises Cancelled after Ctrl-C, UsageError
    when the collection is deployed or something named cannot be used.
    """
    refuse_after_deploy(project)
    check_settings(project.config)
    source = source_of(project, model)
    run_dir = newest_run(watch) if watch else run_of(source)
    devices = devices_named(device)
    finished = threading.Event()

    def parts_of(source: str | Path) -> dict[str, Any]:
        """What a session holds of one model."""
        loaded = load_model(source)
        section = read_config(project.config_path).recipe
        recipe = loaded.recipe_of(section)
        if note := loaded.colours_note(section.colours):
            progress.note(note)
        recipe = with_known_latents(project, recipe)
        opinions = Opinions(project.ratings_path, loaded.identity)
        art = find_training_art(
            source, dataset, loaded.info, near=project.root, transparent=loaded.transparent
        )
        warn_without_art(art, progress)
        _, *helpers = on_devices(loaded, devices)
        gallery = Gallery(loaded, recipe, candidates, training=art.dataset, helpers=helpers)
        gallery.add(opinions.seeds(), offered=False)

        def write(seeds: tuple[int, ...], overridden: Mapping[int, str]) -> str:
            now = Project(project.root)  # anew: the studio may have written another look
            with now.lock():
                refuse_after_deploy(now)
                result = write_choice(
                    now,
                    source,
                    loaded,
                    gallery.whole_recipe,
                    seeds,
                    overridden=[Refusal(seed, reason) for seed, reason in overridden.items()],
                    art=art,
                )
            finished.set()
            return result.manifest.name

        named = _named(source)
        return {
            "gallery": gallery,
            "opinions": opinions,
            "finishing": Finishing(gallery, opinions, write, project.config.collection),
            "source": named,
            "look_file": TomlLook(project.config_path, loaded),
            "steps": Steps(later_steps(project.root, named, lambda: gallery.whole_recipe)),
            "network": _kimg_of(source),
        }

    def open_network(kimg: int) -> dict[str, Any]:
        path = None if run_dir is None else networks(run_dir).get(kimg)
        if path is None:
            raise UsageError(f"the run has no network at {kimg} kimg")
        return parts_of(path)

    session = Studio(
        project.config.collection,
        run_dir=run_dir,
        made=lambda: pieces_as_made(project.root),
        open_network=open_network if run_dir is not None else None,
        **parts_of(source),
    )
    server = StudioServer(session, port=port)
    try:
        server.serve(lambda: ready(server.address))
    except KeyboardInterrupt as exc:
        raise Cancelled(
            f"the studio is closed; every rating is in {project.ratings_path}",
            hint="the same command opens it again",
        ) from exc
    return StudioResult(
        project.ratings_path,
        session.opinions.picked(),
        project.manifest_path if finished.is_set() else None,
    )


def _kimg_of(source: str | Path) -> int | None:
    """Of a run's network: thousands of images that it was trained on."""
    if not isinstance(source, Path):
        return None
    path = newest_snapshot(source)[0] if is_run(source) else source
    match = NETWORK.fullmatch(path.name)
    return int(match[1]) if match else None


def _named(source: str | Path) -> str:
    """The model as it can be named in any folder."""
    for base in BASES:
        if source == base.path:
            return BASE if base.name == USUAL else base.name
    return str(source.resolve()) if isinstance(source, Path) else source


def doorstep(address: str) -> Path:
    """A page, readable for its owner alone, that leads to `address`.

    A browser is started with an address among its arguments, which every user of the machine can
    read; the address of this file tells them nothing.
    """
    folder = state_home() / "studio"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, prefix="open-", suffix=".html", delete=False
    ) as file:
        Path(file.name).chmod(stat.S_IRUSR | stat.S_IWUSR)
        file.write(render("enter.html", url=address))
    return Path(file.name)
