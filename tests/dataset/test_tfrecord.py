"""TFRecords as another program writes them, and as nobody should."""

import random
import struct

import numpy as np
import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.dataset.tfrecord import images
from nftgan.errors import UsageError

tfrecord = pytest.importorskip("tfrecord", reason="pip install tfrecord to test against it")


def chw(seed, side=32, channels=3):
    blocks = np.random.default_rng(seed).integers(0, 256, (channels, side // 8, side // 8))
    return np.kron(blocks, np.ones((1, 8, 8))).astype(np.uint8)


def write(path, arrays):
    """As the published tools do: the shape and the raw bytes of each image."""
    writer = tfrecord.TFRecordWriter(str(path))
    for array in arrays:
        writer.write({"shape": (list(array.shape), "int"), "data": (array.tobytes(), "byte")})
    writer.close()
    return path


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_comes_back(tmp_path, channels):
    arrays = [chw(n, channels=channels) for n in range(5)]
    found = list(images(write(tmp_path / "set-r05.tfrecords", arrays)))
    assert len(found) == 5
    for array, pixels in zip(arrays, found, strict=True):
        expected = array.transpose(1, 2, 0)
        np.testing.assert_array_equal(pixels, expected[..., 0] if channels == 1 else expected)


def test_a_folder_of_all_sizes_with_labels_becomes_a_data_set(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    arrays = [chw(n) for n in range(6)]
    write(folder / "set-r04.tfrecords", [array[:, ::2, ::2] for array in arrays])
    write(folder / "set-r05.tfrecords", arrays)
    labels = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]
    with (folder / "set-rxx.labels").open("wb") as file:
        np.save(file, labels)
    report = prepare(
        folder, tmp_path / "set.zip", PrepareOptions(labels="folders", dedupe=0, resolution=32)
    )
    assert (report.kept, report.resolution) == (6, 32)
    assert report.classes == ("class-0000", "class-0001")
    dataset = Dataset.open(tmp_path / "set.zip")
    found = {dataset.images([n])[0].tobytes() for n in range(6)}
    assert found == {array.tobytes() for array in arrays}


def test_more_labels_than_images_are_noticed(tmp_path):
    path = write(tmp_path / "set-r05.tfrecords", [chw(0)])
    with (tmp_path / "set-rxx.labels").open("wb") as file:
        np.save(file, np.eye(3, dtype=np.float32))
    with pytest.raises(UsageError, match="does not have the 3 images"):
        prepare(path, tmp_path / "set.zip")


def test_a_file_cut_anywhere_or_changed_is_refused_in_one_sentence(tmp_path):
    path = write(tmp_path / "set-r05.tfrecords", [chw(0), chw(1)])
    data = path.read_bytes()
    rng = random.Random(0)
    refused = 0
    for _ in range(200):
        broken = bytearray(data)
        if rng.random() < 0.5:
            del broken[rng.randrange(1, len(broken)) :]
        else:
            place = rng.choice([rng.randrange(60), rng.randrange(len(broken))])
            broken[place] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        try:
            list(images(path))
        except UsageError as exc:
            refused += 1
            assert "\n" not in str(exc) and "record" in str(exc)
    assert refused > 100


def test_a_record_that_claims_terabytes_is_not_read(tmp_path):
    path = tmp_path / "bomb.tfrecords"
    path.write_bytes(struct.pack("<QI", 1 << 42, 0) + b"x" * 100)
    with pytest.raises(UsageError, match="no file of images"):
        list(images(path))
