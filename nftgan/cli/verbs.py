"""How a verb is declared: its panel, the options that all verbs share, and how its errors leave."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.help import NAMES, PANELS, SHARED, VerbCommand, VerbGroup
from nftgan.cli.stopping import stopped_as_by_ctrl_c, too_late_to_stop
from nftgan.cli.ui import Ui
from nftgan.errors import Cancelled, NftganError, UsageError
from nftgan.redaction import redact
from nftgan.terminal import visible
from nftgan.training.launch import speaks, world_size

GET_STARTED, TRAIN, EXPLORE, CURATE, PUBLISH, SELL, PROVE, OWN = PANELS

app = typer.Typer(
    name="nftgan",
    cls=VerbGroup,
    context_settings=NAMES,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)


def group(name: str, panel: str, about: str) -> typer.Typer:
    """Verbs that stand under one word, such as `sale`."""
    inner = typer.Typer(cls=VerbGroup, context_settings=NAMES, no_args_is_help=True, help=about)
    app.add_typer(inner, name=name, rich_help_panel=panel)
    return inner


Collection = Annotated[
    Path | None,
    typer.Option(
        "--collection",
        "-C",
        metavar="DIR",
        help="Collection folder; else the nearest parent with nftgan.toml.",
        show_default=False,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", "-n", help="Show what would happen and what it costs; do nothing."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")]


def _shared(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=SHARED)


_COMMON = (
    ("as_json", bool, _shared("--json", help="One JSON document on stdout."), False),
    (
        "quiet",
        bool,
        _shared("--quiet", "-q", help="No progress, notes, lists or next step."),
        False,
    ),
    ("verbose", bool, _shared("--verbose", "-v", help="Log what happens inside."), False),
    ("debug", bool, _shared("--debug", help="Show a traceback when something fails."), False),
)


def verb(
    panel: str,
    *,
    into: typer.Typer = app,
    name: str | None = None,
    example: str,
    group: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Register `function(ui, **options) -> result` as a verb of `panel`.

    The first line of its docstring is its line in the list of verbs: at most 56 characters. The
    result is the JSON document; what a person sees, the function prints through `ui`. group:
    torchrun may start it in several processes, which share the work; the first one speaks.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != "ui"]

        @functools.wraps(function)
        def command(**options: Any) -> None:
            common = {key: options.pop(key) for key, *_ in _COMMON}
            ui = Ui(as_json=common["as_json"], quiet=common["quiet"], debug=common["debug"])
            _set_up_logging(verbose=common["verbose"])

            def work() -> Any:
                ui.quiet = ui.quiet or not speaks()
                if world_size() > 1 and not group:
                    raise UsageError(
                        f"{inspect.unwrap(function).__name__} is not shared by several processes",
                        hint="start it without torchrun, or unset WORLD_SIZE",
                    )
                return function(ui, **options)

            raise SystemExit(call(ui, work))

        shared = [
            inspect.Parameter(
                key,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=Annotated[kind, option],
            )
            for key, kind, option, default in _COMMON
        ]
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + shared,
            return_annotation=None,
        )
        command.__doc__ = f"{inspect.getdoc(function)}\n\n[dim]Example:[/] [bold]{example}[/]"
        words = name or function.__name__.replace("_", "-")
        into.command(words, cls=VerbCommand, context_settings=NAMES, rich_help_panel=panel)(command)
        return command

    return decorate


def call(ui: Ui, function: Callable[[], Any]) -> int:
    """Run one verb: print its document or its one-sentence error; return the exit code."""
    with stopped_as_by_ctrl_c():
        return _called(ui, function)


def _called(ui: Ui, function: Callable[[], Any]) -> int:
    try:
        result = function()
        too_late_to_stop()
        ui.document(result)
        return 0
    except NftganError as exc:
        return _fail(ui, exc)
    except KeyboardInterrupt as exc:
        stopped = Cancelled("stopped", hint="run the same command again to go on")
        stopped.__cause__ = exc
        return _fail(ui, stopped)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as exc:
        from nftgan.files import os_error

        return _fail(ui, os_error(exc, Path(str(exc.filename or "the system"))))
    except Exception as exc:
        bug = NftganError(
            f"a bug in nftgan: {type(exc).__name__}: {exc}",
            hint="run it again with --debug and report what it prints",
        )
        bug.__cause__ = exc
        return _fail(ui, bug)


def _fail(ui: Ui, error: NftganError) -> int:
    too_late_to_stop()
    if ui.debug:
        import traceback

        # A foreign exception may quote a request with its token, or a stranger's answer.
        text = "".join(traceback.format_exception(error.__cause__ or error))
        print(visible(redact(text)), file=sys.stderr, end="")
    ui.failure(error)
    return error.exit_code


class SafeFormatter(logging.Formatter):
    """A log line may quote what came from outside: no secret and no control character in it.

    A warning of ours is said as any other one; that a module wrote it helps nobody.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        own, other = "warning: ", f"{record.name}: "
        ours = record.name.startswith("nftgan.") and record.levelno == logging.WARNING
        return visible(redact((own if ours else other) + line))


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to what stderr is now: while a bar stands there, that puts lines above it."""

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        """Whatever was given when it was made."""


def _set_up_logging(*, verbose: bool) -> None:
    handler = _StderrHandler()
    handler.setFormatter(SafeFormatter())
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    if not verbose:
        logging.getLogger("nftgan").setLevel(logging.WARNING)
