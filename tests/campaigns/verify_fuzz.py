"""Hostile documents, shards, PNGs, answers of a node and journals: nothing false is ever proven.

    python -m tests.campaigns.verify_fuzz --cases 10000 --seed 0

Each case changes something of an honest collection on the embedded chain and verifies token 1 in
this process. A token that is proven must have the genuine image behind its link, the seed of its
mint and the genuine recipe, and its metadata must be found by readers that look names up in other
ways than we do. Nothing but an error of nftgan may be raised; time and memory are bounded.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import random
import resource
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from nftgan.chain.journal import Journal
from nftgan.errors import NftganError
from nftgan.files import canonical_json
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import (
    DIRECTORY,
    FILE,
    SHARD,
    Link,
    UnixFs,
    decode_node,
    decode_unixfs,
    encode_node,
    encode_unixfs,
)
from nftgan.ipfs.hamt import build_shards, hash_path
from nftgan.provenance.models import Limits
from nftgan.provenance.verify import Verifier
from nftgan.provenance.whole import collection_checks
from tests.damage import NASTY, twist
from tests.png_chunks import chunk, chunks
from tests.provenance.stage import Moved, Stage

TOKEN = 1
MOST_SECONDS = 60
MOST_BYTES = 1 << 30
LIMITS = Limits(pieces=1_000, model_bytes=8 << 20, image_pixels=1 << 20, render_seconds=20)
SHARES = {"documents": 8, "shards": 5, "pngs": 5, "answers": 1, "journals": 1}

CHUNKS = [
    *(b"iCCP", b"gAMA", b"cHRM", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT"),
    *(b"PLTE", b"IDAT", b"IHDR", b"IEND", b"tEXt", b"zTXt", b"bKGD", b"sBIT"),
]


class Lie(AssertionError):
    """Something false was proven."""


@dataclass
class Tally:
    """What became of the cases of one kind."""

    verdicts: Counter[str] = field(default_factory=Counter)
    stumbles: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0


class Campaign:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        torch.set_num_threads(1)  # the images are small; threads would wait for each other
        self.stage = Stage(folder)
        honest = self.stage.verifier(limits=LIMITS)
        report = honest.verify(TOKEN)
        assert report.passed, report
        keep = ("code", "supply", "seeds", "loaded")
        self.known = {k: v for k, v in honest._cache.items() if k in keep or k.startswith("model ")}
        loaded = self.known["loaded"]
        loaded.render_checked = functools.lru_cache(64)(loaded.render_checked)
        self.blocks = dict(self.stage.blocks)
        self.journal = (folder / "stage.jsonl").read_bytes()
        self.request = self.stage.connection.w3.provider.make_request
        self.tallies = {kind: Tally() for kind in SHARES}
        self.current = Tally()

    # ---- one case

    def run(self, number: int) -> str:
        """The kind of the case; raises Lie, or what nftgan should not have raised."""
        rng = random.Random(f"{self.seed} {number}")
        kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
        self.current = tally = self.tallies[kind]
        started = time.monotonic()
        self.stage.blocks.clear()
        self.stage.blocks.update(self.blocks)
        try:
            tally.verdicts[getattr(self, kind)(rng)] += 1
        except NftganError as exc:
            tally.verdicts[f"error {exc.exit_code}"] += 1
            if exc.exit_code == 1:
                raise
        tally.slowest_seconds = max(tally.slowest_seconds, time.monotonic() - started)
        return kind

    def verified(self, base_uri: str, known: bool = True) -> str:
        stage = self.stage
        verifier = stage.verifier(base_uri, limits=LIMITS)
        if known:
            verifier._cache.update(self.known)
            verifier.collection = _quick(verifier.collection)
        report = verifier.verify(TOKEN)
        whole = collection_checks(verifier, measured=False)
        for check in (*report.links, *whole):
            if "cannot cope" in check.found:
                self.current.stumbles[check.found] += 1
        if report.failed or any(check.failed for check in whole):
            return "broken"
        if not report.passed:
            return "unchecked"
        self.must_be_true(verifier)
        return "proven"

    def must_be_true(self, verifier: Verifier) -> None:
        """What was proven, looked at by other means."""
        stage, uri = self.stage, verifier.base_uri
        root, _, path = uri.removeprefix("ipfs://").partition("/")
        names = [*filter(None, path.split("/")), f"{TOKEN}.json"]
        found = {reader(stage.blocks, Cid.parse(root), names) for reader in (by_bits, by_prefix)}
        if len(found) != 1:
            raise Lie(f"readers disagree about {uri}: {found}")
        data = whole_file(stage.blocks, found.pop())
        document = json.loads(data)
        own = document["nftgan"]
        if own["seed"] != stage.seeds[TOKEN] or own["recipe"] != stage.recipe.to_json():
            raise Lie(f"seed or recipe of {data[:300]!r}")
        image, _, path = document["image"].removeprefix("ipfs://").partition("/")
        cid = by_bits(stage.blocks, Cid.parse(image), path.split("/"))
        if whole_file(stage.blocks, cid) != stage.pngs[TOKEN]:
            raise Lie(f"the image {document['image']} is another file")

    # ---- kinds

    def documents(self, rng: random.Random) -> str:
        files: list[Any] = list(self.stage.documents)
        if rng.random() < 0.4:
            data = bytearray(canonical_json(files[TOKEN]))
            for _ in range(rng.choice((1, 1, 2, 8))):
                damage(data, rng)
            files[TOKEN] = bytes(data)
        else:
            document = json.loads(json.dumps(files[TOKEN]))
            for _ in range(rng.choice((1, 1, 2, 3))):
                twist(document, rng)
            try:
                files[TOKEN] = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
            except RecursionError:
                files[TOKEN] = b"[" * 100_000
        if rng.random() < 0.1:  # of another token
            files[2], files[TOKEN] = files[TOKEN], self.stage.documents[TOKEN]
            if isinstance(files[2], dict):
                files[2] = canonical_json(files[2])
        return self.verified(self.stage.folder(files))

    def shards(self, rng: random.Random) -> str:
        stage, blocks = self.stage, self.stage.blocks
        names = [f"{i}.json" for i in range(4)] + [f"x{i}" for i in range(rng.choice((0, 9, 300)))]
        other = json.loads(json.dumps(stage.documents[TOKEN]))
        other["name"] = "Another"
        evil = put(blocks, canonical_json(other), RAW)
        links = []
        for i, name in enumerate(names):
            data = canonical_json(stage.documents[i]) if i < 4 else name.encode()
            links.append(Link(name, put(blocks, data, RAW), len(data)))
        if rng.random() < 0.3:
            root = put(blocks, encode_node(sorted(links, key=lambda k: k.name), _folder()), DAG_PB)
        else:
            root = build_shards(links, lambda data: Link("", put(blocks, data, DAG_PB), 0)).cid
        root = self.forged(root, evil, rng, rng.choice((1, 1, 2)))
        return self.verified(f"ipfs://{root}/")

    def forged(self, root: Cid, evil: Cid, rng: random.Random, depth: int) -> Cid:
        """The folder with something wrong in it, or in a shard below it."""
        blocks = self.stage.blocks
        node = decode_node(blocks[root])
        links, record = list(node.links), decode_unixfs(node.data)
        inner = [i for i, link in enumerate(links) if link.cid.codec == DAG_PB]
        if depth > 1 and inner:
            at = rng.choice(inner)
            cid = self.forged(links[at].cid, evil, rng, depth - 1)
            links[at] = replace(links[at], cid=cid)
        else:
            for _ in range(rng.choice((0, 1, 1, 2))):
                record = mislead(links, record, evil, rng)
        data = bytearray(encode_node(links, encode_unixfs(record)))
        if rng.random() < 0.2:
            damage(data, rng)
        return put(blocks, bytes(data), DAG_PB)

    def pngs(self, rng: random.Random) -> str:
        png = self.stage.pngs[TOKEN]
        parts = chunks(png)
        for _ in range(rng.choice((0, 1, 1, 2))):
            at = rng.randrange(len(parts) + 1)
            match rng.randrange(5):
                case 0:
                    kind = rng.choice(CHUNKS)
                    parts.insert(at, (kind, rng.randbytes(rng.choice((0, 1, 3, 4, 13, 32, 768)))))
                case 1 if parts:
                    parts.pop(at % len(parts))
                case 2 if parts:
                    parts.insert(at, parts[at % len(parts)])
                case 3 if parts:
                    parts.insert(at, parts.pop(at % len(parts)))
                case 4 if parts:
                    kind, content = parts[at % len(parts)]
                    raw = bytearray(content)
                    if kind == b"IDAT" and rng.random() < 0.5:
                        raw = bytearray(zlib.compress(zlib.decompress(png_data(png)), 9))
                    else:
                        damage(raw, rng)
                    parts[at % len(parts)] = (kind, bytes(raw))
        data = bytearray(png[:8] + b"".join(chunk(*part) for part in parts))
        if rng.random() < 0.2:
            damage(data, rng)
        link = self.stage.image(bytes(data))
        if rng.random() < 0.1:  # in pieces, whose sizes may be wrong
            link = self.in_pieces(bytes(data), rng)
        moved = self.stage.changed(lambda one: one.update(image=link), TOKEN)
        return self.verified(moved)

    def in_pieces(self, data: bytes, rng: random.Random) -> str:
        blocks, at = self.stage.blocks, rng.randrange(1, max(2, len(data)))
        leaves = [put(blocks, part, RAW) for part in (data[:at], data[at:])]
        sizes = [at, len(data) - at]
        if rng.random() < 0.5:
            sizes[rng.randrange(2)] += rng.choice((-1, 1, 1 << 40))
        sizes = [abs(size) for size in sizes]
        record = UnixFs(FILE, b"", len(data), tuple(sizes))
        file = put(
            blocks, encode_node([Link("", one, 0) for one in leaves], encode_unixfs(record)), DAG_PB
        )
        node = encode_node([Link(f"{TOKEN}.png", file, 0)], _folder())
        return f"ipfs://{put(blocks, node, DAG_PB)}/{TOKEN}.png"

    def answers(self, rng: random.Random) -> str:
        """A node is believed about the chain; it must not be able to stop or crash us."""
        provider = self.stage.connection.w3.provider
        broken = rng.random() * 0.2

        def lying(method: Any, params: Any) -> Any:
            answer = self.request(method, params)
            if rng.random() > broken:
                return answer
            return twisted(answer, rng)

        provider.make_request = lying
        provider._request_func_cache = (None, None)  # web3.py keeps the one that it saw first
        try:
            return self.verified(self.stage.args.base_uri, known=False)
        finally:
            provider.make_request = self.request
            provider._request_func_cache = (None, None)

    def journals(self, rng: random.Random) -> str:
        data = bytearray(self.journal)
        for _ in range(rng.choice((1, 1, 3, 20))):
            damage(data, rng)
        path = self.folder / "hostile.jsonl"
        path.write_bytes(bytes(data))
        journal = Journal.read(path)
        for operation in (*journal.plans, *journal.attempts):
            journal.state(operation)
        return "read"

    # ---- all

    def all(self, cases: int, say: Callable[[str], None]) -> None:
        for number in range(cases):
            try:
                self.run(number)
            except BaseException:
                say(f"case {number} of seed {self.seed}:")
                raise
            if number % 500 == 499:
                say(f"{number + 1:,} cases, {peak_bytes() >> 20:,} MiB")
        for kind, tally in self.tallies.items():
            shown = ", ".join(f"{name} {count:,}" for name, count in tally.verdicts.most_common())
            say(f"{kind}: {shown}; slowest {tally.slowest_seconds:.1f} s")
            for words, count in tally.stumbles.items():
                say(f"  {count} times: {words}")
            assert tally.slowest_seconds < MOST_SECONDS, kind
        assert peak_bytes() < MOST_BYTES, f"{peak_bytes():,} bytes"


def _quick(collection: Any) -> Any:
    """The same collection; the chain, which does not change, is asked once."""
    assert isinstance(collection, Moved)
    if not _KNOWN:
        _KNOWN.append(functools.lru_cache(maxsize=None)(collection._call))
        _KNOWN.append(functools.lru_cache(maxsize=None)(collection.owner_of))
    call, owner_of = _KNOWN
    original = collection._call

    def cached(function: str, *words: Any) -> Any:
        return (original if function == "verifyPiece" else call)(function, *words)

    collection._call = cached  # type: ignore[method-assign]
    collection.owner_of = owner_of  # type: ignore[method-assign]
    return collection


_KNOWN: list[Any] = []


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def put(blocks: dict[Cid, bytes], data: bytes, codec: int) -> Cid:
    cid = Cid.of(data, codec)
    blocks[cid] = data
    return cid


def _folder() -> bytes:
    return encode_unixfs(UnixFs(DIRECTORY))


def damage(data: bytearray, rng: random.Random) -> None:
    """One small change of some bytes."""
    at = rng.randrange(len(data) + 1)
    match rng.randrange(7):
        case 0 if data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        case 1:
            data[at:at] = rng.randbytes(rng.choice((1, 4, 40)))
        case 2:
            del data[at : at + rng.choice((1, 4, 40))]
        case 3:
            del data[at:]
        case 4:
            data[at:at] = data[at : at + rng.choice((4, 40, 400))]
        case 5:
            data[at:at] = rng.choice((b"\0", b"NaN", b"[" * 300, b"{" * 300, b'"', b"\\", b"\xff"))
        case 6:
            data += rng.choice((b"\n", b" ", b"\0", b"x" * 70_000))


def mislead(links: list[Link], record: UnixFs, evil: Cid, rng: random.Random) -> UnixFs:
    """One lie in a folder's block; `links` is changed in place."""
    at = rng.randrange(len(links)) if links else 0
    name = f"{TOKEN}.json"
    slot = hash_path(name)[0]
    prefixes = (f"{slot:02X}", f"{slot & 15:X}", f"{slot >> 4:X}", f"{slot:02x}", f"{slot ^ 1:02X}")
    match rng.randrange(9):
        case 0:
            return replace(record, fanout=rng.choice((None, 0, 8, 16, 64, 256, 512, 1024)))
        case 1:
            return replace(record, data=rng.randbytes(rng.choice((0, 1, 31, 32, 33, 128))))
        case 2 if record.data:
            bits = int.from_bytes(record.data, "big") ^ 1 << rng.randrange(256)
            size = max(32, len(record.data))
            return replace(record, data=bits.to_bytes(size, "big"))
        case 3:
            links.insert(at, Link(rng.choice(prefixes) + name, evil, 0))
        case 4:
            links.insert(at, Link(name, evil, 0))
        case 5 if links:
            links[at] = replace(links[at], name=rng.choice((*prefixes, "", name)))
        case 6 if links:
            links[at] = replace(links[at], cid=evil)
        case 7:
            rng.shuffle(links)
        case 8:
            kind = rng.choice((DIRECTORY, SHARD, FILE, 0, 4, 9))
            return replace(record, kind=kind)
    return record


def twisted(answer: Any, rng: random.Random) -> Any:
    """A JSON-RPC answer as a broken or lying node might give it."""
    match rng.randrange(6):
        case 0:
            return {"jsonrpc": "2.0", "id": 1, "result": rng.choice(NASTY)}
        case 1:
            return {"jsonrpc": "2.0", "id": 1, "error": rng.choice([{"code": -32000}, {}, "no", 7])}
        case 2:
            return rng.choice([{}, {"result": None}, {"error": {"message": "x" * 9_000}}])
        case _:
            result = answer.get("result")
            if isinstance(result, str) and result.startswith("0x") and len(result) > 4:
                raw = bytearray.fromhex(result[2:] if len(result) % 2 == 0 else "0" + result[2:])
                damage(raw, rng)
                return {**answer, "result": "0x" + raw.hex()}
            copy = json.loads(json.dumps(answer, default=str))
            twist(copy, rng)
            return copy


def png_data(png: bytes) -> bytes:
    return b"".join(data for kind, data in chunks(png) if kind == b"IDAT")


# ---- readers that look names up as other implementations do


def _step(blocks: dict[Cid, bytes], cid: Cid, name: str, by: str) -> Cid:
    node = decode_node(blocks[cid])
    record = decode_unixfs(node.data)
    if record.kind == DIRECTORY:
        return next(link.cid for link in node.links if link.name == name)
    fanout = record.fanout or 256
    width = len(f"{fanout - 1:X}")
    for slot in hash_path(name):
        if by == "bits":
            bits = int.from_bytes(record.data, "big")
            if not bits >> slot & 1:
                raise KeyError(name)
            link = node.links[(bits & ((1 << slot) - 1)).bit_count()]
        else:
            prefix = f"{slot % fanout:0{width}X}"
            wanted = (prefix, prefix + name)
            link = next(link for link in node.links if link.name in wanted)
        rest = link.name[width:]
        if rest == name:
            return link.cid
        if rest:
            raise KeyError(name)
        node = decode_node(blocks[link.cid])
        record = decode_unixfs(node.data)
    raise KeyError(name)


def by_bits(blocks: dict[Cid, bytes], root: Cid, names: list[str]) -> Cid:
    """As Kubo: the bits before a slot count the links before its own."""
    for name in names:
        root = _step(blocks, root, name, "bits")
    return root


def by_prefix(blocks: dict[Cid, bytes], root: Cid, names: list[str]) -> Cid:
    """As Helia: the first link with the slot's digits, alone or before the name."""
    for name in names:
        root = _step(blocks, root, name, "prefix")
    return root


def whole_file(blocks: dict[Cid, bytes], cid: Cid) -> bytes:
    if cid.codec == RAW:
        return blocks[cid]
    node = decode_node(blocks[cid])
    return decode_unixfs(node.data).data + b"".join(
        whole_file(blocks, link.cid) for link in node.links
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), options.seed)
        campaign.all(options.cases, lambda words: print(words, flush=True))
    seconds = time.monotonic() - started
    print(f"{options.cases:,} cases in {seconds:,.0f} s, peak {peak_bytes() >> 20:,} MiB: no lie")
    return 0


if __name__ == "__main__":
    sys.exit(main())
