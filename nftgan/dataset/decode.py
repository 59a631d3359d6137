"""One file's bytes to upright 8-bit sRGB, opaque unless transparency is kept, whatever wrote it."""

from __future__ import annotations

import io
import os
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageColor, ImageOps

from nftgan.alpha import RGB, cleared
from nftgan.dataset.colour import converted, space_of_png
from nftgan.dataset.png_chunks import SIGNATURE, PngFacts, essential_png
from nftgan.dataset.png_inflate import plain_pixels, stored_png
from nftgan.dataset.raster import Raster, as_image
from nftgan.dataset.readers import WORDS, NotReadable, kind_of, prepared_data
from nftgan.errors import UsageError
from nftgan.terminal import one_line

MAX_PIXELS = 100_000_000  # refused from the header, before anything is inflated
# No EPS, PDF or WMF: they are programs, not images.
_WANTED = (
    *("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF"),
    *("PSD", "ICO"),
)
_TAUGHT = {"heic": "HEIF", "jxl": "JXL"}  # to Pillow, by `prepared_data`
Image.init()
FORMATS = tuple(name for name in _WANTED if name in Image.OPEN)  # a Pillow may lack some
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"8BPS", "a Photoshop document without an image that is read: export it as PNG"),
    (b"%!PS", "a PostScript file: export it as PNG"),
    (b"PK\x03\x04", "a zip file: unpack it first"),
    (b"\x1aE\xdf\xa3", "a video"),
)
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*", b"MM\0*")
_TRANSPARENT = "transparent places: laid over the background (--background)"
KEPT = "transparent places: kept (--alpha)"
_MAX_REASON = 300  # letters
_SAME_LEVELS = 3  # of 255, by which a profile called sRGB may differ from it and be taken as it


class Rejected(Exception):
    """This image cannot be used; the text says why, in one line without active characters."""

    def __init__(self, reason: str) -> None:
        # Decoders put names and bytes of the file into their words.
        super().__init__(one_line(reason)[:_MAX_REASON])


@dataclass
class DecodedImage:
    """An upright RGB image, or RGBA where transparency was kept, and what was done to it."""

    raster: Raster
    size: tuple[int, int]  # of the upright file; a large JPEG is decoded at a fraction of it
    notes: list[str] = field(default_factory=list)

    @property
    def image(self) -> Image.Image:
        return as_image(self.raster)


def parse_colour(text: str) -> RGB:
    """RGB of a CSS name or #rrggbb; UsageError for anything else."""
    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError as exc:
        raise UsageError(
            f"{text!r} is not a colour", hint="write a name like white, or #rrggbb"
        ) from exc


def open_header(data: bytes) -> Image.Image:
    """The lazily opened image, at most 100 megapixels; Rejected says what the file is instead."""
    with _silent():
        return _opened(data)[0]


@contextmanager
def _silent() -> Iterator[None]:
    """Without Pillow's warnings about odd metadata, which would name files on a person's screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _without_words_of_libtiff(image: Image.Image) -> Iterator[None]:
    """libtiff writes what it dislikes straight to the process's stderr, with no way to be asked."""
    if image.format != "TIFF":
        yield
        return
    try:
        sys.stderr.flush()
        before, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except (OSError, AttributeError, ValueError):  # no stderr, so nothing to keep clean
        yield
        return
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def _opened(data: bytes, *, whole: bool = False) -> tuple[Image.Image, PngFacts]:
    """The image and its facts; `whole`: its pixels will be wanted too."""
    facts = PngFacts()
    try:
        kind = kind_of(data)
        data = prepared_data(data)
    except NotReadable as exc:
        raise Rejected(str(exc)) from exc
    except MemoryError as exc:
        raise Rejected("not enough memory to read it") from exc
    formats = FORMATS if kind not in _TAUGHT else (_TAUGHT[kind],)
    if data.startswith(SIGNATURE):
        data, facts = essential_png(data)
        data = stored_png(data) if whole else data
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as exc:
        raise Rejected(f"more than {MAX_PIXELS // 10**6} megapixels") from exc
    except MemoryError:
        raise
    except Exception as exc:  # unknown formats and broken headers raise many kinds
        damaged = f"{WORDS[kind]} that is damaged" if kind in _TAUGHT else _what_it_is(data)
        raise Rejected(damaged) from exc
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Rejected(f"{width}x{height}: more than {MAX_PIXELS // 10**6} megapixels")
    if width < 1 or height < 1:
        raise Rejected("it has no pixels")
    return image, facts


def decode(data: bytes, background: RGB | None, *, enough: int | None = None) -> DecodedImage:
    """Colour-managed, rotated as the camera says, first frame, laid over `background`.

    background: None keeps transparency: straight RGBA, (0, 0, 0, 0) where nothing shows. enough:
    side in pixels beyond which a JPEG may be halved while it is decoded. Raises Rejected with a
    reason for whatever is not a whole image.
    """
    with _silent():
        if (plain := _plain(data, background)) is not None:
            return plain
        image, facts = _opened(data, whole=True)
        notes = [*facts.notes]
        try:
            try:
                frames = facts.frames > 1 or getattr(image, "is_animated", False)
            except (IndexError, ValueError, OSError, SyntaxError, struct.error):
                frames = True  # and a later one is broken, which costs nothing
                image, facts = _opened(data)
            if frames and image.format not in ("MPO", "PSD"):
                notes.append("several frames: the first one")
            width, height = image.size
            if enough is not None and image.format in ("JPEG", "MPO"):
                image.draft(None, (enough, enough))
            with _without_words_of_libtiff(image):
                image.load()
            upright, orientation = _upright(image, notes)
            if orientation in _SIDEWAYS:
                width, height = height, width
            rgb = _to_rgb(upright, background, notes, facts)
        except Rejected:
            raise
        except MemoryError as exc:
            raise Rejected("not enough memory to decode it") from exc
        except Exception as exc:  # decoders raise OSError, SyntaxError, struct.error and more
            raise Rejected(f"damaged: {str(exc) or type(exc).__name__}") from exc
    return DecodedImage(rgb, (width, height), notes)


def _plain(data: bytes, background: RGB | None) -> DecodedImage | None:
    """A PNG of 8-bit sRGB whose pixels are known without Pillow; None for everything else.

    What Pillow would do to it is then nothing, or laying it over the background.
    """
    if not data.startswith(SIGNATURE):
        return None
    data, facts = essential_png(data)
    if facts.frames > 1 or facts.profile or space_of_png(replace(facts, notes=[])) is not None:
        return None
    pixels = plain_pixels(data)
    if pixels is None or pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        return None
    size = (pixels.shape[1], pixels.shape[0])
    space_of_png(facts)  # for what it notes
    notes = [*facts.notes]
    if background is not None and _is_opaque(pixels):
        return DecodedImage(pixels[:, :, :3], size, notes)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return DecodedImage(_to_rgb(image, background, notes, facts), size, notes)


def _is_opaque(pixels: np.ndarray) -> bool:
    """Whether uint8 [H, W, 3 or 4] shows nothing behind it; the first row settles it for most."""
    if pixels.shape[2] == 3:
        return True
    return bool((pixels[0, :, 3] == 255).all() and (pixels[:, :, 3] == 255).all())


def _upright(image: Image.Image, notes: list[str]) -> tuple[Image.Image, int]:
    """`image` turned as its metadata says, and its orientation of 1 to 8.

    Metadata that cannot be read costs a note, never the image.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        turned = ImageOps.exif_transpose(image) if orientation in range(2, 9) else image
    except MemoryError:
        raise
    except Exception:  # TIFF structures, text as numbers, XML: whatever was broken in them
        notes.append("its EXIF is broken and was ignored")
        return image, 1
    if orientation not in range(2, 9):
        return image, 1
    notes.append("turned as its EXIF says")
    return turned, int(orientation)


def _to_rgb(
    image: Image.Image, background: RGB | None, notes: list[str], facts: PngFacts
) -> Image.Image:
    profile = facts.profile or image.info.get("icc_profile")
    space = space_of_png(facts)
    notes.extend(note for note in facts.notes if note not in notes)
    alpha = _deep_alpha(image)
    if alpha is None:
        _scale_transparent_colour(image, facts)
    if space is not None and image.mode.startswith("I;16"):
        image = Image.fromarray(converted(np.asarray(image).astype(np.uint16), space))
        notes.append(f"converted from {space.name} to sRGB")
        space = None
    image = _to_eight_bits(image, notes)
    if image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    elif image.mode == "P":
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if space is not None:
        image = Image.fromarray(converted(np.asarray(image), space))
        notes.append(f"converted from {space.name} to sRGB")
    elif profile:
        image = _from_profile(image, profile, notes)
    else:
        image = _without_profile(image, notes)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    if alpha is None or alpha.getextrema() == (255, 255):
        return rgb if background is not None else rgb.convert("RGBA")
    if background is None:
        notes.append(KEPT)
        rgb.putalpha(alpha)
        return Image.fromarray(cleared(np.asarray(rgb)))
    notes.append(_TRANSPARENT)
    canvas = Image.new("RGB", rgb.size, background)
    canvas.paste(rgb, mask=alpha)
    return canvas


def _without_profile(image: Image.Image, notes: list[str]) -> Image.Image:
    """CMYK as it is, with a note; LAB, which says itself what it means, as sRGB."""
    if image.mode == "CMYK":
        notes.append("CMYK without a colour profile: colours are approximate")
    elif image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    return image


def _deep_alpha(image: Image.Image) -> Image.Image | None:
    """Where 16-bit grey has its transparent colour, which the way to 8 bits would lose."""
    value = image.info.get("transparency")
    if not image.mode.startswith("I") or not isinstance(value, int):
        return None
    shown = np.asarray(image) != value
    return Image.fromarray(np.where(shown, 255, 0).astype(np.uint8))


def _scale_transparent_colour(image: Image.Image, facts: PngFacts) -> None:
    """The transparent colour of a PNG is written in the file's depth, Pillow's pixels in 8 bits."""
    value = image.info.get("transparency")
    if image.format not in ("PNG", None) or value is None or facts.depth == 8:
        return
    if isinstance(value, int) and image.mode == "L" and facts.depth < 8:
        image.info["transparency"] = value * 255 // ((1 << facts.depth) - 1)
    elif isinstance(value, tuple) and image.mode == "RGB" and facts.depth == 16:
        image.info["transparency"] = tuple(part >> 8 for part in value)


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
        named_srgb = name.lower().startswith("srgb") and image.mode == "RGB"
        if named_srgb and _is_srgb(source):  # a name alone is no proof: some are linear
            return image
        space = source.profile.xcolor_space.strip()
        if image.mode == "L" and space == "RGB":
            image = image.convert("RGB")
        elif image.mode == "RGB" and space == "GRAY":
            image = image.convert("L")
        result = _moved_to_srgb(image, source)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as exc:
        notes.append(f"its colour profile is unusable and was ignored: {exc}")
        return image
    notes.append(f"converted from {name or 'its colour profile'} to sRGB")
    return result


def _moved_to_srgb(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    moved = ImageCms.profileToProfile(
        image,
        source,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return moved or image


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether it moves no colour of a coarse grid by more than a person could see."""
    steps = np.linspace(0, 255, 6).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(36, 6, 3)
    moved = np.asarray(_moved_to_srgb(Image.fromarray(grid), profile)).astype(int)
    return bool(np.abs(moved - grid).max() <= _SAME_LEVELS)


def _what_it_is(data: bytes) -> str:
    """A person's word for bytes that are not an image."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, reason in _SIGNATURES:
        if head.startswith(signature):
            return reason
    if data[4:8] == b"ftyp":
        return "damaged: its header cannot be read" if data[8:12] == b"avif" else "a video"
    lower = head.lower()
    if lower.startswith((b"<!doctype html", b"<html")):
        return "a web page, not an image"
    if head.startswith(_IMAGE_STARTS):
        return "damaged: its header cannot be read"
    return "not an image"
