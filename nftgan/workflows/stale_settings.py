"""Settings that were edited after curate: later verbs notice, one command takes them over."""

from __future__ import annotations

from nftgan.collection.manifest import Manifest
from nftgan.collection.settings import changed_settings, check_settings
from nftgan.errors import MissingStepError
from nftgan.files import complete_files
from nftgan.project import Project

TAKE_OVER = "nftgan curate --same takes it over and keeps the pieces; or undo the edit"


def settings_changed(project: Project, manifest: Manifest) -> tuple[str, ...]:
    """Keys of nftgan.toml that say something else than the manifest.

    Raises UsageError for a value that can never be right.
    """
    check_settings(project.config)
    return changed_settings(manifest, project.config)


def require_unchanged(project: Project, manifest: Manifest) -> None:
    """Raises MissingStepError when nftgan.toml was edited since curate and nothing is deployed.

    After that the contract holds the old values for ever: `status` says so, nothing stops.
    """
    if is_deployed(project):
        return
    if changed := settings_changed(project, manifest):
        raise MissingStepError(
            f"nftgan.toml changed since curate: {', '.join(changed)}", hint=TAKE_OVER
        )


def is_deployed(project: Project) -> bool:
    """Whether a deployment of the collection is on record, on whatever chain."""
    return bool(complete_files(project.deployments, "*.json"))
