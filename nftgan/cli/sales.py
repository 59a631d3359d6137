"""Verbs of who sells, under `sale`: open, status, allowlist, voucher, reveal, withdraw, close."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.publish import Force
from nftgan.cli.spending import (
    AllowCopies,
    agree,
    carry_out,
    chooses_chain,
    ether,
    parse_ether,
    speaks_by,
)
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import SELL, Collection, DryRun, Yes, group, verb
from nftgan.words import counted

sale_app = group("sale", SELL, "Sell tokens: to all, to a list, by vouchers.")

BuyerList = Annotated[
    Path | None,
    typer.Option(
        "--allowlist",
        metavar="CSV",
        help="Who may buy: an address a line, and how many it may have.",
        show_default=False,
    ),
]


def _time(flag: str, meaning: str) -> Any:
    return typer.Option(flag, metavar="TIME", help=meaning, show_default=False)


@verb(SELL, into=sale_app, name="open", example="nftgan sale open --price 0.01 --per-wallet 3")
@chooses_chain()
def open_(
    ui: Ui,
    collection: Collection = None,
    price: Annotated[
        str | None,
        typer.Option("--price", metavar="0.01", help="Ether for a token.", show_default=False),
    ] = None,
    supply: Annotated[
        int | None,
        typer.Option(metavar="N", help="Tokens for sale; else all that are left.", min=1),
    ] = None,
    per_wallet: Annotated[
        int | None,
        typer.Option(metavar="N", help="Most tokens for one buyer; else no limit.", min=1),
    ] = None,
    allowlist: BuyerList = None,
    voucher_signer: Annotated[
        str | None,
        typer.Option(
            "--signer",
            metavar="ADDR",
            help="Only with vouchers that this account signs; self: the one that pays.",
            show_default=False,
        ),
    ] = None,
    opens: Annotated[
        str | None, _time("--opens", "2027-01-31T18:00Z, or 12h from now; else now.")
    ] = None,
    closes: Annotated[str | None, _time("--closes", "Likewise; else 30 days later.")] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Nobody can know the pieces before sale reveal.")
    ] = False,
    refunds: Annotated[
        str | None,
        _time("--refunds", "Blind: the day to reveal by; from it on buyers are paid back."),
    ] = None,
    choice: Any = None,
    allow_copies: AllowCopies = False,
    force: Force = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Put on sale what is not minted yet.

    The terms stand on chain, and nobody can change them.
    """
    import time

    from nftgan.chain.sales import Allowlist
    from nftgan.workflows.sale_open import SaleOptions

    now = int(time.time())
    options = SaleOptions(
        parse_ether(price, option="--price", least=0),
        supply,
        per_wallet,
        None if allowlist is None else Allowlist.read(allowlist).root,
        voucher_signer,
        parse_time(opens, now, "--opens"),
        parse_time(closes, now, "--closes"),
        parse_time(refunds, now, "--refunds"),
        blind,
    )
    work = _selling(ui, collection, choice)
    tx_plan = work.plan_open(options, force=force, allow_copies=allow_copies)
    plan = carry_out_on_terms(ui, work, tx_plan, "open the sale?", dry_run=dry_run, yes=yes)
    return plan if dry_run else _show_state(ui, work.state())


@verb(SELL, into=sale_app, example="nftgan sale status --json")
@chooses_chain("chain", "rpc", "mainnet")
def status(
    ui: Ui,
    collection: Collection = None,
    choice: Any = None,
) -> Any:
    """Show the sale: terms, sold, earned, delivered."""
    from nftgan.project import find_project
    from nftgan.workflows.sale_reader import SaleReader

    return _show_state(ui, SaleReader(find_project(collection), choice).state())


@verb(SELL, into=sale_app, example="nftgan sale allowlist people.csv -o proofs.json")
def allowlist(
    ui: Ui,
    people: Annotated[
        Path, typer.Argument(metavar="CSV", help="An address a line, and how many it may have.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="What each buyer must send along, as JSON.",
            show_default=False,
        ),
    ] = None,
) -> Any:
    """Check a list of buyers, and write their proofs.

    Nothing is sent.
    """
    from nftgan.chain.sales import Allowlist
    from nftgan.files import write_json

    allowed = Allowlist.read(people)
    root = "0x" + allowed.root.hex()
    tokens = sum(allowed.allowances.values())
    if output is not None:
        proofs = {
            address: {
                "allowance": allowance,
                "proof": ["0x" + one.hex() for one in allowed.proof(address)],
            }
            for address, allowance in allowed.allowances.items()
        }
        write_json(output, {"root": root, "buyers": proofs})
    ui.print(
        f"{counted(len(allowed.allowances), 'buyer')}, {counted(tokens, 'token')} in all;"
        f" root {root}"
    )
    if output is not None:
        ui.print(f"wrote {output}")
    return {"root": root, "buyers": len(allowed.allowances), "tokens": tokens, "file": output}


@verb(SELL, into=sale_app, example="nftgan sale voucher 0x…12ef --price 0.02 -o voucher.json")
@chooses_chain("chain", "rpc", "account", "mainnet")
def voucher(
    ui: Ui,
    buyer: Annotated[str, typer.Argument(metavar="ADDR", help="Who may buy with it.")],
    price: Annotated[str, typer.Option("--price", metavar="0.01", help="Ether for all of them.")],
    count: Annotated[int, typer.Option(metavar="N", help="How many tokens.", min=1)] = 1,
    until: Annotated[
        str | None, _time("--until", "Its last second; else that of the sale.")
    ] = None,
    nonce: Annotated[
        int | None,
        typer.Option(metavar="N", help="Another one to the same words.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where it goes; else shown.", show_default=False
        ),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option(
            "--page",
            metavar="URL",
            help="Of nftgan site --sale: show the link with which it is used there.",
            show_default=False,
        ),
    ] = None,
    collection: Collection = None,
    choice: Any = None,
) -> Any:
    """Sign a right to buy, made out to one address.

    It buys once, and signing costs nothing.
    """
    import json
    import sys
    import time

    from nftgan.chain.names import address_of, is_name
    from nftgan.files import write_json
    from nftgan.workflows.sale import voucher_link

    work = _selling(ui, collection, choice)
    wei = parse_ether(price, option="--price", least=0)
    assert wei is not None
    deadline = parse_time(until, int(time.time()), "--until")
    address = address_of(work.connection, buyer, what="buyer's address")
    if is_name(buyer):  # a signature gives a right away
        unasked = not sys.stdin.isatty()
        agree(ui, work.connection, work.account.address, f"sign for {address}?", yes=unasked)
    document = work.voucher(address, count, wei, deadline=deadline, nonce=nonce)
    if output is None:
        ui.text(json.dumps(document, indent=2))
    else:
        write_json(output, document)
        ui.print(f"wrote {output}: send it to {buyer}")
    if page is not None:
        link = voucher_link(page, document)
        ui.text(link)
        document = {**document, "link": link}
    return document


@verb(SELL, into=sale_app, example="nftgan sale reveal --chain sepolia --max-fee 30gwei")
@chooses_chain()
def reveal(
    ui: Ui,
    collection: Collection = None,
    choice: Any = None,
    force: Force = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """End a blind sale: tell what was sold, and deliver it.

    It is minted to the buyers in their order.
    """
    work = _selling(ui, collection, choice)
    tx_plan = work.plan_reveal(force=force)
    plan = carry_out_on_terms(ui, work, tx_plan, "reveal and deliver?", dry_run=dry_run, yes=yes)
    return plan if dry_run else _show_state(ui, work.state())


@verb(SELL, into=sale_app, example="nftgan sale withdraw --dry-run")
@chooses_chain()
def withdraw(
    ui: Ui,
    collection: Collection = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Have what was earned paid out to you."""
    work = _selling(ui, collection, choice)
    earned = work.sale().earned_wei()
    ui.print(f"{ether(earned)} to withdraw")
    plan = carry_out_on_terms(ui, work, work.plan_withdraw(), "withdraw?", dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    ui.print(f"paid out to {work.account.address}")
    return {"withdrawn_wei": earned, "to": work.account.address}


@verb(SELL, into=sale_app, example="nftgan sale close --yes")
@chooses_chain()
def close(
    ui: Ui,
    collection: Collection = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """End a sale for good, and take the collection back.

    What was earned is paid out; what is left can be minted.
    """
    work = _selling(ui, collection, choice)
    plan = carry_out_on_terms(
        ui, work, work.plan_close(), "end the sale?", dry_run=dry_run, yes=yes
    )
    if dry_run:
        return plan
    left = work.collection.max_supply() - work.collection.next_token_id()
    ui.print(f"closed; left: {counted(left, 'token')}, for nftgan mint or another sale")
    return {"collection": work.collection.address, "left": left}


def _selling(ui: Ui, collection: Path | None, choice: Any) -> Any:
    from nftgan.project import find_project
    from nftgan.workflows.sale import SaleManager

    return SaleManager(find_project(collection), choice, **speaks_by(ui))


def carry_out_on_terms(
    ui: Ui, work: Any, tx_plan: Any, question: str, *, dry_run: bool, yes: bool
) -> Any:
    """As `carry_out`, with the terms of the sale in the plan."""
    rows = _term_rows(tx_plan.terms) if tx_plan.terms else []
    return carry_out(ui, work, tx_plan, question, rows, dry_run=dry_run, yes=yes)


def _show_state(ui: Ui, state: Any) -> Any:
    rows = [
        ("collection", state.collection),
        ("state", state.phase),
        ("sold", str(state.sold)),
        ("to withdraw", ether(state.earned_wei)),
        *_term_rows(state.terms),
    ]
    if not state.terms["collection"]:
        rows.append(("to deliver", str(state.waiting)))
    ui.table(f"Sale {state.sale} on {state.chain}", ("", ""), rows)
    return state


def _term_rows(terms: Any) -> list[tuple[str, str]]:
    """What a sale is bound to for ever, for a person."""
    from nftgan.workflows.sale_record import moment

    buyers = []
    if terms["allowlist"]:
        buyers.append("who is on the list")
    if terms["signer"]:
        buyers.append(f"who has a voucher of {terms['signer']}")
    limit = f", {terms['per_wallet']} to one buyer" if terms["per_wallet"] else ""
    rows = [
        ("for sale", f"{terms['supply']} at {ether(terms['price_wei'])}{limit}"),
        ("buyers", " and ".join(buyers) or "everybody"),
        ("from, to", f"{moment(terms['opens'])}, {moment(terms['closes'])}"),
    ]
    if terms["collection"]:
        rows.insert(0, ("collection", terms["collection"]))
        rows.append(("kind", "open: each purchase mints at once"))
    else:
        rows.insert(0, ("collection", "not told before the reveal"))
        rows.append(("kind", "blind: tokens after the reveal, in an order that nobody chooses"))
        rows.append(
            (
                "refunds from",
                f"{moment(terms['refunds_from'])} if nothing is revealed by then,"
                " else some days after the reveal; only by the buyer",
            )
        )
    return rows


def parse_time(text: str | None, now: int, option: str) -> int | None:
    """ "90m", "12h", "30d" after `now`, or a date in ISO 8601 (UTC unless it says) in seconds since
    1970. Raises UsageError.
    """
    from datetime import datetime, timezone

    from nftgan.errors import UsageError

    if text is None:
        return None
    number, unit = text[:-1], {"m": 60, "h": 3600, "d": 86_400}.get(text[-1:])
    if unit and number.isdecimal() and number.isascii() and len(number) < 7:
        return now + int(number) * unit
    try:
        found = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
        zoned = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
        seconds = int(zoned.timestamp())
    except (ValueError, OverflowError):
        seconds = -1
    if seconds < 0:
        raise UsageError(
            f"{option} {text!r} is not a time", hint=f"{option} 12h, or {option} 2027-01-31T18:00Z"
        )
    return seconds
