import io
import json
import multiprocessing
import pickle
import struct
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from nftgan.dataset import archive, kernels
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import encode_fast_png, write_dataset
from nftgan.errors import UsageError
from tests.png_chunks import chunk


def noise(seed: int, side: int = 8, channels: int = 3) -> np.ndarray:
    shape = (side, side, 3) if channels == 3 else (side, side)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


@st.composite
def small_sets(draw: st.DrawFn) -> tuple[np.ndarray, list[int] | None]:
    side = draw(st.sampled_from([4, 8, 16]))
    count = draw(st.integers(1, 5))
    tail = draw(st.sampled_from([(), (3,)]))
    pixels = draw(hnp.arrays(np.uint8, (count, side, side, *tail)))
    labels = draw(st.none() | st.lists(st.integers(0, 6), min_size=count, max_size=count))
    return pixels, labels


@settings(max_examples=40, deadline=None)
@given(small_sets())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[np.ndarray, list[int] | None]
) -> None:
    pixels, labels = case
    folder = tmp_path_factory.mktemp("set")
    fingerprint = write_dataset(folder / "a.zip", pixels, labels=labels)
    dataset = Dataset.open(folder / "a.zip")
    channels = 3 if pixels.ndim == 4 else 1
    assert (len(dataset), dataset.resolution, dataset.channels) == (
        len(pixels),
        pixels.shape[1],
        channels,
    )
    order = list(reversed(range(len(pixels))))
    expected = pixels[::-1].transpose(0, 3, 1, 2) if channels == 3 else pixels[::-1, None]
    assert np.array_equal(dataset.images(order), expected)
    read = dataset.labels(order)
    if labels is None:
        assert read is None and dataset.label_count == 0
    else:
        assert read is not None and read.dtype == np.int64
        assert read.tolist() == labels[::-1] and dataset.label_count == max(labels) + 1
    assert dataset.fingerprint == fingerprint
    write_dataset(folder / "b.zip", pixels, labels=labels)
    assert (folder / "b.zip").read_bytes() == (folder / "a.zip").read_bytes()


def test_a_nested_folder_of_any_png_names_loads_in_path_order(tmp_path: Path) -> None:
    art = tmp_path / "my art"
    for name, seed in [("b/2.png", 2), ("a/sub/1.PNG", 1), ("z.png", 3), ("ü.png", 4)]:
        (art / name).parent.mkdir(parents=True, exist_ok=True)
        (art / name).write_bytes(png(noise(seed)))
    (art / ".hidden").mkdir()
    (art / ".hidden/9.png").write_bytes(png(noise(9)))
    (art / "notes.txt").write_text("not an image")
    dataset = Dataset.open(art)
    assert dataset.names == ["a/sub/1.PNG", "b/2.png", "z.png", "ü.png"]
    assert dataset.name == "my art" and dataset.notes == {}
    expected = np.stack([noise(seed).transpose(2, 0, 1) for seed in (1, 2, 3, 4)])
    assert np.array_equal(dataset.images(range(4)), expected)


def test_a_folder_and_its_zip_have_one_fingerprint(tmp_path: Path) -> None:
    members = {f"x/{i}.png": png(noise(i)) for i in range(3)}
    for name, data in members.items():
        (tmp_path / "art" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "art" / name).write_bytes(data)
    zipped = make_zip(tmp_path / "art.zip", members, zipfile.ZIP_DEFLATED)
    assert Dataset.open(zipped).fingerprint == Dataset.open(tmp_path / "art").fingerprint


def test_labels_in_any_order_and_null_labels_are_read(tmp_path: Path) -> None:
    members = {"a.png": png(noise(1)), "b.png": png(noise(2))}
    text = json.dumps({"labels": [["b.png", 0], ["a.png", 4]]}).encode()
    dataset = Dataset.open(make_zip(tmp_path / "l.zip", {**members, "dataset.json": text}))
    labels = dataset.labels([0, 1, 0])
    assert labels is not None and labels.tolist() == [4, 0, 4]
    assert dataset.label_count == 5
    null = {**members, "dataset.json": b'{"labels": null}'}
    assert Dataset.open(make_zip(tmp_path / "n.zip", null)).labels([0]) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"labels": [["a.png", 0]]}', "b.png has no label"),
        (b'{"labels": [["a.png", -1], ["b.png", 0]]}', "label of a.png"),
        (b'{"labels": [["a.png", 1e99], ["b.png", 0]]}', "label of a.png"),
        (b'{"labels": [["a.png", 99999999999], ["b.png", 0]]}', "class 99999999999 is not below"),
        (b'{"labels": [["a.png", true], ["b.png", 0]]}', "label of a.png"),
        (b'{"labels": [["a.png", "x"], ["b.png", 0]]}', "label of a.png"),
        (b'{"labels": [["a.png", [0.5, 0.5]], ["b.png", 0]]}', "several lengths"),
        (b'{"labels": [["a.png", 1], ["a.png", 2], ["b.png", 0]]}', "a.png has two labels"),
        (b'{"labels": ["a.png"]}', "not a \\[name, label\\] pair"),
        (b'{"labels": {"a.png": 0}}', "b.png has no label"),
        (b'{"labels": 7}', "must be a list"),
        (b"[1]", "one JSON object"),
        (b"{", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_wrong_labels_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    members = {"a.png": png(noise(1)), "b.png": png(noise(2)), "dataset.json": text}
    dataset = Dataset.open(make_zip(tmp_path / "l.zip", members))
    with pytest.raises(UsageError, match=message):
        dataset.labels([0])
    assert len(dataset.images([0, 1])) == 2  # without its labels the set can be used


@pytest.mark.parametrize("labels", ["[[0, 1, 0], [1, 0, 0]]", "[1.0, [0]]", "[[1], 0]"])
def test_one_hot_lists_and_whole_numbers_are_classes(labels: str, tmp_path: Path) -> None:
    pairs = [list(pair) for pair in zip(("a.png", "b.png"), json.loads(labels), strict=True)]
    text = json.dumps({"labels": pairs}).encode()
    members = {"a.png": png(noise(1)), "b.png": png(noise(2)), "dataset.json": text}
    dataset = Dataset.open(make_zip(tmp_path / "l.zip", members))
    found = dataset.labels([0, 1])
    assert found is not None and found.tolist() == [1, 0] and not dataset.has_vectors
    rows = dataset.conditions([0, 1])
    assert rows is not None and rows.tolist() == [[0, 1], [1, 0]]


def test_vectors_are_conditions_and_no_classes(tmp_path: Path) -> None:
    text = b'{"labels": [["a.png", [0.25, 1, 1]], ["b.png", [0, 0, -2]]]}'
    members = {"a.png": png(noise(1)), "b.png": png(noise(2)), "dataset.json": text}
    dataset = Dataset.open(make_zip(tmp_path / "v.zip", members))
    rows = dataset.conditions([1, 0])
    assert rows is not None and rows.tolist() == [[0, 0, -2], [0.25, 1, 1]]
    assert dataset.label_count == 3 and dataset.has_vectors and dataset.labels([0]) is None


def test_a_data_set_zipped_by_windows_is_opened(tmp_path: Path) -> None:
    members = {"art\\a.png": png(noise(1)), "art\\b.png": png(noise(2))}
    dataset = Dataset.open(make_zip(tmp_path / "w.zip", members))
    assert dataset.names == ["art/a.png", "art/b.png"] and len(dataset.images([0, 1])) == 2


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png"]
)
def test_a_member_that_points_outside_is_refused(tmp_path: Path, name: str) -> None:
    path = make_zip(tmp_path / "evil.zip", {"a.png": png(noise(1)), name: png(noise(2))})
    with pytest.raises(UsageError, match="points outside"):
        Dataset.open(path)


def test_a_member_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(tmp_path / "twice.zip", "w") as file,
    ):
        file.writestr("a.png", png(noise(1)))
        file.writestr("a.png", png(noise(2)))
    with pytest.raises(UsageError, match="occurs twice"):
        Dataset.open(tmp_path / "twice.zip")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "e.zip", {"a.png": png(noise(1))})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(UsageError, match="encrypted"):
        Dataset.open(path)


def test_a_zip_bomb_is_refused_before_it_inflates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_IMAGE_BYTES", 1 << 20)
    members = {"a.png": png(noise(1)), "b.png": bytes(2 << 20)}
    path = make_zip(tmp_path / "bomb.zip", members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10_000
    with pytest.raises(UsageError, match="inflates to 2,097,152 bytes"):
        Dataset.open(path)


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    members = {"a.png": png(noise(1)), "b.png": bytes(2 << 20)}
    path = make_zip(tmp_path / "liar.zip", members, zipfile.ZIP_DEFLATED)
    data = path.read_bytes().replace(struct.pack("<I", 2 << 20), struct.pack("<I", 500))
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"b\.png"):
        _ = Dataset.open(path).fingerprint


def giant_png() -> bytes:
    """A few bytes that claim 30000 x 30000 pixels."""

    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (png(noise(2, 16)), "16x16 with 3 channels, the first image 8x8"),
        (png(noise(2, 8, 1)), "1 channels"),
        (png(noise(2, 8))[:60], "damaged"),
        (b"<html>", "damaged"),
        (giant_png(), "damaged"),
    ],
)
def test_an_image_unlike_the_first_is_named_when_read(
    tmp_path: Path, second: bytes, message: str
) -> None:
    path = make_zip(tmp_path / "mixed.zip", {"a.png": png(noise(1)), "b.png": second})
    dataset = Dataset.open(path)
    assert dataset.images([0]).shape == (1, 3, 8, 8)
    for read in (lambda: dataset.images([1]), lambda: dataset.fingerprint):
        with pytest.raises(UsageError, match=message) as caught:
            read()
        assert "b.png" in caught.value.message


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("RGB", (8, 4)), "8x4, not square"),
        (Image.new("RGB", (24, 24)), "power of two"),
        (Image.new("RGB", (2, 2)), "power of two"),
        (Image.new("LA", (8, 8)), "neither RGB, RGBA nor grey"),
    ],
)
def test_a_first_image_of_the_wrong_shape_is_refused(
    tmp_path: Path, image: Image.Image, message: str
) -> None:
    image.save(tmp_path / "a.png")
    with pytest.raises(UsageError, match=message) as caught:
        Dataset.open(tmp_path)
    assert caught.value.hint is not None and "nftgan prepare" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"hello", png(noise(1))])
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UsageError, match="not a readable zip"):
        Dataset.open(tmp_path / "x.zip")


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.png": png(noise(1)), "zzzz": b""})
    path.write_bytes(path.read_bytes().replace(b"zzzz", b"\0zzz"))
    with pytest.raises(UsageError, match="the member '' points outside"):
        Dataset.open(path)


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.zip", [noise(i) for i in range(3)])
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data[: len(data) // 2])
    with pytest.raises(UsageError, match="not a readable zip"):
        Dataset.open(tmp_path / "a.zip")


def test_a_missing_or_empty_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        Dataset.open(tmp_path / "none.zip")
    with pytest.raises(UsageError, match="contains no images"):
        Dataset.open(tmp_path)


def test_an_index_outside_is_an_error(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.zip", [noise(0)])
    with pytest.raises(IndexError):
        Dataset.open(tmp_path / "a.zip").images([1])


def test_without_room_for_the_cache_the_same_pixels_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "a.zip", [noise(i) for i in range(4)])
    cached = Dataset.open(tmp_path / "a.zip").images([3, 1, 3])
    monkeypatch.setattr(archive, "CACHE_BYTES", 0)
    assert np.array_equal(Dataset.open(tmp_path / "a.zip").images([3, 1, 3]), cached)


def test_a_dataset_can_be_pickled_and_forked(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.zip", [noise(i) for i in range(8)])
    dataset = Dataset.open(tmp_path / "a.zip")
    copy = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(copy.images([5]), dataset.images([5]))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        parts = pool.map(dataset.images, [[i] for i in range(8)])
    assert np.array_equal(np.concatenate(parts), dataset.images(range(8)))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_to_a_zip_does_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("zip")
    write_dataset(folder / "a.zip", [noise(1), noise(2)], labels=[0, 1])
    content = bytearray((folder / "a.zip").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        # Most places of a zip are pixels: half of the changes go to the directory at its end.
        first = data.draw(st.sampled_from([0, len(content) - 500]))
        place = data.draw(st.integers(first, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    (folder / "a.zip").write_bytes(content)
    try:
        dataset = Dataset.open(folder / "a.zip")
        assert dataset.images([0]).dtype == np.uint8
        assert dataset.fingerprint.startswith("sha256:")
    except UsageError as exc:
        assert "a.zip" in exc.message


@settings(deadline=None, max_examples=60)
@given(
    side=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    grey=st.booleans(),
    flat=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_a_png_gives_its_pixels_to_any_reader(
    side: tuple[int, int], grey: bool, flat: bool, seed: int
) -> None:
    shape = side if grey else (*side, 3)
    pixels = np.random.default_rng(seed).integers(0, 3 if flat else 256, shape, dtype=np.uint8)
    with Image.open(io.BytesIO(encode_fast_png(pixels))) as opened:
        assert np.array_equal(np.asarray(opened), pixels)


@pytest.mark.parametrize("room", [0, archive.CACHE_BYTES])
def test_threads_read_the_same_pixels_and_leave_warnings_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(archive, "CACHE_BYTES", room)
    encoded = [noise(seed, 32) for seed in range(40)]
    write_dataset(tmp_path / "a.zip", encoded, labels=None)
    expected = np.stack(encoded).transpose(0, 3, 1, 2)
    dataset = pickle.loads(pickle.dumps(Dataset.open(tmp_path / "a.zip")))  # opened by the threads
    filters = warnings.filters[:]
    assert not dataset.are_decoded([0])
    with ThreadPoolExecutor(4) as pool:
        orders = [np.random.default_rng(n).permutation(40) for n in range(16)]
        found = list(pool.map(dataset.images, orders))
    for order, images in zip(orders, found, strict=True):
        assert np.array_equal(images, expected[order])
    assert dataset.are_decoded(range(40)) == (room > 0)
    assert warnings.filters == filters


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("shape", [(256, 256, 3), (256, 256)])
def test_large_files_have_the_same_pixels_by_every_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool, shape: tuple[int, ...]
) -> None:
    if not compiled:
        monkeypatch.setattr(kernels, "library", lambda: None)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for name, level in (("a", 1), ("b", 9)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png", compress_level=level)
    assert (tmp_path / "a.png").stat().st_size > archive.LARGE_FILE
    art = Dataset.open(tmp_path)
    assert np.array_equal(art.hwc(0), pixels) and np.array_equal(art.hwc(1), pixels)
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[5000] ^= 1
    (tmp_path / "b.png").write_bytes(data)
    with pytest.raises(UsageError, match=r"b\.png is damaged"):
        Dataset.open(tmp_path).hwc(1)
