"""Keys: how they are kept, opened and never shown."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest
from eth_account import Account as Local

from nftgan.chain import accounts
from nftgan.chain.accounts import (
    Account,
    check_address,
    create_wallet,
    embedded_account,
    for_plan,
    import_text,
    import_wallet,
    keystore_folder,
    list_wallets,
    unlock,
)
from nftgan.errors import CredentialError, UsageError
from nftgan.files import read_json

PASSWORD = "correct horse"
KEY = "0x" + "5a" * 32
ADDRESS = Local.from_key(KEY).address


@pytest.fixture(autouse=True)
def fast_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    encrypt = Local.encrypt
    monkeypatch.setattr(
        Local, "encrypt", lambda key, password, **work: encrypt(key, password, "scrypt", 2)
    )


def no_prompt(question: str) -> str:
    pytest.fail(f"asked {question!r}")


def test_a_wallet_opens_with_its_password_only() -> None:
    wallet = import_wallet(KEY, PASSWORD)
    assert wallet.address == ADDRESS
    assert unlock(None, lambda question: PASSWORD).address == ADDRESS
    with pytest.raises(CredentialError, match="the password does not open 0x"):
        unlock(None, lambda question: "wrong")


def test_a_keystore_file_is_standard_and_for_its_owner_alone() -> None:
    wallet = create_wallet(PASSWORD)
    assert stat.S_IMODE(wallet.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(wallet.path.parent.stat().st_mode) == 0o700
    document = json.loads(wallet.path.read_text())
    assert document["version"] == 3
    key = Local.decrypt(document, PASSWORD)
    assert Local.from_key(key).address == wallet.address
    assert key.hex().removeprefix("0x") not in wallet.path.read_text()
    assert [file.name for file in keystore_folder().iterdir()] == [wallet.path.name]


def test_two_new_wallets_differ_and_are_listed() -> None:
    made = {create_wallet(PASSWORD).address, create_wallet(PASSWORD).address}
    assert {wallet.address for wallet in list_wallets()} == made and len(made) == 2
    with pytest.raises(CredentialError, match="there are several wallets"):
        unlock(None, no_prompt)


def test_the_real_encryption_is_slow_to_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    document = Local.encrypt(KEY, PASSWORD)
    parameters = document["crypto"]["kdfparams"]
    assert parameters.get("n", 0) >= 2**17 or parameters.get("c", 0) >= 600_000


def test_the_password_can_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_wallet(KEY, PASSWORD)
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    monkeypatch.setenv("NFTGAN_PASSWORD_FILE", str(file))
    assert unlock(ADDRESS, no_prompt).address == ADDRESS
    file.unlink()
    with pytest.raises(CredentialError, match="cannot be read: No such file"):
        unlock(ADDRESS, no_prompt)


def test_a_key_in_the_environment_works_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NFTGAN_PRIVATE_KEY", KEY)
    warnings: list[str] = []
    assert unlock(None, no_prompt, warnings.append).address == ADDRESS
    assert len(warnings) == 1 and KEY[2:] not in warnings[0]
    with pytest.raises(CredentialError, match=f"is the key of {ADDRESS}, not 0x"):
        unlock("0x" + "11" * 20, no_prompt)


@pytest.mark.parametrize(
    "key", ["", "0x12", "zz" * 32, "00" * 32, "ff" * 32, "5a" * 33], ids=lambda key: key[:4]
)
def test_what_is_no_key_is_refused_without_being_repeated(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CredentialError, match="not a private key") as caught:
        import_wallet(key, PASSWORD)
    assert not key or key not in str(caught.value)
    assert caught.value.__cause__ is None
    if key:
        monkeypatch.setenv("NFTGAN_PRIVATE_KEY", key)
        with pytest.raises(CredentialError, match="NFTGAN_PRIVATE_KEY is not a private key"):
            unlock(None, no_prompt)


def test_a_short_password_is_refused() -> None:
    with pytest.raises(CredentialError, match="shorter than eight"):
        create_wallet("seven77")
    assert list_wallets() == []


def test_without_a_wallet_the_hint_makes_one() -> None:
    with pytest.raises(CredentialError, match="there is no wallet") as caught:
        unlock(None, no_prompt)
    assert caught.value.hint == "nftgan wallet create"


@pytest.mark.parametrize("content", ["", "[]", "{}", "\0"])
def test_a_file_that_is_no_keystore_is_skipped_with_a_warning(
    content: str, caplog: pytest.LogCaptureFixture
) -> None:
    mine = create_wallet("long enough")
    (keystore_folder() / "other.json").write_text(content)
    assert [wallet.address for wallet in list_wallets()] == [mine.address]
    assert "other.json" in caplog.text


def test_keystores_of_other_tools_are_taken_in_and_found(caplog: pytest.LogCaptureFixture) -> None:
    """Foundry leaves the address out, MyEtherWallet writes Crypto, geth has no ending."""
    local = Local.from_key(b"\x05" * 32)
    made = Local.encrypt(local.key, "their own", kdf="pbkdf2", iterations=1000)
    foundry = {key: value for key, value in made.items() if key != "address"}
    other = {"Crypto" if key == "crypto" else key: value for key, value in made.items()}
    for document in (foundry, other, {**made, "address": ""}):
        wallet = import_text(json.dumps(document), "long enough", lambda words: "their own")
        assert wallet.address == local.address
        assert unlock(local.address, lambda words: "long enough").address == local.address
    with pytest.raises(CredentialError, match="does not open the keystore"):
        import_text(json.dumps(made), "long enough", lambda words: "wrong")
    wallet.path.rename(keystore_folder() / "UTC--2026-01-01T00-00-00Z--05")
    assert [one.address for one in list_wallets()] == [local.address]
    (keystore_folder() / "foundry.json").write_text(json.dumps(foundry))
    assert len(list_wallets()) == 1 and "does not say its address" in caplog.text


PUBLISHED = {
    "scrypt": (
        {"dklen": 32, "n": 262144, "p": 8, "r": 1}
        | {"salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
        "83dbcc02d8ccb40e466191a123791e0e",
        "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    ),
    "pbkdf2": (
        {"c": 262144, "dklen": 32, "prf": "hmac-sha256"}
        | {"salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "6087dab2f9fdbbfaddc31a909735c1e6",
        "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    ),
}
"""The keystores of the Web3 Secret Storage Definition: what geth and all others agree on."""


@pytest.mark.parametrize("kdf", PUBLISHED)
def test_the_keystores_of_the_published_definition_open(kdf: str) -> None:
    params, iv, text, mac = PUBLISHED[kdf]
    crypto = {"cipher": "aes-128-ctr", "cipherparams": {"iv": iv}, "ciphertext": text}
    document = {"crypto": {**crypto, "kdf": kdf, "kdfparams": params, "mac": mac}, "version": 3}
    key = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
    wallet = import_text(json.dumps(document), PASSWORD, lambda words: "testpassword")
    assert wallet.address == Local.from_key(key).address


def test_a_mnemonic_gives_the_addresses_that_every_wallet_gives_and_is_never_repeated() -> None:
    words = "test test test test test test test test test test test junk"
    first = import_text(words, "long enough", lambda asked: "")
    path = "m/44'/60'/0'/0/1"
    second = import_text(f"  {words}\n", "long enough", lambda asked: "", path=path)
    assert first.address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert second.address == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    wrong = words.replace("junk", "test")
    with pytest.raises(CredentialError) as caught:
        import_text(wrong, "long enough", lambda asked: "")
    assert "junk" not in str(caught.value) and "test" not in str(caught.value)


def test_a_keystore_that_names_another_address_is_refused() -> None:
    wallet = import_wallet(KEY, PASSWORD)
    document = read_json(wallet.path)
    document["address"] = "11" * 20
    wallet.path.write_text(json.dumps(document))
    with pytest.raises(CredentialError, match=f"holds the key of {ADDRESS}"):
        unlock(None, lambda question: PASSWORD)


def test_an_account_shows_its_address_and_nothing_else() -> None:
    account = Account(Local.from_key(KEY))
    for text in (repr(account), str(account), f"{account}", repr([account])):
        assert ADDRESS in text and "5a5a" not in text


def test_an_address_with_a_wrong_checksum_is_refused_and_not_repaired() -> None:
    assert check_address(ADDRESS) == ADDRESS
    assert check_address(ADDRESS.lower()) == ADDRESS
    letters = [i for i, letter in enumerate(ADDRESS) if i > 1 and letter.isalpha()]
    for i in letters:
        wrong = ADDRESS[:i] + ADDRESS[i].swapcase() + ADDRESS[i + 1 :]
        with pytest.raises(UsageError, match="wrong checksum"):
            check_address(wrong)


@pytest.mark.parametrize(
    "text", ["", "0x", "vitalik.eth", ADDRESS + "0", ADDRESS[2:], "0x" + "g" * 40]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a valid royalty receiver"):
        check_address(text, what="royalty receiver")


def test_the_embedded_account_stays_the_same_and_asks_nothing(home: Path) -> None:
    first = embedded_account()
    assert embedded_account().address == first.address
    [path] = (home / "embedded").glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _address(queue: object) -> None:
    queue.put(accounts.embedded_account().address)


def test_two_first_uses_at_once_make_one_embedded_account() -> None:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes = [context.Process(target=_address, args=(queue,)) for _ in range(4)]
    for process in processes:
        process.start()
    assert len({queue.get(timeout=120) for _ in processes}) == 1
    for process in processes:
        process.join()


def test_a_plan_needs_no_password_and_its_account_signs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import_wallet(KEY, PASSWORD)
    heard: list[str] = []
    account = for_plan(None, heard.append)
    assert (account.address, heard) == (ADDRESS, [])
    for sign in (lambda: account.sign({}), lambda: account.sign_typed({}, {}, {})):
        with pytest.raises(CredentialError, match="was not unlocked: nothing is signed"):
            sign()
    assert for_plan(ADDRESS.lower()).address == ADDRESS
    other = "0x52908400098527886E0F7030069857D2E4169EE7"
    assert for_plan(other, heard.append).address == other
    assert heard == [f"there is no wallet for {other} here: this can be planned, not sent"]
    monkeypatch.setenv("NFTGAN_PRIVATE_KEY", "0x" + "11" * 32)
    assert for_plan(None).address == Local.from_key("11" * 32).address


def test_a_plan_without_any_wallet_says_how_to_make_one() -> None:
    with pytest.raises(CredentialError, match="there is no wallet") as caught:
        for_plan(None)
    assert "wallet create" in (caught.value.hint or "")
