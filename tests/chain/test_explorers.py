"""Explorers: each way in which they say done, done before, not yet, another code, wrong key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from nftgan.chain import explorers
from nftgan.chain.birth import shared_contracts
from nftgan.chain.explorers import ALREADY, ETHERSCAN, VERIFIED, Etherscan, Sourcify
from nftgan.chain.standard_json import submission
from nftgan.errors import CheckFailed, CredentialError, PartlyDone, ServiceError, UsageError
from nftgan.http import Clock
from tests.http_servers import handling

FACTORY = submission(shared_contracts("NftganCollection")[1])
SECRET = "K3Y-of-the-explorer"
Answers = Callable[[str, str, bytes], tuple[int, Any]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorers, "CLOCK", Clock(sleep=lambda seconds: None))
    monkeypatch.setattr(explorers, "POLLS", 3)
    monkeypatch.delenv("ETHERSCAN_API_KEY", raising=False)


@contextmanager
def service(answers: Answers) -> Iterator[str]:
    """An explorer on this machine that answers (method, path with query, body)."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, document = answers(self.command, self.path, body)
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

    with handling(Handler) as url:
        yield url


def job(**contract: Any) -> Answers:
    """A Sourcify that takes a submission and, asked a second time, says this of it."""
    asked: list[str] = []

    def answers(method: str, path: str, body: bytes) -> tuple[int, Any]:
        if method == "POST":
            assert path == f"/v2/verify/11155111/{FACTORY.address}"
            document = json.loads(body)
            assert document["stdJsonInput"]["sources"] == FACTORY.input["sources"]
            assert document["compilerVersion"] == FACTORY.compiler
            assert document["contractIdentifier"] == "src/NftganFactory.sol:NftganFactory"
            return 202, {"verificationId": "7"}
        assert path == "/v2/verify/7"
        asked.append(path)
        if len(asked) == 1:
            return 200, {"isJobCompleted": False}
        return 200, {"isJobCompleted": True, **contract}

    return answers


@pytest.mark.parametrize("match", ["match", "exact_match"])
def test_sourcify_compiles_and_says_that_it_is_the_same(match: str) -> None:
    with service(job(contract={"match": match})) as url:
        assert Sourcify(url).verify(11_155_111, FACTORY) == VERIFIED
        assert Sourcify(url).link(11_155_111, "0x1", "0x2") is None


def test_what_sourcify_knows_already_is_done() -> None:
    with service(lambda *_: (409, {"customCode": "already_verified"})) as url:
        assert Sourcify(url).verify(11_155_111, FACTORY) == ALREADY


def test_another_code_is_a_no_in_the_services_words_without_its_control_characters() -> None:
    error = {"customCode": "no_match", "message": "bytecodes \x1b[31mdiffer"}
    with (
        service(job(contract={"match": None}, error=error)) as url,
        pytest.raises(CheckFailed, match=r"bytecodes .*differ") as caught,
    ):
        Sourcify(url).verify(11_155_111, FACTORY)
    assert caught.value.exit_code == 3 and "\x1b" not in caught.value.message


def test_a_job_that_takes_long_is_asked_for_again_later() -> None:
    answers = {"POST": (202, {"verificationId": "7"}), "GET": (200, {"isJobCompleted": False})}
    with (
        service(lambda method, *_: answers[method]) as url,
        pytest.raises(PartlyDone, match="still compiling") as caught,
    ):
        Sourcify(url).verify(11_155_111, FACTORY)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    "answer", [(503, {}), (429, {}), (200, b"<html>"), (400, {"message": "unsupported chain"})]
)
def test_a_service_that_fails_or_refuses_is_named(answer: tuple[int, Any]) -> None:
    with (
        service(lambda *_: answer) as url,
        pytest.raises(ServiceError, match="Sourcify") as caught,
    ):
        Sourcify(url).verify(11_155_111, FACTORY)
    assert caught.value.exit_code == 5


def etherscan(**results: tuple[str, str]) -> tuple[Answers, list[dict[str, str]]]:
    """An Etherscan that answers each action so: (status, result)."""
    asked: list[dict[str, str]] = []

    def answers(method: str, path: str, body: bytes) -> tuple[int, Any]:
        assert parse_qs(urlsplit(path).query) == {"chainid": ["84532"]} and method == "POST"
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        asked.append(fields)
        status, result = results[fields["action"]]
        return 200, {"status": status, "message": "OK", "result": result}

    return answers, asked


def test_etherscan_is_told_all_that_it_compiles_with_and_the_key_stays_out_of_addresses() -> None:
    answers, asked = etherscan(
        verifysourcecode=("1", "guid"),
        checkverifystatus=("1", "Pass - Verified"),
        verifyproxycontract=("1", "guid2"),
        checkproxyverification=("1", "The proxy's implementation was found"),
    )
    with service(answers) as url:
        one = Etherscan(url, SECRET)
        assert one.verify(84_532, FACTORY) == VERIFIED
        assert "implementation was found" in str(one.link(84_532, "0xc1", "0x1d"))
    first = asked[0]
    assert first["compilerversion"] == "v0.8.37+commit.f401782d"
    assert first["codeformat"] == "solidity-standard-json-input"
    assert first["constructorArguements"] == FACTORY.arguments != ""
    assert json.loads(first["sourceCode"]) == FACTORY.input
    assert all(fields["apikey"] == SECRET for fields in asked)
    assert (asked[2]["address"], asked[2]["expectedimplementation"]) == ("0xc1", "0x1d")


BEGUN = {"verifysourcecode": ("1", "g")}


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ({"verifysourcecode": ("0", "Contract source code already verified")}, ALREADY),
        ({**BEGUN, "checkverifystatus": ("0", "Already Verified")}, ALREADY),
        (
            {"verifysourcecode": ("1", "g"), "checkverifystatus": ("0", "Fail - Unable")},
            CheckFailed,
        ),
        (
            {"verifysourcecode": ("1", "g"), "checkverifystatus": ("0", "Pending in queue")},
            PartlyDone,
        ),
        ({"verifysourcecode": ("0", "Invalid API Key")}, CredentialError),
        ({"verifysourcecode": ("0", "Unable to locate ContractCode")}, ServiceError),
    ],
)
def test_each_answer_of_etherscan_has_its_own_end(results: Any, outcome: Any) -> None:
    answers, _ = etherscan(**results)
    with service(answers) as url:
        if isinstance(outcome, str):
            assert Etherscan(url, SECRET).verify(84_532, FACTORY) == outcome
            return
        with pytest.raises(outcome) as caught:
            Etherscan(url, SECRET).verify(84_532, FACTORY)
    assert SECRET not in str(caught.value)


def test_without_a_key_etherscan_is_not_asked_and_a_blockscout_is() -> None:
    with pytest.raises(CredentialError, match="needs a key") as caught:
        Etherscan(ETHERSCAN)
    assert caught.value.exit_code == 4
    answers, _ = etherscan(verifysourcecode=("0", "already verified"))
    with service(answers) as url:
        assert Etherscan(url).verify(84_532, FACTORY) == ALREADY
    for wrong in ("ftp://x", "http://example.org/api"):
        with pytest.raises(UsageError):
            Etherscan(wrong, SECRET)
