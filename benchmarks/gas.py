"""What a collection of 100 costs on chain, ours and what artists deploy today, in one run.

    python benchmarks/gas.py [--json]

Everything runs on py-evm by Prague's rules (the present rules of mainnet for these operations) and
is compiled with the same settings. Tokens are minted to an account that is not the deployer. The
first transfer is the dearest among the first, the middle and the last token. Peers are minted in
one batch, but for `openzeppelin_uri_storage`, which is the tutorials' loop: one transaction and
one full `ipfs://` address per token. Only ours keeps seeds and a proof of the pixels. Peers are
compiled at the time, which needs `make contracts/node_modules`; without it `peers` is empty.
"""

from __future__ import annotations

import argparse
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

from tests.chain.evm import Contract, Evm, account  # noqa: E402

CONTRACTS = ROOT / "contracts"
ARTIST, HOLDER, BUYER = account(0), account(1), account(2)
TOKENS = 100
NAME, SYMBOL = "Tides", "TIDE"
BASE = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/"
KEYS = ("mint_100_per_token", "deploy_collection", "collection_of_100", "first_transfer")

Mint = Callable[[Contract], int]


def figures(contract: Contract, deploy: int, mint: Mint) -> dict[str, float]:
    """Mint 100 tokens and move three of them, each from the same state."""
    minted = mint(contract)
    transfers = []
    for token in (0, TOKENS // 2, TOKENS - 1):
        before = contract.evm.snapshot()
        transfers.append(contract.send(HOLDER, "transferFrom", HOLDER, BUYER, token).gas)
        contract.evm.revert(before)
    return dict(zip(KEYS, (minted / TOKENS, deploy, deploy + minted, max(transfers)), strict=True))


def fresh() -> Evm:
    return Evm([ARTIST, HOLDER, BUYER])


def measure_ours() -> dict[str, float]:
    folder = files("nftgan.chain") / "artifacts"
    collection, factory = (
        json.loads((folder / f"{name}.json").read_text())
        for name in ("NftganCollection", "NftganFactory")
    )
    evm = fresh()
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


def measure_peers() -> dict[str, dict[str, float]]:
    node = shutil.which("node")
    if node is None or not (CONTRACTS / "node_modules" / "erc721a").is_dir():
        return {}
    peers: dict[str, tuple[str, tuple[str, ...], Mint]] = {
        "openzeppelin_uri_storage": ("OpenZeppelinURIStorage", (NAME, SYMBOL), one_by_one),
        "openzeppelin_base_uri": ("OpenZeppelinBaseURI", (NAME, SYMBOL, BASE), in_one_batch),
        "erc721a": ("ChiruERC721A", (NAME, SYMBOL, BASE), in_one_batch),
        "solady": ("Solady", (NAME, SYMBOL, BASE), in_one_batch),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [node, "build.mjs", folder, "peers"]
        subprocess.run(command, cwd=CONTRACTS, check=True, stdout=subprocess.DEVNULL)
        for peer, (name, arguments, mint) in peers.items():
            artifact: dict[str, Any] = json.loads((Path(folder) / f"{name}.json").read_text())
            contract, deploy = Contract.deploy(fresh(), artifact, ARTIST, *arguments)
            found[peer] = figures(contract, deploy, mint)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = parser.parse_args().json
    ours, peers = measure_ours(), measure_peers()
    if as_json:
        print(json.dumps({"ours": ours, "peers": peers}, indent=1))
        return
    print(f"{'gas, Prague':26}" + "".join(f"{key.replace('_', ' '):>20}" for key in KEYS))
    for name, row in {"nftgan": ours, **peers}.items():
        print(f"{name:26}" + "".join(f"{row[key]:20,.0f}" for key in KEYS))
    if not peers:
        print("peers need node and `make contracts/node_modules`")


if __name__ == "__main__":
    main()
