"""Changes single keys of nftgan.toml; comments, order and every other word stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from nftgan.errors import UsageError
from nftgan.files import translated_os_errors, write_text


def edit_section(path: Path, section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set the keys of [section]; the values that stood there before, None where there was none.

    A value of None takes the key away. Raises UsageError when the file is not valid TOML.
    """
    with translated_os_errors(path):
        text = path.read_text(encoding="utf-8")
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as exc:
        raise UsageError(f"{path} is not valid TOML: {exc}") from exc
    table = document.setdefault(section, tomlkit.table())
    if not isinstance(table, tomlkit.items.Table):
        raise UsageError(f"{path}: {section} must be a table")
    before = {}
    for key, value in values.items():
        old = table.get(key)
        before[key] = None if old is None else tomlkit.item(old).unwrap()
        if value is None:
            table.remove(key) if key in table else None
        elif key in table:
            item = tomlkit.item(value)
            item.trivia.comment_ws = table[key].trivia.comment_ws
            item.trivia.comment = table[key].trivia.comment
            table[key] = item
        else:
            table.add(key, value)
    write_text(path, tomlkit.dumps(document))
    return before
