"""The manual is true: its commands and options exist, its links lead somewhere, its code compiles.

Commands are looked up in the CLI, not run.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
]

FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```[ \t]*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
CALL = re.compile(r"(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?nftgan((?: .*)?)")
ELLIPSIS = "…"


@dataclass(frozen=True)
class Call:
    """One use of the CLI in a page; one in a fenced block must be whole."""

    where: str
    text: str
    whole: bool


def blocks(text: str) -> list[tuple[int, str, str]]:
    """(line, language, content) of every fenced block."""
    return [
        (text.count("\n", 0, found.start()) + 1, found[2].strip(), found[3])
        for found in FENCE.finditer(text)
    ]


def prose(text: str) -> str:
    """The text without its fenced blocks; lines keep their numbers."""
    return FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)


def calls_in(text: str, name: str) -> list[Call]:
    """Every `nftgan …` in fenced blocks and in code spans."""
    calls = []
    for start, language, content in blocks(text):
        if language not in ("", "sh", "bash", "console"):
            continue
        joined = re.sub(r"\\\n\s*", lambda found: " ", content)
        for offset, line in enumerate(joined.split("\n"), 1):
            for part in re.split(r"&&|\|\||;|\|", re.sub(r"(^|\s)#.*", "", line)):
                if found := CALL.fullmatch(part.strip()):
                    calls.append(Call(f"{name}:{start + offset}", found[1].strip(), True))
    text = prose(text)
    for span in SPAN.finditer(text):
        if found := CALL.fullmatch(" ".join(span[1].split())):
            line_number = text.count("\n", 0, span.start()) + 1
            calls.append(Call(f"{name}:{line_number}", found[1].strip(), False))
    return calls


@cache
def cli() -> Any:
    import nftgan.cli.main  # registers the verbs
    from nftgan.cli.verbs import app

    assert nftgan.cli.main
    return typer.main.get_command(app)


def problem(call: Call) -> str | None:
    """What is wrong with the call, or None."""
    command, words = cli(), shlex.split(call.text)
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"there is no verb {words[0]!r}"
        command = command.commands[words.pop(0)]
    options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts)}
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    given: set[str] = set()
    positional = 0
    while words:
        word = words.pop(0)
        if word in ("--help", "-h"):
            return None
        if not word.startswith("-"):
            positional += word != ELLIPSIS
            continue
        name, equals, _ = word.partition("=")
        if name not in options or options[name] in arguments:
            return f"{command.name} has no option {name}"
        option = options[name]
        given.add(option.name)
        if option.is_flag:
            if equals:
                return f"{name} takes no value"
        elif not equals and (not words or words.pop(0).startswith("--")):
            return f"{name} lacks its value"
    if all(argument.nargs == 1 for argument in arguments) and positional > len(arguments):
        return f"{command.name} takes {len(arguments)} arguments, not {positional}"
    if call.whole and ELLIPSIS not in call.text.split() and not hasattr(command, "commands"):
        needed = sum(argument.required for argument in arguments)
        if positional < needed:
            return f"{command.name} needs {needed} arguments"
        for option in command.params:
            if option not in arguments and option.required and option.name not in given:
                return f"{command.name} needs {option.opts[0]}"
    return None


def anchors(page: Path) -> set[str]:
    """The fragments that a link into `page` may have."""
    titles = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).strip().replace(" ", "-") for t in titles}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


CALLS = [call for page in PAGES for call in calls_in(page.read_text("utf-8"), name_of(page))]
LINKS = [
    (page, target)
    for page in PAGES
    for target in LINK.findall(prose(page.read_text(encoding="utf-8")))
    if not re.match(r"[a-z]+:", target)
]
PYTHON = [
    (f"{name_of(page)}:{line}", content)
    for page in PAGES
    for line, language, content in blocks(page.read_text(encoding="utf-8"))
    if language == "python"
]


def test_pages_with_commands_and_links_are_found() -> None:
    assert len(PAGES) > 5 and len(CALLS) > 50 and len(LINKS) > 20 and PYTHON


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.where} {call.text}")
def test_every_command_exists_as_it_is_written(call: Call) -> None:
    assert problem(call) is None, f"{call.where}: nftgan {call.text}: {problem(call)}"


def all_options(command: Any) -> set[str]:
    """The options of a command and of all below it."""
    own = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    below = getattr(command, "commands", {}).values()
    return own.union(*(all_options(one) for one in below), {"--help", "-h"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: name_of(page))
def test_every_option_named_alone_belongs_to_some_verb(page: Path) -> None:
    spans = SPAN.findall(prose(page.read_text(encoding="utf-8")))
    alone = {span.split()[0].partition("=")[0] for span in spans if re.match(r"--?[a-zA-Z]", span)}
    assert alone <= all_options(cli()), f"{name_of(page)}: {alone - all_options(cli())}"


@pytest.mark.parametrize(
    ("page", "target"), LINKS, ids=lambda part: part if isinstance(part, str) else name_of(part)
)
def test_every_link_leads_somewhere(page: Path, target: str) -> None:
    path, _, fragment = unquote(target).partition("#")
    found = (page.parent / path).resolve() if path else page
    assert found.exists(), f"{name_of(page)}: {target} does not exist"
    if fragment and found.suffix == ".md":
        assert fragment in anchors(found), f"{name_of(page)}: no title for {target}"


@pytest.mark.parametrize(("where", "content"), PYTHON, ids=lambda part: part[:40])
def test_every_python_block_compiles(where: str, content: str) -> None:
    compile(content, where, "exec")


def test_every_environment_variable_is_read_by_the_program() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "nftgan").rglob("*.py"))
    for page in PAGES:
        for name in set(re.findall(r"\bNFTGAN_[A-Z_]+\b", page.read_text(encoding="utf-8"))):
            if name.startswith("NFTGAN_LIVE_"):  # tests/live/test_live_switches.py looks at these
                continue
            # A token's variable has a partner for a file with it: `read_token` adds the ending.
            token = name.removesuffix("_FILE")
            forms = [f'"{name}"']
            if token != name:
                forms += [f'token("{token}"', f'variable = "{token}"', f'TOKEN = "{token}"']
            read = any(form in source for form in forms)
            assert read, f"{name_of(page)}: nothing reads {name}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nftgan rendre", "no verb"),
        ("nftgan wallet steal", "no verb"),
        ("nftgan train art.zip -o runs --kmig 20", "no option --kmig"),
        ("nftgan train art.zip -o runs --snapp=20", "no option --snapp"),
        ("nftgan init NAME --name", "no option --name"),
        ("nftgan train art.zip -o runs --kimg", "lacks its value"),
        ("nftgan pin --to --dry-run", "lacks its value"),
        ("nftgan mint --yes=1", "takes no value"),
        ("nftgan init one two", "takes 1 arguments"),
        ("nftgan train -o runs", "needs 1 arguments"),
        ("$ NFTGAN_HOME=/x nftgan prepare art", "needs --output"),
        ("nftgan deploy -n && nftgan mint --gas 3", "no option --gas"),
        ("nftgan train art.zip \\\n    -o runs --kmig 20", "no option --kmig"),
        ("nftgan render --process 3  # as many as cores", "no option --process"),
    ],
)
def test_a_wrong_command_is_noticed(text: str, reason: str) -> None:
    found = [problem(call) for call in calls_in(f"```\n{text}\n```\n", "page")]
    assert any(reason in (one or "") for one in found), found


@pytest.mark.parametrize(
    "text",
    [
        "nftgan --version",
        "nftgan train --help",
        "nftgan verify 3 0-9 --gateway https://one --gateway https://two",
        "nftgan generate -m base --translate -0.1,0.2 -o out",
        "nftgan train … --resume base",
        "nftgan prepare art -o a.zip --dedupe -1   # keep near-copies",
    ],
)
def test_a_right_command_passes(text: str) -> None:
    (call,) = calls_in(f"```sh\n{text}\n```\n", "page")
    assert problem(call) is None


def test_a_command_in_a_sentence_is_noticed_too() -> None:
    (call,) = calls_in("Then run `nftgan train\n--kmig 3` again.", "page")
    assert call.where == "page:1" and "--kmig" in (problem(call) or "")


def test_every_fault_of_the_chain_is_listed_with_tests_that_exist() -> None:
    page = (ROOT / "docs" / "chains.md").read_text(encoding="utf-8")
    parts = re.findall(
        r"((?:^- .*\n)+)\n<!-- The tests that would fail.*\n((?:^\| .*\n)+)-->", page, re.M
    )
    files = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(parts) == page.count("<!--") == 2
    for said, rows in parts:
        cells = [row.strip("| ").rsplit(" | ", 1) for row in rows.splitlines()]
        assert [f"- {fault}" for fault, _ in cells] == said.splitlines()
        for fault, tests in cells:
            named = set(re.findall(r"`(test_\w+)`", tests))
            assert named and named <= files, fault


def test_every_pain_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "pains.md").read_text()
    said, _, tests = page.partition("<!--")
    said_rows, rows = (
        [line for line in part.splitlines() if re.match(r"\| \d+ \|", line)]
        for part in (said, tests)
    )
    for some in (said_rows, rows):
        assert [int(row.split("|")[1]) for row in some] == list(range(1, len(said_rows) + 1))
    assert "test_" not in said
    known = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        known |= set(re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
    for row in rows:
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named and named <= known, row
