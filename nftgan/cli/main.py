"""The console script: every verb is imported here in pipeline order, then the app runs."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import typer

from nftgan.cli.mistakes import usage_error
from nftgan.cli.stopping import ctrl_c_comes_again
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import app, call
from nftgan.errors import Cancelled, NftganError, UsageError

for _panel in (
    "demo",
    "start",
    "dataset",
    "training",
    "make",
    "evaluation",
    "explore",
    "curation",
    "publish",
    "pins",
    "sales",
    "purchases",
    "prove",
    "owners",
    "own",
    "royalties",
    "contracts",
):  # the order of the panels in --help
    import_module(f"nftgan.cli.{_panel}")


def _add_plugin_verbs(words: list[str]) -> None:
    """Verbs of plugins: only where one may be meant, so that no other verb waits for them."""
    own = {one.name for one in app.registered_commands} | {g.name for g in app.registered_groups}
    first = next((word for word in words if not word.startswith("-")), None)
    if first in own:
        return
    from nftgan import plugins
    from nftgan.cli.verbs import verb

    for part, function in plugins.working("nftgan.commands"):
        if part.name in own:
            plugins.warn(f"{part.package} offers another {part.name}: it is left out")
            continue
        try:
            verb("Plugins", name=part.name, example=f"nftgan {part.name}")(function)
        except Exception as exc:  # a stranger's code: whatever it is
            plugins.warn(part.broken(exc).message)


def _version(show: bool) -> None:
    if show:
        from nftgan import __version__

        print(f"nftgan {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="Without a verb: where you are, as JSON."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and stop."
    ),
) -> None:
    """A network learns your art; what you pick becomes a collection, and each token can be proven.

    Without a verb: what is in this folder, and what comes next. After a verb -h shows its options
    and an example.
    """
    if ctx.invoked_subcommand is None:
        from nftgan.cli.here import show

        ui = Ui(as_json=as_json)
        raise SystemExit(call(ui, lambda: show(ui)))
    if as_json:
        raise UsageError("--json stands after the verb", hint="nftgan VERB --json")


def run() -> None:
    """Parse `sys.argv`, run one verb, exit with the code that nftgan.errors tells."""
    # Read when torch loads OpenMP. Threads that spin while they wait for one that another program
    # keeps from running make small networks up to twenty times slower on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Processes that we start never import from the working directory (Python 3.11 and later): it
    # may be a folder from somebody else.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    if (
        os.environ.get("WORLD_SIZE", "1") != "1" and os.environ.get("RANK", "0") != "0"
    ):  # one of several: the first one speaks for all
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
    with ctrl_c_comes_again():
        _run()


def _run() -> None:
    _add_plugin_verbs(sys.argv[1:])
    ui = Ui(as_json="--json" in sys.argv)
    try:
        code = app(prog_name="nftgan", standalone_mode=False)
    except typer.Exit as exc:
        code = exc.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = Cancelled.exit_code  # Typer answers Ctrl-C with this number too
    except NftganError as exc:
        ui.failure(exc)
        code = exc.exit_code
    except Exception as exc:
        mistake = usage_error(exc)
        if mistake is None:
            raise
        if mistake.message:
            ui.failure(mistake)
        raise SystemExit(mistake.exit_code) from None
    if code == Cancelled.exit_code:  # before the verb began
        ui.failure(Cancelled("stopped", hint="run the same command again"))
    raise SystemExit(code or 0)
