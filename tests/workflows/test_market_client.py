"""A market's client, ethers from npm, reads every field of a collection: chain, links and files."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.splitter import packed_shares, splitter_address
from nftgan.collection.manifest import load_manifest
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.store import BlockStore
from nftgan.project import Project
from tests.chain.conftest import running_anvil
from tests.ipfs.serving import serving
from tests.workflows.typed import Desk

pytestmark = [pytest.mark.node, pytest.mark.slow]

PACKAGES = Path(__file__).parents[2] / "contracts" / "conformance"
ANN, BOB = "0x" + "a1" * 20, "0x" + "b2" * 20
FILM, BANNER = bytes(range(256)) * 5000, b"\x89PNG banner"
WORDS = f"""
animation_url = "files/film.mp4"
banner_image = "files/banner.png"
featured_image = "files/banner.png"
background_color = "1A2B3C"
collaborators = ["{ANN}"]

[collection.display]
Level = "number"
Born = "date"
Power = "boost_percentage"

[model]"""
SHARES = f'\n[royalty.shares]\n"{ANN}" = 60\n"{BOB}" = 40\n\n[chain]'


def read(rpc: str, contract: str, gateway: str, splitter: str) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None or not (PACKAGES / "node_modules" / "ethers").is_dir():
        pytest.skip("needs node and `npm ci --ignore-scripts --prefix contracts/conformance`")
    script = Path(__file__).parents[1] / "chain" / "market.cjs"
    done = subprocess.run(
        [node, str(script), str(PACKAGES), rpc, contract, gateway, splitter],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_market_reads_every_field(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.curated("3,8")
    where = ["-C", str(desk.collection)]
    path = desk.collection / "nftgan.toml"
    text = path.read_text().replace('external_url = ""', 'external_url = "https://a.example/{id}"')
    text = text.replace("\n[model]", WORDS, 1).replace("\n[chain]", SHARES, 1)
    path.write_text(text)
    (desk.collection / "files").mkdir()
    (desk.collection / "files" / "film.mp4").write_bytes(FILM)
    (desk.collection / "files" / "banner.png").write_bytes(BANNER)
    tags = ("Level=7/10", "Born=2026-05-01", "Power=12.5")
    desk.type("curate", *where, *(word for tag in tags for word in ("--tag", f"3:{tag}")))
    desk.type("curate", *where, "--same")
    for verb in ("render", "metadata", "pin"):
        desk.type(verb, *where)
    splitter = splitter_address(packed_shares({ANN: 60, BOB: 40}))
    store = next(p for p in (desk.folder / "home").rglob("*") if (p / "blocks").is_dir())
    with running_anvil() as node, serving(Gateway(BlockStore(store, durable=False).get)) as gateway:
        chain = ["--chain", "anvil", "--rpc", node, "--yes"]
        address = desk.type("deploy", *where, *chain)["result"]["collection"]
        desk.type("mint", *where, *chain)
        found = read(node, address, gateway, splitter)

    me, nobody = found["owner"], "0x" + "0" * 40
    assert found["supply"] == 2
    assert found["transfers"] == [[nobody, me, 0], [nobody, me, 1]]
    assert (found["receiver"], found["royalty"]) == (splitter, "0.05")
    assert found["divided"] == {ANN: 6000, BOB: 4000}
    manifest = load_manifest(Project(desk.collection))
    assert found["own"] == {
        "baseURI": f"ipfs://{manifest.cids.metadata}/",
        "frozen": False,
        "maxSupply": 2,
        "nextTokenId": 2,
        "pendingOwner": nobody,
        "modelIdentity": "0x" + manifest.model.identity.removeprefix("sha256:"),
        "recipeHash": "0x" + manifest.recipe_hash.removeprefix("sha256:"),
        "piecesRoot": manifest.pieces_root,
        "balance": 2,
        "approved": nobody,
        "operator": False,
        "seeds": [3, 8],
    }
    supported = {key for key, value in found["interfaces"].items() if value}
    assert supported == {
        "0x01ffc9a7",
        "0x80ac58cd",
        "0x5b5e139f",
        "0x2a55205a",
        "0x49064906",
        "0xe8a3d485",
    }
    page = found["page"]
    assert page["name"] == found["name"] and page["symbol"] == found["symbol"]
    assert page["collaborators"] == [ANN] and page["external_link"] == "https://a.example"
    assert found["pictures"]["banner_image"] == {"type": "image/png", "sha256": sha256(BANNER)}
    assert found["pictures"]["featured_image"] == found["pictures"]["banner_image"]
    first = (desk.collection / "images" / "0.png").read_bytes()
    assert found["pictures"]["image"] == {"type": "image/png", "sha256": sha256(first)}
    for number, token in enumerate(found["tokens"]):
        document = token["document"]
        image = (desk.collection / "images" / f"{number}.png").read_bytes()
        assert token["owner"] == me
        assert token["image"] == {"type": "image/png", "sha256": sha256(image)}
        assert token["animation"] == {"type": "video/mp4", "sha256": sha256(FILM)}
        assert document["external_url"] == f"https://a.example/{number}"
        assert document["background_color"] == "1a2b3c"
        assert {"name", "image", "nftgan"} <= set(document)
        assert all({"trait_type", "value"} <= set(one) for one in document["attributes"])
    traits = {one["trait_type"]: one for one in found["tokens"][0]["document"]["attributes"]}
    assert traits["Level"] == {
        "trait_type": "Level",
        "display_type": "number",
        "value": 7,
        "max_value": 10,
    }
    assert traits["Born"]["display_type"] == "date" and traits["Born"]["value"] == 1777593600
    assert traits["Power"]["display_type"] == "boost_percentage"
    assert traits["Power"]["value"] == 12.5
    assert isinstance(traits["Background"]["value"], str)
