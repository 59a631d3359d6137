"""What a collection of 100 costs on chain, ours and what artists deploy today, in one run.

    python benchmarks/gas.py [--json]

Everything runs on py-evm by Prague's rules (the present rules of mainnet for these operations) and
is compiled with the same settings. Tokens are minted to an account that is not the deployer. The
first transfer is the dearest among the first, the middle and the last token. Peers are minted in
one batch, but for `openzeppelin_uri_storage`, which is the tutorials' loop: one transaction and
one full `ipfs://` address per token. Only ours keeps seeds and a proof of the pixels. Peers are
compiled at the time, which needs `make contracts/node_modules`; without it `peers` is empty.

`eip_8037` estimates the same under the price of state of EIP-8037 (Amsterdam): the gas of Prague
and, for each slot, contract and byte of code that is new, the difference between the prices. Other
changes of Amsterdam are not in it. `variants` holds the collection that keeps seeds in code too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.chain.evm import Contract, Evm, Sent, account  # noqa: E402

CONTRACTS = ROOT / "contracts"
ARTIST, HOLDER, BUYER = account(0), account(1), account(2)
TOKENS = 100
NAME, SYMBOL = "Tides", "TIDE"
BASE = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/"
KEYS = ("mint_100_per_token", "deploy_collection", "collection_of_100", "first_transfer")

STATE_BYTE = 1530  # EIP-8037: gas for a byte of new state
NEW_SLOT = 64 * STATE_BYTE - 20_000  # more than Prague asks
NEW_ACCOUNT = 120 * STATE_BYTE - 25_000
CODE_BYTE = STATE_BYTE - 200

Mint = Callable[[Contract], int]


class Amsterdam(Evm):
    """Prague's rules, but the gas of what is sent is estimated under EIP-8037."""

    def send(self, sender: str, to: str | None, data: bytes, value: int = 0) -> Sent:
        self._slots: dict[tuple[bytes, int], tuple[int, int]] = {}
        self._codes: dict[bytes, int] = {}
        sent = super().send(sender, to, data, value)
        slots = sum(not before and bool(after) for before, after in self._slots.values())
        more = slots * NEW_SLOT + len(self._codes) * NEW_ACCOUNT
        more += sum(self._codes.values()) * CODE_BYTE
        return dataclasses.replace(sent, gas=sent.gas + more)

    def revert(self, snapshot: bytes) -> None:
        super().revert(snapshot)
        state = self._state
        set_storage, set_code = state.set_storage, state.set_code

        def storing(address: bytes, slot: int, value: int) -> None:
            before = state.get_storage(address, slot, from_journal=False)
            self._slots[address, slot] = (before, value)
            set_storage(address, slot, value)

        def coding(address: bytes, code: bytes) -> None:
            self._codes[address] = len(code)
            set_code(address, code)

        state.set_storage, state.set_code = storing, coding


def figures(contract: Contract, deploy: int, mint: Mint) -> dict[str, float]:
    """Mint 100 tokens and move three of them, each from the same state."""
    minted = mint(contract)
    transfers = []
    for token in (0, TOKENS // 2, TOKENS - 1):
        before = contract.evm.snapshot()
        transfers.append(contract.send(HOLDER, "transferFrom", HOLDER, BUYER, token).gas)
        contract.evm.revert(before)
    return dict(zip(KEYS, (minted / TOKENS, deploy, deploy + minted, max(transfers)), strict=True))


def fresh(rules: type[Evm]) -> Evm:
    return rules([ARTIST, HOLDER, BUYER])


def measure_ours(rules: type[Evm], kind: str = "NftganCollection") -> dict[str, float]:
    folder = files("nftgan.chain") / "artifacts"
    collection, factory = (
        json.loads((folder / f"{name}.json").read_text()) for name in (kind, "NftganFactory")
    )
    evm = fresh(rules)
    implementation, once = Contract.deploy(evm, collection, ARTIST)
    deployed, also = Contract.deploy(evm, factory, ARTIST, implementation.address)
    digests = random.Random(0).randbytes(96)
    royalty = (500).to_bytes(2, "big") + bytes.fromhex(ARTIST[2:])
    texts = b"".join(bytes([len(text)]) + text.encode() for text in (NAME, SYMBOL))
    args = digests + TOKENS.to_bytes(4, "big") + royalty + texts + BASE.encode()
    created = deployed.send(ARTIST, "create", args, bytes(32))
    contract = Contract(evm, collection["abi"], created.logs[-1].values[0])
    seeds = random.Random(1).randbytes(4 * TOKENS)
    found = figures(
        contract, created.gas, lambda c: c.send(ARTIST, "mintBatch", 0, HOLDER, seeds).gas
    )
    return {**found, "once_per_chain": once + also}


def one_by_one(contract: Contract) -> int:
    return sum(
        contract.send(ARTIST, "mint", HOLDER, f"{BASE}{token}.json").gas for token in range(TOKENS)
    )


def in_one_batch(contract: Contract) -> int:
    return contract.send(ARTIST, "mint", HOLDER, TOKENS).gas


PEERS: dict[str, tuple[str, tuple[str, ...], Mint]] = {
    "openzeppelin_uri_storage": ("OpenZeppelinURIStorage", (NAME, SYMBOL), one_by_one),
    "openzeppelin_base_uri": ("OpenZeppelinBaseURI", (NAME, SYMBOL, BASE), in_one_batch),
    "erc721a": ("ChiruERC721A", (NAME, SYMBOL, BASE), in_one_batch),
    "solady": ("Solady", (NAME, SYMBOL, BASE), in_one_batch),
}


def compiled_peers() -> dict[str, dict[str, Any]]:
    """Artifacts by the name of the contract; empty where there is no compiler."""
    node = shutil.which("node")
    if node is None or not (CONTRACTS / "node_modules" / "erc721a").is_dir():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        command = [node, "build.mjs", folder, "peers"]
        subprocess.run(command, cwd=CONTRACTS, check=True, stdout=subprocess.DEVNULL)
        return {path.stem: json.loads(path.read_text()) for path in Path(folder).glob("*.json")}


def measure_peers(
    rules: type[Evm], artifacts: dict[str, dict[str, Any]]
) -> dict[str, dict[str, float]]:
    found = {}
    for peer, (name, arguments, mint) in PEERS.items():
        if name in artifacts:
            contract, deploy = Contract.deploy(fresh(rules), artifacts[name], ARTIST, *arguments)
            found[peer] = figures(contract, deploy, mint)
    return found


def measure(rules: type[Evm], artifacts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document of one set of rules."""
    in_code = measure_ours(rules, "NftganCollectionCode")
    return {
        "ours": measure_ours(rules),
        "peers": measure_peers(rules, artifacts),
        "variants": {"nftgan_seeds_in_code": in_code},
    }


def show(title: str, document: dict[str, Any]) -> None:
    rows = {"nftgan": document["ours"], **document["variants"], **document["peers"]}
    print(f"{title:26}" + "".join(f"{key.replace('_', ' '):>20}" for key in KEYS))
    for name, row in rows.items():
        print(f"{name:26}" + "".join(f"{row[key]:20,.0f}" for key in KEYS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    as_json = parser.parse_args().json
    artifacts = compiled_peers()
    prague, amsterdam = measure(Evm, artifacts), measure(Amsterdam, artifacts)
    if as_json:
        print(json.dumps({**prague, "eip_8037": amsterdam}, indent=1))
        return
    show("gas, Prague", prague)
    print()
    show("gas, EIP-8037, estimated", amsterdam)
    if not artifacts:
        print("peers need node and `make contracts/node_modules`")


if __name__ == "__main__":
    main()
