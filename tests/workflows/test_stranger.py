"""From an address, a node and a gateway alone: proven, or the broken link is named.

A collection is minted on anvil; then chain or content are changed in one place at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.chain.contract import Collection, Factory
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.cli.main import app
from nftgan.files import canonical_json
from nftgan.http import Backoff
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.importer import Importer
from nftgan.ipfs.reader import MissingBlock, resolve
from nftgan.ipfs.store import BlockStore
from nftgan.pixels import pixel_hash
from nftgan.png import encode_png, read_png
from tests.chain.actors import SALT
from tests.chain.anvil import rpc
from tests.chain.conftest import running_anvil
from tests.ipfs.busy_gateway import BusyGateway
from tests.ipfs.serving import serving as serving_gateway
from tests.workflows.typed import PROGRAM, Desk

pytestmark = pytest.mark.node

OTHER = "0x000000000000000000000000000000000000dEaD"


@dataclass
class World:
    """A minted collection, and everything between it and a stranger."""

    desk: Desk
    node: str
    address: str
    store: BlockStore
    gateway: str = ""
    extra: dict[Cid, bytes] = field(default_factory=dict)  # published later
    lies: dict[Cid, bytes | None] = field(default_factory=dict)  # None: the block is gone

    def get(self, cid: Cid) -> bytes:
        if cid in self.lies:
            data = self.lies[cid]
            if data is None:
                raise MissingBlock(f"the block {cid} is gone")
            return data
        return self.extra[cid] if cid in self.extra else self.store.get(cid)

    @property
    def on_chain(self) -> Collection:
        return Collection(connect(CHAINS["anvil"], self.node), self.address)

    @property
    def code(self) -> bytes:
        return bytes.fromhex(rpc(self.node, "eth_getCode", self.address, "latest")[2:])

    def set_code(self, code: bytes, address: str | None = None) -> None:
        rpc(self.node, "anvil_setCode", address or self.address, "0x" + code.hex())

    def exchange(self, **fixed: str) -> None:
        """Another collection, of our factory, with other hashes fixed in it and the same seeds."""
        before = self.on_chain
        owner, seeds = before.owner(), before.seeds()
        factory = Factory(before.connection, "event")
        wanted = replace(before.immutable_args(), **fixed)
        self.address = factory.predict(wanted, SALT, owner)
        self.send(owner, factory.address, factory.create_data(wanted, SALT))
        data = self.on_chain.mint_data(0, owner, [seeds[token] for token in sorted(seeds)])
        self.send(owner, self.address, data)

    def move(self, base_uri: str) -> None:
        """What the artist may do until the metadata is frozen."""
        data = self.on_chain._contract.encode_abi("setBaseURI", [base_uri])
        self.send(self.on_chain.owner(), self.address, bytes.fromhex(data[2:]))

    def send(self, sender: str, to: str, data: bytes) -> None:
        """A transaction in the name of anybody."""
        rpc(self.node, "anvil_impersonateAccount", sender)
        call = {"from": sender, "to": to, "data": "0x" + data.hex()}
        sent = rpc(self.node, "eth_sendTransaction", call)
        for _ in range(600):  # mined at once, but not before the answer
            receipt = rpc(self.node, "eth_getTransactionReceipt", sent)
            if receipt is not None:
                break
            time.sleep(0.1)
        assert receipt is not None and receipt["status"] == "0x1"

    def republish(self, change: Callable[[dict[str, Any]], None]) -> None:
        """New metadata in which token 1 was changed."""
        folder = self.desk.collection / "metadata"
        tree: dict[str, Any] = {path.name: path.read_bytes() for path in folder.glob("*.json")}
        document = json.loads(tree["1.json"])
        change(document)
        tree["1.json"] = canonical_json(document)
        root = Importer(self.extra.__setitem__).add_tree(tree).cid
        self.move(f"ipfs://{root}/")

    def another_image(self) -> tuple[str, str]:
        """(link, pixel hash) of token 1 with one pixel changed."""
        image = read_png(self.desk.collection / "images" / "1.png").copy()
        image[3, 4, 2] ^= 1
        data = encode_png(image)
        root = Importer(self.extra.__setitem__).add_tree({"1.png": data}).cid
        return f"ipfs://{root}/1.png", pixel_hash(image)

    def block_of(self, name: str) -> Cid:
        """The block of the metadata of a token, or of the model."""
        if name == "model":
            uri = json.loads((self.desk.collection / "metadata" / "1.json").read_bytes())
            return Cid.parse(uri["nftgan"]["model_uri"].removeprefix("ipfs://"))
        root = self.on_chain.base_uri().removeprefix("ipfs://").split("/")[0]
        return resolve(self.get, Cid.parse(root), self._below() + name)

    def _below(self) -> str:
        return self.on_chain.base_uri().removeprefix("ipfs://").partition("/")[2]


@contextlib.contextmanager
def serving(get: Callable[[Cid], bytes]) -> Iterator[str]:
    gateway = Gateway(get)
    thread = threading.Thread(target=gateway.serve_forever, daemon=True)
    thread.start()
    try:
        yield gateway.url
    finally:
        gateway.shutdown()
        gateway.server_close()
        thread.join()


@contextlib.contextmanager
def busy(gateway: BusyGateway) -> Iterator[BusyGateway]:
    with serving_gateway(gateway):
        yield gateway


@pytest.fixture(scope="module")
def minted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    desk = Desk(tmp_path_factory.mktemp("artist"))
    desk.curated("3,8")
    where = ["-C", str(desk.collection)]
    desk.type("pin", *where)
    with running_anvil() as node:
        chain = ["--chain", "anvil", "--rpc", node, "--yes"]
        address = desk.type("deploy", *where, *chain)["result"]["collection"]
        desk.type("mint", *where, *chain)
        store = next(p for p in (desk.folder / "home").rglob("*") if (p / "blocks").is_dir())
        yield World(desk, node, address, BlockStore(store, durable=False))


@pytest.fixture
def world(minted: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Untouched before and after each test; the process is on a stranger's empty machine."""
    for name in ("NFTGAN_RPC_URL", "ETH_RPC_URL", "NFTGAN_IPFS_API"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "no home"))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    before, address = rpc(minted.node, "evm_snapshot"), minted.address
    minted.extra.clear()
    minted.lies.clear()
    with serving(minted.get) as url:
        minted.gateway = url
        yield minted
    assert rpc(minted.node, "evm_revert", before)
    minted.address = address
    assert not (tmp_path / "no home").exists(), "to verify leaves nothing behind"


Said = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def say(world: World, capsys: pytest.CaptureFixture[str]) -> Said:
    def run(verb: str, *words: str) -> tuple[int, dict[str, Any]]:
        place = ["--contract", world.address, "--chain", "anvil", "--rpc", world.node]
        gateway = [] if "--gateway" in words else ["--gateway", world.gateway]
        with pytest.raises(SystemExit) as ended:
            app([verb, *words, *place, *gateway, "--json"], standalone_mode=False)
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return run


# ---- what is changed, the link that breaks, and words of the sentence


def other_code(world: World) -> None:
    implementation = "0x" + world.code[10:30].hex()
    code = bytearray.fromhex(rpc(world.node, "eth_getCode", implementation, "latest")[2:])
    code[-60] ^= 1
    world.set_code(bytes(code), implementation)


def other_contract(world: World) -> None:
    world.set_code(bytes.fromhex("60016000526020" + "6000f3"))  # answers 1 to everything


def other_model(world: World) -> None:
    world.exchange(model="sha256:" + 64 * "7")


def other_recipe(world: World) -> None:
    world.exchange(recipe="sha256:" + 64 * "7")


def other_root(world: World) -> None:
    world.exchange(root="0x" + 64 * "7")


def other_seed(world: World) -> None:
    world.republish(lambda document: document["nftgan"].update(seed=9))


def other_pixel(world: World) -> None:
    link, _ = world.another_image()
    world.republish(lambda document: document.update(image=link))


def other_pixel_and_promise(world: World) -> None:
    link, pixels = world.another_image()

    def change(document: dict[str, Any]) -> None:
        document["image"] = link
        document["nftgan"]["pixels"] = pixels

    world.republish(change)


def other_promise(world: World) -> None:
    _, pixels = world.another_image()
    world.republish(lambda document: document["nftgan"].update(pixels=pixels))


def absent_image(world: World) -> None:
    link = f"ipfs://{Importer().add_tree({'1.png': b'never published'}).cid}/1.png"
    world.republish(lambda document: document.update(image=link))


def web_image(world: World) -> None:
    world.republish(lambda document: document.update(image="ipfs:https://example.com/1.png"))


def absent_metadata(world: World) -> None:
    world.move(f"ipfs://{Importer().add_tree({'1.json': b'{}'}).cid}/")


def edited_metadata(world: World) -> None:
    """By a gateway that lies."""
    cid = world.block_of("1.json")
    world.lies[cid] = world.get(cid).replace(b"seed", b"sead")


def huge_metadata(world: World) -> None:
    world.lies[world.block_of("1.json")] = bytes(5 << 20)


def absent_model(world: World) -> None:
    world.lies[world.block_of("model")] = None


def damaged_model(world: World) -> None:
    cid = world.block_of("model")
    data = bytearray(world.get(cid))
    data[-1] ^= 1
    world.lies[cid] = bytes(data)


def third_model(world: World) -> None:
    """A file that is no model under the model's link."""
    cid = Importer(world.extra.__setitem__).add_bytes(b"not a model").cid
    world.republish(lambda document: document["nftgan"].update(model_uri=f"ipfs://{cid}"))


BROKEN: list[tuple[Callable[[World], None], str, str]] = [
    (other_code, "contract code", "is not the one that nftgan ships"),
    (other_contract, "contract code", "is not that of a collection"),
    (other_model, "model", "the chain says"),
    (other_recipe, "recipe", "which is fixed on chain"),
    (other_root, "merkle proof", "refuses"),
    (other_seed, "seed", "the metadata says 9, the chain says 8"),
    (other_pixel, "image", "other pixels than its metadata promises"),
    (other_pixel_and_promise, "pixels", "gives other pixels than the metadata promises"),
    (other_promise, "image", "other pixels than its metadata promises"),
    (web_image, "metadata", "image"),
    (third_model, "model", "not a whole safetensors file"),
]
UNAVAILABLE: list[tuple[Callable[[World], None], str]] = [
    (absent_image, "image"),
    (absent_metadata, "metadata"),
    (edited_metadata, "metadata"),
    (huge_metadata, "metadata"),
    (absent_model, "model"),
    (damaged_model, "model"),
]
"""What a gateway can do on its own says nothing about the artist."""


@pytest.mark.parametrize(("change", "link", "words"), BROKEN, ids=[c[0].__name__ for c in BROKEN])
def test_the_broken_link_is_named(
    world: World, say: Said, change: Callable[[World], None], link: str, words: str
) -> None:
    change(world)
    code, document = say("verify", "--token", "1")
    assert code == 3
    message = document["error"]["message"]
    assert message.startswith(f"token 1: {link}: ") and words in message
    (report,) = document["result"]["tokens"]
    verdicts = {found["name"]: found["verdict"] for found in report["links"]}
    assert verdicts[link] == "broken"
    allowed = {
        other_pixel_and_promise: {"merkle proof"},
        other_promise: {"pixels", "merkle proof"},
        other_seed: {"pixels", "merkle proof"},
        other_contract: set(),
    }.get(change, set())
    assert {name for name, verdict in verdicts.items() if verdict == "broken"} <= {link, *allowed}
    code, document = say("regenerate", "1", "-o", "proof")
    if change is not other_pixel:
        assert code == 3  # what stands between the chain and the image is not passed over
        promised = "merkle proof: the contract refuses"
        expected = {"pixels": promised, "image": promised}.get(link, f"{link}: ")
        assert expected in document["error"]["message"]
    else:
        assert code == 0


@pytest.mark.parametrize(("change", "link"), UNAVAILABLE, ids=[c[0].__name__ for c in UNAVAILABLE])
def test_what_no_gateway_gives_is_not_proven_and_not_broken(
    world: World,
    say: Said,
    change: Callable[[World], None],
    link: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Backoff, "pause", lambda *_: 0.0)  # how long is of tests/test_http.py
    change(world)
    code, document = say("verify", "--token", "1")
    assert code == 6
    assert f"token 1: {link}: " in document["error"]["message"]
    assert "cannot be had" in document["error"]["message"]
    (report,) = document["result"]["tokens"]
    verdicts = {found["name"]: found["verdict"] for found in report["links"]}
    assert verdicts[link] == "unchecked" and "broken" not in verdicts.values()
    code, document = say("regenerate", "1", "-o", "proof")
    assert code == (0 if link == "image" else 6)


def test_who_does_not_hold_the_token_is_named(world: World, say: Said) -> None:
    holder = world.on_chain.owner_of(1)
    assert holder is not None
    code, document = say("verify", "--token", "1", "--owner", holder.lower())
    assert code == 0
    assert "owner" in [link["name"] for link in document["result"]["tokens"][0]["links"]]
    code, document = say("verify", "--token", "1", "--owner", OTHER)
    assert code == 3
    sentence = f"token 1: owner: it belongs to {holder}, not to {OTHER}"
    assert document["error"]["message"] == sentence


def test_a_token_that_does_not_exist_is_named(say: Said) -> None:
    code, document = say("verify", "--token", "2")
    assert code == 3 and "token 2: token: token 2 does not exist" in document["error"]["message"]
    code, document = say("regenerate", "2", "-o", "proof")
    assert code == 3 and "does not exist" in document["error"]["message"]


def test_no_contract_at_the_address_is_one_sentence(world: World, say: Said) -> None:
    world.set_code(b"")
    code, document = say("verify", "--all")
    assert code == 3 and "there is no contract at this address" in document["error"]["message"]


def test_a_withheld_model_is_said_and_may_be_given_by_hand(
    world: World, say: Said, tmp_path: Path
) -> None:
    world.republish(lambda document: document["nftgan"].pop("model_uri"))
    code, document = say("verify", "--token", "1")
    assert code == 6
    verdicts = {
        found["name"]: (found["verdict"], found["found"])
        for found in document["result"]["tokens"][0]["links"]
    }
    assert verdicts["model"] == (
        "unchecked",
        "the model was not published: ask the artist for it",
    )
    assert verdicts["pixels"][0] == "unchecked"
    code, document = say("regenerate", "1", "-o", "proof")
    assert code == 6 and "was not published" in document["error"]["message"]
    given = ["--model", str(world.desk.collection / "model.safetensors")]
    code, document = say("verify", "--token", "1", *given)
    assert code == 0
    assert {link["verdict"] for link in document["result"]["tokens"][0]["links"]} == {"holds"}
    code, document = say("regenerate", "1", "-o", "proof", *given)
    assert code == 0 and document["result"]["tokens"][0]["verdict"] == "identical"
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"not a model")
    code, document = say("verify", "--token", "1", "--model", str(wrong))
    assert code == 3 and "token 1: model: " in document["error"]["message"]


def test_without_a_place_to_read_from_nothing_is_said_about_the_tokens(
    say: Said, world: World
) -> None:
    code, document = say("verify", "--all", "--gateway", "ftp://example.com")
    assert code == 2 and "is not a gateway" in document["error"]["message"]
    code, document = say("verify", "--all", "--gateway", "http://example.com")
    assert code == 2 and "use https" in document["error"]["hint"]


@pytest.mark.parametrize("fault", ["504", "cut", "429:0"])
def test_a_gateway_that_is_busy_for_a_moment_proves_all_the_same(
    world: World, say: Said, fault: str
) -> None:
    with busy(BusyGateway(world.get, lambda number: fault if number == 2 else "")) as gateway:
        code, document = say("verify", "--token", "1", "--gateway", gateway.url)
    assert code == 0, document
    assert gateway.asked[1] == gateway.asked[2], "the same was asked for again"


def test_a_gateway_that_stays_busy_is_no_verdict_and_the_next_one_is_asked(
    world: World, say: Said
) -> None:
    with busy(BusyGateway(world.get, lambda number: "429:3600")) as gateway:
        code, document = say("verify", "--token", "1", "--gateway", gateway.url)
        assert code == 6 and "answers 429" in document["error"]["message"]
        assert "run it again" in document["error"]["hint"]
        code, document = say("verify", "--gateway", gateway.url, "--gateway", world.gateway)
        assert code == 0, document


def test_an_empty_machine_proves_every_token(minted: World, tmp_path: Path) -> None:
    """No collection, no home that could be written, no variable but PATH."""
    with serving(minted.store.get) as gateway:
        place = ["--contract", minted.address, "--chain", "anvil", "--rpc", minted.node]
        place += ["--gateway", gateway, "--json"]
        root = str(Path(__file__).parents[2])
        environment = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "PYTHONPATH": root}

        def run(*words: str) -> dict[str, Any]:
            done = subprocess.run(
                [PROGRAM[0], "-m", "nftgan", *words, *place],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
            result: dict[str, Any] = json.loads(done.stdout)["result"]
            return result

        reports = run("verify", "--all")["tokens"]
        assert [report["seed"] for report in reports] == [3, 8]
        assert {link["verdict"] for report in reports for link in report["links"]} == {"holds"}
        made = run("regenerate", "--all", "-o", "proof")["tokens"]
        assert [one["verdict"] for one in made] == ["identical", "identical"]
    for token in (0, 1):
        mine = read_png(minted.desk.collection / "images" / f"{token}.png")
        assert np.array_equal(read_png(tmp_path / "proof" / f"{token}.png"), mine)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["proof"]


def test_a_collection_may_keep_its_model_at_home(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.curated("3,8")
    config = desk.collection / "nftgan.toml"
    config.write_text(config.read_text().replace("publish = true", "publish = false", 1))
    where = ["-C", str(desk.collection)]
    assert desk.type("metadata", *where)["result"]["cids"]["model"] is None
    desk.type("pin", *where)
    text = (desk.collection / "metadata" / "0.json").read_text()
    assert "model_uri" not in text and '"pixels"' in text
    store = next(p for p in (desk.folder / "home").rglob("*") if (p / "blocks").is_dir())
    size = (desk.collection / "model.safetensors").stat().st_size
    assert sum(path.stat().st_size for path in store.rglob("*.data")) < size
