"""Hook of MkDocs: links out of docs/ lead to files of the repository, which the site has not."""

from __future__ import annotations

import re
from typing import Any

_OUTWARD = re.compile(r"\[([^\]]*)\]\(\.\./([^()\s#]+)[^()\s]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """`[text](../FILE)` becomes the text and the file's name."""
    return _OUTWARD.sub(r"\1 (`\2` in the repository)", markdown)
