"""Pictures, archives and label files as strangers, broken disks and attackers make them."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageCms, features

from tests.damage import NASTY, damaged, twist
from tests.png_chunks import chunk, chunks

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NUMBERS = (0, 1, 2, 3, 7, 8, 16, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
NAMES = (
    *("../up.png", "/root.png", "C:\\win.png", "a\\b\\c.png", "./x.png", "a//b.png", "a/../b.png"),
    *("\0.png", "x\0y.png", "\x1b[2Jclear.png", "\u202egnp.exe", "x" * 300 + ".png", "a/" * 200),
    *("", ".", "..", "/", "__MACOSX/._a.png", ".hidden.png", "dir/", "CON", "nul.png", "a.png."),
    *("é.png", "e\u0301.png", "\ud83d.png", "😀.png", "A.PNG", "a.png", "dataset.json"),
    *("nftgan.json", "inner.zip", "inner.tar.gz", "[b].png", "-o.png", " .png", "a\nb.png"),
)
LABELS = (
    *("", " ", "0", "-1", "1e999", "NaN", "inf", "x" * 70_000, "\0", '"', "é", "=1+1", "\x1b[31m"),
    *("9" * 400, "0.5", "true", "[1,0]", "\ud800", "class,with", "a\nb", "\u202e"),
)


def drawing(seed: int, side: int = 48, mode: str = "RGB") -> Image.Image:
    """A small picture with edges and a gradient."""
    r = np.random.default_rng(seed)
    y, x = np.mgrid[:side, : side + seed % 3 * 8] / side
    pixels = np.stack([40 + 160 * x % 1 * 200, 60 + 120 * y, 100 + 90 * x * y], axis=2)
    for _ in range(4):
        cx, cy, radius = r.uniform([0.1, 0.1, 0.1], [0.9, 0.9, 0.3])
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = r.integers(0, 256, 3)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _psd(image: Image.Image) -> bytes:
    """A Photoshop document with its flattened picture, uncompressed."""
    planes = np.asarray(image).transpose(2, 0, 1)
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, *planes.shape[1:], 8, 3)
    return head + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 0) + planes.tobytes()


def pictures() -> dict[str, bytes]:
    """One honest file of each kind that is read, by name."""
    image, alpha = drawing(1), drawing(2).convert("RGBA")
    alpha.putalpha(drawing(3).convert("L").resize(alpha.size))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a drawing"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = [drawing(n) for n in (4, 7, 10)]
    more = {"save_all": True, "append_images": frames[1:]}
    deep = np.asarray(drawing(5).convert("L")).astype(np.uint16) * 257
    made = {
        "rgb.png": saved(image, "PNG", icc_profile=profile, exif=exif),
        "alpha.png": saved(alpha, "PNG"),
        "palette.png": saved(image.convert("P"), "PNG", transparency=3),
        "one.png": saved(image.convert("1"), "PNG"),
        "deep.png": saved(Image.fromarray(deep), "PNG"),
        "moving.png": saved(frames[0], "PNG", **more),
        "base.jpg": saved(image, "JPEG", exif=exif, icc_profile=profile),
        "progressive.jpg": saved(image, "JPEG", progressive=True),
        "cmyk.jpg": saved(image.convert("CMYK"), "JPEG"),
        "grey.jpg": saved(image.convert("L"), "JPEG", quality=40),
        "lossy.webp": saved(image, "WEBP", exif=exif.tobytes()),
        "whole.webp": saved(alpha, "WEBP", lossless=True),
        "moving.webp": saved(frames[0], "WEBP", **more),
        "moving.gif": saved(frames[0], "GIF", **more),
        "a.bmp": saved(image, "BMP"),
        "raw.tif": saved(image, "TIFF", exif=exif),
        "lzw.tif": saved(alpha, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": saved(image, "TIFF", compression="jpeg"),
        "zip.tif": saved(image.convert("L"), "TIFF", compression="tiff_adobe_deflate"),
        "fax.tif": saved(image.convert("1"), "TIFF", compression="group4"),
        "float.tif": saved(Image.fromarray(deep.astype(np.float32) / 65535), "TIFF"),
        "a.ppm": saved(image, "PPM"),
        "a.tga": saved(alpha, "TGA", compression="tga_rle"),
        "a.ico": saved(alpha.resize((48, 48)), "ICO", sizes=[(48, 48)]),
        "a.psd": _psd(image),
        "a.svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="40"'
        b' height="40"><rect width="40" height="40" fill="#c33"/><circle cx="20" cy="20" r="9"'
        b' fill="#38c"/><text x="2" y="30">a</text></svg>',
        "a.pdf": saved(image, "PDF"),
    }
    for name, form, feature in (("a.jp2", "JPEG2000", "jpg_2000"), ("a.avif", "AVIF", "avif")):
        if features.check(feature):
            made[name] = saved(image, form)
    return made


def mutated_picture(data: bytes, others: list[bytes], r: random.Random) -> bytes:
    """`data` wounded: blindly, in its numbers, in its chunks with right checksums, or crossed."""
    if data.startswith(SIGNATURE) and r.random() < 0.6:
        return _mutated_png(data, r)
    out = bytearray(data)
    for _ in range(r.choice((1, 1, 1, 2, 5, 20))):
        at = r.randrange(min(len(out), r.choice((40, 400, 1 << 30))) or 1)
        match r.randrange(6):
            case 0:
                size, order = r.choice((1, 2, 4)), r.choice(("big", "little"))
                number = r.choice(NUMBERS) & ((1 << 8 * size) - 1)
                out[at : at + size] = number.to_bytes(size, order)
            case 1:
                other = r.choice(others)
                out[at:] = other[r.randrange(len(other)) :]
            case 2:
                del out[at + 1 :]
            case 3:
                out[at : at + 1] = bytes([r.randrange(256)])
            case _:
                out[:] = damaged(out, r)
    return bytes(out[: 1 << 20])


def _mutated_png(data: bytes, r: random.Random) -> bytes:
    parts = chunks(data)
    for _ in range(r.choice((1, 1, 2, 4))):
        at = r.randrange(len(parts))
        kind, body = parts[at]
        match r.randrange(8):
            case 0:  # the header lies
                number, place = r.choice(NUMBERS), r.choice((0, 4))
                changed = bytearray(parts[0][1])
                if r.random() < 0.5 and len(changed) == 13:
                    changed[r.randrange(8, 13)] = r.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
                else:
                    changed[place : place + 4] = struct.pack(">I", number)
                parts[0] = (parts[0][0], bytes(changed))
            case 1:
                del parts[at]
                parts = parts or [(b"IEND", b"")]
            case 2:
                parts.insert(at, parts[r.randrange(len(parts))])
            case 3:
                parts[at] = (kind, damaged(body, r))
            case 4:
                bomb = zlib.compress(bytes(r.choice((100, 1 << 20, 40 << 20))), 9)
                name = r.choice((b"iCCP", b"zTXt", b"iTXt"))
                extra = b"x\0\0" if name != b"iTXt" else b"XML:com.adobe.xmp\0\1\0\0\0"
                parts.insert(r.randrange(len(parts)), (name, extra + bomb))
            case 5:
                kinds = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"tRNS", b"PLTE", b"eXIf", b"acTL")
                size = r.choice((0, 1, 3, 4, 8, 32, 768, 769))
                parts.insert(r.randrange(len(parts)), (r.choice(kinds), r.randbytes(size)))
            case 6:
                small = [b for k, b in parts if k == b"IDAT"]
                try:
                    pixels = zlib.decompress(b"".join(small))
                except zlib.error:
                    continue
                parts[at] = (b"IDAT", zlib.compress(damaged(pixels, r)))
            case 7:
                parts[at] = (r.choice((b"IDAT", b"IHDR", b"PLTE", b"abcd", b"\0\0\0\0")), body)
    wrong = r.randrange(len(parts)) if r.random() < 0.2 else -1
    return SIGNATURE + b"".join(chunk(*part, wrong=n == wrong) for n, part in enumerate(parts))


# ---- archives


def mutated_zip(members: dict[str, bytes], r: random.Random) -> bytes:
    """A zip of the members with something wrong in its names, its directory or its bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(r.choice(NAMES) if r.random() < 0.3 else name)
            if r.random() < 0.05:
                info.external_attr = 0o120777 << 16  # a link
            method = r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
            _quietly(archive, info, data, method)
        if r.random() < 0.2:
            name, wounded = _inner(members, r)
            _quietly(archive, zipfile.ZipInfo(name), wounded, zipfile.ZIP_STORED)
    return _mutated_archive(buffer.getvalue(), r)


def _inner(members: dict[str, bytes], r: random.Random) -> tuple[str, bytes]:
    """A damaged archive to lie in another one."""
    if r.random() < 0.5:
        return "inner.tar.gz", mutated_tar(members, r)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        for name, data in members.items():
            _quietly(nested, zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return "inner.zip", damaged(inner.getvalue(), r)


def _quietly(archive: zipfile.ZipFile, info: zipfile.ZipInfo, data: bytes, method: int) -> None:
    try:
        info.compress_type = method
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a name twice is meant
            archive.writestr(info, data)
    except (UnicodeError, ValueError):  # zipfile itself refuses some of the names
        pass


def _mutated_archive(data: bytes, r: random.Random) -> bytes:
    out = bytearray(data)
    marks = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")
    for _ in range(r.choice((0, 1, 1, 2, 4))):
        start = out.find(r.choice(marks), r.randrange(len(out) or 1))
        if start >= 0 and r.random() < 0.7:  # a number of the directory lies
            at, size = start + r.randrange(4, 46), r.choice((1, 2, 4))
            number = r.choice(NUMBERS) & ((1 << 8 * size) - 1)
            out[at : at + size] = number.to_bytes(size, "little")
        else:
            out[:] = damaged(out, r)
    return bytes(out)


def mutated_tar(members: dict[str, bytes], r: random.Random) -> bytes:
    """A tar, some of them compressed, with odd members or wounds."""
    buffer = io.BytesIO()
    mode = r.choice(("w", "w:gz", "w:bz2", "w:xz"))
    form = r.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo((r.choice(NAMES) or "x") if r.random() < 0.3 else name)
            info.size = len(data)
            if r.random() < 0.1:
                info.type = r.choice((b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"x", b"g", b"Z"))
                info.linkname = r.choice(("/etc/passwd", "../..", "a.png"))
            try:
                archive.addfile(info, io.BytesIO(data))
            except (UnicodeError, ValueError, tarfile.TarError):
                continue
    out = bytearray(buffer.getvalue())
    for _ in range(r.choice((0, 1, 2))):
        if mode == "w" and r.random() < 0.6:
            block = r.randrange(max(len(out) // 512, 1)) * 512  # a header says something else
            at = block + r.choice((100, 124, 136, 156, 257))
            out[at : at + 8] = r.choice(
                (b"99999999", b"-1      ", b"\x80" + b"\xff" * 7, b"\0" * 8)
            )
        else:
            out[:] = damaged(out, r)
    return bytes(out)


# ---- label files


def mutated_csv(names: list[str], r: random.Random) -> bytes:
    """A label file of lines, in some encoding, some of them wrong."""
    width = r.choice((2, 2, 3, 6))
    rows = [[name, *(r.choice("abc01") for _ in range(width - 1))] for name in names]
    if width > 2 or r.random() < 0.5:
        rows.insert(0, ["file", *(f"c{n}" for n in range(width - 1))])
    for _ in range(r.choice((0, 1, 3))):
        row = r.choice(rows)
        match r.randrange(5):
            case 0:
                row[r.randrange(len(row))] = r.choice(LABELS)
            case 1:
                row[0] = r.choice(NAMES)
            case 2:
                row.append("more")
            case 3 if len(row) > 1:
                row.pop()
            case _:
                rows.append(list(r.choice(rows)))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=r.choice(",,,;\t|"), escapechar="\\")
    writer.writerows(rows)
    encoding = r.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-32"))
    out = text.getvalue().encode(encoding, "replace")
    return damaged(out, r) if r.random() < 0.4 else out


def mutated_json(names: list[str], r: random.Random) -> bytes:
    """A dataset.json, some of it wrong."""
    forms: list[Callable[[], Any]] = [
        lambda: r.randrange(3),
        lambda: r.choice(([1, 0], [0, 1])),
        lambda: [r.random(), r.random(), -1.5],
        lambda: r.choice(("cat", "dog")),
        lambda: r.choice((0, None)),
        lambda: r.choice(NASTY),
    ]
    form = r.choice(forms)
    document: Any = {"labels": [[name, form()] for name in names]}
    if r.random() < 0.2:
        document = {"labels": dict(document["labels"])}
    for _ in range(r.choice((0, 0, 1, 2))):
        twist(document, r)
    text = json.dumps(document, ensure_ascii=r.random() < 0.5)
    out = text.encode(r.choice(("utf-8", "utf-8-sig", "utf-16")), "surrogatepass")
    return damaged(out, r) if r.random() < 0.3 else out
