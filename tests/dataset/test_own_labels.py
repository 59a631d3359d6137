import json
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.archive import Dataset
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.errors import UsageError
from nftgan.progress import NullProgress


class Heard(NullProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def art(folder: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    return folder


def labels(folder: Path, pairs: object, **more: object) -> None:
    (folder / "dataset.json").write_text(json.dumps({"labels": pairs, **more}))


def classes_of(zip_path: Path) -> dict[str, str]:
    dataset = Dataset.open(zip_path)
    numbers = dataset.labels(range(len(dataset)))
    assert numbers is not None
    names = [dataset.classes[number] for number in numbers]
    return dict(zip((one["source"] for one in dataset.notes["sources"]), names, strict=True))


def test_the_labels_of_a_stylegan_data_set_are_kept(tmp_path: Path) -> None:
    folder = art(tmp_path / "art", "a.png", "b.png", "sub/c.png")
    labels(folder, [["a.png", 7], ["b.png", 20210], ["sub\\c.png", 7]])
    report = prepare(folder, tmp_path / "out.zip")
    assert report.classes == ("7", "20210") and report.rejected == ()
    assert classes_of(report.output) == {"a.png": "7", "b.png": "20210", "sub/c.png": "7"}


def test_our_own_data_set_keeps_its_classes_names_when_it_is_prepared_again(tmp_path: Path) -> None:
    folder = art(tmp_path / "art", "cats/a.png", "dogs/b.png")
    first = prepare(folder, tmp_path / "big.zip", PrepareOptions(labels="folders"))
    again = prepare(first.output, tmp_path / "small.zip", PrepareOptions(resolution=16))
    assert again.classes == ("cats", "dogs")
    assert list(classes_of(again.output).values()) == ["cats", "dogs"]
    none = prepare(first.output, tmp_path / "none.zip", PrepareOptions(labels="none"))
    assert none.classes == () and Dataset.open(none.output).label_count == 0


def test_an_image_without_a_label_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    folder = art(tmp_path / "art", "a.png", "b.png", "c.png")
    labels(folder, [["a.png", [0, 1]], ["b.png", None], ["c.png", [1, 0]]])
    report = prepare(folder, tmp_path / "out.zip")
    assert report.rejected == (("b.png", "dataset.json has no label for it"),)
    assert classes_of(report.output) == {"a.png": "1", "c.png": "0"}


@pytest.mark.parametrize("text", ['{"labels": [["a.png", "x"], ["b.png", 1]]}', "{", "[]"])
def test_broken_labels_that_nobody_asked_for_cost_a_warning(text: str, tmp_path: Path) -> None:
    folder = art(tmp_path / "art", "a.png", "b.png")
    (folder / "dataset.json").write_text(text)
    heard = Heard()
    report = prepare(folder, tmp_path / "out.zip", progress=heard)
    assert report.kept == 2 and Dataset.open(report.output).label_count == 0
    assert len(heard.warnings) == (text != "[]")
    if text != "[]":
        with pytest.raises(UsageError):
            prepare(folder, tmp_path / "x.zip", PrepareOptions(labels=folder / "dataset.json"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_with_accents_match_in_either_form(form: str, tmp_path: Path) -> None:
    other = "NFD" if form == "NFC" else "NFC"
    name = unicodedata.normalize(form, "é ü.png")  # type: ignore[arg-type]
    folder = art(tmp_path / "art", name, "plain.png")
    sheet = tmp_path / "l.csv"
    told = unicodedata.normalize(other, "é ü.png")  # type: ignore[arg-type]
    sheet.write_text(f"{told},bird\nplain.png,cat\n", encoding="utf-8")
    report = prepare(folder, tmp_path / "out.zip", PrepareOptions(labels=sheet))
    assert report.rejected == () and report.classes == ("bird", "cat")


def test_labels_for_images_that_are_not_there_are_said(tmp_path: Path) -> None:
    folder = art(tmp_path / "art", "a.png", "b.png")
    sheet = tmp_path / "l.csv"
    sheet.write_text("a.png,x\nb.png,y\nghost.png,z\n")
    heard = Heard()
    prepare(folder, tmp_path / "out.zip", PrepareOptions(labels=sheet), progress=heard)
    assert heard.warnings == ["l.csv labels 1 that is not among the art: ghost.png"]


def test_several_columns_become_vectors(tmp_path: Path) -> None:
    folder = art(tmp_path / "art", "a.png", "b.png", "c.png")
    sheet = tmp_path / "l.csv"
    sheet.write_text("file,age,hat\na.png,10,red\nb.png,30,blue\nc.png,20,red\n")
    report = prepare(folder, tmp_path / "out.zip", PrepareOptions(labels=sheet))
    dataset = Dataset.open(report.output)
    assert dataset.notes["conditions"] == ["age 10 to 30", "hat=blue", "hat=red"]
    rows = dataset.conditions([0, 1, 2])
    assert rows is not None and rows.tolist() == [[0, 0, 1], [1, 1, 0], [0.5, 0, 1]]
    again = prepare(report.output, tmp_path / "again.zip", PrepareOptions(resolution=16))
    other = Dataset.open(again.output)
    assert np.array_equal(other.conditions([0, 1, 2]), rows)
    assert other.notes["conditions"] == dataset.notes["conditions"]


def test_the_folder_that_an_archive_has_everything_in_is_no_class(tmp_path: Path) -> None:
    folder = art(tmp_path / "art", "x/cats/a.png", "x/dogs/b.png")
    with zipfile.ZipFile(tmp_path / "art.zip", "w") as file:
        for path in folder.rglob("*.png"):
            file.write(path, path.relative_to(folder).as_posix())
    report = prepare(tmp_path / "art.zip", tmp_path / "out.zip", PrepareOptions(labels="folders"))
    assert report.classes == ("cats", "dogs")


def test_one_bad_member_of_a_zip_does_not_end_the_work(tmp_path: Path) -> None:
    folder = art(tmp_path / "art", *(f"{n}.png" for n in range(4)))
    with zipfile.ZipFile(tmp_path / "art.zip", "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, "w\\" + path.name)
    data = bytearray((tmp_path / "art.zip").read_bytes())
    place = data.find((folder / "2.png").read_bytes()) + 60
    data[place] ^= 255
    (tmp_path / "art.zip").write_bytes(data)
    report = prepare(tmp_path / "art.zip", tmp_path / "out.zip")
    assert report.kept == 3
    ((name, reason),) = report.rejected
    assert name == "w/2.png" and reason.startswith("damaged in the zip")
