"""The pages that list options list them all: commands.md by --help, migration.md by their names."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import app
from tests.test_docs import SPAN, cli

ROOT = Path(__file__).parents[2]
WRITER = runpy.run_path(str(ROOT / "scripts" / "docs" / "commands.py"))
MIGRATION = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
THEIRS = {
    "train.py": "outdir cfg data gpus batch gamma cond mirror aug resume freezed p target batch-gpu"
    " cbase cmax glr dlr map-depth mbstd-group desc metrics kimg tick snap seed fp32 nobench"
    " workers dry-run subset augpipe nhwc allow-tf32",
    "gen_images.py, generate.py": "network seeds trunc class noise-mode translate rotate"
    " projected-w outdir",
    "gen_video.py": "network seeds shuffle-seed grid num-keyframes w-frames trunc output",
    "dataset_tool.py": "source dest max-images transform resolution width height resize-filter",
    "calc_metrics.py": "network metrics data mirror gpus verbose",
    "style_mixing.py": "network rows cols styles trunc noise-mode outdir",
    "projector.py": "network target outdir num-steps seed save-video",
    "legacy.py": "source dest force-fp16",
}
"""Names of the options of the published programs."""


def test_commands_md_is_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page == WRITER["page"](), "run: python scripts/docs/commands.py"


@pytest.mark.parametrize(("words", "command"), [entry[1:] for entry in WRITER["commands"]()])
def test_help_and_reference_name_the_same_options(
    words: str, command: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TERMINAL_WIDTH", "300")
    app([*words.split(), "--help"], standalone_mode=False)
    text = capsys.readouterr().out
    if "--help-all" in text:  # the short help only names some, several to a line
        app([*words.split(), "--help-all"], standalone_mode=False)
        text = capsys.readouterr().out
    table = text.partition("Options")[2]
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", re.sub(r"  +[A-Z].*", "", table)))
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    section = page.partition(f"\n### {words}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    spans = set(re.findall(r"`(--[a-z][a-z-]*)", section))
    assert shown - {"--json", "--quiet", "--verbose", "--debug", "--help"} == spans


def sections() -> dict[str, tuple[str, list[list[str]]]]:
    """Program -> (our verb, cells of each row) in migration.md."""
    found = {}
    for title, verb, body in re.findall(
        r"^## (.*?) → `nftgan (.*?)`\n(.*?)(?=^## |\Z)", MIGRATION, re.MULTILINE | re.DOTALL
    ):
        rows = [
            line.strip("|").split("|")
            for line in body.split("\n")
            if re.match(r"\| --?[a-z]", line)
        ]
        found[title] = (verb, [[cell.strip() for cell in row] for row in rows])
    return found


def test_every_program_has_its_table() -> None:
    assert set(sections()) == set(THEIRS)


@pytest.mark.parametrize("program", THEIRS)
def test_every_option_of_theirs_is_answered(program: str) -> None:
    _, rows = sections()[program]
    named = {name for row in rows for name in re.findall(r"--([a-z0-9-]+)", row[0])}
    assert named == set(THEIRS[program].split())
    for row in rows:
        assert row[1] or (len(row) > 2 and row[2]), row


@pytest.mark.parametrize("program", THEIRS)
def test_every_option_of_ours_belongs_to_that_verb(program: str) -> None:
    verb, rows = sections()[program]
    command = cli()
    for word in verb.split():
        command = command.commands[word]
    own = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    arguments = {p.name.upper() for p in command.params if p.param_type_name == "argument"}
    for row in rows:
        for span in SPAN.findall(row[1]):
            assert span in own, f"{verb} has no {span}"
        for word in re.findall(r"\b[A-Z]{3,}\b", SPAN.sub("", row[1])):
            assert word in arguments, f"{verb} takes no {word}"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="pip install -e '.[docs]'")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr, done.stderr[-3000:]
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "fonts.googleapis" not in home
    assert (tmp_path / "site" / "colab.ipynb").is_file()
