"""Mnemonics (BIP-39) and the keys that follow from them (BIP-32, BIP-44); no word is repeated."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from nftgan.errors import CredentialError, UsageError
from nftgan.redaction import remember

ETHEREUM = "m/44'/60'/0'/0"
"""Where a mnemonic's addresses for Ethereum begin (BIP-44)."""
DEFAULT_PATH = f"{ETHEREUM}/0"
COUNTS = (12, 15, 18, 21, 24)
SHOWN = 10
"""Addresses to pick from."""
_PATH = re.compile(r"m(?:/[0-9]{1,10}['hH]?){1,10}")
_NUMBER = re.compile(r"^[0-9]+[.):]?")
_NAMED = 3  # wrong words in one message


@dataclass(frozen=True)
class Derived:
    """An address of a mnemonic, and the path that leads to it."""

    path: str
    address: str


def is_mnemonic(text: str) -> bool:
    """Whether `text` is meant as a mnemonic: several words, and no JSON."""
    return len(text.split()) > 1 and not text.lstrip().startswith("{")


def seed_of(text: str) -> bytes:
    """64 bytes: the seed of a mnemonic in any language of BIP-39; four letters of a word will do.

    Raises CredentialError that says which word is wrong by its place, never by itself.
    """
    from eth_account.hdaccount.mnemonic import Mnemonic

    words = _words(text)
    remember(text.strip(), " ".join(words))
    if len(words) not in COUNTS:
        raise CredentialError(
            f"a mnemonic has 12, 15, 18, 21 or 24 words, not {len(words)}",
            hint="is a word missing, or there twice?",
        )
    unknown: dict[str, list[int]] = {}
    for language in Mnemonic.list_languages_enum():
        known = Mnemonic(language)
        whole = [known.expand_word(word) for word in words]
        index = set(known.wordlist)
        unknown[language.value] = [i + 1 for i, word in enumerate(whole) if word not in index]
        if not unknown[language.value] and known.is_mnemonic_valid(" ".join(whole)):
            return Mnemonic.to_seed(" ".join(whole))
    # English first: where nothing fits it is the likeliest.
    order = sorted(unknown, key=lambda one: (len(unknown[one]), one != "english"))
    wrong = unknown[order[0]]
    if wrong:
        places = ", ".join(f"number {one}" for one in wrong[:_NAMED])
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        name = order[0].replace("_", " ").capitalize()
        raise CredentialError(
            f"of the mnemonic's {len(words)} words, {places}{more} cannot be: not in the {name}"
            " list of BIP-39",
            hint="compare how it is written with your copy",
        )
    raise CredentialError(
        f"the mnemonic's checksum is wrong: all {len(words)} words exist, but one is another word"
        " than it was, or two changed places",
        hint="compare it with your copy, word by word",
    )


def _words(text: str) -> list[str]:
    """The words alone: copies on paper and in files have numbers, commas or a line each."""
    plain = unicodedata.normalize("NFKD", text).lower()
    found = [_NUMBER.sub("", word).strip(",;") for word in plain.split()]
    return [word for word in found if word]


def check_path(text: str) -> str:
    """A path as BIP-32 writes it, such as m/44'/60'/0'/0/0. Raises UsageError."""
    parts = re.sub("[hH]", "'", text).split("/")
    if not _PATH.fullmatch(text) or any(int(one.rstrip("'")) >= 2**31 for one in parts[1:]):
        raise UsageError(f"{text[:60]!a} is no path of a mnemonic", hint=f'--path "{DEFAULT_PATH}"')
    return "/".join(parts)


def key_at(seed: bytes, path: str) -> bytes:
    """32 bytes: the private key at a checked path."""
    from eth_account.hdaccount import key_from_seed

    return bytes(key_from_seed(seed, path))


def first_addresses(seed: bytes, count: int = SHOWN) -> list[Derived]:
    """The addresses that wallets show first, in their order."""
    from eth_account import Account as Local

    paths = [f"{ETHEREUM}/{i}" for i in range(count)]
    return [Derived(path, str(Local.from_key(key_at(seed, path)).address)) for path in paths]
