"""Addresses and tokens of services: from the environment or a file, never shown."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from nftgan.addresses import encrypted_or_here
from nftgan.errors import CredentialError, UsageError
from nftgan.redaction import redact, remember

NODE_TOKEN = "NFTGAN_IPFS_TOKEN"


def read_token(variable: str = NODE_TOKEN) -> str | None:
    """The token in `variable`, else the first line of the file that `variable`_FILE names.

    None when neither is set. Raises CredentialError, which does not show it.
    """
    if token := os.environ.get(variable):
        return _fit(token.strip(), variable)
    if not (name := os.environ.get(f"{variable}_FILE")):
        return None
    try:
        token = Path(name).expanduser().read_text().strip().split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise CredentialError(f"the token file {name} cannot be read") from exc
    if not token:
        raise CredentialError(f"the token file {name} is empty")
    return _fit(token, f"the token file {name}")


def require_token(variable: str, service: str) -> str:
    """`read_token` of a service that does nothing without one. Raises CredentialError."""
    token = read_token(variable)
    if token is None:
        raise CredentialError(f"{service} needs a token", hint=how_to_give(variable))
    return token


def how_to_give(variable: str) -> str:
    """What to do about a missing token."""
    return f"set {variable}, or {variable}_FILE to a file with it"


def _fit(token: str, where: str) -> str:
    # An HTTP library that meets another character quotes the whole header in its error.
    if not all("!" <= letter <= "~" for letter in token):
        raise CredentialError(f"{where} holds more than a token", hint="one line, no spaces")
    remember(token)
    return token


def authorization(token: str) -> str:
    """The header's value; a token may be written as in Kubo's API.Authorizations.

    `basic:USER:PASSWORD` is HTTP's basic scheme; `bearer:TOKEN` and TOKEN alone are bearer tokens.
    """
    kind, _, rest = token.partition(":")
    if kind == "basic" and ":" in rest:
        pair = base64.b64encode(rest.encode()).decode()
        remember(pair, rest.partition(":")[2])
        return f"Basic {pair}"
    return f"Bearer {rest if kind == 'bearer' and rest else token}"


def redacted(text: str, token: str | None) -> str:
    """`text` of a stranger, at most 200 characters of one line, without the token."""
    line = " ".join(text.split())
    if token:
        line = line.replace(token, "(token)")
    return redact(line)[:200]


def checked_url(url: str, token: str | None, variable: str = NODE_TOKEN) -> SplitResult:
    """The address of a service. Raises UsageError when a secret would be seen on the way."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            "the address of the IPFS service cannot be used",
            hint="write it like http://127.0.0.1:5001 or https://HOST",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"the address of {parts.hostname} holds more than host, port and path",
            hint=f"give a token by {variable} or a file, not in the address",
        )
    if token and not encrypted_or_here(parts):
        raise UsageError(
            f"a token is not sent to {parts.hostname} over plain http", hint="use https"
        )
    return parts
