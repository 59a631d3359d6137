"""`wallet import` of a mnemonic as a person types it: the address is said, or picked."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Local

from nftgan.chain.accounts import ANVIL_MNEMONIC, embedded_account, list_wallets
from nftgan.cli.main import app

SECOND = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
Import = Callable[..., tuple[int, str, str]]


@pytest.fixture
def importing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Import:
    """importing("--index", "1", text=…, says="3\\n"): (exit code, stdout, stderr).

    says: what a person types at a terminal; None: nobody is there.
    """
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    (tmp_path / "password").write_text("long enough\n")
    monkeypatch.setenv("NFTGAN_PASSWORD_FILE", str(tmp_path / "password"))
    encrypt = Local.encrypt
    monkeypatch.setattr(
        Local, "encrypt", lambda key, password, **work: encrypt(key, password, "scrypt", 2)
    )

    def run(
        *words: str,
        text: str = ANVIL_MNEMONIC,
        says: str | None = None,
        encoding: str = "utf-8",
        named: tuple[str, ...] = (),
    ) -> tuple[int, str, str]:
        file = tmp_path / "words.txt"
        file.write_text(text, encoding=encoding)
        typed: Any = io.StringIO(says or "")
        typed.isatty = lambda: says is not None
        monkeypatch.setattr(sys, "stdin", typed)
        with pytest.raises(SystemExit) as stopped:
            app(["wallet", "import", *(named or [str(file)]), *words], standalone_mode=False)
        shown = capsys.readouterr()
        return int(stopped.value.code or 0), shown.out, shown.err

    return run


def kept() -> list[str]:
    return [wallet.address for wallet in list_wallets()]


def test_the_first_ten_are_shown_and_one_is_picked(importing: Import) -> None:
    code, out, err = importing(says="1\n")
    assert (code, kept()) == (0, [SECOND])
    assert out.count("m/44'/60'/0'/0/") == 10 and "holds" not in out
    assert "which one?" in err


def test_a_file_that_windows_wrote_is_read(importing: Import) -> None:
    key = "\ufeff0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d\r\n"
    assert importing(text=key)[0] == 0 and kept() == [SECOND]
    assert importing("--index", "0", encoding="utf-16")[0] == 0 and len(kept()) == 2


def test_enter_takes_the_first_and_what_is_no_number_takes_none(importing: Import) -> None:
    code, _, err = importing(says="ten\n")
    assert (code, kept()) == (2, []) and "'ten' is none of 0 to 9" in err
    code, _, err = importing(says="")  # Ctrl-D
    assert (code, kept()) == (2, []) and "nothing was picked" in err
    assert importing(says="\n")[0] == 0
    assert kept() == ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"]


def test_with_a_chain_it_is_shown_what_each_holds(importing: Import) -> None:
    from nftgan.chain.networks import CHAINS
    from nftgan.chain.rpc import connect

    w3 = connect(CHAINS["embedded"]).w3
    raw, _ = embedded_account().sign(
        {"to": SECOND, "value": 5 * 10**17, "nonce": 0, "gas": 21000}
        | {"chainId": w3.eth.chain_id, "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    )
    w3.eth.send_raw_transaction(raw)
    code, out, _ = importing("--chain", "embedded", says="1\n")
    assert code == 0 and out.count("0.5 ether") == 1 and out.count("0 ether") >= 9


def test_a_node_that_is_down_does_not_stop_the_choice(importing: Import) -> None:
    code, _, err = importing("--chain", "anvil", "--rpc", "http://127.0.0.1:9", says="1\n")
    assert (code, kept()) == (0, [SECOND]) and "does not answer" in err


def test_where_nobody_is_asked_the_address_is_an_option(importing: Import) -> None:
    code, out, _ = importing("--json")
    error = json.loads(out)["error"]
    assert (code, error["kind"], kept()) == (2, "usage", []) and "--index 0" in error["hint"]
    for option in (("--index", "1"), ("--path", "m/44h/60h/0h/0/1")):
        result = json.loads(importing("--json", *option)[1])["result"]
        assert (result["address"], result["derivation"]) == (SECOND, "m/44'/60'/0'/0/1")
    assert kept() == [SECOND]


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (("--index", "1", "--path", "m/0"), ANVIL_MNEMONIC, "exclude each other"),
        (("--index", "1"), "0x" + "5a" * 32, "for a mnemonic"),
        (("--path", "m/x"), ANVIL_MNEMONIC, "no path of a mnemonic"),
        ((), ANVIL_MNEMONIC.replace("junk", "jnuk"), "number 12 cannot be"),
        ((), ANVIL_MNEMONIC.replace("junk", "test"), "checksum is wrong"),
        (("--index", "0"), "test junk", "not 2"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_quotes_no_word(
    words: tuple[str, ...], text: str, said: str, importing: Import
) -> None:
    code, out, err = importing(*words, text=text, says="0\n")
    assert code in (2, 4) and said in err and kept() == []
    assert not {"jnuk", "test", "5a5a"} & set((out + err).split())


@pytest.mark.parametrize(
    "named", [("0x" + "5a" * 32,), (ANVIL_MNEMONIC,), tuple(ANVIL_MNEMONIC.split())]
)
def test_a_secret_in_the_place_of_a_file_is_refused_and_not_repeated(
    named: tuple[str, ...], importing: Import
) -> None:
    code, out, err = importing(named=named)
    assert code == 4 and "never typed into the command" in err
    assert not {"test", "junk"} & set((out + err).split()) and "5a5a" not in out + err
    code, _, err = importing(named=("my", "key.txt"))
    assert code == 2 and "one file is taken in at a time" in err


@pytest.mark.parametrize("content", [b"p\xe4ssword of mine", None])
def test_a_password_file_that_cannot_be_read_is_one_sentence_and_not_quoted(
    content: bytes | None, importing: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a file the variable may hold the password itself.
    file = tmp_path / "hunter2hunter"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("NFTGAN_PASSWORD_FILE", str(file))
    code, out, err = importing("--index", "0")
    assert (code, kept()) == (4, []) and "that NFTGAN_PASSWORD_FILE names cannot be read" in err
    assert "hunter2" not in out + err
