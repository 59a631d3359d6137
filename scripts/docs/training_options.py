"""Writes docs/training-options.md from the options themselves; a test tells when it is stale.

python scripts/docs/training_options.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "training-options.md"
HEAD = """# Options of training

<!-- Written by scripts/docs/training_options.py from nftgan/training/options.py. -->

All options of `nftgan train` and of `nftgan.train`, there by the name in the last column. An
option beats the preset, and the preset the default. `nftgan train my-art.zip -o runs --dry-run`
shows what each one is for your art, and who decided it. [training.md](training.md) says what they
are good for.

An option with a dot in the column *later* may differ when the same run goes on: it changes no
step's result. One with *change* there may be [changed in the middle of a
run](training.md#changing-a-run-in-its-middle). With any other one changed, a new run begins.
"""
COLUMNS = [
    "| option | | default | takes | later | in Python |",
    "| --- | --- | --- | --- | --- | --- |",
]


def page() -> str:
    """The whole page."""
    from nftgan.training.options import GROUPS, OPTIONS, Option

    def row(one: Option) -> str:
        flag = "" if one.flag is None else f"`--{one.flag}`"
        default = one.text or one.default
        told = one.unset if default is None else "on" if default is True else default
        told = "off" if default is False else told
        takes = str(one.range or ", ".join(f"`{name}`" for name in one.choices))
        later = "•" if one.session else "change" if one.change else ""
        return f"| {flag} | {one.help} | {told} | {takes} | {later} | `{one.name}` |"

    parts = [HEAD]
    for group in GROUPS:
        rows = [row(one) for one in OPTIONS.values() if one.group == group]
        parts.append("\n".join([f"## {group}\n", *COLUMNS, *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from nftgan.files import write_text

    write_text(TARGET, page())
