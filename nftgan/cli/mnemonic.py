"""Which address of a mnemonic `wallet import` takes: said by an option, or picked from a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from nftgan.cli.ui import Ui
from nftgan.errors import ServiceError, UsageError


def choose_path(ui: Ui, text: str, path: str | None, index: int | None, choice: Any) -> str | None:
    """The path of the address that is wanted; None for what is no mnemonic.

    Without --path or --index the first addresses are shown at a terminal, with what they hold on
    the chosen chain, if one is. Raises UsageError where nobody can be asked, CredentialError for
    words that are no mnemonic.
    """
    from nftgan.chain.mnemonics import ETHEREUM, check_path, first_addresses, is_mnemonic, seed_of

    if path is not None and index is not None:
        raise UsageError("--path and --index exclude each other", hint="leave one out")
    if not is_mnemonic(text):
        if path is not None or index is not None:
            raise UsageError("--path and --index are for a mnemonic: a key has one address")
        return None
    if path is not None:
        return check_path(path)
    if index is not None:
        return check_path(f"{ETHEREUM}/{index}")
    seed = seed_of(text)  # a wrong word is said before anything is asked
    if ui.as_json or not sys.stdin.isatty():
        raise UsageError(
            "a mnemonic has many addresses, and nobody can be asked which is wanted",
            hint="--index 0 is the one that wallets show first; or --path",
        )
    found = first_addresses(seed)
    held = _balances(ui, [one.address for one in found], choice)
    rows = [
        (i, one.address, one.path, *held[i : i + 1])  # no column where no chain was asked
        for i, one in enumerate(found)
    ]
    columns = ("", "address", "path", *["holds"][: len(held)])
    ui.table("Addresses of the mnemonic", columns, rows)
    ui.err.print(f"which one? 0 to {len(found) - 1}; Enter for 0: ", end="", markup=False)
    line = sys.stdin.readline()
    if not line:  # Ctrl-D is no Enter
        raise UsageError("nothing was picked", hint="--index N")
    said = line.strip() or "0"
    if said not in map(str, range(len(found))):
        raise UsageError(f"{said[:20]!a} is none of 0 to {len(found) - 1}", hint="--index N")
    return found[int(said)].path


def _balances(ui: Ui, addresses: Sequence[str], choice: Any) -> list[str]:
    """What each address holds on the chosen chain, for a person; none where none is chosen."""
    from nftgan.chain.networks import chain_named
    from nftgan.chain.rpc import connect, rpc_errors
    from nftgan.cli.spending import ether

    if choice.chain is None:
        return []
    chain = chain_named(choice.chain, allow_mainnet=choice.mainnet)
    try:
        connection = connect(chain, choice.rpc, brief=True)
        with rpc_errors(connection):
            return [ether(int(connection.w3.eth.get_balance(one))) for one in addresses]
    except ServiceError as exc:  # which address is wanted can be known without it
        ui.warn(exc.message)
        return []
