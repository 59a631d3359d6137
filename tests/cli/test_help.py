"""Every verb explains itself, starts fast and fails in one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from nftgan.cli.help import PANELS
from nftgan.cli.main import app
from nftgan.training.options import OPTIONS

PROGRAM = [sys.executable, "-c", "from nftgan.cli.main import run; run()"]
HEAVY = ("torch", "web3", "numpy", "PIL", "py_evm", "eth")


def start(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=folder,
        env={**os.environ, "NFTGAN_HOME": str(folder / "home"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def verbs() -> list[list[str]]:
    found = []
    groups: list[tuple[list[str], typer.Typer]] = [([], app)]
    while groups:
        before, group = groups.pop()
        found += [[*before, str(command.name)] for command in group.registered_commands]
        groups += [
            ([*before, str(inner.name)], inner.typer_instance)
            for inner in group.registered_groups
            if inner.typer_instance
        ]
    return found


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_has_help_with_an_example(
    verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    app([*verb, "--help"], standalone_mode=False)
    text = " ".join(capsys.readouterr().out.split())
    assert f"Example: nftgan {' '.join(verb)}" in text
    assert "--json" in text


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_h_is_help_and_no_switch_looks_as_if_it_took_a_value(
    verb: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    app([*verb, "-h"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "<" not in shown and "--json  " in shown and "Example:" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_the_short_help_of_train_names_every_option_and_the_long_one_explains_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = []
    for word in ("--help", "--help-all"):
        app(["train", word], standalone_mode=False)
        shown.append(capsys.readouterr().out)
    short, whole = shown
    assert len(short.splitlines()) < 55 and "Learning: --loss, --batch" in short
    assert "Stop, resumably, after this time." in short and "Images per step." not in short
    for one in OPTIONS.values():
        if one.flag is not None:
            assert f"--{one.flag}" in short
            assert one.help.split(",")[0].split()[0] in whole and f"  --{one.flag}" in whole
    assert "Advanced: Learning" in whole and "Images per step." in whole


def test_the_list_of_verbs_has_a_line_for_each_in_its_group(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for program in ([], ["sale"], ["wallet"], ["model"], ["contract"]):
        app([*program, "--help"], standalone_mode=False)
        shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        level = [words[len(program)] for words in verbs() if words[: len(program)] == program]
        for name in dict.fromkeys(level):
            (line,) = [line for line in shown if line.startswith(f"  {name} ")]
            follower = shown[shown.index(line) + 1]
            assert not follower.startswith("    "), f"{name} needs two lines: {follower}"
        if not program:
            groups = [line for line in shown if line and line in PANELS]
            assert groups == list(PANELS)  # each once, in this order, none empty


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    with pytest.raises(SystemExit):
        app(["--show-completion"], prog_name="nftgan", standalone_mode=False)
    script = capsys.readouterr().out
    assert "_NFTGAN_COMPLETE" in script and "nftgan" in script


def test_verbs_and_options_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_NFTGAN_COMPLETE", "complete_bash")
    for typed, offered in (("nftgan cur", "curate"), ("nftgan train --resu", "--resume")):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
        with pytest.raises(SystemExit):
            app([], prog_name="nftgan", standalone_mode=False)
        assert capsys.readouterr().out.split() == [offered]


def test_help_and_import_load_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "import nftgan\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
        "sys.argv = ['nftgan', '--help']\n"
        "from nftgan.cli.main import run\n"
        "try:\n"
        "    run()\n"
        "except SystemExit:\n"
        "    pass\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "prepare" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["paint"],
        ["verify", "--no-such-option"],
        ["prepare", "nowhere", "-o", "x.zip"],
        ["train", "nothing.zip", "-o", "runs"],
        ["generate", "-m", "missing.safetensors", "-o", "out"],
        ["render"],
        ["generate", "-m", "base", "--seeds", "5-2", "-o", "out"],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_sentence_and_exit_2(tmp_path: Path, words: list[str]) -> None:
    done = start(tmp_path, *words)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    as_json = start(tmp_path, *words, "--json")
    assert as_json.returncode == 2
    document = json.loads(as_json.stdout)
    assert document["ok"] is False
    assert document["error"]["kind"] in {"usage", "missing_step"}
    assert document["error"]["message"]
    assert not [path for path in tmp_path.iterdir() if path.name != "home"]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in start(tmp_path, "render", "--debug").stderr
