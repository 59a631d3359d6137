"""Frames to files that play: GIF, APNG, WebP, and MP4 that every browser and marketplace plays."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nftgan.alpha import over
from nftgan.errors import UsageError
from nftgan.files import atomic_path

FORMATS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG", ".webp": "WEBP", ".mp4": "MP4"}
OPAQUE = ("GIF", "MP4")
"""Formats that show transparent frames over `BEHIND`."""
BEHIND = (255, 255, 255)
MAX_GIF_FPS = 50  # a GIF counts in hundredths of a second, and one of them is taken as ten
CRF = "14"
"""x264's quality: at this step a person sees no difference, and pixel art keeps its edges."""


def flattened(path: Path) -> str:
    """What to say of a film of transparent frames; empty where `path` keeps transparency."""
    if FORMATS[path.suffix.lower()] not in OPAQUE:
        return ""
    return f"{path.name} shows transparent images over white; .webp and .png keep them"


def check_animation(path: Path, fps: float = 30) -> None:
    """Raises UsageError when `write_animation` could not write `path`, before hours of work."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{path.name}: cannot write animations as {path.suffix or 'a file without ending'}",
            hint=f"use {', '.join(FORMATS)}",
        )
    if not 1 <= fps <= 100:
        raise UsageError(f"{fps} frames a second is not from 1 to 100")
    if path.suffix.lower() == ".gif" and fps > MAX_GIF_FPS:
        raise UsageError(
            f"a GIF cannot play {fps:g} frames a second: browsers slow down what is faster than"
            f" {MAX_GIF_FPS}",
            hint=f"--fps {MAX_GIF_FPS}, or write a .webp, .png or .mp4",
        )
    if path.suffix.lower() == ".mp4":
        _av()


def write_animation(path: Path, frames: Iterable[np.ndarray], *, fps: float = 30) -> int:
    """`path` plays the uint8 [H, W, 3] frames in an endless loop; how many there are.

    Of RGBA frames [H, W, 4] an APNG and a WebP keep the transparency; an MP4 has none and a GIF no
    soft edge, so that these two show them over white.

    The ending decides: .gif (256 colours a frame), .png or .apng and .webp (lossless), .mp4 (H.264,
    yuv420p, written frame by frame; whether it loops is the player's to say). An MP4 has even
    sides: where a side is odd, its last row or column of pixels is repeated. Raises UsageError for
    another ending, and for .mp4 without the package `av`. The same frames give the same file; in an
    MP4, where sides are no multiples of 16, x264 may choose differently and only look the same.
    """
    check_animation(path, fps)
    kind = FORMATS[path.suffix.lower()]
    if kind in OPAQUE:
        frames = (over(frame, BEHIND) for frame in frames)
    if kind == "MP4":
        return _write_mp4(path, frames, fps)
    images = [Image.fromarray(frame) for frame in frames]  # Pillow reads them more than once
    if not images:
        raise UsageError("an animation needs at least one frame")
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    with atomic_path(path) as temporary:
        images[0].save(
            temporary,
            kind,
            save_all=True,
            append_images=images[1:],
            duration=_durations(len(images), fps, 10 if kind == "GIF" else 1),
            loop=0,
            **options,
        )
    return len(images)


def _durations(count: int, fps: float, unit: int) -> list[int]:
    """Milliseconds of each frame, multiples of `unit`, whose sum keeps to `fps` throughout."""
    ends = [round(number * 1000 / fps / unit) * unit for number in range(count + 1)]
    return [max(end - start, unit) for start, end in pairwise(ends)]


def _write_mp4(path: Path, frames: Iterable[np.ndarray], fps: float) -> int:
    av = _av()
    count = 0
    stream: Any = None
    with atomic_path(path) as temporary:
        # The index goes to the front (faststart), so that a page plays it while it loads.
        options = {"movflags": "+faststart"}
        with av.open(str(temporary), "w", format="mp4", options=options) as container:
            for frame in frames:
                frame = _even(frame)
                if stream is None:
                    stream = _stream(av, container, frame.shape, fps)
                shown = _image(av, frame)
                for packet in stream.encode(shown):
                    container.mux(packet)
                count += 1
            if stream is None:
                raise UsageError("an animation needs at least one frame")
            for packet in stream.encode():
                container.mux(packet)
    return count


def _stream(av: Any, container: Any, shape: tuple[int, ...], fps: float) -> Any:
    # One thread: x264's choices depend on how many there are, and the same walk is the same file.
    options = {"crf": CRF, "preset": "medium", "threads": "1"}
    stream = container.add_stream("libx264", Fraction(fps).limit_denominator(1001), options=options)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    # Said, so that no player has to guess: BT.709 at video range.
    context.color_primaries = context.color_trc = context.colorspace = 1
    context.color_range = av.video.reformatter.ColorRange.MPEG
    return stream


def _even(frame: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] with even sides, as 4:2:0 needs them."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame)


def _image(av: Any, frame: np.ndarray) -> Any:
    """uint8 [H, W, 3] as a video frame: BT.709 at video range, chroma at half the size.

    FFmpeg's own conversion reads a little past the ends of rows, which can be anything.
    """
    height, width = frame.shape[:2]
    r, g, b = np.moveaxis(frame.astype(np.float32) / 255, -1, 0)
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    found = [16 + 219 * luma]
    for colour, span in ((b, 1.8556), (r, 1.5748)):
        chroma = ((colour - luma) / span).reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
        found.append(128 + 224 * chroma)
    image = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(image.planes, found, strict=True):
        rows, columns = plane.buffer_size // plane.line_size, plane.line_size
        more = ((0, rows - values.shape[0]), (0, columns - values.shape[1]))
        plane.update(np.pad(np.rint(values).astype(np.uint8), more, mode="edge").tobytes())
    return image


def _av() -> Any:
    try:
        import av
        import av.video.reformatter
    except ImportError as exc:
        raise UsageError(
            "MP4 files need the package av, which is not installed",
            hint='pip install "nftgan[video]", or write a .webp or .gif',
        ) from exc
    return av
