"""Files that desktops and editors leave in folders, which nobody means to publish."""

from __future__ import annotations

import re

_JUNK = re.compile(r"\..*|Thumbs\.db|ehthumbs\.db|desktop\.ini|Icon\r|.*~|__MACOSX", re.IGNORECASE)


def is_junk(name: str) -> bool:
    """Whether a file of this name is one: .DS_Store, ._0.json, Thumbs.db, 0.json~, any dotfile."""
    return _JUNK.fullmatch(name) is not None
