"""Hostile journals, records and nodes through a whole `mint`: only what was planned is signed.

    python -m tests.campaigns.mint_fuzz --cases 300 --seed 0

Each case restores a small collection that is deployed on the embedded chain, some of its tokens
minted, changes its journals, its records or the answers of the node, and mints. Only mints of these
very pieces, to the account that pays, may be signed or sent, for no more a unit of gas than the
plan says; nothing but an error of nftgan may be raised; a mint that says that it is done has done
it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from eth_account import Account as Local

from nftgan.chain import operations
from nftgan.chain.accounts import Account, embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.embedded import EmbeddedChain
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import Connection, connect
from nftgan.chain.signed import SignedTransaction
from nftgan.cli.main import app
from nftgan.collection.manifest import Manifest
from nftgan.errors import NftganError
from nftgan.project import Project
from nftgan.workflows.mint import Minting
from nftgan.workflows.publishing import ChainChoice
from tests.campaigns.verify_fuzz import damage, twisted
from tests.damage import NASTY, twist

MOST_SECONDS = 60
THIEF = Account(Local.from_key("0x" + "7" * 64))
SHARES = {"bytes": 3, "values": 4, "lines": 4, "signed": 3, "records": 3, "answers": 4}


class Lie(AssertionError):
    """Something was signed or sent that was not planned, or said to be done that is not."""


class Campaign:
    def __init__(self, folder: Path, seed: int, *, deployed: bool = False) -> None:
        """deployed: `folder` holds the collection birds and its home already, none minted."""
        self.folder, self.seed = folder, seed
        self.home, self.project = folder / "home", Project(folder / "birds")
        os.environ["NFTGAN_HOME"] = str(self.home)
        where = ("-C", str(self.project.root))
        if not deployed:
            run("init", "birds", "--in", str(folder))
            run("curate", *where, "-m", "base", "--pick", "3,8,15")
            run("render", *where)
            run("metadata", *where)
            run("deploy", *where, "--force")
        self.stages = [self._kept("0")]
        run("mint", *where, "--force", "--tokens", "0")
        self.stages.append(self._kept("1"))
        run("mint", *where, "--force")
        self.stages.append(self._kept("3"))
        self.me = embedded_account().address
        self.seeds = Manifest.load(self.project.manifest_path).seeds
        record = json.loads(next(self.project.deployments.glob("*.json")).read_text())
        self.address, self.chain_id = record["collection"], record["chain_id"]
        self.verdicts: dict[str, Counter[str]] = {kind: Counter() for kind in SHARES}
        self.slowest_seconds = 0.0
        self.most_fee_wei = 0
        quick = replace(operations.Timing.of(CHAINS["embedded"]), poll=0.001, give_up=1, outage=1)
        self.quick = quick

    # ---- the stage

    def _kept(self, name: str) -> Path:
        """All that a mint may change, put by."""
        place = self.folder / f"stage-{name}"
        (place / "home").mkdir(parents=True)
        for path in self.home.glob("chain.sqlite*"):  # its write-ahead log too
            shutil.copy2(path, place / "home" / path.name)
        shutil.copytree(self.project.deployments, place / "deployments")
        for path in self.project.root.glob("mint-*.jsonl"):
            shutil.copy2(path, place / path.name)
        return place

    def restore(self, stage: Path) -> None:
        for path in self.home.glob("chain.sqlite*"):
            path.unlink()
        for path in (stage / "home").iterdir():
            shutil.copy2(path, self.home / path.name)
        for name in ("deployments", "sales"):
            shutil.rmtree(self.project.root / name, ignore_errors=True)
        shutil.copytree(stage / "deployments", self.project.deployments)
        for path in self.project.root.glob("mint-*.jsonl"):
            path.unlink()
        for path in stage.glob("mint-*.jsonl"):
            shutil.copy2(path, self.project.root / path.name)

    # ---- one case

    def run(self, number: int) -> str:
        """What became of the case; raises Lie, or what nftgan should not have raised."""
        rng = random.Random(f"{self.seed} {number}")
        kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
        self.restore(rng.choice(self.stages))
        lie = getattr(self, kind)(rng)
        started = time.monotonic()
        try:
            with self.watched(), lie or contextlib.nullcontext():
                done = self.mint(rng)
        except NftganError as exc:
            if exc.exit_code == 1:
                raise
            verdict = f"error {exc.exit_code}"
        else:
            verdict = f"minted {done}"
            if kind != "answers":  # who lies about the chain can say that it is done
                self.must_be_done(done)
        self.verdicts[kind][verdict] += 1
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - started)
        return verdict

    def mint(self, rng: random.Random) -> int:
        tokens = rng.choice((None, None, (0, 1), (1,), (2,)))
        work = Minting(
            self.project,
            ChainChoice(),
            to=None,
            tokens=tokens,
            prompt=str,
            warn=lambda text: None,
            force=True,
        )
        plan = work.plan()
        self.most_fee_wei = plan.max_fee_wei
        if plan.to != self.me or plan.contract != self.address:
            raise Lie(f"the plan is to mint into {plan.contract} for {plan.to}")
        return work.run(plan).minted

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Whatever is signed or sent must be one of the mints that the pieces can have."""
        sign, request = Account.sign, EmbeddedChain.make_request
        self.most_fee_wei = 0

        def signing(account: Account, call: dict[str, Any]) -> Any:
            if int(call["maxFeePerGas"]) > self.most_fee_wei:
                raise Lie(f"signed for {call['maxFeePerGas']} wei a unit, {self.most_fee_wei} said")
            self.allow(str(call.get("to")), int(call.get("value", 0)), bytes(call["data"]))
            return sign(account, call)

        def asking(chain: EmbeddedChain, method: Any, params: Any) -> Any:
            if str(method) in ("eth_sendRawTransaction", "eth_sendTransaction"):
                sent = SignedTransaction.decode(str(params[0]))
                self.allow(str(sent.to), sent.value_wei, sent.data)
                if sent.sender != self.me:
                    raise Lie(f"a transaction of {sent.sender} was sent")
            return request(chain, method, params)

        with (
            mock.patch.object(Account, "sign", signing),
            mock.patch.object(EmbeddedChain, "make_request", asking),
            mock.patch.object(operations.Timing, "of", staticmethod(lambda chain: self.quick)),
        ):
            yield

    def allow(self, to: str, value: int, data: bytes) -> None:
        wanted = [
            self.collection(None).mint_data(first, self.me, self.seeds[first:end])
            for first in range(3)
            for end in range(first + 1, 4)
        ]
        if to != self.address or value or data not in wanted:
            raise Lie(f"a transaction to {to} with {value} wei and {data.hex()[:200]}")

    def collection(self, connection: Connection | None) -> Collection:
        if connection is None:
            if not hasattr(self, "_still"):
                self._still = Collection(connect(CHAINS["embedded"]), self.address)
            return self._still
        return Collection(connection, self.address)

    def must_be_done(self, done: int) -> None:
        found = self.collection(connect(CHAINS["embedded"]))
        if found.next_token_id() < done:
            raise Lie(f"{done} tokens are said to be minted")
        for token, seed in found.seeds().items():
            if seed != self.seeds[token] or found.owner_of(token) != self.me:
                raise Lie(f"token {token} has seed {seed} and belongs to {found.owner_of(token)}")

    # ---- kinds: each changes files, or gives what to mint within

    def _journals(self) -> list[Path]:
        return [
            *self.project.root.glob("mint-*.jsonl"),
            *self.project.deployments.glob("*.jsonl"),
        ]

    def _mint_journal(self) -> Path:
        return self.project.root / f"mint-{self.chain_id}.jsonl"

    def bytes(self, rng: random.Random) -> None:
        path = rng.choice([*self._journals(), *self.project.deployments.glob("*.json")])
        data = bytearray(path.read_bytes())
        for _ in range(rng.choice((1, 1, 2, 8))):
            damage(data, rng)
        path.write_bytes(bytes(data))

    def values(self, rng: random.Random) -> None:
        path = rng.choice(self._journals())
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for _ in range(rng.choice((1, 1, 2, 4))):
            twist(rng.choice(lines), rng)
        self._write(path, lines)

    def lines(self, rng: random.Random) -> None:
        """Lines that are whole, and say what never happened."""
        path = self._mint_journal()
        lines = self._lines(path)
        first, count = rng.choice(((0, 1), (1, 2), (0, 3), (2, 1), (1, 50), (3, 1), (0, 0)))
        name = f"mint {first}-{first + count - 1}"
        to = rng.choice((self.me, THIEF.address))
        plan = {"operation": name, "first": first, "count": count, "to": to, "data": "0" * 64}
        place = {"operation": name, "hash": "0x" + "1" * 64, "block": rng.choice((0, 3, 10**9))}
        made: list[dict[str, Any]] = [
            {"plan": plan},
            {"mined": place},
            {"final": {**place, "gas": 1, "fee_wei": 1}},
            {"final": {**place, "gas": 1, "fee_wei": 1, "rule": "finalized"}},
            {"undone": {"operation": name}},
            *({key: value} for line in lines for key, value in line.items()),
        ]
        for _ in range(rng.choice((1, 2, 3, 6))):
            lines.insert(rng.randrange(len(lines) + 1), json.loads(json.dumps(rng.choice(made))))
        if rng.random() < 0.3 and len(lines) > 1:
            lines.pop(rng.randrange(len(lines)))
        self._write(path, lines)

    def signed(self, rng: random.Random) -> None:
        """Transactions that are truly signed: by a thief, or by the artist for something else."""
        path = self._mint_journal()
        lines = self._lines(path)
        who = rng.choice((THIEF, embedded_account()))
        to, value, data = rng.choice(
            [
                (THIEF.address, 10**17, b""),
                (
                    self.address,
                    0,
                    self.collection(None).mint_data(1, THIEF.address, self.seeds[1:]),
                ),
                (self.address, 0, self.collection(None).mint_data(1, self.me, (1, 2))),
                (self.address, 0, self.collection(None).transfer_ownership_data(THIEF.address)),
                (self.address, 0, self.collection(None).mint_data(1, self.me, self.seeds[1:])),
            ]
        )
        nonce = rng.choice((0, 1, 3, 4, 5, 6, 7, 2**64 - 1))
        call = {"to": to, "value": value, "data": data, "nonce": nonce, "gas": 500_000, "type": 2}
        call |= {"chainId": self.chain_id, "maxFeePerGas": 10**12, "maxPriorityFeePerGas": 1}
        raw, digest = who.sign(call)
        name = rng.choice(("mint 1-2", "mint 0-2", "mint 0-0"))
        first = int(name[5])
        lines += [
            {
                "plan": {
                    "operation": name,
                    "first": first,
                    "count": int(name[7]) - first + 1,
                    "to": self.me,
                }
            },
            {
                "attempt": {
                    "operation": name,
                    "nonce": nonce,
                    "hash": digest,
                    "raw": "0x" + raw.hex(),
                    "max_fee_wei": 10**12,
                    "tip_wei": 1,
                    "gas": 500_000,
                }
            },
        ]
        if rng.random() < 0.3:
            lines.append({"mined": {"operation": name, "hash": digest, "block": 1}})
        self._write(path, lines)

    def records(self, rng: random.Random) -> None:
        (path,) = self.project.deployments.glob("*.json")
        record = json.loads(path.read_text())
        for _ in range(rng.choice((1, 1, 2, 4))):
            twist(record, rng)
        if rng.random() < 0.2:
            record["collection"] = rng.choice((THIEF.address, *map(str, NASTY[:20])))
        path.write_text(json.dumps(record), encoding="utf-8", errors="replace")
        if rng.random() < 0.3:
            sales = self.project.sales
            sales.mkdir(exist_ok=True)
            sale: Any = {
                "terms": {},
                "closed": False,
                "closing": False,
                "first": 0,
                "owner": self.me,
            }
            twist(sale, rng)
            (sales / f"{self.chain_id}-{rng.choice((1, 10**30))}.json").write_text(json.dumps(sale))

    def answers(self, rng: random.Random) -> contextlib.AbstractContextManager[Any]:
        """A node that lies now and then; what it says of the chain is believed, not more."""
        often = rng.random() ** 2 * 0.3
        honest = EmbeddedChain.make_request

        def lying(chain: EmbeddedChain, method: Any, params: Any) -> Any:
            answer = honest(chain, method, params)
            return twisted(answer, rng) if rng.random() < often else answer

        # Below what watches, which sees all that is sent.
        return _below(lying)

    def _lines(self, path: Path) -> list[dict[str, Any]]:
        if path.exists():
            return [json.loads(line) for line in path.read_text().splitlines()]
        header = {
            "journal": 1,
            "chain_id": self.chain_id,
            "genesis": json.loads(next(self.project.deployments.glob("*.json")).read_text())[
                "genesis"
            ],
            "sender": self.me,
            "contract": self.address,
        }
        return [{"header": header}]

    def _write(self, path: Path, lines: list[Any]) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        path.write_text(text, encoding="utf-8", errors="replace")

    # ---- all

    def all(self, cases: int, say: Callable[[str], None]) -> None:
        for number in range(cases):
            try:
                self.run(number)
            except BaseException:
                say(f"case {number} of seed {self.seed}:")
                raise
            if number % 50 == 49:
                say(f"{number + 1:,} cases, slowest {self.slowest_seconds:.1f} s")
        for kind, verdicts in self.verdicts.items():
            shown = ", ".join(f"{name} {count:,}" for name, count in verdicts.most_common())
            say(f"{kind}: {shown}")
        assert self.slowest_seconds < MOST_SECONDS


@contextlib.contextmanager
def _below(lying: Callable[..., Any]) -> Iterator[None]:
    outer = EmbeddedChain.make_request

    def asking(chain: EmbeddedChain, method: Any, params: Any) -> Any:
        if str(method) in ("eth_sendRawTransaction", "eth_sendTransaction"):
            return outer(chain, method, params)
        return lying(chain, method, params)

    with mock.patch.object(EmbeddedChain, "make_request", asking):
        yield


def run(*words: str) -> None:
    try:
        app([*words, "--json", "--quiet"], standalone_mode=False)
    except SystemExit as left:
        assert left.code == 0, words


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ):
        Campaign(Path(folder), options.seed).all(
            options.cases, lambda text: print(text, flush=True)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
