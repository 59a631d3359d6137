"""The shipped bytecode is what the sources in contracts/ compile to."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

CONTRACTS = Path(__file__).parents[2] / "contracts"
NAMES = ["NftganCollection", "NftganCollectionCode", "NftganFactory", "NftganSale"]
SPLITTER = "NftganSplitter"


def shipped(name: str) -> dict[str, Any]:
    return json.loads((files("nftgan.chain") / "artifacts" / f"{name}.json").read_text())


@pytest.mark.node
def test_compiling_the_sources_again_gives_the_shipped_artifacts(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (CONTRACTS / "node_modules" / "solc").is_dir():
        pytest.skip("needs node and `npm ci --ignore-scripts --prefix contracts`")
    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=CONTRACTS, check=True, timeout=300)
    words = [node, "build.mjs", str(tmp_path), "src/splitter"]
    subprocess.run(words, cwd=CONTRACTS, check=True, timeout=300)
    for name in (*NAMES, SPLITTER):
        assert json.loads((tmp_path / f"{name}.json").read_text()) == shipped(name)
    for made in tmp_path.glob("*.gz"):
        ours = (files("nftgan.chain") / "artifacts" / made.name).read_bytes()
        assert gzip.decompress(made.read_bytes()) == gzip.decompress(ours)


@pytest.mark.parametrize("name", NAMES)
def test_the_sources_are_those_that_were_compiled(name: str) -> None:
    recorded = {p: h for p, h in shipped(name)["sources"].items() if p.startswith("src/")}
    assert recorded == {
        f"src/{path.name}": sha256(path.read_bytes()).hexdigest()
        for path in sorted((CONTRACTS / "src").glob("*.sol"))
    }


def test_the_splitter_is_compiled_apart_so_that_no_address_of_the_others_moves() -> None:
    recorded = {p: h for p, h in shipped(SPLITTER)["sources"].items() if p.startswith("src/")}
    path = CONTRACTS / "src" / "splitter" / "NftganSplitter.sol"
    assert recorded == {f"src/splitter/{path.name}": sha256(path.read_bytes()).hexdigest()}


@pytest.mark.parametrize("name", [*NAMES, "NftganSplitter"])
def test_the_bytecode_runs_on_every_chain_from_prague_on(name: str) -> None:
    artifact = shipped(name)
    assert artifact["compiler"]["settings"]["evmVersion"] == "prague"
    size = len(bytes.fromhex(artifact["deployedBytecode"].removeprefix("0x")))
    assert size <= 24_576  # EIP-170


def test_the_abi_has_every_function_that_the_package_calls() -> None:
    functions = {
        f"{e['name']}({','.join(i['type'] for i in e['inputs'])})"
        for name in NAMES
        for e in shipped(name)["abi"]
        if e["type"] == "function"
    }
    assert functions >= {
        "mintBatch(uint256,address,bytes)",
        "nextTokenId()",
        "totalSupply()",
        "maxSupply()",
        "modelIdentity()",
        "recipeHash()",
        "piecesRoot()",
        "verifyPiece(uint256,uint32,bytes32,bytes32[])",
        "tokenURI(uint256)",
        "contractURI()",
        "baseURI()",
        "setBaseURI(string)",
        "freezeMetadata()",
        "frozen()",
        "royaltyInfo(uint256,uint256)",
        "owner()",
        "transferOwnership(address)",
        "acceptOwnership()",
        "pendingOwner()",
        "burn(uint256)",
        "predict(bytes,bytes32,address)",
        "implementation()",
        "seedsOf(uint256,uint256)",
        "create(bytes,bytes32)",
        "deliver(uint256,bytes)",
        "reveal(address,bytes32)",
        "end()",
        "draw()",
        "refund(uint256,address)",
        "withdraw(address)",
        "made(address)",
        "refreshMetadata(uint256,uint256)",
        "claimCount()",
    }
