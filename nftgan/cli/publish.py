"""Verbs that publish: pin, gateway, wallet, deploy, mint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.spending import AllowCopies, agree, ask, chooses_chain, show_plan, speaks_by, spent
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import PUBLISH, Collection, DryRun, Yes, group, verb
from nftgan.words import counted, duration

Force = Annotated[
    bool, typer.Option("--force", help="Go on although nothing is pinned and verified.")
]

SMALL_IMAGE_PIXELS = 512
RECIPIENTS_SHOWN = 30

STORES_SHOWN = {"event": "the log", "code": "contract code"}


@verb(PUBLISH, example="nftgan pin -C collections/my-birds --to embedded --to pinata")
def pin(
    ui: Ui,
    collection: Collection = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="embedded, kubo, kubo=URL, pinata, filebase, 4everland or psa; may be repeated.",
        ),
    ] = None,
    verify: Annotated[
        str | None,
        typer.Option(
            "--verify",
            metavar="HOW",
            help="Read back all, a sample, or none; else all here and a sample elsewhere.",
            show_default=False,
        ),
    ] = None,
    car: Annotated[
        Path | None,
        typer.Option(
            "--car",
            metavar="FILE",
            help="Pin a CAR that was kept, not a collection.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
) -> Any:
    """Put images, metadata and model on IPFS.

    What is there is read back and compared.
    """
    from nftgan.errors import UsageError
    from nftgan.project import find_project
    from nftgan.workflows.pin import pin as run
    from nftgan.workflows.pin import pin_again

    verify_modes: dict[str | None, Any] = {
        None: None,
        "all": "all",
        "sample": "sample",
        "none": "none",
    }
    if verify not in verify_modes:
        raise UsageError(f"--verify {verify!r} is not all, sample or none")
    if car is not None and collection is not None:
        raise UsageError("--car and --collection exclude each other", hint="leave one out")
    targets = tuple(to or ("embedded",))
    how: dict[str, Any] = {"verify_mode": verify_modes[verify], "dry_run": dry_run, "progress": ui}
    if car is None:
        project = find_project(collection)
        result = run(project, targets, **how)
    else:
        result = pin_again(car, targets, **how)
    if dry_run:
        _show_pin_plan(ui, result)
        return result
    for one in result.targets:
        verified = f"{one.checked_blocks} of {counted(one.blocks, 'block')} read back"
        ui.print(f"pinned ipfs://{one.root} to {one.target}: {verified}")
    ui.print(f"any IPFS node can import {result.car} ({result.car_bytes:,} bytes)")
    if car is None:
        ui.print(f"next: [bold]nftgan deploy{project.flag}[/]")
    return result


def _show_pin_plan(ui: Ui, result: Any) -> None:
    from nftgan.ipfs.profiles import DEFAULT_PROFILE

    shape = result.shape
    ui.print(f"would pin ipfs://{shape.root} (UnixFS profile {DEFAULT_PROFILE})")
    ui.print(
        f"{counted(shape.files, 'file')}, {counted(shape.blocks, 'block')},"
        f" a CAR of {shape.car_bytes:,} bytes"
    )
    for folder in shape.folders:
        kind = "sharded (HAMT)" if folder.sharded else "one block"
        ui.print(f"  {folder.path}: {counted(folder.entries, 'entry', 'entries')}, {kind}")
    for plan in result.plans:
        notes = "".join(f"; {note}" for note in plan.notes)
        ui.print(
            f"to {plan.place}: at most {plan.send_bytes:,} bytes to send, {plan.read_blocks:,} "
            f"blocks to read back, about {_duration(plan.seconds)}{notes}"
        )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@verb(PUBLISH, example="nftgan gateway --port 8080")
def gateway(
    ui: Ui,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
) -> Any:
    """Serve the embedded IPFS store until Ctrl-C."""
    from nftgan.workflows.pin import open_gateway

    server = open_gateway(port)
    ui.note(f"serving {server.url}/ipfs/CID; Ctrl-C stops it")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return {"url": server.url}


wallet_app = group("wallet", PUBLISH, "Create, import and list keys.")


@verb(PUBLISH, into=wallet_app, example="nftgan wallet create")
def create(ui: Ui) -> Any:
    """Make a new key in an encrypted keystore file."""
    from nftgan.chain.accounts import create_wallet

    wallet = create_wallet(_new_password(ui))
    ui.print(f"{wallet.address} in {wallet.path}")
    ui.print("keep a copy of the file and of its password: nobody can restore them")
    return wallet


@verb(PUBLISH, into=wallet_app, name="import", example="nftgan wallet import")
@chooses_chain("chain", "rpc", "mainnet")
def import_(
    ui: Ui,
    file: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]", help="A keystore, or a text file with key or mnemonic."),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(
            "--path",
            metavar="PATH",
            help="Of a mnemonic's address, such as m/44'/60'/0'/0/0; else pick one.",
            show_default=False,
        ),
    ] = None,
    index: Annotated[
        int | None,
        typer.Option(
            "--index",
            metavar="N",
            help="The last number of that path.",
            min=0,
            show_default=False,
        ),
    ] = None,
    choice: Any = None,
) -> Any:
    """Take in a keystore, a private key or a mnemonic.

    From a file, or asked for. Of a mnemonic the first addresses are shown to pick from, with
    --chain what they hold there.
    """
    from nftgan.chain.accounts import import_text, refuse_typed_secret
    from nftgan.chain.mnemonics import DEFAULT_PATH
    from nftgan.cli.mnemonic import choose_path
    from nftgan.errors import UsageError
    from nftgan.files import decode_text, translated_os_errors

    if not file:
        text = ask(ui, "private key or mnemonic: ")
    else:
        refuse_typed_secret(" ".join(file))  # several words too: a mnemonic without quotes
        if len(file) > 1:
            raise UsageError("one file is taken in at a time", hint="put its name in quotes")
        with translated_os_errors(Path(file[0])):
            data = Path(file[0]).read_bytes()
        text = decode_text(data, errors="replace")
    derivation = choose_path(ui, text, path, index, choice)
    wallet = import_text(
        text, _new_password(ui), lambda words: ask(ui, words), path=derivation or DEFAULT_PATH
    )
    ui.print(f"{wallet.address} in {wallet.path}")
    return {"address": wallet.address, "path": wallet.path, "derivation": derivation}


@verb(PUBLISH, into=wallet_app, name="list", example="nftgan wallet list --json")
def list_(ui: Ui) -> Any:
    """List every address that this machine can sign for."""
    from nftgan.chain.accounts import list_wallets

    wallets = list_wallets()
    for wallet in wallets:
        ui.print(f"{wallet.address}  {wallet.path}")
    if not wallets:
        ui.print("no wallet yet: [bold]nftgan wallet create[/]")
    return {"wallets": wallets}


@verb(PUBLISH, example="nftgan deploy --chain sepolia --max-fee 30gwei")
@chooses_chain()
def deploy(
    ui: Ui,
    collection: Collection = None,
    choice: Any = None,
    seed_store: Annotated[
        str | None,
        typer.Option(
            "--seed-store",
            metavar="STORE",
            help="Seeds in the log (event), or in contract code too (code).",
            show_default="event",
        ),
    ] = None,
    force: Force = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Put the collection's contract on chain.

    It is bound for ever to model, recipe and pixels.
    """
    from nftgan.project import find_project
    from nftgan.seeds import format_seeds
    from nftgan.workflows.deploy import Deployment

    project = find_project(collection)
    work = Deployment(
        project,
        choice,
        **speaks_by(ui),
        force=force,
        seed_store=seed_store,
    )
    there = _there(project, work.connection.chain)
    result = work.existing()
    if result is None:
        plan = work.plan()
        show_plan(ui, plan, f"{', '.join(plan.steps)}; seeds in {STORES_SHOWN[plan.seed_store]}")
        _show_immutable(ui, plan)
        if plan.licence:
            ui.note(f"licence in the model's lineage: {plan.licence}")
        if plan.novelty:
            ui.warn(f"near-copies of training art were not looked for: {plan.novelty}")
        if plan.overridden_tokens:
            ui.warn(
                f"kept although too like other art: tokens {format_seeds(plan.overridden_tokens)}"
            )
        if dry_run:
            return plan
        agree(ui, work.connection, plan.account, "deploy?", yes=yes)
        result = work.run(plan)
        cost = f"{result.gas:,} gas, {spent(result.fee_wei)}"
        ui.print(f"deployed [bold]{result.collection}[/] on {result.chain}: {cost}")
        if work.connection.chain.explorer:
            ui.print(f"see it: {work.connection.chain.contract_url(result.collection)}")
            ui.print(f"have its source shown there: [bold]nftgan contract verify{there}[/]")
    else:
        ui.print(f"already deployed: [bold]{result.collection}[/] on {result.chain}")
    ui.print(f"next: [bold]nftgan mint{there}[/]")
    return result


@verb(PUBLISH, example="nftgan mint --tokens 0-99 --max-fee 30gwei")
@chooses_chain()
def mint(
    ui: Ui,
    collection: Collection = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="ADDR[=N]",
            help="Who gets the tokens, else the sender; with =N, or repeated: how many each.",
            show_default=False,
        ),
    ] = None,
    airdrop: Annotated[
        Path | None,
        typer.Option(
            "--airdrop",
            metavar="CSV",
            help="Who gets how many: an address and a count a line, maybe its first token.",
            show_default=False,
        ),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens", metavar="0-99", help="Else all that are left.", show_default=False
        ),
    ] = None,
    choice: Any = None,
    allow_copies: AllowCopies = False,
    force: Force = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Make every piece a token, each exactly once.

    Run again, it goes on where it stopped.
    """
    from nftgan.chain.recipients import parse_recipients, read_recipients
    from nftgan.errors import UsageError
    from nftgan.project import find_project
    from nftgan.seeds import parse_seeds
    from nftgan.workflows.mint import Minting

    if to and airdrop is not None:
        raise UsageError("--to and --airdrop exclude each other", hint="write all into the file")
    one = to[0] if to and len(to) == 1 and "=" not in to[0] else None
    recipients = parse_recipients(to) if to and one is None else ()
    if airdrop is not None:
        recipients = read_recipients(airdrop)
    project = find_project(collection)
    wanted = None if tokens is None else parse_seeds(tokens, what="token")
    work = Minting(
        project,
        choice,
        to=one,
        recipients=recipients,
        tokens=wanted,
        **speaks_by(ui),
        force=force,
        allow_copies=allow_copies,
    )
    plan = work.plan()
    for warning in plan.warnings:
        ui.warn(warning)
    if plan.tokens:
        what = counted(plan.tokens, "token") + " in " + counted(len(plan.batches), "transaction")
        name = f"{work.args.name} ({work.args.symbol}), {plan.contract}"
        people = len({batch.to for batch in plan.batches})
        rows = [("contract", name), ("to", plan.to or f"{people:,} accounts")]
        block = work.sender.connection.chain.block_seconds
        if people > 1 and block:
            rows.append(("time, at least", duration(block * len(plan.batches))))
        if people > 1:
            _show_recipients(ui, plan)
        show_plan(ui, plan, what, rows)
        if dry_run:
            return plan
        agree(ui, work.sender.connection, plan.account, "mint?", yes=yes)
    else:
        if recipients:
            ui.note("everybody on the list has theirs already; --tokens says which are for another")
        if dry_run:
            ui.print("nothing is left to mint")
            return plan
    outcome = work.run(plan, progress=ui)
    cost = f"{outcome.gas:,} gas, {spent(outcome.fee_wei)} in all"
    minted = counted(outcome.minted, "token")
    ui.print(f"{minted} on {plan.chain}, each with its seed: {cost}")
    there = _there(project, work.sender.connection.chain)
    ui.print(f"next: [bold]nftgan verify{there}[/]")
    return outcome


def _there(project: Any, chain: Any) -> str:
    """The options with which the next verb finds this collection on this chain."""
    words = str(project.flag)
    if chain.name != project.config.chain.name:
        words += f" --chain {chain.name}"
    return words + (" --mainnet" if chain.mainnet else "")


def _show_recipients(ui: Ui, plan: Any) -> None:
    """Who gets which tokens of a plan, and what that may cost at most beside data fees."""
    from nftgan.seeds import format_seeds

    tokens: dict[str, list[int]] = {}
    gas: dict[str, int] = {}
    for batch in plan.batches:
        tokens.setdefault(batch.to, []).extend(range(batch.first, batch.end))
        gas[batch.to] = gas.get(batch.to, 0) + batch.gas
    rows = [
        (to, format_seeds(ids), f"{len(ids):,}", spent(gas[to] * plan.max_fee_wei))
        for to, ids in list(tokens.items())[:RECIPIENTS_SHOWN]
    ]
    if more := len(tokens) - len(rows):
        rows.append((f"and {more:,} more, all of them with --json", "", "", ""))
    ui.table("Who gets what", ("account", "tokens", "count", "fee, at most"), rows)


def _show_immutable(ui: Ui, plan: Any) -> None:
    """Everything that no transaction can ever change, before it is paid for."""
    args = plan.fixed
    width, height = plan.image_size
    rows = [
        ("name", args.name),
        ("symbol", args.symbol),
        ("pieces, at most", f"{args.max_supply:,}"),
        ("image size", f"{width} x {height} pixels"),
        ("royalty", f"{args.royalty_bps / 100:g} % to {args.royalty_receiver}"),
        *((f"  {share:g} % of it", account) for account, share in plan.royalty_shares.items()),
        ("model", args.model),
        ("recipe", args.recipe),
        ("pieces root", args.root),
    ]
    ui.table("Fixed for ever", ("", ""), rows)
    ui.table("Fixed once you freeze it", ("", ""), [("metadata", args.base_uri)])
    if max(width, height) < SMALL_IMAGE_PIXELS:
        ui.warn(
            f"images of {width} x {height} pixels look blurred in wallets and markets: a larger"
            " upscale in nftgan.toml, then nftgan curate --same"
        )


def _new_password(ui: Ui) -> str:
    from nftgan.chain.accounts import password_from_file
    from nftgan.errors import CredentialError

    kept = password_from_file()
    if kept is not None:
        return kept
    first = ask(ui, "new password: ")
    if first != ask(ui, "the same again: "):
        raise CredentialError("the two passwords differ")
    return first
