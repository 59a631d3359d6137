from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path

import pytest

from nftgan import redaction
from nftgan.cli import verbs
from nftgan.cli.ui import SafeConsole, Ui, _LineTask, shell
from nftgan.errors import Cancelled, ServiceError
from nftgan.words import duration

EVIL = "\x1b[2J\x1b[H\x9b8m 1 tokens proven\u202e\r"
ACTIVE = set("\x1b\x9b\u202e\r")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> tuple[Ui, Terminal]:
    """A voice whose both streams are one terminal without colours."""
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    ui = Ui()
    ui.out = ui.err = SafeConsole(file=screen, highlight=False, soft_wrap=True, no_color=True)
    return ui, screen


def test_text_from_outside_cannot_act_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ui, screen = of_a_terminal(monkeypatch)
    ui.print(EVIL)
    ui.text(EVIL)
    ui.note(EVIL)
    ui.warn(EVIL)
    ui.table(EVIL, ("a", EVIL), [(EVIL, 1)])
    ui.failure(ServiceError(EVIL, hint=EVIL))
    shown = screen.getvalue()
    assert shown.count("tokens proven") >= 8
    for place in range(len(shown)):
        if shown[place] == "\x1b":  # ours: a style, never a movement of the cursor
            assert shown[place + 1] == "["
            assert shown[place + 2 :].split("m")[0].strip("0123456789;") == ""
    assert not ACTIVE - {"\x1b"} & set(shown)
    assert "\x1b[2J" not in shown


def test_a_note_of_a_progress_bar_cannot_act_either(monkeypatch: pytest.MonkeyPatch) -> None:
    ui, screen = of_a_terminal(monkeypatch)
    with ui.task(EVIL, total=2, unit=EVIL) as task:
        task.update(completed=1, note=EVIL)
    shown = screen.getvalue()
    assert "1 tok" in shown  # cut to the bar's width
    assert "\x1b[2J" not in shown
    assert "\x9b" not in shown


def test_a_failure_is_one_line_whatever_it_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    ui, screen = of_a_terminal(monkeypatch)
    ui.failure(ServiceError("the node refused: no\n1 token proven"))
    assert screen.getvalue().count("\n") == 1


def test_a_secret_is_in_no_failure_no_log_line_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "s3cr3t-t0k3n-of-a-service"
    monkeypatch.setattr(redaction, "_windows", set())
    redaction.remember(token)

    # A verb that has answered lets Ctrl-C pass; the tests go on.
    monkeypatch.setattr(verbs, "too_late_to_stop", lambda: None)

    def fails() -> None:
        try:
            raise ValueError(f"BadStatusLine({token!r})")
        except ValueError as exc:
            raise ServiceError(f"it answered {token}") from exc

    assert verbs.call(Ui(debug=True), fails) == 5
    assert verbs.call(Ui(as_json=True, debug=True), fails) == 5
    record = logging.LogRecord("a", logging.ERROR, "b", 1, "saw %s \x1b[2J", (token,), None)
    print(verbs.SafeFormatter().format(record))
    shown = capsys.readouterr()
    assert "BadStatusLine" in shown.err
    assert "\x1b[2J" not in shown.out
    assert "t0k3n" not in shown.out + shown.err
    assert json.loads(shown.out.splitlines()[0])["error"]["message"].startswith("it answered")


def test_an_answer_goes_above_the_bar_and_leaves_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    ui = Ui()
    ui.err = SafeConsole(file=screen, highlight=False, soft_wrap=True)
    ui.out = SafeConsole(file=Terminal(), highlight=False, soft_wrap=True)
    with ui.task("training", total=3, unit="kimg") as task:
        for tick in range(3):
            task.advance()
            ui.print(f"tick {tick} is done")
            ui.table(f"tick {tick}", ("a",), [("b",)])
    ui.print("the end")
    shown = screen.getvalue()
    for tick in range(3):
        # The bar is taken off the line before the answer is written on it.
        before = shown[: shown.index(f"tick {tick} is done")]
        assert before.endswith("\r\x1b[2K")
    assert ui.out.file.getvalue() == "the end\n"  # type: ignore[attr-defined]


def test_the_time_left_of_a_resumed_job_counts_from_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("nftgan.cli.ui.time.monotonic", lambda: now)
    log = io.StringIO()
    task = _LineTask(SafeConsole(file=log, width=200), "training", 20.0, "kimg")
    now = 100.0
    task.update(completed=4.6)
    now = 200.0
    task.update(completed=4.7)
    assert "4 h 15 min left" in log.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"), [(42, "42 s"), (600, "10 min"), (42_140, "11 h 42 min")]
)
def test_a_duration_is_said_as_a_person_would(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_stop_that_was_asked_for_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    Ui().failure(Cancelled("stopped at 3 kimg; everything is saved", hint="run it again"))
    shown = capsys.readouterr().err
    assert "error" not in shown and "everything is saved" in shown and "run it again" in shown


def test_a_question_shows_foreign_words_and_waits_for_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    ui, screen = of_a_terminal(monkeypatch)
    for given, said in (("y\n", True), ("YES\n", True), ("\n", False), ("", False), ("n\n", False)):
        keyboard = Terminal(given)
        monkeypatch.setattr(sys, "stdin", keyboard)
        with ui.task("verifying", 3, "tokens"):  # its bars make room
            assert ui.ask_heavy(f"a model [bold]of {EVIL}") is said
    shown = screen.getvalue()
    assert "a model [bold]of" in shown and "do it all the same? [y/N]" in shown
    assert "␛[2J" in shown and "\u202e" not in shown


def test_where_nobody_can_be_asked_the_answer_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    ui, screen = of_a_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not ui.ask_heavy("much")
    ui.as_json = True
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert not ui.ask_heavy("much")
    assert screen.getvalue() == ""


@pytest.mark.parametrize("name", ["set [b].zip", "x[/y]", "[/bold]", "a[0]", "[link=evil]x"])
def test_brackets_in_a_path_are_printed_as_they_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Ui().print(f"next: [bold]nftgan train {shell(name)}[/]")
    assert name in capsys.readouterr().out


def test_a_line_to_paste_is_quoted() -> None:
    assert shell(Path("my set.zip")) == "'my set.zip'" and shell("runs") == "runs"


def test_a_warning_of_a_module_is_said_as_any_other() -> None:
    def line(name: str, level: int) -> str:
        return verbs.SafeFormatter().format(
            logging.LogRecord(name, level, "", 1, "a.safetensors is skipped", (), None)
        )

    assert line("nftgan.networks.model_file", logging.WARNING) == (
        "warning: a.safetensors is skipped"
    )
    assert line("nftgan.ops", logging.INFO).startswith("nftgan.ops: ")
    assert line("urllib3", logging.WARNING).startswith("urllib3: ")


def test_quietly_the_answer_and_what_needs_attention_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ui = Ui(quiet=True)
    ui.print("6 images in art.zip")
    ui.table("Plan", ("", ""), [("costs", "3 gwei")])
    ui.warn("no copies were looked for")
    ui.failure(ServiceError("the node is away"))
    ui.note("reading art")
    ui.step("tick 1")
    ui.listing("Not used", ("image", "reason"), [("torn.png", "it is cut off")])
    ui.print("next: [bold]nftgan train art.zip[/]")
    with ui.task("reading", 3) as task:
        task.advance()
    shown = capsys.readouterr()
    for stays in ("6 images in art.zip", "3 gwei"):
        assert stays in shown.out
    for stays in ("no copies were looked for", "the node is away"):
        assert stays in shown.err
    for goes in ("reading", "tick 1", "torn.png", "next:"):
        assert goes not in shown.out + shown.err
