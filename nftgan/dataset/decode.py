"""One file's bytes to upright, opaque 8-bit sRGB, whatever the camera or the program wrote."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageColor, ImageOps

from nftgan.errors import UsageError

MAX_PIXELS = 100_000_000  # refused from the header, before anything is inflated
# No EPS, PDF or WMF: they are programs, not images.
_WANTED = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF")
Image.init()
FORMATS = tuple(name for name in _WANTED if name in Image.OPEN)  # a Pillow may lack some
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"8BPS", "a Photoshop document: export it as PNG"),
    (b"%PDF", "a PDF: export it as PNG"),
    (b"%!PS", "a PostScript file: export it as PNG"),
    (b"PK\x03\x04", "a zip file: unpack it first"),
    (b"\x1aE\xdf\xa3", "a video"),
)


class Rejected(Exception):
    """This image cannot be used; the text says why."""


@dataclass
class DecodedImage:
    """An upright, opaque RGB image and what was done to it."""

    image: Image.Image
    size: tuple[int, int]  # of the upright file; a large JPEG is decoded at a fraction of it
    notes: list[str] = field(default_factory=list)


def parse_colour(text: str) -> tuple[int, int, int]:
    """RGB of a CSS name or #rrggbb; UsageError for anything else."""
    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError as exc:
        raise UsageError(
            f"{text!r} is not a colour", hint="write a name like white, or #rrggbb"
        ) from exc


def open_header(data: bytes) -> Image.Image:
    """The lazily opened image, at most 100 megapixels; Rejected says what the file is instead."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # own limit below
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as exc:
        raise Rejected(f"more than {MAX_PIXELS // 10**6} megapixels") from exc
    except MemoryError:
        raise
    except Exception as exc:  # unknown formats and broken headers raise many kinds
        raise Rejected(_what_it_is(data)) from exc
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Rejected(f"{width}x{height}: more than {MAX_PIXELS // 10**6} megapixels")
    if width < 1 or height < 1:
        raise Rejected("it has no pixels")
    return image


def decode(
    data: bytes, background: tuple[int, int, int], *, enough: int | None = None
) -> DecodedImage:
    """Colour-managed, rotated as the camera says, first frame, laid over `background`.

    enough: side in pixels beyond which a JPEG may be halved while it is decoded. Raises
    Rejected with a reason for whatever is not a whole image.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata that does not matter here
        image = open_header(data)
        notes: list[str] = []
        if getattr(image, "is_animated", False) and image.format != "MPO":
            notes.append("several frames: the first one")
        try:
            width, height = image.size
            if enough is not None and image.format in ("JPEG", "MPO"):
                image.draft(None, (enough, enough))
            image.load()
            upright: Image.Image = image
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            if orientation != 1:
                notes.append("turned as its EXIF says")
                upright = ImageOps.exif_transpose(image)
                if orientation in _SIDEWAYS:
                    width, height = height, width
            rgb = _to_rgb(upright, background, notes)
        except Rejected:
            raise
        except MemoryError as exc:
            raise Rejected("not enough memory to decode it") from exc
        except Exception as exc:  # decoders raise OSError, SyntaxError, struct.error and more
            raise Rejected(f"damaged: {str(exc) or type(exc).__name__}") from exc
    return DecodedImage(rgb, (width, height), notes)


def _to_rgb(image: Image.Image, background: tuple[int, int, int], notes: list[str]) -> Image.Image:
    profile = image.info.get("icc_profile")
    image = _to_eight_bits(image, notes)
    alpha = None
    if image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    elif image.mode == "P":
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if profile:
        image = _from_profile(image, profile, notes)
    elif image.mode == "CMYK":
        notes.append("CMYK without a colour profile: colours are approximate")
    elif image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    rgb = image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        canvas = Image.new("RGB", rgb.size, background)
        canvas.paste(rgb, mask=alpha)
        rgb = canvas
    return rgb


def _to_eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """16-bit grey is scaled (Pillow's own conversion clips it to white); others pass."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > 65535:
            raise Rejected(f"grey values from {low} to {high} do not fit 16 bits")
        notes.append("16-bit grey, scaled to 8 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise Rejected("floating-point values outside 0 to 1")
        notes.append("floating-point grey, scaled to 8 bits")
        return Image.fromarray(np.floor(values * 255 + 0.5).astype(np.uint8))
    return image


def _from_profile(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    """`image` moved from its embedded ICC profile to sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(source).strip()
        if name.lower().startswith("srgb") and image.mode == "RGB":
            return image
        space = source.profile.xcolor_space.strip()
        if image.mode == "L" and space == "RGB":
            image = image.convert("RGB")
        elif image.mode == "RGB" and space == "GRAY":
            image = image.convert("L")
        converted = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as exc:
        notes.append(f"its colour profile is unusable and was ignored: {exc}")
        return image
    notes.append(f"converted from {name or 'its colour profile'} to sRGB")
    return converted or image


def _what_it_is(data: bytes) -> str:
    """A person's word for bytes that are not an image."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, reason in _SIGNATURES:
        if head.startswith(signature):
            return reason
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in (b"heic", b"heix", b"mif1", b"msf1", b"heim", b"heis"):
            return "a HEIC photo: export it as JPEG or PNG"
        return "a video"
    lower = head.lower()
    if b"<svg" in lower:
        return "an SVG drawing: export it as PNG"
    if lower.startswith((b"<!doctype html", b"<html")):
        return "a web page, not an image"
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*", b"MM\0*")):
        return "damaged: its header cannot be read"
    return "not an image"
