"""Verifying contracts at explorers: Sourcify's API v2, and Etherscan's, as Blockscout speaks it.

A service compiles the sources again and compares; each says in its own way that it is done, that it
was done before, or that the code is another one.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from nftgan.addresses import encrypted_or_here
from nftgan.chain.standard_json import Submission
from nftgan.errors import CheckFailed, CredentialError, PartlyDone, ServiceError, UsageError
from nftgan.http import CLOCK, TRANSIENT, Answer, Backoff, HttpClient, HttpFault, retry_after
from nftgan.terminal import one_line

SOURCIFY, ETHERSCAN = "https://sourcify.dev/server", "https://api.etherscan.io/v2/api"
KEY = "ETHERSCAN_API_KEY"
VERIFIED, ALREADY = "verified", "already verified"
POLL_SECONDS = 3.0
POLLS = 40
TRIES = 4
MAX_ANSWER_BYTES = 8 << 20
ANSWER_SECONDS = 120.0


class Explorer(Protocol):
    """A service that shows sources beside the code that they give."""

    name: str

    def verify(self, chain_id: int, one: Submission) -> str:
        """VERIFIED or ALREADY.

        Raises CheckFailed when the code is another one, PartlyDone while it is still compiled,
        ServiceError when the service fails, CredentialError when it does not take the key.
        """

    def link(self, chain_id: int, clone: str, implementation: str) -> str | None:
        """Have a clone shown as a proxy of `implementation`; None where nobody needs to."""


@dataclass
class _Service:
    """Asking one service, again through what may pass."""

    name: str
    url: str
    secret: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"{self.name}: the address is no http(s) one", hint="--api https://…")
        if not encrypted_or_here(parts):
            raise UsageError(f"{self.name}: the address is not encrypted", hint="--api https://…")
        self._client = HttpClient(self.url, timeout=(30, ANSWER_SECONDS))

    def ask(self, method: str, url: str, **more: Any) -> Answer:
        """Raises ServiceError that names the service, and never its address with a key in it."""
        backoff = Backoff(1.0, 60.0)
        for attempt in range(1, TRIES + 1):
            asked = None
            try:
                with self._client.open(method, url, **more) as response:
                    answer = response.read(most_bytes=MAX_ANSWER_BYTES, seconds=ANSWER_SECONDS)
                if answer.status not in TRANSIENT:
                    return answer
                why, asked = f"HTTP {answer.status}", retry_after(answer.headers)
            except HttpFault as fault:
                why = fault.reason
            pause = backoff.pause(attempt, asked)
            if attempt == TRIES or pause is None:
                break
            CLOCK.sleep(pause)
        raise ServiceError(f"{self.name} does not answer ({why})", hint="run the same again later")

    def document(self, answer: Answer) -> dict[str, Any]:
        try:
            found = answer.field()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ServiceError(f"{self.name} gave an answer that makes no sense")
        return found


class Sourcify:
    """Sourcify needs no key, and explorers and wallets read from it."""

    name = "Sourcify"

    def __init__(self, url: str = SOURCIFY) -> None:
        self._url, self._service = url.rstrip("/"), _Service(self.name, url)

    def verify(self, chain_id: int, one: Submission) -> str:
        body = {
            "stdJsonInput": one.input,
            "compilerVersion": one.compiler,
            "contractIdentifier": one.name,
        }
        place = f"{self._url}/v2/verify/{chain_id}/{one.address}"
        answer = self._service.ask("POST", place, document=body)
        if answer.status == 409:
            return ALREADY
        found = self._service.document(answer)
        ticket = found.get("verificationId")
        if answer.status not in (200, 202) or not isinstance(ticket, str) or "/" in ticket:
            raise ServiceError(f"{self.name} refuses: {_words(found)}")
        for _ in range(POLLS):
            answer = self._service.ask("GET", f"{self._url}/v2/verify/{ticket}")
            found = self._service.document(answer)
            if found.get("isJobCompleted") is True:
                break
            CLOCK.sleep(POLL_SECONDS)
        else:
            raise PartlyDone(f"{self.name} is still compiling", hint="run the same command again")
        contract = found.get("contract")
        if isinstance(contract, dict) and contract.get("match") in ("match", "exact_match"):
            return VERIFIED
        code = found["error"].get("customCode") if isinstance(found.get("error"), dict) else None
        if code == "already_verified":
            return ALREADY
        raise CheckFailed(f"{self.name} says that {one.address} is not ours: {_words(found)}")

    def link(self, chain_id: int, clone: str, implementation: str) -> str | None:
        return None  # it recognises the code of a minimal proxy by itself


class Etherscan:
    """Etherscan's API v2, one address for its chains, and the same API of Blockscout."""

    name = "Etherscan"

    def __init__(self, url: str = ETHERSCAN, key: str | None = None) -> None:
        """key: else ETHERSCAN_API_KEY. Raises CredentialError without one at Etherscan itself."""
        self._url = url
        self._key = os.environ.get(KEY, "") if key is None else key
        if not self._key and url == ETHERSCAN:
            raise CredentialError(f"{self.name} needs a key", hint=f"set {KEY}")
        from nftgan.redaction import remember

        if self._key:
            remember(self._key)
        self._service = _Service(self.name, url)

    def _call(self, chain_id: int, action: str, **fields: str) -> dict[str, Any]:
        """One POST; the key goes in the body, where no log of addresses shows it."""
        words = {"module": "contract", "action": action, "apikey": self._key, **fields}
        answer = self._service.ask(
            "POST",
            self._url,
            params={"chainid": str(chain_id)},
            body=urlencode(words).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        found = self._service.document(answer)
        text = str(found.get("result", "")).lower()
        if "api key" in text or "apikey" in text:
            raise CredentialError(f"{self.name} does not take the key", hint=f"look at {KEY}")
        return found

    def verify(self, chain_id: int, one: Submission) -> str:
        found = self._call(
            chain_id,
            "verifysourcecode",
            codeformat="solidity-standard-json-input",
            sourceCode=json.dumps(one.input),
            contractaddress=one.address,
            contractname=one.name,
            compilerversion=f"v{one.compiler}",
            constructorArguements=one.arguments,  # spelt so in the API
        )
        if "already verified" in str(found.get("result", "")).lower():
            return ALREADY
        said = self._settled(chain_id, found, "checkverifystatus")
        if "already verified" in said.lower():
            return ALREADY
        if "pass" in said.lower():
            return VERIFIED
        raise CheckFailed(f"{self.name} says of {one.address}: {one_line(said)[:200]}")

    def link(self, chain_id: int, clone: str, implementation: str) -> str | None:
        found = self._call(
            chain_id,
            "verifyproxycontract",
            address=clone,
            expectedimplementation=implementation,
        )
        return one_line(self._settled(chain_id, found, "checkproxyverification"))[:200]

    def _settled(self, chain_id: int, begun: dict[str, Any], action: str) -> str:
        """What became of a job, in the service's words."""
        if str(begun.get("status")) != "1":
            raise ServiceError(f"{self.name} refuses: {_words(begun)}")
        for _ in range(POLLS):
            CLOCK.sleep(POLL_SECONDS)
            said = str(self._call(chain_id, action, guid=str(begun["result"])).get("result", ""))
            if "pending" not in said.lower() and "queue" not in said.lower():
                return said
        raise PartlyDone(f"{self.name} is still compiling", hint="run the same command again")


def _words(found: dict[str, Any]) -> str:
    error = found.get("error") if isinstance(found.get("error"), dict) else found
    assert isinstance(error, dict)
    text = error.get("message") if error is not found else found.get("result")
    return one_line(str(text or found.get("message") or "without a word"))[:200]
