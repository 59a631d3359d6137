"""HTML pages that stand alone: escaped text, images inside, and no request to anywhere.

The browser is told so too: a policy in each page forbids scripts, styles other than the page's own
and every fetch.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable

from nftgan.terminal import visible

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def escape(value: object) -> str:
    """Any text, safe in an element and in a quoted attribute.

    What is no character of HTML (controls, lone surrogates) becomes U+FFFD; what turns the
    direction of writing, or is shown as nothing, is written out.
    """
    return html.escape(visible(_CONTROL.sub("\ufffd", str(value))), quote=True)


def page(title: str, style: str, body: str) -> str:
    """A whole page around `body`, which is HTML; `style` is CSS and the only one that may apply.

    Nothing in `body` can have a style attribute or a script: the policy forbids both.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return _PAGE.format(digest=digest, title=escape(title), style=style, body=body)


def inline_image(data: bytes, alt: str, *, kind: str = "png", attributes: str = "") -> str:
    """An <img> that carries its bytes; kind: png or jpeg. `attributes` is HTML."""
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img alt="{escape(alt)}"{attributes} src="data:image/{kind};base64,{encoded}">'


def row(*cells: object) -> str:
    """A table row of escaped cells."""
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def svg_text(x: object, y: object, text: object, anchor: str = "start") -> str:
    """Small text in an SVG; x and y are numbers of user units, or percentages."""
    return (
        f'<text x="{escape(x)}" y="{escape(y)}" font-size="10" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def svg(title: str, parts: Iterable[str], *, width: object, height: int) -> str:
    """Parts of an SVG as one image with a title for those who cannot see it."""
    return (
        f'<svg width="{escape(width)}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
