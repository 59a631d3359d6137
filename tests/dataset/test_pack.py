import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.pack import dataset_writer, member_name, write_dataset


def noise(seed: int, side: int = 8, channels: int = 3) -> np.ndarray:
    shape = (side, side, 3) if channels == 3 else (side, side)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_the_fingerprint_is_what_the_format_says(tmp_path: Path) -> None:
    images = [noise(1), noise(2)]
    fingerprint = write_dataset(tmp_path / "a.zip", images)
    pairs = []
    for number, image in enumerate(images):
        digest = hashlib.sha256(b"nftgan-pixels-1" + bytes([0, 0, 0, 8] * 2) + image.tobytes())
        pairs.append([f"00000/img{number:08d}.png", digest.hexdigest()])
    text = json.dumps(pairs, separators=(",", ":"))
    assert fingerprint == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_one_changed_pixel_changes_the_fingerprint(tmp_path: Path) -> None:
    image = noise(1)
    changed = image.copy()
    changed[3, 4, 1] ^= 1
    first = write_dataset(tmp_path / "a.zip", [noise(0), image])
    assert write_dataset(tmp_path / "b.zip", [noise(0), changed]) != first


def test_the_zip_has_the_layout_that_stylegan_users_know(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.zip", [noise(i) for i in range(3)], labels=[2, 0, 1])
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        infos = file.infolist()
        labels = json.loads(file.read("dataset.json"))
    assert [info.filename for info in infos] == [
        "00000/img00000000.png",
        "00000/img00000001.png",
        "00000/img00000002.png",
        "dataset.json",
        "nftgan.json",
    ]
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert labels == {"labels": [[infos[i].filename, label] for i, label in enumerate([2, 0, 1])]}


def test_the_thousandth_image_opens_a_new_folder() -> None:
    assert member_name(999) == "00000/img00000999.png"
    assert member_name(1000) == "00001/img00001000.png"


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), dataset_writer(tmp_path / "a.zip") as writer:
        writer.add(noise(0))
        raise RuntimeError("the disk of a test")
    assert list(tmp_path.iterdir()) == []
