"""The page that markets show instead of an image: it draws one token from its seed.

One file for all tokens of all collections, so its CID tells that it is ours. Beside it lie the
recipe and the model; which token, the link says (`nftgan.collection.live_link`).
"""

from __future__ import annotations

import base64
import hashlib
import sys
from functools import cache
from pathlib import Path
from string import Template

from nftgan.collection.live_link import DRAWN_KINDS, PAGES, known_pages
from nftgan.errors import UsageError
from nftgan.files import read_json, write_json
from nftgan.ipfs.importer import cid_of_bytes
from nftgan.networks.cost import render_cost
from nftgan.networks.families import GeneratorConfig
from nftgan.networks.model_file import open_model
from nftgan.site.renderer import HERE, joined, script

MAX_PAGE_BYTES = 256 << 10
"""One block on IPFS, and little for a market's frame."""
MAX_MODEL_BYTES = 100 << 20
"""What markets take as media of a token."""
MAX_SECONDS = 30
"""For one image on a slow core, as estimated: nobody looks at an empty frame for longer."""
_SOURCES = HERE / "page"


@cache
def page() -> bytes:
    """The page, whole in itself; the same for the same package."""
    own = f"(() => {{\n{joined('live', _SOURCES)}}})();\n"
    style = (_SOURCES / "live.css").read_text(encoding="utf-8")
    code = "\n" + script() + own
    if "</script" in code or "<!--" in code:
        raise AssertionError("the script would end inside itself")
    policy = (
        f"default-src 'none'; script-src {_hash(code)} 'wasm-unsafe-eval';"
        f" style-src {_hash(style)}; connect-src 'self'; worker-src blob:;"
        " base-uri 'none'; form-action 'none'"
    )
    template = Template((_SOURCES / "live.html").read_text(encoding="utf-8"))
    return template.substitute(policy=policy, style=style, script=code).encode()


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def check_drawable(model: Path) -> GeneratorConfig:
    """The architecture of `model`. Raises UsageError for one that is too large or too slow for a
    market's frame.
    """
    size = model.stat().st_size
    if size > MAX_MODEL_BYTES:
        raise UsageError(
            f"{model.name} has {size / 1e6:,.0f} MB: markets show pages of"
            f" {MAX_MODEL_BYTES >> 20} MB at most",
            hint="leave out --live, or train a smaller model",
        )
    config = open_model(model).generator_config
    if config.kind not in DRAWN_KINDS:
        raise UsageError(
            f"{model.name} has networks of the kind {config.kind}, which no page can run",
            hint="leave out --live",
        )
    seconds = render_cost(config).seconds
    if seconds > MAX_SECONDS:
        raise UsageError(
            f"an image takes about {seconds:,.0f} seconds in a browser, more than {MAX_SECONDS}",
            hint="leave out --live, or train a smaller model",
        )
    return config


def main(arguments: list[str]) -> None:
    """Note the page's CID among those that `verify` knows; with a name, write it there too."""
    cid = cid_of_bytes(page())
    if cid not in known_pages():
        write_json(PAGES, {**read_json(PAGES), "pages": [*sorted(known_pages()), cid]})
        known_pages.cache_clear()
    for name in arguments:
        Path(name).write_bytes(page())


if __name__ == "__main__":
    main(sys.argv[1:])
