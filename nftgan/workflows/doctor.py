"""doctor: one check per thing that can be missing, each with the act that mends it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from nftgan.errors import NftganError
from nftgan.project import state_home

Verdict = Literal["ok", "warn", "fail"]
MIN_FREE_BYTES = 2 << 30


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do when it is not well."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


def doctor(*, offline: bool = False) -> Iterator[Check]:
    """The checks one by one, in the order of the pipeline; none of them changes anything.

    `offline` leaves out what asks a node or a daemon. A check that breaks is itself a `fail`.
    """
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("python", _python),
        ("packages", _packages),
        ("torch", _torch),
        ("device", _device),
        ("compiler", _compiler),
        ("disk", _disk),
        ("state folder", _state_folder),
        ("embedded chain", _embedded_chain),
        ("wallet", _wallet),
    ]
    if not offline:
        checks += [("rpc node", _rpc), ("ipfs daemon", _kubo)]
    for name, check in checks:
        try:
            yield check()
        except Exception as exc:
            message = (
                exc.message if isinstance(exc, NftganError) else f"{type(exc).__name__}: {exc}"
            )
            hint = exc.hint if isinstance(exc, NftganError) else None
            yield Check(name, "fail", message, hint or "install nftgan again: pip install nftgan")


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", "ok", found)


def _packages() -> Check:
    names = ["web3", "py-evm", "ipfshttpclient", "safetensors", "pillow", "numpy"]
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return Check("packages", "ok", found)


def _torch() -> Check:
    import torch

    found = f"{torch.__version__}, {torch.get_num_threads()} threads"
    return Check("torch", "ok", found)


def _device() -> Check:
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return Check("device", "ok", f"{name}, {memory:.0f} GiB")
    return Check(
        "device", "warn", "no GPU: everything works on the processor", "train with --preset tiny"
    )


def _compiler() -> Check:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler:
        return Check("compiler", "ok", compiler)
    return Check(
        "compiler", "warn", "no C++ compiler: the slower PyTorch formulation is used", "install g++"
    )


def _disk() -> Check:
    folder = next(p for p in (state_home(), *state_home().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:.1f} GiB free at {folder}"
    if free < MIN_FREE_BYTES:
        return Check("disk", "warn", found, "free some space, or move the state with NFTGAN_HOME")
    return Check("disk", "ok", found)


def _state_folder() -> Check:
    home = state_home()
    existing = next(p for p in (home, *home.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        return Check("state folder", "fail", f"{home} cannot be written", "set NFTGAN_HOME")
    return Check("state folder", "ok", str(home))


def _embedded_chain() -> Check:
    version = importlib.metadata.version("py-evm")
    path = state_home() / "chain.sqlite"
    if not path.exists():
        return Check("embedded chain", "ok", f"py-evm {version}; begins at the first deploy")
    import sqlite3

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        answer = database.execute("PRAGMA quick_check").fetchone()[0]
    database.close()
    if answer != "ok":
        return Check("embedded chain", "fail", f"{path}: {answer}", f"move {path} away")
    return Check("embedded chain", "ok", f"py-evm {version}, {path}")


def _wallet() -> Check:
    folder = state_home() / "keystore"
    files = sorted(folder.glob("*")) if folder.is_dir() else []
    if not files:
        return Check(
            "wallet", "warn", "no key: only the embedded chain can be used", "nftgan wallet create"
        )
    loose = [p.name for p in files if p.stat().st_mode & 0o077]
    if loose:
        return Check("wallet", "fail", f"others may read {loose[0]}", f"chmod 600 {folder}/*")
    return Check("wallet", "ok", f"{len(files)} in {folder}")


def _answers(url: str, method: str = "GET", body: bytes | None = None) -> bool:
    from nftgan.http import HttpClient, HttpFault

    headers = {"Content-Type": "application/json"} if body else {}
    try:
        client = HttpClient(url, timeout=(3, 3), headers=headers)
        with client.open(method, url, body=body) as response:
            return response.status == 200
    except (HttpFault, ValueError):
        return False


def _rpc() -> Check:
    url = os.environ.get("NFTGAN_RPC_URL") or os.environ.get("ETH_RPC_URL")
    if not url:
        return Check("rpc node", "ok", "none set; the embedded chain needs none")
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
    if _answers(url, "POST", body):
        return Check("rpc node", "ok", "answers")
    return Check("rpc node", "fail", "does not answer", "check NFTGAN_RPC_URL")


def _kubo() -> Check:
    if _answers("http://127.0.0.1:5001/api/v0/version", "POST", b""):
        return Check("ipfs daemon", "ok", "answers on 127.0.0.1:5001")
    return Check("ipfs daemon", "ok", "none on 127.0.0.1:5001; the embedded store needs none")


def summary(checks: list[Check]) -> dict[str, int]:
    """How many checks ended ok, warn and fail."""
    return {
        verdict: sum(c.verdict == verdict for c in checks) for verdict in ("ok", "warn", "fail")
    }
