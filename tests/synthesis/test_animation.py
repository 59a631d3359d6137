"""Animations: files that play every frame, an MP4 also where sides are odd and memory is short."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.errors import UsageError
from nftgan.synthesis.animation import write_animation


@pytest.mark.parametrize(("suffix", "lossless"), [(".gif", False), (".png", True), (".webp", True)])
def test_an_animation_plays_every_frame(tmp_path: Path, suffix: str, lossless: bool) -> None:
    frames = [np.full((8, 8, 3), 40 * k, dtype=np.uint8) for k in range(5)]
    path = tmp_path / f"walk{suffix}"
    assert write_animation(path, iter(frames), fps=20) == 5
    with Image.open(path) as image:
        assert image.n_frames == 5  # type: ignore[attr-defined]
        image.seek(3)
        shown = np.array(image.convert("RGB")).astype(int)
    assert np.abs(shown - frames[3]).max() <= (0 if lossless else 8)


def waves(count: int, height: int, width: int) -> Iterator[np.ndarray]:
    """Frames with soft colours that move, as a walk has."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    for k in range(count):
        bands = [np.sin(3 * x + 2 * y + c + 0.1 * k) for c in range(3)]
        yield (127.5 + 120 * np.stack(bands, axis=-1)).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 65)])
def test_an_mp4_shows_the_frames_it_was_given(tmp_path: Path, height: int, width: int) -> None:
    import av

    path = tmp_path / "walk.mp4"
    assert write_animation(path, waves(20, height, width), fps=24) == 20
    with av.open(str(path)) as container:
        (stream,) = container.streams
        assert stream.codec_context.name == "h264"  # type: ignore[union-attr]
        assert stream.codec_context.pix_fmt == "yuv420p"  # type: ignore[union-attr]
        assert stream.average_rate == 24  # type: ignore[union-attr]
        shown = [
            frame.to_ndarray(format="rgb24", src_colorspace="ITU709")
            for frame in container.decode(video=0)
        ]
    assert len(shown) == 20
    for image, wanted in zip(shown, waves(20, height, width), strict=True):
        assert image.shape == (height + height % 2, width + width % 2, 3)
        apart = np.abs(image[:height, :width].astype(int) - wanted)
        assert apart.mean() < 3 and apart.max() < 24  # 4:2:0, video range, a little compression
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # faststart: plays while it loads
    assert write_animation(tmp_path / "again.mp4", waves(20, height, width), fps=24) == 20
    if height == width == 64:  # elsewhere x264 looks beyond the edges, at anything
        assert (tmp_path / "again.mp4").read_bytes() == data


def test_an_mp4_is_written_while_its_frames_are_made(tmp_path: Path) -> None:
    alive: list[int] = []

    class Frame(np.ndarray):
        def __del__(self) -> None:
            alive.remove(1)

    def frames() -> Iterator[np.ndarray]:
        for frame in waves(60, 32, 32):
            alive.append(1)
            assert len(alive) < 10, "frames pile up"
            yield frame.view(Frame)

    write_animation(tmp_path / "walk.mp4", frames())


def test_without_the_package_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match="need the package av") as caught:
        write_animation(tmp_path / "walk.mp4", waves(2, 8, 8))
    assert "nftgan[video]" in (caught.value.hint or "")


def test_a_film_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield from waves(3, 8, 8)
        raise UsageError("the model is gone")

    for name in ("a.mp4", "a.gif"):
        with pytest.raises(UsageError, match="is gone"):
            write_animation(tmp_path / name, broken())
    assert list(tmp_path.iterdir()) == []


def test_impossible_files_are_refused(tmp_path: Path) -> None:
    frame = np.zeros((4, 4, 3), dtype=np.uint8)
    for name, frames, fps, words in (
        ("a.avi", [frame], 30, "cannot write animations as .avi"),
        ("a.mp4", [], 30, "at least one frame"),
        ("a", [frame], 30, "without ending"),
        ("a.gif", [], 30, "at least one frame"),
        ("a.gif", [frame], 0, "not from 1 to 100"),
    ):
        with pytest.raises(UsageError, match=words):
            write_animation(tmp_path / name, frames, fps=fps)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", [24, 25, 30, 48, 50])
def test_the_frames_of_a_gif_last_as_long_as_was_asked_for(tmp_path: Path, fps: int) -> None:
    frames = [np.full((8, 8, 3), 2 * n, np.uint8) for n in range(fps)]
    write_animation(tmp_path / "a.gif", frames, fps=fps)
    with Image.open(tmp_path / "a.gif") as film:
        lengths = []
        for frame in range(fps):
            film.seek(frame)
            lengths.append(film.info["duration"])
    assert sum(lengths) == 1000 and min(lengths) >= 20


def test_a_gif_faster_than_browsers_play_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot play 60 frames") as caught:
        write_animation(tmp_path / "a.gif", [np.zeros((8, 8, 3), np.uint8)], fps=60)
    assert caught.value.hint is not None and "--fps 50" in caught.value.hint
