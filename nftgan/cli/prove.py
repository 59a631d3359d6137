"""Verbs that prove: verify, regenerate, report, site."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nftgan.cli.options import ExactDevice, Gpus, start_group
from nftgan.cli.spending import chooses_chain
from nftgan.cli.token_tables import TokenTables, rows
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import PROVE, Collection, verb
from nftgan.words import counted

if TYPE_CHECKING:
    from nftgan.training.distributed import Distributed

Tokens = Annotated[
    list[str] | None, typer.Argument(metavar="[TOKEN]…", help="Such as 3 or 0-9; else all.")
]
Contract = Annotated[
    str | None,
    typer.Option(
        metavar="ADDR", help="A contract, instead of a collection folder.", show_default=False
    ),
]
TokenOption = Annotated[
    str | None, typer.Option("--token", metavar="N", help="The same as TOKEN.", show_default=False)
]
Gateway = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="Where to look after the embedded store, or 'kubo'; may be repeated, in order.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every token.")]
OwnModel = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="FILE", help="Instead of the published model.", show_default=False
    ),
]

_CHOICES = ("chain", "rpc", "mainnet")

Heavy = Annotated[
    bool,
    typer.Option(
        "--allow-heavy", help="Also what takes very long, much memory or very many files."
    ),
]


@verb(
    PROVE,
    group=True,
    example="nftgan verify --contract 0x… --chain sepolia --token 3 --gateway https://…",
)
@chooses_chain(*_CHOICES)
def verify(
    ui: Ui,
    tokens: Tokens = None,
    collection: Collection = None,
    contract: Contract = None,
    token: TokenOption = None,
    every: All = False,
    choice: Any = None,
    gateway: Gateway = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="Who should hold them.", show_default=False),
    ] = None,
    model: OwnModel = None,
    heavy: Heavy = False,
    gpus: Gpus = 1,
    device: ExactDevice = "cpu",
) -> Any:
    """Prove tokens: from the chain back to their pixels.

    Every link is checked, and the pixels are made again.
    """
    from nftgan.ops.device import device_named
    from nftgan.training.shares import work_group
    from nftgan.workflows.verify_shared import take_part

    start_group(gpus)
    numbers = _numbers(tokens, token, every)
    with work_group(device_named(device)) as (group, own):
        if not group.is_main:
            take_part(group, own)
            return None
        return _verify(
            ui,
            numbers,
            group,
            own,
            choice,
            project=_where(collection, contract),
            contract=contract,
            gateways=tuple(gateway or ()),
            holder=owner,
            model=model,
            heavy=heavy,
        )


def _verify(
    ui: Ui, numbers: Sequence[int] | None, group: Distributed, device: str, choice: Any, **how: Any
) -> Any:
    """On the main process of a group; how: as for `open_verifier`."""
    from nftgan.errors import CheckFailed, PartlyDone
    from nftgan.provenance.whole import collection_checks
    from nftgan.workflows.verify import every_token, keeping, open_verifier, share_images
    from nftgan.workflows.verify import verify as run
    from nftgan.workflows.verify_run import VerifyRun

    whole_run = VerifyRun()
    verifier = open_verifier(choice, run=whole_run, progress=ui, on_heavy=ui.ask_heavy, **how)
    verifier.measuring = numbers is None
    reports, tables = [], TokenTables(ui)
    if numbers is None:
        numbers = every_token(verifier)
    with keeping(verifier, whole_run, len(numbers) if verifier.measuring else 0, ui.note):
        if group.world_size > 1 or device != "cpu":
            keep = verifier.measuring
            share_images(verifier, numbers, group, device, keep=keep, progress=ui)
        with ui.task("verifying", len(numbers), "tokens") as task:
            for report in run(verifier, numbers, project=how["project"]):
                reports.append(report)
                task.advance()
                tables.show(report)
        whole = collection_checks(verifier, measured=verifier.measuring)
        unchecked = any(one.skipped for one in reports) or any(c.skipped for c in whole)
        whole_run.complete = not unchecked
    if whole:
        ui.table("The collection", ("link", "", "found"), rows(whole))
    document = {"contract": verifier.collection.address, "tokens": reports, "collection": whole}
    failed = [
        *(f"token {one.token}: {c.name}: {c.found}" for one in reports for c in one.failed[:1]),
        *(f"the collection: {c.name}: {c.found}" for c in whole if c.failed),
    ]
    skipped = [
        *(f"token {one.token}: {c.name}: {c.found}" for one in reports for c in one.skipped[:1]),
        *(f"the collection: {c.name}: {c.found}" for c in whole if c.skipped),
    ]
    if (failed or skipped) and ui.as_json:
        ui.details = document
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise CheckFailed(failed[0] + more)
    proven = sum(report.passed for report in reports)
    ui.print(f"[green]{counted(proven, 'token')} proven[/] by {verifier.collection.address}")
    if skipped:
        more = f" (and {len(skipped) - 1} more)" if len(skipped) > 1 else ""
        raise PartlyDone(
            f"not everything could be checked: {skipped[0]}{more}",
            hint="nothing was found wrong; run it again to go on, or see nftgan verify -h for"
            " other gateways, --model and limits",
        )
    return document


@verb(PROVE, example="nftgan regenerate 3 -o proof")
@chooses_chain(*_CHOICES)
def regenerate(
    ui: Ui,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for PNGs.")],
    tokens: Annotated[
        list[str] | None, typer.Argument(metavar="TOKEN…", help="Such as 3 or 0-9.")
    ] = None,
    collection: Collection = None,
    contract: Contract = None,
    token: TokenOption = None,
    every: All = False,
    choice: Any = None,
    gateway: Gateway = None,
    model: OwnModel = None,
    heavy: Heavy = False,
) -> Any:
    """Make a token's image again from its seed, and compare.

    Model, recipe and seed are all that it takes.
    """
    from nftgan.errors import CheckFailed, UsageError
    from nftgan.workflows.verify import open_verifier
    from nftgan.workflows.verify import regenerate as run

    numbers = _numbers(tokens, token, every)
    if numbers is None and not every:
        raise UsageError("say which tokens", hint="nftgan regenerate 3 -o proof, or --all")
    project = _where(collection, contract)
    verifier = None
    if contract is not None:
        verifier = open_verifier(
            choice,
            contract=contract,
            gateways=tuple(gateway or ()),
            model=model,
            heavy=heavy,
            on_heavy=ui.ask_heavy,
            progress=ui,
        )
    elif model is not None:
        raise UsageError("--model goes with --contract", hint="the collection has its own model")
    made = []
    for one in run(numbers, output, project=project, verifier=verifier):
        made.append(one)
        ui.print(f"token {one.token}, seed {one.seed}: {one.path} is {one.verdict}")
    different = [one for one in made if one.verdict != "identical"]
    if different:
        raise CheckFailed(f"token {different[0].token} is different from what was promised")
    return {"tokens": made}


@verb(PROVE, example="nftgan report -C collections/my-birds -o my-birds.html")
@chooses_chain(*_CHOICES)
def report(
    ui: Ui,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The page; else report.html in the collection.",
            show_default=False,
        ),
    ] = None,
    collection: Collection = None,
    check: Annotated[
        bool,
        typer.Option("--verify", help="Ask the chain too, and make every token's image again."),
    ] = False,
    choice: Any = None,
    gateway: Gateway = None,
    heavy: Heavy = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask a node what is minted.")
    ] = False,
) -> Any:
    """Write one HTML page: art, rarity, lineage, costs, proof."""
    from nftgan.errors import CheckFailed, PartlyDone, UsageError
    from nftgan.workflows.frozen import minted_tokens
    from nftgan.workflows.publishing import deployments
    from nftgan.workflows.report import report as run
    from nftgan.workflows.verify import open_verifier

    project = _where(collection, None)
    if not check and (choice.chain or choice.rpc or gateway or heavy):
        raise UsageError(
            "--chain, --rpc, --gateway and --allow-heavy go with --verify", hint="add --verify"
        )
    if check and offline:
        raise UsageError("--verify asks the chain, and --offline does not", hint="leave one out")
    verifier = None
    if check:
        verifier = open_verifier(
            choice,
            project=project,
            gateways=tuple(gateway or ()),
            heavy=heavy,
            progress=ui,
            on_heavy=ui.ask_heavy,
        )
    made = run(project, output, verifier=verifier, progress=ui)
    ui.print(f"{made.path}: {counted(made.pieces, 'piece')}, {made.bytes / 1000:,.0f} kB, one file")
    document = {
        "path": made.path,
        "bytes": made.bytes,
        "pieces": made.pieces,
        "cards": made.cards,
        "on_sheet": made.on_sheet,
        "asked_chain": made.asked_chain,
        "checks": made.checks,
        "proven": sum(token.passed for token in made.tokens),
        "broken": made.failed,
        "unchecked": made.skipped,
        "collection": made.collection,
    }
    if made.failed:
        ui.details = document
        more = f" (and {len(made.failed) - 1} more)" if len(made.failed) > 1 else ""
        raise CheckFailed(f"{made.failed[0]}{more}", hint="the page was written and says so")
    if made.skipped:
        ui.details = document
        more = f" (and {len(made.skipped) - 1} more)" if len(made.skipped) > 1 else ""
        raise PartlyDone(
            f"not everything could be checked: {made.skipped[0]}{more}",
            hint="nothing was found wrong; the page was written and says so",
        )
    if not made.asked_chain:
        # Beside the page, whose bytes are decided by the files alone.
        on_chain = {} if offline else minted_tokens(deployments(project))
        for chain, found in on_chain.items():
            ui.print(f"{chain}: {found}")
        document["on_chain"] = on_chain
        ui.note("the page speaks of your files; --verify also proves the tokens on chain")
    return document


@verb(PROVE, example="nftgan site -C collections/my-birds -o my-birds-site --serve")
@chooses_chain("chain", "rpc", "mainnet")
def site(
    ui: Ui,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Folder of the site; it is replaced."),
    ],
    collection: Collection = None,
    serving: Annotated[
        bool, typer.Option("--serve", help="Show it on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(help="Of --serve, on 127.0.0.1; 0: a free one.")] = 0,
    disk: Annotated[
        bool,
        typer.Option(
            "--disk/--no-disk", help="With what a page needs that is opened without a server."
        ),
    ] = True,
    sale: Annotated[
        bool, typer.Option("--sale", help="With a page to buy in the collection's sale.")
    ] = False,
    allowlist: Annotated[
        Path | None,
        typer.Option(
            "--allowlist", metavar="CSV", help="Of a sale to a list: its CSV.", show_default=False
        ),
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="Refer to the files in the collection's folder; it must lie in that."
        ),
    ] = False,
    choice: Any = None,
) -> Any:
    """Make a static site whose pieces draw themselves again.

    They do so in the browser, from the model.
    """
    from nftgan.project import find_project
    from nftgan.workflows.site import serve
    from nftgan.workflows.site import site as run
    from nftgan.workflows.site_sale import read_offer

    project = find_project(collection)
    offer = read_offer(project, choice, allowlist) if sale else None
    made = run(project, output, disk=disk, offer=offer, in_place=in_place, progress=ui)
    ui.print(
        f"{made.path}: {counted(made.pieces, 'piece')}, {made.bytes / 1e6:,.1f} MB; open index.html"
    )
    if offer is not None and offer.hidden:
        ui.note("a blind sale: the site shows no piece before the reveal; make it again after that")
    elif not made.has_model:
        ui.note("the model is withheld, so nobody can draw the pieces again there")
    elif made.foreign:
        ui.note(f"no page can draw networks of the kind {made.foreign}: nftgan verify can")
    document = {"path": made.path, "bytes": made.bytes, "pieces": made.pieces, "url": None}
    if serving:
        server = serve(made.path, port, in_place=in_place)
        document["url"] = server.url
        ui.note(f"serving {server.url}; Ctrl-C stops it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()
    return document


def _numbers(tokens: list[str] | None, token: str | None, every: bool) -> Sequence[int] | None:
    """The tokens that were named; None for all."""
    from nftgan.errors import UsageError
    from nftgan.seeds import parse_seeds

    named = [*(tokens or []), *([token] if token else [])]
    if named and every:
        raise UsageError("--all and single tokens exclude each other")
    return parse_seeds(",".join(named), what="token") if named else None


def _where(collection: Path | None, contract: str | None) -> Any:
    """The collection folder, unless a contract is named."""
    from nftgan.project import find_project

    return find_project(collection) if contract is None else None
