import gzip
import io
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.decode import Rejected, decode, open_header
from nftgan.dataset.readers import VECTOR_SIDE, kind_of

WITH = "pip install 'nftgan[formats]'"
SVG = (
    b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'>"
    b"<rect width='10' height='10' fill='#c80000'/></svg>"
)


def pdf() -> bytes:
    """One page of 200 x 100 points, its left half green."""
    stream = b"0 1 0 rg 0 0 100 100 re f"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    body = b"%PDF-1.4\n"
    for number, part in enumerate(parts, 1):
        body += b"%d 0 obj%s\nendobj\n" % (number, part)
    return body + b"trailer<</Root 1 0 R/Size 5>>\n%%EOF"


def photo() -> Image.Image:
    y, x = np.mgrid[:64, :96]
    return Image.fromarray(np.stack([x * 2, y * 3, 100 + 0 * x], axis=2).astype(np.uint8))


def saved(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    photo().save(buffer, kind, **options)
    return buffer.getvalue()


def test_an_svg_is_painted_with_transparency() -> None:
    pytest.importorskip("resvg_py", reason=WITH)
    for data in (SVG, gzip.compress(SVG)):
        image = decode(data, (0, 0, 255)).image
        assert image.size == (VECTOR_SIDE, VECTOR_SIDE // 2)
        assert image.getpixel((5, 5)) == (200, 0, 0)
        assert image.getpixel((VECTOR_SIDE - 5, 5)) == (0, 0, 255)


@pytest.mark.parametrize(
    "inside",
    [
        b"<image href='/etc/hostname.png'/>",
        b"<image xlink:href='http://x.test/a.png'/>",
        b"<style>@import 'x.css'</style>",
    ],
)
def test_an_svg_that_refers_to_other_files_is_refused(inside: bytes) -> None:
    pytest.importorskip("resvg_py", reason=WITH)
    with pytest.raises(Rejected, match="refers to other files"):
        decode(SVG.replace(b"</svg>", inside + b"</svg>"), (0, 0, 0))


def test_the_first_page_of_a_pdf_is_painted() -> None:
    pytest.importorskip("pypdfium2", reason=WITH)
    image = decode(pdf(), (0, 0, 0)).image
    assert image.size == (VECTOR_SIDE, VECTOR_SIDE // 2)
    assert image.getpixel((5, 5)) == (0, 255, 0)
    assert image.getpixel((VECTOR_SIDE - 5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(("kind", "package"), [("HEIF", "pillow_heif"), ("JXL", "pillow_jxl")])
def test_photos_of_telephones_and_jpeg_xl_are_opened(kind: str, package: str) -> None:
    module = pytest.importorskip(package, reason=WITH)
    if kind == "HEIF":
        module.register_heif_opener()
    data = saved(kind, quality=95)
    assert open_header(data).size == (96, 64)
    got = np.asarray(decode(data, (0, 0, 0)).image).astype(int)
    assert np.abs(got - np.asarray(photo()).astype(int)).mean() < 4


def test_a_tiff_of_floating_point_colours_is_scaled() -> None:
    tifffile = pytest.importorskip("tifffile", reason=WITH)
    values = np.asarray(photo()).astype(np.float32) / 255
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="rgb")
    assert np.array_equal(np.asarray(decode(buffer.getvalue(), (0, 0, 0)).image), photo())
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values * 7, photometric="rgb")
    with pytest.raises(Rejected, match="outside 0 to 1"):
        decode(buffer.getvalue(), (0, 0, 0))


def test_a_photoshop_document_gives_its_merged_image() -> None:
    # Header of version 1: 3 channels of 8 bits, 2 x 2; no palette, resources or layers; raw planes.
    head = b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\2\0\0\0\2\0\x08\0\3" + bytes(12)
    planes = bytes([10, 20, 30, 40]) + bytes([50] * 4) + bytes([60] * 4)
    got = np.asarray(decode(head + b"\0\0" + planes, (0, 0, 0)).image)
    assert got.tolist() == [[[10, 50, 60], [20, 50, 60]], [[30, 50, 60], [40, 50, 60]]]


@pytest.mark.parametrize(
    ("data", "package", "word"),
    [
        (SVG, "resvg_py", "an SVG drawing"),
        (b"%PDF-1.4", "pypdfium2", "a PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "pillow_heif", "a HEIC photo"),
        (b"\xff\x0a", "pillow_jxl", "a JPEG XL image"),
    ],
)
def test_without_its_package_a_format_is_named_with_what_to_install(
    data: bytes, package: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Rejected, match=rf"^{word}: pip install 'nftgan\[formats\]'"):
        open_header(data)


def test_other_bytes_are_left_to_pillow() -> None:
    assert kind_of(saved("PNG")) is None
    assert kind_of(saved("TIFF")) is None
    assert kind_of(b"<html><svg></svg></html>") is None
    assert kind_of(b"") is None
