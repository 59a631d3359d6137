import json
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nftgan.dataset import holdout, image_worker, known, parallel
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.dataset.shipped import unpack
from nftgan.errors import UsageError
from nftgan.files import lock
from nftgan.progress import NullProgress
from tests.png_chunks import chunk


def drawing(seed: int, width: int = 80, height: int = 80) -> Image.Image:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(width, height)
    pixels = np.stack([40 + 160 * x, 60 + 120 * y, 100 + 90 * x * y], axis=2)
    for _ in range(6):
        cx, cy, radius = random.uniform([0.1, 0.1, 0.08], [0.9, 0.9, 0.3])
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = random.integers(0, 256, 3)
    return Image.fromarray(pixels.astype(np.uint8))


def art_folder(folder: Path, count: int = 6) -> Path:
    folder.mkdir(parents=True)
    for seed in range(count):
        drawing(seed).save(folder / f"{seed:02d}.png")
    return folder


def giant_png() -> bytes:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def messy_folder(folder: Path) -> Path:
    """Six good drawings among everything a real folder holds."""
    art_folder(folder)
    (folder / "sub").mkdir()
    first, second = drawing(0), drawing(1)
    data = (folder / "03.png").read_bytes()
    (folder / "copy.png").write_bytes((folder / "00.png").read_bytes())
    (folder / "empty.png").touch()
    (folder / "giant.png").write_bytes(giant_png())
    (folder / "link.png").symlink_to(folder / "00.png")
    (folder / "page.png").write_text("<!doctype html><p>404")
    (folder / "text.txt").write_text("hello")
    (folder / "truncated.png").write_bytes(data[: len(data) // 2])
    (folder / "vector.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/")
    Image.new("RGB", (90, 90), (3, 4, 5)).save(folder / "blank.png")
    Image.new("RGB", (400, 90), (3, 4, 5)).save(folder / "banner.png")
    drawing(2, 20, 20).save(folder / "tiny.png")
    first.save(folder / "sub/again.jpg", quality=60)
    first.save(folder / "sub/same pixels.bmp")
    second.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "sub/mirror.webp", quality=90)
    drawing(7).save(folder / "sub/größe 画.tiff")
    drawing(8).convert("CMYK").save(folder / "sub/print.jpg", quality=95)
    drawing(9).quantize(32).save(folder / "sub/palette.gif")
    drawing(10, 120, 90).save(folder / "sub/wide.png")
    return folder


def test_each_bad_file_is_named_with_its_reason_and_the_rest_is_used(tmp_path: Path) -> None:
    report = prepare(messy_folder(tmp_path / "art"), tmp_path / "out.zip")
    reasons = dict(report.rejected)
    assert reasons == {
        "banner.png": "400x90 is too narrow to cut a square from (--crop fit pads it)",
        "blank.png": "blank: every pixel has the same colour",
        "copy.png": "the same file as 00.png",
        "empty.png": "an empty file",
        "giant.png": "more than 100 megapixels",
        "link.png": "a symbolic link",
        "page.png": "a web page, not an image",
        "sub/again.jpg": "a near copy of 00.png",
        "sub/mirror.webp": "a mirrored copy of 01.png",
        "sub/same pixels.bmp": "the same pixels as 00.png",
        "text.txt": "not an image",
        "tiny.png": "20x20: its short side is under 32 pixels",
        "truncated.png": reasons["truncated.png"],
        "vector.svg": reasons["vector.svg"],
    }
    assert reasons["truncated.png"].startswith("damaged: ")
    assert reasons["vector.svg"].startswith("an SVG drawing")
    assert report.resolution == 64 and report.kept == 10
    dataset = Dataset.open(report.output)
    assert len(dataset) == 10 and dataset.fingerprint == report.fingerprint
    used = [entry["source"] for entry in dataset.notes["sources"]]
    assert (
        used
        == [
            *(f"{seed:02d}.png" for seed in range(6)),
            "sub/größe 画.tiff",
            "sub/palette.gif",
            "sub/print.jpg",
            "sub/wide.png",
        ]
        or len(used) == 11
    )


def test_the_pixels_are_those_of_the_images_in_order(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 3)
    drawing(9, 120, 80).save(art / "wide.png")
    report = prepare(art, tmp_path / "out.zip", PrepareOptions(resolution=32))
    dataset = Dataset.open(report.output)
    prepared = [drawing(seed) for seed in range(3)] + [drawing(9, 120, 80).crop((20, 0, 100, 80))]
    for index, image in enumerate(prepared):
        small = np.asarray(image.resize((32, 32), Image.Resampling.LANCZOS))
        assert np.array_equal(dataset.images([index])[0], small.transpose(2, 0, 1))
    assert dataset.notes["sources"][3]["crop"] == [20, 0, 100, 80]
    assert report.notes == ("1 image was not square",)


def test_the_crop_of_a_large_photo_is_named_in_its_own_pixels(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    drawing(1, 800, 640).save(tmp_path / "art/photo.jpg", quality=95)
    report = prepare(tmp_path / "art", tmp_path / "out.zip", PrepareOptions(resolution=32))
    (entry,) = Dataset.open(report.output).notes["sources"]
    assert entry["size"] == [800, 640] and entry["crop"] == [80, 0, 720, 640]
    expected = (
        drawing(1, 800, 640).crop((80, 0, 720, 640)).resize((32, 32), Image.Resampling.LANCZOS)
    )
    got = Dataset.open(report.output).images([0])[0].transpose(1, 2, 0).astype(int)
    assert np.sqrt(((got - np.asarray(expected)) ** 2).mean()) < 2


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    art = messy_folder(tmp_path / "art")
    first = prepare(art, tmp_path / "a.zip", workers=1)
    second = prepare(art, tmp_path / "b.zip", workers=2)
    assert first.output.read_bytes() == second.output.read_bytes()
    assert first.fingerprint == second.fingerprint and first.rejected == second.rejected


def test_running_again_decodes_nothing_and_says_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    art = art_folder(tmp_path / "art")
    first = prepare(art, tmp_path / "out.zip")
    stamp = first.output.stat().st_mtime_ns
    monkeypatch.setattr(image_worker, "decode", None)
    (tmp_path / "out.report.html").unlink()
    again = prepare(art, tmp_path / "out.zip")
    assert again.unchanged and not first.unchanged
    assert (again.kept, again.fingerprint, again.rejected) == (6, first.fingerprint, ())
    assert first.output.stat().st_mtime_ns == stamp
    assert (tmp_path / "out.report.html").exists()


def test_a_new_image_or_option_is_noticed(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art")
    first = prepare(art, tmp_path / "out.zip")
    drawing(20).save(art / "20.png")
    second = prepare(art, tmp_path / "out.zip")
    assert not second.unchanged and second.kept == 7 and second.fingerprint != first.fingerprint
    third = prepare(art, tmp_path / "out.zip", PrepareOptions(resolution=32))
    assert not third.unchanged and third.resolution == 32


def test_output_inside_the_folder_is_no_part_of_the_art(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 3)
    (art / "labels.csv").write_text("00.png,a\n01.png,b\n02.png,a\n")
    (art / ".out.zip.x1y2.tmp.zip").write_bytes(b"left by a killed run")
    options = PrepareOptions(labels=art / "labels.csv")
    first = prepare(art, art / "out.zip", options)
    again = prepare(art, art / "out.zip", options)
    assert first.rejected == again.rejected == () and again.unchanged
    assert not list(art.glob(".*"))


@pytest.mark.parametrize(
    ("side", "resolution"), [(16, 32), (24, 32), (40, 32), (64, 64), (300, 256)]
)
def test_the_default_resolution_is_what_the_art_allows(
    side: int, resolution: int, tmp_path: Path
) -> None:
    (tmp_path / "art").mkdir()
    for seed in range(3):
        drawing(seed, side, side).save(tmp_path / f"art/{seed}.png")
    assert prepare(tmp_path / "art", tmp_path / "out.zip").resolution == resolution


def shipped_sprites(folder: Path, count: int) -> list[Image.Image]:
    unpack("pixel-art", folder)
    sprites = []
    for number, path in enumerate(sorted(folder.iterdir())):
        if number < count:
            sprites.append(Image.open(path).convert("RGB"))
        path.unlink()
    return sprites


@pytest.mark.parametrize(
    ("side", "quality"), [(16, None), (160, None), (192, 80), (500, None), (500, 85)]
)
def test_a_folder_of_pixel_art_keeps_its_grid_also_enlarged_and_compressed(
    side: int, quality: int | None, tmp_path: Path
) -> None:
    art = tmp_path / "art"
    sprites = shipped_sprites(art, 12)
    for number, sprite in enumerate(sprites):
        large = sprite.resize((side, side), Image.Resampling.NEAREST)
        if quality is None:
            large.save(art / f"{number:02}.png")
        else:
            large.save(art / f"{number:02}.jpg", quality=quality)
    report = prepare(art, tmp_path / "out.zip", workers=1)
    assert (report.kept, report.resolution, report.rejected) == (12, 16, ())
    dataset = Dataset.open(report.output)
    assert dataset.notes["pixel_art"]["grid"] == 16
    assert 6 <= dataset.notes["pixel_art"]["colours"] <= 20
    listed = bytes.fromhex(dataset.notes["pixel_art"]["art_colours"])
    assert report.art_colours == len(listed) // 3 <= 64
    if quality is None and side % 16 == 0:
        drawn = {pixel.tobytes() for one in sprites for pixel in np.asarray(one).reshape(-1, 3)}
        assert {listed[at : at + 3] for at in range(0, len(listed), 3)} <= drawn
    got = dataset.images(range(12)).transpose(0, 2, 3, 1).astype(int)
    error = np.abs(got - np.stack([np.asarray(sprite) for sprite in sprites]))
    assert error.mean() < (1 if quality is None else 3)
    assert side == 500 or quality or error.max() == 0


def test_pixel_art_is_enlarged_exactly_when_a_side_is_asked_for(tmp_path: Path) -> None:
    sprites = shipped_sprites(tmp_path / "art", 4)
    for number, sprite in enumerate(sprites):
        sprite.save(tmp_path / f"art/{number}.png")
    report = prepare(tmp_path / "art", tmp_path / "out.zip", PrepareOptions(resolution=32))
    dataset = Dataset.open(report.output)
    native = np.asarray(sprites[2]).transpose(2, 0, 1)
    assert np.array_equal(dataset.images([2])[0], native.repeat(2, axis=1).repeat(2, axis=2))
    assert dataset.notes["pixel_art"]["grid"] == 16


def test_pixel_art_of_24_squares_keeps_them_whole_inside_a_border(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    random = np.random.default_rng(0)
    palette = random.integers(0, 256, (6, 3), dtype=np.uint8)
    sprites = palette[random.integers(0, 6, (5, 24, 24))]
    for number, pixels in enumerate(sprites):
        Image.fromarray(pixels).resize((336, 336), 0).save(tmp_path / f"art/{number}.png")
    report = prepare(tmp_path / "art", tmp_path / "out.zip")
    assert report.resolution == 32
    got = Dataset.open(report.output).images(range(5)).transpose(0, 2, 3, 1)
    assert np.array_equal(got[:, 4:28, 4:28], sprites)
    assert np.array_equal(got[:, 0, 4:28], sprites[:, 0])


def test_drawings_with_smooth_edges_are_no_pixel_art(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    for seed in range(4):
        drawing(seed, 256, 256).save(tmp_path / f"art/{seed}.png")
    report = prepare(tmp_path / "art", tmp_path / "out.zip", PrepareOptions(resolution=64))
    assert Dataset.open(report.output).notes["pixel_art"] is None


def test_a_folder_of_flat_art_is_noted_as_that(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    for turn in range(4):
        large = Image.new("RGB", (800, 800), (40 * turn, 180, 160))
        ImageDraw.Draw(large).ellipse((90 * turn, 120, 500, 700), fill=(250, 50 * turn, 60))
        large.resize((200, 200), Image.Resampling.BOX).save(tmp_path / f"art/{turn}.png")
    options = PrepareOptions(resolution=32, dedupe=0)
    for report in (prepare(tmp_path / "art", tmp_path / "out.zip", options) for _ in range(2)):
        assert report.kept == 4 and report.flat_art
    notes = Dataset.open(report.output).notes
    assert notes["flat_art"] is True and notes["pixel_art"] is None


def test_folders_become_classes(tmp_path: Path) -> None:
    for number, name in enumerate(("dogs", "cats", "dogs", "birds")):
        (tmp_path / "art" / name).mkdir(parents=True, exist_ok=True)
        drawing(number).save(tmp_path / "art" / name / f"{number}.png")
    drawing(9).save(tmp_path / "art/loose.png")
    options = PrepareOptions(labels="folders")
    report = prepare(tmp_path / "art", tmp_path / "out.zip", options)
    assert report.classes == ("birds", "cats", "dogs")
    assert report.rejected == (("loose.png", "it lies in no folder that could be its class"),)
    dataset = Dataset.open(report.output)
    labels = dataset.labels(range(4))
    assert labels is not None and labels.tolist() == [0, 1, 2, 2]
    assert dataset.classes == report.classes and dataset.label_count == 3


def test_a_csv_file_gives_the_classes(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 4)
    (tmp_path / "l.csv").write_text("file,class\n00.png,7\n01.png,12\n02.png,7\n")
    report = prepare(art, tmp_path / "out.zip", PrepareOptions(labels=tmp_path / "l.csv"))
    assert report.classes == ("7", "12")
    assert dict(report.rejected) == {"03.png": "l.csv has no label for it"}
    labels = Dataset.open(report.output).labels(range(3))
    assert labels is not None and labels.tolist() == [0, 1, 0]


def test_a_foreign_file_is_never_overwritten(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 2)
    write_dataset(tmp_path / "foreign.zip", [np.zeros((8, 8, 3), np.uint8)])
    (tmp_path / "text.zip").write_text("my thesis")
    for name in ("foreign.zip", "text.zip"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(UsageError, match="was not made by nftgan prepare"):
            prepare(art, tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(UsageError, match=r"must be a \.zip file"):
        prepare(art, tmp_path / "out.tar")


def test_a_folder_without_a_usable_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    with pytest.raises(UsageError, match="there are no images"):
        prepare(tmp_path / "art", tmp_path / "out.zip")
    (tmp_path / "art/a.png").write_text("<html>")
    with pytest.raises(UsageError, match=r"of 1 file none can be used; a\.png: a web page"):
        prepare(tmp_path / "art", tmp_path / "out.zip")
    Image.new("RGB", (64, 64)).save(tmp_path / "art/b.png")
    with pytest.raises(UsageError, match="of 2 files none"):
        prepare(tmp_path / "art", tmp_path / "out.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["art"]


def test_copies_are_kept_when_asked_for(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 2)
    (art / "again.png").write_bytes((art / "00.png").read_bytes())
    assert prepare(art, tmp_path / "a.zip", PrepareOptions(dedupe=-1)).kept == 3
    assert prepare(art, tmp_path / "b.zip", PrepareOptions(dedupe=0)).kept == 2


def test_a_zip_of_art_gives_the_same_images(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 3)
    with zipfile.ZipFile(tmp_path / "art.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._00.png", b"x")
        for path in sorted(art.iterdir()):
            archive.write(path, path.name)
    folder = prepare(art, tmp_path / "a.zip")
    zipped = prepare(tmp_path / "art.zip", tmp_path / "b.zip")
    assert zipped.fingerprint == folder.fingerprint
    assert zipped.rejected == (("__MACOSX", "a hidden folder"),)
    assert prepare(tmp_path / "art.zip", tmp_path / "b.zip").unchanged


def test_both_reports_name_what_was_left_out(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 2)
    (art / "<b>&.png").write_text("<html>")
    prepare(art, tmp_path / "out.zip")
    report = json.loads((tmp_path / "out.report.json").read_text())
    assert report["kept"] == 2
    assert report["rejected"] == [["<b>&.png", "a web page, not an image"]]
    page = (tmp_path / "out.report.html").read_text()
    assert "&lt;b&gt;&amp;.png" in page and "<b>&.png" not in page
    assert page.count("data:image/png;base64,") == 2
    assert "://" not in page


def test_a_second_run_on_the_same_output_is_turned_away(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 2)
    with (
        lock(tmp_path / ".out.zip.lock", what="a test"),
        pytest.raises(UsageError, match=r"another nftgan process is writing to .*out\.zip"),
    ):
        prepare(art, tmp_path / "out.zip")
    assert prepare(art, tmp_path / "out.zip").kept == 2


class Interrupting(NullProgress):
    """Ctrl-C in the middle of the second task."""

    def __init__(self) -> None:
        self.tasks = 0

    def task(self, description: str, total: float | None = None, unit: str = ""):  # type: ignore[no-untyped-def]
        self.tasks += 1
        if self.tasks == 2:
            raise KeyboardInterrupt
        return super().task(description, total, unit)


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 2)
    with pytest.raises(KeyboardInterrupt):
        prepare(art, tmp_path / "out.zip", progress=Interrupting())
    assert [path.name for path in tmp_path.iterdir()] == ["art"]


KILLED = """
import sys, time
from pathlib import Path
from nftgan.dataset.prepare import prepare
from nftgan.progress import NullProgress

class Waiting(NullProgress):
    def task(self, description, total=None, unit=""):
        context = super().task(description, total, unit)
        if description == "preparing":
            class Task:
                seen = 0
                def __enter__(self): return self
                def __exit__(self, *exc): return None
                def advance(self, amount=1):
                    self.seen += 1
                    if self.seen == 5:
                        print("ready", flush=True)
                        time.sleep(60)
            return Task()
        return context

prepare(Path(sys.argv[1]), Path(sys.argv[2]), progress=Waiting(), workers=2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_kill_in_the_middle_leaves_no_half_zip_and_no_workers(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 30)
    output = tmp_path / "out.zip"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(art), str(output)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        workers = [int(word) for word in listed.split()]
        os.kill(process.pid, signal.SIGKILL)
    assert len(workers) == 2
    assert not output.exists()
    patience = time.monotonic() + 120
    while any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers):
        assert time.monotonic() < patience, "the workers outlive their parent"
        time.sleep(0.1)
    assert len(list(tmp_path.glob(".out.zip.*.tmp.zip"))) == 1
    report = prepare(art, output)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "art",
        "out.report.html",
        "out.report.json",
        "out.zip",
    ]
    assert report.kept == 30 and Dataset.open(output).fingerprint == report.fingerprint


def deadly(path: Path, job: image_worker.Job) -> image_worker.PreparedImage | str:
    if path.name == "03.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return image_worker.prepare_image(path, job)


def test_a_decoder_that_crashes_costs_one_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nftgan.dataset.prepare.prepare_image", deadly)
    report = prepare(art_folder(tmp_path / "art", 8), tmp_path / "out.zip", workers=2)
    assert report.rejected == (("03.png", "its decoder crashed"),)
    assert report.kept == 7
    assert parallel.worker_count(8) == 1


def test_what_prepare_saw_needs_no_second_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(known, "_this_process", {})
    monkeypatch.setattr(holdout, "ENOUGH", 20)
    output = tmp_path / "art.zip"
    prepare(art_folder(tmp_path / "art", 30), output, PrepareOptions(resolution=64))
    fresh = Dataset.open(output)
    with monkeypatch.context() as blind:
        blind.setattr(Dataset, "hwc", None)  # no image is decoded
        assert holdout.usable_fraction(fresh, None) == 0.1
        assert fresh.fingerprint == fresh.notes["fingerprint"]
        held = holdout.split_dataset(fresh).held
    assert len(held)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "another"))
    assert np.array_equal(holdout.split_dataset(Dataset.open(output)).held, held)


def test_of_equal_files_the_one_that_is_called_a_copy_is_left_out(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 3)
    for name in ("00 copy.png", "00 copy 2.png"):
        (art / name).write_bytes((art / "00.png").read_bytes())
    report = prepare(art, tmp_path / "art.zip", PrepareOptions(resolution=32), workers=1)
    assert dict(report.rejected) == {
        "00 copy.png": "the same file as 00.png",
        "00 copy 2.png": "the same file as 00.png",
    }
    kept = prepare(art, tmp_path / "b.zip", PrepareOptions(resolution=32, dedupe=-1), workers=1)
    assert kept.kept == 5
