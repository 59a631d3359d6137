"""HTML from templates: every value is escaped unless a template made it.

The templates and their style sheets lie in nftgan/assets/pages. A document stands alone: its images
are inside, it asks nobody for anything, and the browser is told so: a policy in each one forbids
scripts, styles other than its own, and every fetch.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nftgan.terminal import visible
from nftgan.words import counted, percent

PAGES = resources.files("nftgan") / "assets" / "pages"
BASE = "base.css"
"""The sheet of every page; others come after it."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render(template: str, **values: Any) -> str:
    """The template of that name as text; a value that is missing is an error.

    What is no character of HTML (controls, lone surrogates) becomes U+FFFD; what turns the
    direction of writing, or is shown as nothing, is written out.
    """
    return _environment().get_template(template).render(values)


def document(template: str, *, title: str, sheets: Sequence[str] = (), **values: Any) -> str:
    """A page that stands alone: `template` extends document.html; sheets: after base.css.

    Nothing in it can have a style attribute or a script: its policy forbids both.
    """
    style = "\n".join(sheet(name) for name in (BASE, *sheets))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return render(template, title=title, style=Markup(style), digest=digest, **values)


def sheet(name: str) -> str:
    """One of our style sheets."""
    return (PAGES / name).read_text(encoding="utf-8")


def _characters(value: Any) -> Any:
    """What a template prints: nothing that is no character of HTML, nothing that hides."""
    if isinstance(value, Markup):  # made by a template, so clean already
        return value
    return visible(_CONTROL.sub("\ufffd", value if isinstance(value, str) else str(value)))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nftgan", "assets/pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_characters,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
    environment.filters["percent"] = percent
    environment.globals["counted"] = counted
    return environment
