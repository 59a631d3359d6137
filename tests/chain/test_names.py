from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from web3 import Web3

from nftgan.chain import names
from nftgan.chain.accounts import embedded_account
from nftgan.chain.names import address_now, address_of, spelled
from nftgan.chain.networks import CHAINS
from nftgan.chain.node import NodeProvider
from nftgan.chain.rpc import Connection
from nftgan.errors import CheckFailed, ServiceError, UsageError
from tests.chain.actors import account
from tests.chain.ens_contracts import deploy, registry, saying, selector, set_name
from tests.chain.faults import BadNode

ALICE = account("alice").address
WORD = bytes(12) + bytes.fromhex(ALICE[2:])
OFFCHAIN = selector("OffchainLookup(address,string[],bytes,bytes4,bytes)") + encode(
    ("address", "string[]", "bytes", "bytes4", "bytes"),
    (ALICE, ["https://elsewhere.example/{sender}"], b"q", b"1234", b"x"),
)


@pytest.fixture
def ens(embedded: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """An embedded chain with a registry in which alice.eth is known."""
    me = embedded_account()
    found = deploy(embedded, me, tmp_path, registry())
    monkeypatch.setattr(names, "REGISTRY", found)
    set_name(embedded, me, tmp_path, found, "alice.eth", WORD)
    return embedded


def put(
    connection: Connection, folder: Path, patch: pytest.MonkeyPatch, place: str, code: bytes
) -> None:
    """A contract with this code, as the registry or the universal resolver."""
    patch.setattr(names, place, deploy(connection, embedded_account(), folder, code))


def test_a_name_is_the_address_that_registry_and_resolver_say(ens: Connection) -> None:
    told: list[tuple[str, str]] = []
    asking = replace(ens, named=lambda *pair: told.append(pair))
    assert address_of(asking, "alice.eth") == ALICE
    assert told == [("alice.eth", ALICE)]
    assert address_of(asking, ALICE.lower()) == ALICE
    assert len(told) == 1  # an address is no name


def test_a_name_without_an_address_is_refused(ens: Connection, tmp_path: Path) -> None:
    set_name(ens, embedded_account(), tmp_path, names.REGISTRY, "empty.eth", bytes(32))
    for name in ("empty.eth", "nobody.eth", "below.alice.eth"):
        with pytest.raises(UsageError, match=f"{name} has no address on embedded"):
            address_of(ens, name)


def test_a_chain_without_ens_wants_an_address(embedded: Connection) -> None:
    with pytest.raises(UsageError, match=r"no ENS to look up alice\.eth") as caught:
        address_of(embedded, "alice.eth")
    assert caught.value.hint == "give an address"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".eth",
        "alice..eth",
        "alice.eth.",
        "al ice.eth",
        "а\u200blice.eth",
        "\u0430lice.eth",  # Cyrillic among Latin
        "alice\x1b[31m.eth",
        "0x.",
        "a" * 300 + ".eth",
        "alice",
    ],
)
def test_what_is_no_name_is_refused_before_anybody_is_asked(text: str) -> None:
    deaf = Connection(CHAINS["sepolia"], None, "nowhere")
    with pytest.raises(UsageError) as caught:
        address_of(deaf, text, what="--to")
    assert "--to" in caught.value.message and "\x1b" not in caught.value.message


def test_a_name_in_another_form_is_refused_and_the_right_form_told() -> None:
    with pytest.raises(UsageError, match="not written as ENS writes names") as caught:
        address_of(Connection(CHAINS["sepolia"], None, "nowhere"), "Alice.eth")
    assert caught.value.hint == "if you mean alice.eth, write that"


def test_letters_that_look_like_others_are_spelled() -> None:
    assert spelled("alice.eth") == "alice.eth"
    assert spelled("\u0430.eth") == "\u0430.eth (\\u0430.eth)"


def test_the_nearest_name_above_may_speak_for_a_name_if_it_says_so(
    embedded: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = embedded_account()
    # Whatever it is asked: supportsInterface reads the first word as yes, resolve as bytes.
    wide = deploy(embedded, me, tmp_path, saying(encode(("bytes",), (WORD,))))
    put(embedded, tmp_path, monkeypatch, "REGISTRY", registry(wide))
    set_name(embedded, me, tmp_path, names.REGISTRY, "shop.eth", WORD)
    assert address_of(embedded, "seven.shop.eth") == ALICE


def test_the_universal_resolver_is_asked_where_it_is(
    ens: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = account("other").address
    word = bytes(12) + bytes.fromhex(other[2:])
    answer = encode(("bytes", "address"), (word, ALICE))
    put(ens, tmp_path, monkeypatch, "UNIVERSAL", saying(answer))
    assert address_of(ens, "alice.eth") == other


def test_the_question_is_that_of_the_published_definitions(
    embedded: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node of foo.eth is EIP-137's own example; the wire form is DNS's (ENSIP-10)."""
    asked: list[tuple[str, bytes]] = []

    def call(connection: Connection, to: str, data: bytes, name: str) -> bytes:
        asked.append((to, data))
        return encode(("bytes", "address"), (WORD, ALICE))

    monkeypatch.setattr(names, "_call", call)
    monkeypatch.setattr(names, "_is_contract", lambda connection, address: True)
    assert address_of(embedded, "foo.eth") == ALICE
    node = bytes.fromhex("de9b09fd7c5f901e23a3f19fecc54828e9c848539801e86591bd9801b019f84f")
    query = selector("addr(bytes32)") + node
    wire = b"\x03foo\x03eth\x00"
    data = selector("resolve(bytes,bytes)") + encode(("bytes", "bytes"), (wire, query))
    assert asked == [(names.UNIVERSAL, data)]


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (saying(OFFCHAIN, refused=True), UsageError, "kept by a server"),
        (saying(b"", refused=True), UsageError, "has no address"),
        (saying(b""), UsageError, "has no address"),
        (saying(b"\xff" * 31), ServiceError, "no sense"),
        (saying(encode(("bytes", "address"), (b"\x01" * 32, ALICE))), ServiceError, "no address"),
        (saying(encode(("bytes", "address"), (WORD + WORD, ALICE))), ServiceError, "no address"),
        (saying(encode(("bytes", "address"), (bytes(32), ALICE))), UsageError, "has no address"),
        (saying(b"\xff" * 96), ServiceError, "no sense"),
        (saying(OFFCHAIN[:40], refused=True), ServiceError, "no sense"),
    ],
)
def test_an_answer_that_is_no_address_is_one_sentence(
    code: bytes,
    error: type[Exception],
    words: str,
    embedded: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(embedded, tmp_path, monkeypatch, "UNIVERSAL", code)
    with pytest.raises(error, match=words):
        address_of(embedded, "alice.eth")


@pytest.mark.parametrize("lie", [account("thief").address, "none", None])
def test_several_nodes_must_agree_about_a_name(lie: str | None, ens: Connection) -> None:
    """The second one gives another address, none at all, or is down."""
    honest = ens.w3.provider.make_request
    said = bytes(32) if lie in ("none", None) else bytes(12) + bytes.fromhex(str(lie)[2:])

    def second(method: str, params: list[Any]) -> dict[str, Any]:
        answer = honest(method, params)
        addr = "0x" + selector("addr(bytes32)").hex()
        if method == "eth_call" and str(params[0]["data"]).startswith(addr):
            answer = {**answer, "result": "0x" + said.hex()} if lie else {"wrong": 1}
        return dict(answer)

    with (
        BadNode(honest, lambda *_: None).running() as first,
        BadNode(second, lambda *_: None).running() as worse,
    ):
        places = [(first, "first"), (worse, "second")]
        provider = NodeProvider(places, chain_id=ens.chain.chain_id, brief=True)
        both = replace(ens, w3=Web3(provider), where="both")
        if lie:
            with pytest.raises(CheckFailed, match=f"about alice.eth: {ALICE}, or {lie} at second"):
                address_of(both, "alice.eth")
        else:
            assert address_of(both, "alice.eth") == ALICE


def test_a_hint_never_fails(ens: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "connect", lambda chain, *, brief: ens)
    assert address_now(CHAINS["anvil"], "alice.eth") == ALICE
    assert address_now(CHAINS["anvil"], "nobody.eth") is None
    assert address_now(CHAINS["anvil"], "Alice.eth") is None
    assert address_now(CHAINS["embedded"], "alice.eth") is None  # there is no ENS on it
