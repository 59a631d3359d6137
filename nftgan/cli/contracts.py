"""Verbs of `contract`: verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.spending import chooses_chain
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import PUBLISH, Collection, group, verb

contract_app = group("contract", PUBLISH, "Have explorers show the contracts' sources.")


@verb(PUBLISH, into=contract_app, example="nftgan contract verify --chain sepolia")
@chooses_chain("chain", "rpc", "mainnet")
def verify(
    ui: Ui,
    collection: Collection = None,
    choice: Any = None,
    explorer: Annotated[
        str,
        typer.Option(
            "--explorer",
            metavar="NAME",
            help="sourcify, or etherscan with a key in ETHERSCAN_API_KEY.",
        ),
    ] = "sourcify",
    api: Annotated[
        str | None,
        typer.Option(
            "--api",
            metavar="URL",
            help="Where its API is, such as that of a Blockscout.",
            show_default=False,
        ),
    ] = None,
    show: Annotated[
        Path | None,
        typer.Option(
            "--print",
            metavar="DIR",
            help="Write what to paste at an explorer into DIR, and submit nothing.",
            show_default=False,
        ),
    ] = None,
) -> Any:
    """Have an explorer show the contracts' sources.

    The collection is shown as a proxy of its own.
    """
    from nftgan.chain.explorers import Etherscan, Sourcify
    from nftgan.errors import UsageError
    from nftgan.files import write_json
    from nftgan.project import find_project
    from nftgan.workflows.contract_verify import verification_plan, verify_contracts

    services: dict[str, Any] = {"sourcify": Sourcify, "etherscan": Etherscan}
    if explorer not in services:
        raise UsageError(f"--explorer {explorer!r} is not sourcify or etherscan")
    service: Any = None if show else services[explorer](*([api] if api else []))
    plan = verification_plan(find_project(collection), choice)
    if show is not None:
        for role, one in plan.contracts.items():
            path = show / f"{role.replace(' ', '-')}.standard.json"
            write_json(path, one.input)
            rows = [
                ("address", one.address),
                ("contract name", one.name),
                ("compiler", f"v{one.compiler}"),
                ("kind of input", f"standard JSON: {path}"),
                ("constructor arguments", one.arguments or "none"),
            ]
            ui.table(role, ("", ""), rows)
        ui.print(
            f"{plan.collection} is a minimal proxy (ERC-1167) of {plan.implementation}: at an"
            " explorer choose 'Is this a proxy?'"
        )
        return plan
    done = verify_contracts(plan, service, progress=ui)
    for row in done:
        ui.print(f"{row.role} {row.address}: {row.said}")
    return {"chain": plan.chain, "contracts": done}
