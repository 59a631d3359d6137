"""A folder of everything that artists have lying around: the bad is named, the rest is used."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.png_chunks import chunk
from tests.workflows.typed import Desk

REASONS = {
    "bomb.png": "megapixels",
    "copy.png": "the same file as b.png",
    "cut.jpg": "truncated",
    "empty.png": "empty",
    "text.png": "not an image",
    "tiny.png": "4x4",
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "art"
    folder.mkdir()
    random = np.random.RandomState(0)

    def image(width: int = 96, height: int = 96) -> Image.Image:
        noise = Image.fromarray(random.randint(0, 256, (8, 8, 3), dtype=np.uint8))
        return noise.resize((width, height), Image.Resampling.BICUBIC)

    image().save(folder / "a.jpg", quality=92)
    image().save(folder / "progressive.jpg", progressive=True)
    image().save(folder / "b.png")
    image().save(folder / "c.webp")
    transparent = image()
    transparent.putalpha(image().convert("L"))
    transparent.save(folder / "rgba.png")
    image().convert("CMYK").save(folder / "cmyk.jpg")
    deep = np.asarray(image().convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    image().quantize(32).save(folder / "palette.png")
    image(120, 96).quantize(32).save(folder / "seethrough.gif", transparency=3)
    turned = image(120, 80)
    exif = turned.getexif()
    exif[0x112] = 6
    turned.save(folder / "turned.jpg", exif=exif)
    image(200, 100).save(folder / "wide.png")
    image(4, 4).save(folder / "tiny.png")
    (folder / "copy.png").write_bytes((folder / "b.png").read_bytes())
    whole = (folder / "a.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("not an image")
    (folder / "empty.png").write_bytes(b"")
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b""))
    return Desk(tmp_path)


def test_the_bad_are_named_and_the_rest_trains(desk: Desk) -> None:
    words = ["prepare", "art", "--resolution", "32"]
    result = desk.type(*words, "-o", "one.zip")["result"]
    assert result["kept"] == 11
    assert {name for name, _ in result["rejected"]} == set(REASONS)
    for name, reason in result["rejected"]:
        assert REASONS[name] in reason
    desk.type(*words, "-o", "two.zip")
    assert (desk.folder / "one.zip").read_bytes() == (desk.folder / "two.zip").read_bytes()
    desk.type("train", "one.zip", "-o", "runs", "--resume", "base", "--kimg", "0.016")
    desk.type("generate", "-m", "runs", "--seeds", "0-1", "-o", "out")
    assert len(list((desk.folder / "out").glob("seed*.png"))) == 2


def test_a_folder_without_one_usable_image_is_an_error(desk: Desk) -> None:
    for path in (desk.folder / "art").iterdir():
        if path.name not in REASONS or path.name in {"copy.png", "tiny.png"}:
            path.unlink()
    words = ["prepare", "art", "--resolution", "32", "-o", "none.zip"]
    message = desk.type(*words, expect=2)["error"]["message"]
    assert message
    assert not (desk.folder / "none.zip").exists()
