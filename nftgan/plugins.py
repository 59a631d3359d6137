"""What other packages add: looked up by entry points; the core registers by the same door.

A part is a name in a group and a reference "module:attribute", loaded when it is asked for. The
core's own come from `register`, called where their table is; those of plugins from the entry points
of installed packages. A plugin is code that a person installed: what lies in the working directory
is never looked at. One that breaks costs one warning and is left out.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from nftgan.errors import NftganError, UsageError
from nftgan.redaction import redact
from nftgan.terminal import first_active, one_line

GROUPS = (
    "nftgan.pin_targets",
    "nftgan.chains",
    "nftgan.metrics",
    "nftgan.losses",
    "nftgan.augmentations",
    "nftgan.networks",
    "nftgan.traits",
    "nftgan.finishes",
    "nftgan.commands",
)
"""See docs/extending.md for what an entry of each is."""

log = logging.getLogger(__name__)
_own: dict[str, dict[str, Part]] = {}
_said: set[str] = set()


class PluginError(UsageError):
    """The part that was asked for is of a plugin, and that one is broken."""


class MissingPlugin(PluginError):
    """What a file or a person asks for is no part that is installed here."""


@dataclass(frozen=True)
class Part:
    """One thing that can be loaded by its name."""

    group: str
    name: str
    reference: str  # "module:attribute"
    package: str  # that it comes from, with its version; "nftgan" for the core's

    @property
    def is_core(self) -> bool:
        return self.package == "nftgan"

    @property
    def project(self) -> str:
        """The package alone, in the normal form of PyPI."""
        return re.sub(r"[-_.]+", "-", self.package.split()[0]).lower()

    def load(self) -> Any:
        """The object behind the reference. Raises PluginError when a plugin's cannot be had."""
        module, _, attribute = self.reference.partition(":")
        if self.is_core:
            return getattr(import_module(module), attribute)
        try:
            with _without_working_directory():
                found: Any = import_module(module)
            for word in filter(None, attribute.split(".")):
                found = getattr(found, word)
        except (Exception, SystemExit) as exc:  # a stranger's code: whatever it raises
            raise self.broken(exc) from exc
        return found

    def broken(self, reason: BaseException | str) -> PluginError:
        """What to raise for a plugin that does not do what an entry of its group has to do."""
        if isinstance(reason, NftganError):
            said = reason.message
        elif isinstance(reason, BaseException):
            said = f"{type(reason).__name__}: {reason}"
        else:
            said = reason
        shown = one_line(redact(said))[:200]
        return PluginError(
            f"the plugin {self.name} ({self.group} of {self.package}) is broken: {shown}",
            hint=f"pip install -U {self.package.split()[0]}, or uninstall it",
        )


def register(group: str, parts: Mapping[str, str]) -> None:
    """Make the core's own `parts`, names with their references, known in `group`."""
    _own.setdefault(group, {}).update(
        {name: Part(group, name, reference, "nftgan") for name, reference in parts.items()}
    )


def parts(group: str) -> dict[str, Part]:
    """Everything in `group` by name: the core's in its order, then that of plugins by name.

    Nothing is loaded. A plugin that takes a name that is taken is left out with a warning.
    """
    found = dict(_own.get(group, {}))
    for part in _installed(group, tuple(sys.path), _here()):
        if part.name in found:
            warn(f"{part.package} offers another {part.name} in {group}: it is left out")
        else:
            found[part.name] = part
    return found


def of_package(group: str, name: str, project: str, *, needed: str) -> Part:
    """The part `name` of the package `project`, also where another package offers that name too.

    needed: how the message begins, "the recipe needs …". Raises MissingPlugin, which says who else
    offers the name, or that nobody does.
    """
    offers = [
        part
        for part in (*_own.get(group, {}).values(), *_installed(group, tuple(sys.path), _here()))
        if part.name == name
    ]
    for part in offers:
        if part.project == project and not part.is_core:
            return part
    # Never as a command to install: the name of the package is a stranger's.
    trust = "it is somebody's code, which nothing has checked: look before you install it"
    if not offers:
        raise MissingPlugin(f"{needed}, which is not here", hint=trust)
    others = ", ".join("nftgan itself" if one.is_core else one.package for one in offers)
    raise MissingPlugin(
        f"{needed}, and here {name} is another one, of {others}",
        hint=f"both can be installed side by side; {trust}",
    )


def working(group: str) -> Iterator[tuple[Part, Any]]:
    """Each part with what it loads to; a broken one is warned of and left out."""
    for part in parts(group).values():
        try:
            yield part, part.load()
        except PluginError as exc:
            warn(exc.message)


def warn(message: str) -> None:
    """One line of the log, once in a process."""
    if message not in _said:
        _said.add(message)
        log.warning("%s", message)


@lru_cache(maxsize=32)
def _installed(group: str, path: tuple[str, ...], here: str) -> tuple[Part, ...]:
    """The entries of plugins in `group`, by name and package."""
    from importlib.metadata import distributions

    found, seen = [], set()
    for one in distributions(path=[entry for entry in path if not _is_here(entry, here)]):
        try:
            project = Part(group, "", "", one.metadata["Name"]).project
            if project in seen:
                continue  # the first on the path is the one that Python imports
            seen.add(project)
            entries = [entry for entry in one.entry_points if entry.group == group]
            package = f"{one.metadata['Name']} {one.version}" if entries else ""
        except Exception as exc:  # damaged metadata of any package
            log.info("a package without readable metadata: %s", exc)
            continue
        for entry in entries:
            odd = first_active(entry.name + entry.value + package)
            if odd or not entry.name or entry.name.startswith("-"):
                warn(f"a plugin in {group} has a name that cannot be typed: it is left out")
            elif package.split()[0] != "nftgan":
                found.append(Part(group, entry.name, entry.value.replace(" ", ""), package))
    return tuple(sorted(found, key=lambda part: (part.name, part.package)))


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was deleted
        return "."


def _is_here(entry: str, here: str) -> bool:
    """Whether an entry of sys.path is the working directory, however it is written."""
    if entry in ("", "."):
        return True
    try:
        return Path(entry).resolve() == Path(here).resolve()
    except OSError:
        return True


@contextmanager
def _without_working_directory() -> Iterator[None]:
    """Inside, nothing is imported from the working directory (`python -m` puts it first)."""
    before, here = list(sys.path), _here()
    sys.path[:] = [entry for entry in before if not _is_here(entry, here)]
    try:
        yield
    finally:
        sys.path[:] = before
