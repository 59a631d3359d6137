"""Markup in our own words, where brackets that are none of our tags stay brackets."""

from __future__ import annotations

import re
from typing import Any

_TAG = re.compile(
    r"(?<!\\)\[(?!/?\]|/?(?:bold|dim|red|green|yellow|cyan)(?: (?:red|green|yellow|cyan))?\])"
)


def own_markup(item: Any) -> Any:
    """`item` with brackets that are none of this program's tags as they are: a folder may be
    called [b] or [/b], and a setting is said as [model].
    """
    return _TAG.sub(r"\\[", item) if isinstance(item, str) else item
