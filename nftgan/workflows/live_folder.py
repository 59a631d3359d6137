"""The folder live/ of a collection: the page that draws a token in a market, and its recipe."""

from __future__ import annotations

import contextlib

from nftgan.collection.live_link import (
    PAGE,
    RECIPE,
    known_pages,
    older_pages,
)
from nftgan.collection.manifest import Manifest
from nftgan.errors import UsageError
from nftgan.files import canonical_json, translated_os_errors, write_bytes
from nftgan.ipfs.importer import Importer, Tree, cid_of_bytes
from nftgan.project import MODEL_NAME, Project
from nftgan.site.live import check_drawable, page
from nftgan.workflows.sources import project_model


def prepare_live(project: Project, manifest: Manifest, wanted: bool | None) -> str | None:
    """The CID of the folder, whose files are there then; None, and no such files, without it.

    wanted: True writes the page anew, None keeps it, also that of an earlier version, since tokens
    may be bound to it. Raises UsageError where the model is withheld, too large or too slow, or
    nftgan.toml names another `animation_url`.
    """
    there = project.live / PAGE
    if wanted is False or (wanted is None and not there.is_file()):
        _remove(project)
        return None
    if manifest.collection.animation_url:
        raise UsageError(
            "nftgan.toml names another animation_url", hint="remove it there, or leave out --live"
        )
    if not project.config.model.publish:
        raise UsageError(
            "the model is withheld, so nobody can draw with it",
            hint="set publish = true under [model] in nftgan.toml, or leave out --live",
        )
    finish = manifest.recipe.finish
    if finish is not None and finish.effect is not None:
        raise UsageError(
            f"the effect {finish.effect.name} is of a plugin, which no page can run",
            hint="leave out --live",
        )
    if manifest.recipe.latents:
        raise UsageError(
            "some pieces have a stored latent instead of a seed, which the page cannot draw",
            hint="leave out --live",
        )
    if manifest.recipe.condition is not None:
        raise UsageError(
            "the recipe tells the model several numbers, which no page can do",
            hint="leave out --live",
        )
    transparent = check_drawable(project_model(project)).img_channels == 4
    with translated_os_errors(project.live):
        project.live.mkdir(exist_ok=True)
        old = there.read_bytes() if there.is_file() else b""
    able = known_pages()
    for _, pages in older_pages(finish, transparent=transparent):
        able -= pages
    if wanted or cid_of_bytes(old) not in able:
        write_bytes(there, page())
    write_bytes(project.live / RECIPE, canonical_json(manifest.recipe.to_json()))
    return str(Importer().add_tree(live_tree(project)).cid)


def live_tree(project: Project) -> Tree:
    """What is published of it."""
    names = (PAGE, RECIPE)
    return {**{name: project.live / name for name in names}, MODEL_NAME: project_model(project)}


def _remove(project: Project) -> None:
    with translated_os_errors(project.live):
        for name in (PAGE, RECIPE):
            (project.live / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is not there, or somebody else's files are
            project.live.rmdir()
