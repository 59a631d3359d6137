"""Keys: encrypted keystore files, unlocked by a prompt or a password file, never shown."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.chain.mnemonics import COUNTS, DEFAULT_PATH, is_mnemonic, key_at, seed_of
from nftgan.errors import CredentialError, UsageError
from nftgan.files import (
    complete_files,
    lock,
    os_error,
    read_json,
    translated_os_errors,
    write_secret,
)
from nftgan.project import state_home
from nftgan.redaction import remember

PASSWORD_FILE = "NFTGAN_PASSWORD_FILE"
ANVIL_MNEMONIC = "test test test test test test test test test test test junk"
PRIVATE_KEY = "NFTGAN_PRIVATE_KEY"
_LOG = logging.getLogger(__name__)
FAST_SCRYPT = 8192
"""Work factor for the embedded chain's throw-away key, which guards nothing."""

Prompt = Callable[[str], str]


@dataclass(frozen=True)
class Wallet:
    """A keystore file and the address that it is for."""

    address: str
    path: Path


class Account:
    """An unlocked key that signs; its text form shows the address only."""

    def __init__(self, local: Any) -> None:
        self._local = local
        self.address: str = local.address

    def __repr__(self) -> str:
        return f"<Account {self.address}>"

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, str]:
        """(signed bytes, "0x…" transaction hash)."""
        signed = self._local.sign_transaction(transaction)
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()

    def sign_typed(
        self, domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any]
    ) -> bytes:
        """65 bytes: the signature of a message by EIP-712."""
        return bytes(self._local.sign_typed_data(domain, types, message).signature)


@dataclass(frozen=True)
class _Locked:
    """In the place of a key: a plan needs the address alone."""

    address: str

    def _refuse(self, *_: Any) -> Any:
        raise CredentialError(f"the key of {self.address} was not unlocked: nothing is signed")

    sign_transaction = sign_typed_data = _refuse


def keystore_folder() -> Path:
    return state_home() / "keystore"


def check_address(text: str, *, what: str = "address") -> str:
    """The checksummed address; a wrong checksum is refused, never repaired. Raises UsageError."""
    from eth_utils import is_checksum_address, to_checksum_address

    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise UsageError(
            f"{text!r} is not a valid {what}: it must be 0x and 40 hexadecimal digits",
            hint="an ENS name is looked up on the command line alone" if "." in text else None,
        )
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(text):
        raise UsageError(
            f"the {what} {text} has a wrong checksum: a letter was changed or mistyped",
            hint="copy it again from its source",
        )
    return str(to_checksum_address(text.lower()))


def list_wallets() -> list[Wallet]:
    """Every keystore file that names its address; others are skipped with a warning.

    One wrong file must not stop a verb that another wallet pays for.
    """
    folder = keystore_folder()
    if not folder.is_dir():
        return []
    wallets = []
    # geth calls its files UTC--…, without an ending.
    for path in (*complete_files(folder, "*.json"), *complete_files(folder, "UTC--*[!n]")):
        try:
            document = read_json(path)
            keys = {str(key).lower(): value for key, value in document.items()}
            if "crypto" not in keys:
                raise ValueError
            if not keys.get("address"):
                _LOG.warning(
                    "%s does not say its address: nftgan wallet import takes it in", path.name
                )
                continue
            wallets.append(Wallet(check_address("0x" + keys["address"].removeprefix("0x")), path))
        except (UsageError, ValueError, AttributeError, TypeError):
            _LOG.warning("%s is not a keystore file: it is skipped", path)
    return wallets


def create_wallet(password: str) -> Wallet:
    """A new random key, encrypted with `password`, mode 0600."""
    _check_password(password)
    return _store(secrets.token_bytes(32), password)


def import_wallet(private_key: str, password: str) -> Wallet:
    """A key that exists elsewhere, encrypted here. Raises CredentialError when it is not a key."""
    _check_password(password)
    return _store(bytes(_local(private_key, "that").key), password)


def refuse_typed_secret(text: str) -> None:
    """Raises CredentialError for a key or mnemonic where the name of its file belongs."""
    words = len(text.split()) >= min(COUNTS) and not os.path.exists(text)  # noqa: PTH110 - too long for Path
    if words or re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", text.strip()):
        remember(text.strip())
        raise CredentialError(
            "a key or mnemonic is never typed into the command: the shell keeps it in its history",
            hint="delete it there, then type nftgan wallet import alone: it is asked for",
        )


def import_text(text: str, password: str, prompt: Prompt, *, path: str = DEFAULT_PATH) -> Wallet:
    """A key from a keystore of any kind, from 64 hexadecimal digits, or from a mnemonic.

    prompt: asked for the keystore's own password. path: which address of the mnemonic, checked.
    Raises CredentialError; no message quotes what was given.
    """
    from eth_account import Account as Local

    text = text.strip()
    if text.startswith("{"):
        _check_password(password)
        try:
            key = bytes(Local.decrypt(text, _remembered(prompt("password of the keystore: "))))
        except Exception:  # eth-keyfile's own, and whatever a strange file leads to
            raise CredentialError(
                "the password does not open the keystore, or it is none"
            ) from None
        return _store(key, password)
    if is_mnemonic(text):
        _check_password(password)
        return _store(key_at(seed_of(text), path), password)
    return import_wallet(text, password)


def _local(private_key: str, what: str) -> Any:
    """eth-account's account of 64 hexadecimal digits; no message of it may quote the key."""
    from eth_account import Account as Local
    from eth_utils.exceptions import ValidationError

    key = private_key.strip().removeprefix("0x")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", key):
        raise CredentialError(f"{what} is not a private key: it must be 64 hexadecimal digits")
    remember(key)
    try:
        return Local.from_key(bytes.fromhex(key))
    except (ValueError, ValidationError):
        raise CredentialError(f"{what} is not a private key of the curve") from None


def _check_password(password: str) -> None:
    if len(password) < 8:
        raise CredentialError("the password is shorter than eight characters")


def _store(key: bytes, password: str, *, path: Path | None = None, **work: Any) -> Wallet:
    from eth_account import Account as Local

    local = Local.from_key(key)
    document = Local.encrypt(key, password, **work)
    path = path or keystore_folder() / f"{local.address}.json"
    with translated_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(path, json.dumps(document))
    return Wallet(local.address, path)


def unlock(
    address: str | None, prompt: Prompt, warn: Callable[[str], None] = lambda message: None
) -> Account:
    """The account to sign with: NFTGAN_PRIVATE_KEY (with a warning), else a keystore file.

    Without `address` there must be exactly one wallet. The password comes from the file named by
    NFTGAN_PASSWORD_FILE, else from `prompt`. Raises CredentialError.
    """
    if key := os.environ.get(PRIVATE_KEY):
        warn(f"the key comes from {PRIVATE_KEY}: a keystore is safer (nftgan wallet import)")
        account = Account(_local(key, PRIVATE_KEY))
        if address is not None and account.address != check_address(address):
            raise CredentialError(f"{PRIVATE_KEY} is the key of {account.address}, not {address}")
        return account
    wallet = _choose(address)
    account = _decrypt(wallet.path, _password(wallet.address, prompt))
    if account.address != wallet.address:
        raise CredentialError(f"{wallet.path} holds the key of {account.address}", hint="move it")
    return account


def for_plan(address: str | None, warn: Callable[[str], None] = lambda message: None) -> Account:
    """The account that `unlock` would give, without its key: no password is needed, none signs.

    Any `address` will do, with a warning where no wallet here could sign for it. Raises
    CredentialError where it is not said which account.
    """
    if os.environ.get(PRIVATE_KEY):
        return unlock(address, lambda text: "", warn)
    if address is None:
        return Account(_Locked(_choose(None).address))
    address = check_address(address)
    if all(wallet.address != address for wallet in list_wallets()):
        warn(f"there is no wallet for {address} here: this can be planned, not sent")
    return Account(_Locked(address))


def _choose(address: str | None) -> Wallet:
    wallets = list_wallets()
    if address is not None:
        wanted = check_address(address)
        wallets = [wallet for wallet in wallets if wallet.address == wanted]
    if not wallets:
        owner = f" for {address}" if address else ""
        raise CredentialError(f"there is no wallet{owner}", hint="nftgan wallet create")
    if len(wallets) > 1:
        names = ", ".join(wallet.address for wallet in wallets)
        raise CredentialError(f"there are several wallets: {names}", hint="name one with --from")
    return wallets[0]


def _password(address: str, prompt: Prompt) -> str:
    kept = password_from_file()
    return _remembered(prompt(f"password of {address}: ")) if kept is None else kept


def password_from_file() -> str | None:
    """The password in the file that NFTGAN_PASSWORD_FILE names; None where it names none.

    Raises CredentialError for a file that cannot be read. What the variable holds is not quoted:
    some write the password itself there.
    """
    named = os.environ.get(PASSWORD_FILE)
    if not named:
        return None
    try:
        text = Path(named).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as exc:  # also no UTF-8, a NUL, or nobody's ~
        why = exc.strerror if isinstance(exc, OSError) else "it is not text in UTF-8"
        raise CredentialError(
            f"the file that {PASSWORD_FILE} names cannot be read: {why}",
            hint="the variable holds the path of a file, and the file the password",
        ) from None
    return _remembered(text.rstrip("\r\n"))


def _remembered(password: str) -> str:
    remember(password)
    return password


def _decrypt(path: Path, password: str) -> Account:
    from eth_account import Account as Local

    try:
        key = Local.decrypt(path.read_text(encoding="utf-8"), password)
    except OSError as exc:
        raise os_error(exc, path) from exc
    except (ValueError, TypeError, KeyError):
        # No cause: a foreign message might quote what it was given.
        raise CredentialError(f"the password does not open {path.name}") from None
    return Account(Local.from_key(key))


def embedded_account() -> Account:
    """The embedded chain's own funded account: its key is worth nothing and asks no password."""
    folder = state_home() / "embedded"
    path = folder / "account.json"
    if not path.exists():
        with translated_os_errors(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Of two first uses at once, one makes the key.
        with lock(folder / ".lock", what="the embedded account", patience_seconds=60):
            if not path.exists():
                key = secrets.token_bytes(32)
                _store(key, "", path=path, kdf="scrypt", iterations=FAST_SCRYPT)
    return _decrypt(path, "")


def anvil_account() -> Account | None:
    """Anvil's first funded account, whose key the whole world knows; None where one has an own key.

    It is for chain 31337 alone: anywhere else its money is taken at once.
    """
    from eth_account import Account as Keys

    if os.environ.get(PRIVATE_KEY) or list_wallets():
        return None
    Keys.enable_unaudited_hdwallet_features()
    return Account(Keys.from_mnemonic(ANVIL_MNEMONIC))
