"""Formats that Pillow alone does not read, where the package for them is installed.

`pip install 'nftgan[formats]'` brings all of them. Without it a file is refused by a sentence that
says so; nothing is imported before a file asks for it.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

INSTALL = "pip install 'nftgan[formats]'"
VECTOR_SIDE = 2048  # pixels of the longer side that a drawing without pixels is painted with
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_GZIP = b"\x1f\x8b"
_MAX_SVG_BYTES = 32 << 20
_OUTSIDE = re.compile(
    rb"""href\s*=\s*["'](?!\s*(?:#|data:))|@import|<!ENTITY|url\(\s*["']?\w+://"""
)


class NotReadable(Exception):
    """The file's format is known and cannot be read here; the text says why and what to do."""


def prepared_data(data: bytes) -> bytes:
    """`data`, or for what Pillow cannot read an image that it can, painted from it.

    A photo in HEIC or JPEG XL stays as it is: Pillow is taught to open it. Raises NotReadable.
    """
    kind = kind_of(data)
    if kind is None:
        return data
    try:
        return _READERS[kind](data)
    except ImportError:
        raise NotReadable(f"{WORDS[kind]}: {INSTALL}, or export it as PNG") from None
    except (NotReadable, MemoryError):
        raise
    except Exception as exc:  # other people's decoders raise what they like
        raise NotReadable(f"{WORDS[kind]} that cannot be read: {str(exc)[:120]}") from exc


def kind_of(data: bytes) -> str | None:
    """heic, jxl, svg, pdf or float-tiff by the first bytes; None for everything else."""
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
        return "heic"
    if data.startswith(_JXL):
        return "jxl"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"%PDF"):
        return "pdf"
    if head.startswith(_GZIP):
        with contextlib.suppress(OSError, EOFError):
            head = gzip.GzipFile(fileobj=io.BytesIO(data)).read(1024)
    # A page may hold a drawing; a drawing begins with itself, or with words about XML.
    if head.startswith(b"<") and b"<svg" in head.lower() and b"<html" not in head.lower():
        return "svg"
    if data.startswith((b"II*\0", b"MM\0*")) and _is_float_colour(data):
        return "float-tiff"
    return None


WORDS = {
    "heic": "a HEIC photo",
    "jxl": "a JPEG XL image",
    "svg": "an SVG drawing",
    "pdf": "a PDF",
    "float-tiff": "a TIFF of floating-point colours",
}


def _heic(data: bytes) -> bytes:
    import_module("pillow_heif").register_heif_opener()
    return data


def _jxl(data: bytes) -> bytes:
    import_module("pillow_jxl")  # registers itself
    return data


def _svg(data: bytes) -> bytes:
    """The drawing with transparency, its longer side VECTOR_SIDE."""
    resvg: Any = import_module("resvg_py")
    if data.startswith(_GZIP):
        data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_MAX_SVG_BYTES + 1)
    if len(data) > _MAX_SVG_BYTES:
        raise NotReadable(f"an SVG drawing of more than {_MAX_SVG_BYTES >> 20} MB")
    if _OUTSIDE.search(data):
        raise NotReadable("an SVG drawing that refers to other files: export it as PNG")
    text = data.decode("utf-8-sig")
    small = Image.open(io.BytesIO(bytes(resvg.svg_to_bytes(svg_string=text, width=64))))
    wide = small.width >= small.height
    side = {"width" if wide else "height": VECTOR_SIDE}
    return bytes(resvg.svg_to_bytes(svg_string=text, **side))


def _pdf(data: bytes) -> bytes:
    """The first page, its longer side VECTOR_SIDE."""
    pdfium: Any = import_module("pypdfium2")
    document = pdfium.PdfDocument(data)
    try:
        page = document[0]
        longest = max(page.get_size())
        if not 1 <= longest <= 20_000:
            raise NotReadable("a PDF whose page has no usable size: export it as PNG")
        image = page.render(scale=VECTOR_SIDE / longest).to_pil()
    finally:
        document.close()
    return _as_png(image)


def _float_tiff(data: bytes) -> bytes:
    tifffile: Any = import_module("tifffile")
    values = np.asarray(tifffile.imread(io.BytesIO(data), key=0))
    if values.ndim != 3 or values.shape[2] not in (3, 4):
        raise NotReadable(f"a TIFF of floating-point values of shape {list(values.shape)}")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise NotReadable("floating-point values outside 0 to 1: export it as PNG")
    return _as_png(Image.fromarray(np.floor(values * 255 + 0.5).astype(np.uint8)))


def _as_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


_READERS = {"heic": _heic, "jxl": _jxl, "svg": _svg, "pdf": _pdf, "float-tiff": _float_tiff}


def _is_float_colour(data: bytes) -> bool:
    """Whether the first image of a TIFF has several floating-point samples a pixel."""
    order = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]

    first = number(4, 4)
    samples, form = 1, 1
    for entry in range(min(number(first, 2), 200)):
        at = first + 2 + 12 * entry
        tag, count = number(at, 2), number(at + 4, 4)
        if tag == 277:  # SamplesPerPixel
            samples = number(at + 8, 2)
        elif tag == 339:  # SampleFormat, one for each sample
            form = number(at + 8, 2) if count <= 2 else number(number(at + 8, 4), 2)
    return samples >= 3 and form == 3
