"""The page's own arithmetic, in Node, against Python; and what the site's files hold."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eth_hash.auto import keccak
from PIL import Image

from nftgan.chain.merkle import MerkleTree
from nftgan.collection.manifest import Manifest
from nftgan.collection.merkle import leaf
from nftgan.png import encode_png, png_file
from nftgan.site import pages
from nftgan.synthesis.recipe import Finish, Recipe
from tests.png_chunks import chunk
from tests.site.asking import Page, base

pytestmark = pytest.mark.node
AVATARS = Path(__file__).parents[2] / "collections" / "avatars"


def test_keccak_is_that_of_ethereum(page: Page) -> None:
    nothing = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert page.ask("keccak", data="") == nothing
    noise = np.random.default_rng(0)
    for size in (1, 64, 135, 136, 137, 271, 272, 1000):
        data = noise.bytes(size)
        assert page.ask("keccak", data=base(data)) == keccak(data).hex()


@pytest.mark.parametrize("count", [1, 2, 3, 12, 33])
def test_trees_and_proofs_are_those_of_the_contract(page: Page, count: int) -> None:
    noise = np.random.default_rng(count)
    rows = [(n, int(noise.integers(2**32)), noise.bytes(32).hex()) for n in range(count)]
    tree = MerkleTree([leaf(*row) for row in rows])
    said = page.ask("tree", pieces=rows)
    assert said["root"] == tree.root.hex()
    assert said["proofs"] == [[one.hex() for one in tree.proof(n)] for n in range(count)]
    assert said["led"] == [tree.root.hex()] * count


@pytest.mark.parametrize("colours", [1, 5, 256, 4000])
def test_a_png_of_ours_gives_its_pixels(page: Page, colours: int) -> None:
    noise = np.random.default_rng(colours)
    palette = noise.integers(0, 256, (colours, 3), dtype=np.uint8)
    image = palette[noise.integers(0, colours, (31, 45))]
    said = page.ask("png", data=base(encode_png(image)))
    assert (said["width"], said["height"]) == (45, 31)
    assert base64.b64decode(said["pixels"]) == image.tobytes()


def test_a_png_that_holds_more_than_pixels_is_refused(page: Page) -> None:
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    good = encode_png(image)
    more = good[:-12] + chunk(b"gAMA", struct.pack(">I", 45455)) + good[-12:]
    assert "more than its pixels" in page.ask("png", data=base(more))
    assert "more than its pixels" in page.ask("png", data=base(good + chunk(b"IDAT", b"")))
    damaged = bytearray(good)
    damaged[60] ^= 1
    assert "damaged" in page.ask("png", data=base(bytes(damaged)))
    assert "cut off" in page.ask("png", data=base(good[:-3]))
    head = (b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    short = png_file(head, (b"IDAT", zlib.compress(bytes(7))), (b"IEND", b""))
    assert "cut off" in page.ask("png", data=base(short))
    for depth, kind, length in ((8, 4, 10), (16, 6, 34), (16, 2, 26), (8, 0, 6)):
        head = (b"IHDR", struct.pack(">IIBBBBB", 2, 2, depth, kind, 0, 0, 0))
        other = png_file(head, (b"IDAT", zlib.compress(bytes(length))), (b"IEND", b""))
        assert "plain RGB or RGBA image of 8 bits" in page.ask("png", data=base(other))


def test_a_transparent_png_of_ours_gives_its_pixels(page: Page) -> None:
    image = np.random.default_rng(2).integers(0, 256, (31, 45, 4), dtype=np.uint8)
    said = page.ask("png", data=base(encode_png(image)))
    assert (said["width"], said["height"]) == (45, 31)
    assert base64.b64decode(said["pixels"]) == image.tobytes()


@pytest.mark.parametrize(("size", "upscale"), [(1024, 1), (512, 1), (1024, 32)])
def test_large_images_are_shown_small_in_the_gallery(
    tmp_path: Path, size: int, upscale: int
) -> None:
    manifest = Manifest.load(AVATARS / "collection.json")
    finish = {} if upscale == 1 else {"finish": Finish(0, 0, upscale)}
    recipe = Recipe(model=manifest.recipe.model, size=(size, size), **finish)  # type: ignore[arg-type]
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    for piece in manifest.pieces:
        (tmp_path / f"{piece.id}.png").write_bytes(encode_png(image) if not piece.id else b"")
    sources = pages.Sources(tmp_path, tmp_path, None, [], [], [])
    made = dict(pages.files(replace(manifest, recipe=recipe), sources, disk=False))
    thumbs = [name for name in made if name.startswith("thumbs/")]
    if size <= 512 or upscale > 1:
        assert thumbs == []
        return
    assert len(thumbs) == len(manifest.pieces)
    with Image.open(io.BytesIO(made["thumbs/0.jpg"]())) as small:
        assert (small.format, small.size) == ("JPEG", (420, 420))
    assert b'"thumbs":true' in made["collection.js"]
    assert b"foreign" not in made["collection.js"]
    made = dict(pages.files(manifest, replace(sources, foreign="stylegan1"), disk=False))
    assert b'"foreign":"stylegan1"' in made["collection.js"]
    assert b"transparent" not in made["collection.js"]
    clear = np.dstack([image, image[..., 0]])[:64, :64]
    (tmp_path / "0.png").write_bytes(encode_png(clear))
    made = dict(
        pages.files(
            replace(manifest, recipe=recipe), replace(sources, transparent=True), disk=False
        )
    )
    assert b'"transparent":true' in made["collection.js"]
    with Image.open(io.BytesIO(made["thumbs/0.jpg"]())) as small:
        assert (small.format, small.size) == ("JPEG", (420, 420))
