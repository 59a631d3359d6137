"""Keys, passwords and API keys: in no output, log, file or process list, however a verb fails."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import import_wallet
from tests.chain import faults
from tests.chain.faults import BadNode
from tests.workflows.typed import PROGRAM, Desk

KEY, STORED_KEY = "5a" * 32, "c3" * 32
PASSWORD, API_KEY = "pa55-w0rd-nobody-knows", "s3cr3tApiKey0123456789"
SECRETS = {"key": KEY, "stored key": STORED_KEY, "password": PASSWORD, "API key": API_KEY}
BLOCK = {"hash": "0x" + "11" * 32, "number": "0x0", "gasLimit": "0x1c9c380"}
ANSWERS: dict[str, Any] = {
    "eth_chainId": "0x7a69",
    "eth_getBlockByNumber": BLOCK,
    "eth_blockNumber": "0x5",
    "eth_feeHistory": {"baseFeePerGas": ["0x7"] * 6, "gasUsedRatio": [0.5] * 5, "reward": []},
    "eth_getBalance": "0x0",
    "eth_getTransactionCount": "0x0",
    "eth_estimateGas": "0x10000",
    "eth_getCode": "0x",
}


def quoting(method: str, params: list[Any]) -> dict[str, Any]:
    """A node that works up to a point, and quotes the key of its address when it refuses."""
    if method in ANSWERS:
        return {"result": ANSWERS[method]}
    return {"error": {"code": -32000, "message": f"project {API_KEY} may not call {method}"}}


@dataclass
class Witness:
    """Runs verbs and keeps all that could be seen of them."""

    desk: Desk
    home: Path
    seen: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, stop: float | None = None, **environment: str) -> int:
        """One command with its output kept; `stop`: Ctrl-C after so many seconds."""
        process = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=self.desk.folder,
            env={**self.desk.environment, "HOME": str(self.home), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        listed, began = set(), time.monotonic()
        while process.poll() is None:
            for path in Path(f"/proc/{process.pid}").glob("task/*/children"):
                with contextlib.suppress(OSError):  # a thread or a child that has just ended
                    for child in [str(process.pid), *path.read_text().split()]:
                        listed.add(Path(f"/proc/{child}/cmdline").read_bytes().decode())
            if stop is not None and time.monotonic() - began > stop:
                process.send_signal(signal.SIGINT)
                stop = None
            time.sleep(0.02)
        name = f"{len(self.seen)}: {' '.join(words)}"
        assert process.stdout is not None
        self.seen[name] = process.stdout.read()
        self.seen[f"{name}, as ps lists it"] = "\n".join(sorted(listed))
        process.stdout.close()
        return process.returncode

    def files(self) -> Iterator[tuple[str, str]]:
        for folder in (self.desk.folder, self.home):
            for path in folder.rglob("*"):
                if path.is_file():
                    yield str(path), path.read_bytes().decode("latin-1")


@pytest.fixture
def witness(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Witness:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.curated("3,8")
    desk.type("pin", "-C", str(desk.collection))
    monkeypatch.setattr(faults, "SLOW_SECONDS", 3.0)
    return Witness(desk, tmp_path_factory.mktemp("person"))


@pytest.mark.slow
def test_no_secret_leaves_a_failing_deploy_or_mint(
    witness: Witness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(witness.desk.folder / "home"))
    monkeypatch.delenv("NFTGAN_PRIVATE_KEY", raising=False)
    import_wallet(STORED_KEY, PASSWORD)
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    wrong = tmp_path / "wrong"
    wrong.write_text(PASSWORD[:-1])
    fault: str | None = None
    bad = BadNode(quoting, lambda method, params: fault)
    debug = ["-C", str(witness.desk.collection), "--chain", "anvil", "--yes", "--debug", "-v"]
    key, codes = {"NFTGAN_PRIVATE_KEY": "0x" + KEY}, []
    with bad.running() as node:
        in_path, in_query = f"{node}/v3/{API_KEY}", f"{node}?apikey={API_KEY}"
        in_user = node.replace("http://", f"http://user:{API_KEY}@")
        stored = {"NFTGAN_PASSWORD_FILE": str(password), "ETH_RPC_URL": in_user}
        mistaken = {**stored, "NFTGAN_PASSWORD_FILE": str(wrong)}
        codes.append(witness.run("deploy", *debug, **key, NFTGAN_RPC_URL=in_path))  # no money
        codes.append(witness.run("mint", *debug, "--json", **key, NFTGAN_RPC_URL=in_query))
        codes.append(witness.run("deploy", *debug, "--json", **mistaken))
        monkeypatch.setitem(ANSWERS, "eth_getBalance", hex(10**20))
        codes.append(witness.run("deploy", *debug, **stored))  # refused when it asks for a receipt
        fault = "bad header"
        codes.append(witness.run("deploy", *debug, **key, NFTGAN_RPC_URL=in_path))
        fault = "slow"
        witness.run("deploy", *debug, stop=4.0, **stored)
    codes.append(witness.run("deploy", *debug, **key, NFTGAN_RPC_URL=in_path))  # nobody there
    assert 0 not in codes and 1 not in codes and {2, 4, 5} <= set(codes), codes
    output = "\n".join(witness.seen.values())
    assert "Traceback" in output and "--debug" in output and "127.0.0.1" in output
    everything = {**witness.seen, **dict(witness.files())}
    assert any("keystore" in where for where in everything)
    assert sum(map(len, everything.values())) > 10_000
    for name, secret in SECRETS.items():
        for where, text in everything.items():
            assert secret.lower() not in text.lower(), f"{name} in {where}"
