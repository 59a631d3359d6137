"""Connections: which node is asked, what its failures become, and what is never shown."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain import node
from nftgan.chain.accounts import embedded_account, import_wallet, unlock
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect, redact, rpc_urls
from nftgan.errors import CredentialError, NftganError, ServiceError, UsageError
from tests.chain.actors import account, deploy, mint, sender
from tests.chain.conftest import FAULTY, Start
from tests.chain.faults import ANY_REQUEST, HARMLESS

ME = account("me")


# ---- which node


def test_the_flag_goes_before_the_environment_and_that_before_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anvil = CHAINS["anvil"]
    assert rpc_urls(anvil, None) == ("http://127.0.0.1:8545",)
    monkeypatch.setenv("ETH_RPC_URL", "https://general.example")
    assert rpc_urls(anvil, None) == ("https://general.example",)
    monkeypatch.setenv("NFTGAN_RPC_URL", "https://own.example")
    assert rpc_urls(anvil, None) == ("https://own.example",)
    assert rpc_urls(anvil, "https://flag.example") == ("https://flag.example",)


def test_several_nodes_are_asked_in_the_order_in_which_they_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sepolia, both = CHAINS["sepolia"], ("https://a.example/k?x=1,2", "https://b.example")
    assert rpc_urls(sepolia, both) == both
    for text in ("https://a.example/k?x=1,2, https://b.example", " ".join((*both, both[0]))):
        monkeypatch.setenv("NFTGAN_RPC_URL", text)
        assert rpc_urls(sepolia, None) == both
    with pytest.raises(UsageError, match=r"http://c\.example is not encrypted"):
        rpc_urls(sepolia, [both[0], "http://c.example"])


def test_a_mainnet_has_no_node_of_its_own() -> None:
    with pytest.raises(UsageError, match="no RPC node for ethereum"):
        rpc_urls(CHAINS["ethereum"], None)


@pytest.mark.parametrize(
    "url",
    ["http://node.example", "http://10.0.0.1:8545", "http://127.0.0.1.example", "http://[2001::1]"],
)
def test_a_key_never_goes_to_another_machine_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError, match="is not encrypted"):
        rpc_urls(CHAINS["sepolia"], url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"])
def test_this_machine_may_be_asked_in_the_clear(url: str) -> None:
    assert rpc_urls(CHAINS["anvil"], url) == (url,)


@pytest.mark.parametrize("url", ["ws://a", "a", "https://", "https://a:port", "file:///etc/passwd"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is not an http"):
        rpc_urls(CHAINS["sepolia"], url)


def test_a_shown_address_has_neither_key_nor_password() -> None:
    assert redact("https://me:pw@node.example:99/v3/KEY?apikey=KEY") == "https://node.example:99/…"
    assert redact("https://node.example") == "https://node.example"
    assert redact("http://[::1]:8545/") == "http://[::1]:8545"
    assert redact("https://a:port/KEY") == "an address that cannot be read"


def test_a_node_of_another_chain_is_refused(bad_node: Start) -> None:
    url = bad_node(lambda method, params: None).url
    with pytest.raises(UsageError, match=r"is of chain 7235188, not sepolia \(11155111\)"):
        connect(CHAINS["sepolia"], url)


def test_without_a_node_the_message_says_what_to_do() -> None:
    with pytest.raises(ServiceError, match=r"the node at http://127\.0\.0\.1:9 does not answer"):
        connect(CHAINS["anvil"], "http://127.0.0.1:9")


# ---- secrets


def test_no_secret_reaches_a_log_a_message_or_a_file(
    bad_node: Start,
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tests.chain.faults.SLOW_SECONDS", 0.01)
    secrets = {"url key": "s3cr3t-api-key", "password": "pa55-w0rd-long", "key": "5a" * 32}
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    mode: str | None = None
    bad = bad_node(lambda method, params: mode)
    honest, words = bad.upstream, f"project id {secrets['url key']} may not do this"
    said: list[str] = []

    def shown(work: Callable[[], Any]) -> None:
        try:
            said.append(repr(work()))
        except NftganError as exc:
            said.extend(
                [str(exc), repr(exc), str(exc.hint), "".join(traceback.format_exception(exc))]
            )

    import_wallet(secrets["key"], secrets["password"])
    shown(lambda: unlock(None, lambda question: secrets["password"]))
    shown(lambda: unlock(None, lambda question: secrets["password"] + "x"))
    monkeypatch.setenv("NFTGAN_PRIVATE_KEY", secrets["key"])
    shown(lambda: unlock(None, lambda question: "", said.append))
    who = embedded_account()
    monkeypatch.setenv("NFTGAN_PRIVATE_KEY", secrets["key"] + "0")
    with pytest.raises(CredentialError):
        unlock(None, lambda question: "")
    shown(lambda: unlock(None, lambda question: ""))
    monkeypatch.setattr(node, "READ_TRIES", 1)
    monkeypatch.setattr(node, "BACKOFF_SECONDS", 0.001)
    for fault in (None, *ANY_REQUEST, *HARMLESS, "quotes the key"):
        mode = fault
        if fault == "quotes the key":
            bad.upstream = lambda method, params: {"error": {"code": -32000, "message": words}}
        for url in (
            f"{bad.url}/v3/{secrets['url key']}",
            f"{bad.url}?apikey={secrets['url key']}",
            bad.url.replace("http://", f"http://user:{secrets['url key']}@"),
            f"http://node.example/{secrets['url key']}",
            f"https://127.0.0.1:port/{secrets['url key']}",
        ):
            shown(lambda url=url: connect(FAULTY, url))
            shown(lambda url=url: connect(CHAINS["sepolia"], url))
    mode, bad.upstream = None, honest
    monkeypatch.setattr(node, "READ_TRIES", 5)
    connection = connect(FAULTY, f"{bad.url}/v3/{secrets['url key']}")
    said += [repr(connection), str(connection), f"{connection.w3.provider}", repr(who)]
    collection = deploy(connection, ME, tmp_path, 3)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, 3)

    out, err = capfd.readouterr()
    logging.getLogger("urllib3").debug("not heard")
    everything = {"said": "\n".join(said), "log": log.getvalue(), "out": out, "err": err}
    for path in (*home.rglob("*"), *tmp_path.rglob("*.jsonl")):
        if path.is_file():
            everything[str(path)] = path.read_bytes().decode("latin-1")
    assert len(said) > 50 and len(everything) > 6
    for name, secret in secrets.items():
        for where, text in everything.items():
            assert secret.lower() not in text.lower(), (name, where)
