"""Mnemonics against the published vectors of BIP-39, and what their errors may say."""

from __future__ import annotations

import pytest
from eth_account import Account as Local
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language

from nftgan.chain.accounts import ANVIL_MNEMONIC
from nftgan.chain.mnemonics import check_path, first_addresses, is_mnemonic, key_at, seed_of
from nftgan.errors import CredentialError, UsageError

ABANDON = "abandon " * 11 + "about"


def test_the_published_words_give_the_published_seed_and_addresses() -> None:
    seed = seed_of(ABANDON)
    assert seed.hex() == (
        "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1"
        "9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
    )
    assert first_addresses(seed, 1)[0].address == "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
    anvil = [one.address for one in first_addresses(seed_of(ANVIL_MNEMONIC))]
    assert anvil[:2] == [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    ]
    assert anvil[9] == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720" and len(anvil) == 10


@pytest.mark.parametrize(
    "text",
    [
        ABANDON.upper(),
        f"  {ABANDON.replace(' ', chr(10))}\n",
        "aban " * 11 + "abou",
        ABANDON.replace(" ", "\u3000"),
        ABANDON.replace(" ", ", "),
        " ".join(f"{i}. {word}" for i, word in enumerate(ABANDON.split(), 1)),
        "\n".join(f"{i}){word}" for i, word in enumerate(ABANDON.split(), 1)),
    ],
)
def test_capitals_lines_numbers_and_four_letters_are_the_same_words(text: str) -> None:
    assert is_mnemonic(text) and seed_of(text) == seed_of(ABANDON)


@pytest.mark.parametrize("language", list(Language), ids=lambda one: one.value)
def test_every_language_of_the_list_is_taken(language: Language) -> None:
    words = Mnemonic(language).to_mnemonic(bytes(range(16)))
    assert seed_of(words) == Mnemonic.to_seed(words.replace("\u3000", " "))


def test_a_wrong_word_is_named_by_its_place_alone() -> None:
    words = ABANDON.split()
    words[2] = words[6] = "hunter22"
    with pytest.raises(CredentialError, match=r"12 words, number 3, number 7 cannot be: .*English"):
        seed_of(" ".join(words))
    try:
        seed_of("hunter22 " * 12)
    except CredentialError as exc:
        assert "number 1, number 2, number 3 and 9 more" in exc.message
        assert "hunter" not in f"{exc} {exc.hint} {exc.__cause__} {exc.__context__}"


def test_a_wrong_order_is_a_wrong_checksum() -> None:
    with pytest.raises(CredentialError, match="checksum is wrong: all 12 words exist"):
        seed_of("about " + "abandon " * 11)


@pytest.mark.parametrize("count", [2, 11, 13, 25])
def test_another_number_of_words_is_said(count: int) -> None:
    with pytest.raises(CredentialError, match=f"12, 15, 18, 21 or 24 words, not {count}"):
        seed_of("abandon " * count)


@pytest.mark.parametrize("path", ["m/44'/60'/3'/0/0", "m/44h/60H/0'/7", "m/0"])
def test_a_path_leads_where_other_wallets_go(path: str) -> None:
    Local.enable_unaudited_hdwallet_features()
    wanted = Local.from_mnemonic(ABANDON, account_path=path.replace("h", "'"))
    assert key_at(seed_of(ABANDON), check_path(path)) == bytes(wanted.key)


@pytest.mark.parametrize(
    "path", ["", "m", "m/", "44'/60'", "m/-1", "m/2147483648", "m/1/x", "m/1\n", "m/\u0661", "m//1"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="is no path of a mnemonic"):
        check_path(path)
