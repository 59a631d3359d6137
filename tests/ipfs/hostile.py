"""DAGs that lie: sizes, kinds, slots, depth, missing and damaged blocks, and bombs."""

from __future__ import annotations

import random
from pathlib import Path

from nftgan.ipfs.car import header, section
from nftgan.ipfs.cid import DAG_PB, RAW, Cid, varint
from nftgan.ipfs.dagpb import (
    DIRECTORY,
    FILE,
    SHARD,
    Link,
    UnixFs,
    encode_node,
    encode_unixfs,
)
from nftgan.ipfs.hamt import build_shards
from nftgan.ipfs.reader import MissingBlock
from tests.damage import damaged

NAMES = ["a", "0.json", "x.png", "", ".", "..", "a/b", "/", "\n", "é%", "A" * 3000, "index.html"]
SIZES = [0, 1, 2**31, 2**62, 2**63 - 1]


class Forge:
    """Makes blocks; each lie is told with the chance `lies`, so that some DAGs are true."""

    def __init__(self, seed: str) -> None:
        self.r = random.Random(seed)
        self.lies = self.r.choice([0.0, 0.02, 0.2])
        self.blocks: dict[Cid, bytes] = {}
        self.sizes: dict[Cid, int] = {}

    def lie(self) -> bool:
        return self.r.random() < self.lies

    def add(self, data: bytes, codec: int = DAG_PB, size: int = 0) -> Cid:
        if self.lie():
            data = damaged(data, self.r)[: 1 << 20]
        if self.lie():
            codec = self.r.choice([RAW, DAG_PB, 0x71, 0x0129, 2**40])
        cid = Cid.of(data, codec, int(codec != DAG_PB or self.r.random() < 0.8))
        self.blocks[cid], self.sizes[cid] = data, size
        return cid

    def node(self, links: list[Link], record: UnixFs, size: int = 0) -> Cid:
        return self.add(encode_node(links, encode_unixfs(record)), size=size)

    def file(self, depth: int = 2) -> Cid:
        r = self.r
        if depth == 0 or r.random() < 0.3:
            data = r.randbytes(r.randrange(60))
            if r.random() < 0.6:
                return self.add(data, RAW, len(data))
            return self.node([], UnixFs(FILE, data, len(data)), len(data))
        children = [self.file(depth - 1) for _ in range(r.randint(1, 4))]
        parts = [self.sizes[child] for child in children]
        total, kind = sum(parts), FILE
        if self.lie():
            parts[r.randrange(len(parts))] = r.choice(SIZES)
        if self.lie():
            parts = r.choice([parts[1:], [*parts, 1], [], parts * 50])
        if self.lie():
            total = r.choice(SIZES)
        if self.lie():
            kind = r.randrange(8)
        links = [Link("", child, r.choice([0, 99, 2**62])) for child in children]
        return self.node(links, UnixFs(kind, b"", total, tuple(parts)), total)

    def folder(self, depth: int = 2) -> Cid:
        r = self.r
        if depth and r.random() < 0.3:
            return self.shards(depth)
        links = []
        for number in range(r.randrange(5)):
            name = r.choice(NAMES) if self.lie() else f"{number}.json"
            child = self.folder(depth - 1) if depth and r.random() < 0.5 else self.file()
            links.append(Link(name, child, r.choice([0, 5, 2**62])))
        if links and self.lie():
            links *= r.randint(2, 9)
        kind = r.randrange(8) if self.lie() else DIRECTORY
        return self.node(links, UnixFs(kind))

    def shards(self, depth: int = 1) -> Cid:
        r = self.r
        if r.random() < 0.5:
            names = [f"{number}.json" for number in range(r.randrange(40))]
            child = self.file()

            def put(data: bytes) -> Link:
                return Link("", self.add(data), 0)

            return build_shards([Link(name, child, 0) for name in names], put).cid
        links = []
        for _ in range(r.randint(1, 4)):
            slot = f"{r.randrange(256):02X}"
            if depth and r.random() < 0.5:
                links.append(Link(slot, self.shards(depth - 1), 0))
            else:
                links.append(Link(slot + r.choice(NAMES), self.file(), 0))
        if self.lie():
            links.append(Link(r.choice(["", "F", "zz", "\n\n"]), links[0].cid, 0))
        fanout = r.choice(SIZES) if self.lie() else 256
        return self.node(links, UnixFs(SHARD, r.randbytes(3), fanout=fanout))

    def bomb(self) -> Cid:
        """A few blocks that unfold into more than anyone can read."""
        r = self.r
        kind = r.choice(["folders", "shards", "file", "chain of files", "chain of folders", "dust"])
        levels, wide = r.randint(3, 90), r.choice([1, 2, 40, 256])
        if kind == "folders" or kind == "chain of folders":
            cid = self.file()
            for _ in range(levels if kind == "folders" else r.choice([60, 70, 3000])):
                wide = 1 if kind == "chain of folders" else wide
                cid = self.node([Link(f"{n}", cid, 0) for n in range(wide)], UnixFs(DIRECTORY))
            return cid
        if kind == "shards":
            cid = self.node([Link("00a", self.file(), 0)], UnixFs(SHARD, b"\1", fanout=256))
            for _ in range(levels):
                links = [Link(f"{n:02X}", cid, 0) for n in range(wide)]
                cid = self.node(links, UnixFs(SHARD, b"\1", fanout=256))
            return cid
        if kind == "dust":  # a node of many links of which only the first holds a byte
            one = self.add(b"1", RAW, 1)
            many = r.choice([100, 5_000])
            cid, size = one, 1
            for _ in range(3):
                parts = (size, *[0] * (many - 1)) if r.random() < 0.5 else (size,) * many
                size = sum(parts)
                cid = self.node([Link("", cid, 0)] * many, UnixFs(FILE, b"", size, parts), size)
            return self.node([Link("0.json", cid, 0)], UnixFs(DIRECTORY))
        cid = self.file(0)
        for _ in range(levels):
            size = min(self.sizes[cid] * wide, 2**62)
            parts = (self.sizes[cid],) * wide
            cid = self.node([Link("", cid, 0)] * wide, UnixFs(FILE, b"", size, parts), size)
        return self.node([Link("0.json", cid, 0)], UnixFs(DIRECTORY))

    def root(self) -> Cid:
        make = self.r.choices([self.folder, self.file, self.shards, self.bomb], [5, 1, 2, 2])[0]
        cid = make()
        for held in list(self.blocks):
            if self.lie() and self.lie():
                del self.blocks[held]
            elif self.lie() and self.lie():
                self.blocks[held] = damaged(self.blocks[held], self.r)[: 1 << 20]
        return cid

    def get(self, cid: Cid) -> bytes:
        """The block, not hashed, as a hostile node would give it."""
        if cid not in self.blocks:
            raise MissingBlock(f"the block {cid} is not here")
        return self.blocks[cid]

    def car(self, root: Cid, path: Path) -> None:
        """The blocks in some order, at times wounded or with a length that cannot be."""
        r = self.r
        sections = [section(cid, data) for cid, data in self.blocks.items()]
        r.shuffle(sections)
        if self.lie():
            sections.insert(r.randrange(len(sections) + 1), varint(2 ** r.randint(1, 62)))
        if self.lie() and sections:
            sections.append(r.choice(sections))
        data = header(root) + b"".join(sections)
        path.write_bytes(damaged(data, r) if r.random() < 0.3 else data)
