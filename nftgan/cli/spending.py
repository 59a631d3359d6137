"""What verbs that spend share: who pays, the most that it may cost, the plan that is shown."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from nftgan.cli.options import ChainId, ChainName, Mainnet, Rpc
from nftgan.cli.ui import Ui
from nftgan.errors import UsageError

From = Annotated[
    str | None,
    typer.Option("--from", metavar="ADDR", help="Which wallet pays.", show_default=False),
]
MaxFee = Annotated[
    str | None,
    typer.Option("--max-fee", metavar="30gwei", help="Most for a unit of gas.", show_default=False),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget", metavar="0.05", help="Most ether, earlier runs included.", show_default=False
    ),
]
Confirmations = Annotated[
    str | None,
    typer.Option(
        "--confirmations",
        metavar="N",
        help="Blocks on top before it is final; or finalized: until the node says so.",
        show_default="the chain's",
    ),
]
AllowCopies = Annotated[
    bool,
    typer.Option("--allow-copies", help="Also pieces that the manifest marks as too like others."),
]


_OPTIONS: dict[str, Any] = {
    "chain": (ChainName, None),
    "chain_id": (ChainId, None),
    "rpc": (Rpc, None),
    "account": (From, None),
    "max_fee": (MaxFee, None),
    "budget": (Budget, None),
    "confirmations": (Confirmations, None),
    "mainnet": (Mainnet, False),
}

SMALL_COSTS = ("chain", "rpc", "account", "max_fee", "confirmations", "mainnet")
"""The options of a verb that sends one or a few transactions: no budget over runs is needed."""


def chooses_chain(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb these options of _OPTIONS, else all, in the place of its parameter `choice`.

    The verb is called with the ChainChoice that they make; wrong ones raise UsageError.
    """
    wanted = names or tuple(_OPTIONS)
    options = {
        name: value for name, value in _OPTIONS.items() if name in wanted or name == "chain_id"
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*arguments: Any, **given: Any) -> Any:
            from nftgan.workflows.publishing import ChainChoice

            words = {name: given.pop(name) for name in options}
            choice = ChainChoice(
                _chain_name(words["chain"], words["chain_id"]),
                tuple(words["rpc"] or ()) or None,
                words["mainnet"],
                words.get("account"),
                parse_fee(words.get("max_fee")),
                parse_ether(words.get("budget")),
                parse_confirmations(words.get("confirmations")),
                bool(given.get("dry_run")),
                arguments[0].note,
                arguments[0].named,
            )
            return function(*arguments, **given, choice=choice)

        signature = inspect.signature(function, eval_str=True)
        own = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=kind)
            for name, (kind, value) in options.items()
        ]
        parameters: list[inspect.Parameter] = []
        for one in signature.parameters.values():
            keyword = one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            parameters += own if one.name == "choice" else [one if one.name == "ui" else keyword]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def _chain_name(name: str | None, chain_id: int | None) -> str | None:
    from nftgan.chain.networks import chain_of_id

    if chain_id is None:
        return name
    if name is not None:
        raise UsageError("--chain and --chain-id exclude each other", hint="leave one out")
    return chain_of_id(chain_id).name


def parse_fee(text: str | None) -> int | None:
    """ "30gwei", "30" (gwei) or "5wei" in wei. Raises UsageError."""
    if text is None:
        return None
    number, scale = text.strip().lower(), 10**9
    if number.endswith("gwei"):
        number = number.removesuffix("gwei")
    elif number.endswith("wei"):
        number, scale = number.removesuffix("wei"), 1
    try:
        value = round(float(number) * scale)
    except (ValueError, OverflowError):
        value = 0
    if value <= 0:
        raise UsageError(f"--max-fee {text!r} is not a fee", hint="write --max-fee 30gwei")
    return value


def parse_ether(text: str | None, *, option: str = "--budget", least: int = 1) -> int | None:
    """ "0.05" or "0.05 ether" in wei. Raises UsageError below `least` wei."""
    from decimal import Decimal

    if text is None:
        return None
    try:
        value = int(
            Decimal(text.lower().removesuffix("ether").removesuffix("eth").strip()).scaleb(18)
        )
    except (ArithmeticError, ValueError):  # those of decimal too
        value = -1
    if value < least:
        raise UsageError(f"{option} {text!r} is not an amount", hint=f"write {option} 0.05 (ether)")
    return value


def parse_confirmations(text: str | None) -> int | str | None:
    """ "12" as a number of blocks, "finalized" as it is. Raises UsageError."""
    if text is None or text == "finalized":
        return text
    if not (text.isdecimal() and text.isascii() and len(text) < 7):
        raise UsageError(
            f"--confirmations {text!r} is neither a number of blocks nor finalized",
            hint="write --confirmations 12",
        )
    return int(text)


def ether(wei: int) -> str:
    """Exactly, without an exponent."""
    from decimal import Decimal

    return f"{Decimal(wei).scaleb(-18).normalize():f} ether"


def spent(wei: int) -> str:
    """A fee for a person: in gwei where six decimals of an ether would show it as nothing."""
    return f"{wei / 1e9:,.4g} gwei" if 0 < wei < 10**13 else f"{wei / 1e18:.6f} ether"


def show_plan(ui: Ui, plan: Any, what: str, more: Sequence[tuple[str, str]] = ()) -> None:
    """What will be sent and what it may cost; `more` rows say what else one should know."""
    from nftgan.chain.names import spelled

    price = getattr(plan, "value_wei", 0)
    data_fee = getattr(plan, "data_fee_wei", 0)
    fee = plan.worst_case_wei - price - data_fee
    note = getattr(plan, "fee_note", "")
    rows = [
        ("chain", f"{plan.chain} ({plan.chain_id})"),
        ("account", plan.account),
        *((spelled(name), address) for name, address in ui.names.items()),
        ("balance", f"{plan.balance_wei / 1e18:.6f} ether"),
        ("what", what),
        *more,
        *([("price", ether(price))] if price else []),
        ("gas, about", f"{plan.gas:,}"),
        ("fee, at most", f"{plan.max_fee_wei / 1e9:.4g} gwei, {spent(fee)}"),
        *([("for data on Ethereum, at most", spent(data_fee))] if data_fee else []),
        *([("fees here", note)] if note else []),
    ]
    ui.table("Plan", ("", ""), rows)


def agree(ui: Ui, connection: Any, account: str, question: str, *, yes: bool) -> None:
    """Go on when the person says so, or said it with --yes; else leave with exit code 0.

    What a name stands for is one node's word, and may be another's tomorrow: nobody has looked at
    it with --yes, save that a wallet of one's own is that in any case. Raises UsageError then.
    """
    if connection.embedded:
        return
    unseen = {name: found for name, found in ui.names.items() if found != account}
    if yes and unseen:
        name, found = next(iter(unseen.items()))
        raise UsageError(
            f"nobody has looked at what {name} stands for: {found} now",
            hint=f"give the address {found} itself; a name is asked about at a terminal",
        )
    if not (yes or ui.confirm(question)):
        raise typer.Exit(0)


def carry_out(
    ui: Ui,
    work: Any,
    tx_plan: Any,
    question: str,
    rows: Sequence[tuple[str, str]] = (),
    *,
    dry_run: bool,
    yes: bool,
) -> Any:
    """Show what an act takes, ask, and do it; with nothing left to send it only ends it."""
    plan = work.estimate(tx_plan)
    for warning in plan.warnings:
        ui.warn(warning)
    if plan.steps:
        show_plan(ui, plan, ", ".join(plan.steps), rows)
    else:
        ui.print("nothing is left to send")
    if dry_run:
        return plan
    if plan.steps:
        agree(ui, work.connection, plan.account, question, yes=yes)
    work.run(tx_plan, plan, progress=ui)
    return plan


def speaks_by(ui: Ui) -> dict[str, Callable[[str], Any]]:
    """How a workflow that signs asks for a password and warns."""
    return {"prompt": lambda text: ask(ui, text), "warn": ui.warn}


def ask(ui: Ui, text: str) -> str:
    """A secret from the terminal, or from standard input where there is none."""
    import getpass
    import sys

    from nftgan.errors import CredentialError

    if sys.stdin.isatty():
        return getpass.getpass(text)
    line = sys.stdin.readline()
    if not line:
        raise CredentialError(
            "nobody can be asked for a password here",
            hint="set NFTGAN_PASSWORD_FILE to the path of a file with the password",
        )
    return line.rstrip("\r\n")
