import io
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections import namedtuple
from pathlib import Path

import pytest

from nftgan.dataset.decode import Rejected
from nftgan.dataset.scan import Scan
from nftgan.dataset.unpack import art_files
from nftgan.errors import UsageError

Members = list[tuple[str, bytes]]


def zip_bytes(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


def tar_bytes(members: Members, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def content(found: Scan) -> dict[str, bytes]:
    return {item.name: item.path.read_bytes() for item in found.candidates}


def test_a_folder_is_scanned_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    with art_files(tmp_path) as found:
        assert content(found) == {"a.png": b"one"}


@pytest.mark.parametrize("make", [zip_bytes, tar_bytes])
def test_the_members_of_an_archive_are_candidates_and_nothing_stays(
    make: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = tmp_path / "art.bin"
    path.write_bytes(make([("b/two.png", b"2"), ("b/one.png", b"1")]))  # type: ignore[operator]
    with art_files(path) as found:
        assert content(found) == {"b/one.png": b"1", "b/two.png": b"2"}
        assert found.wrapper == "b/"
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "used", "reason"),
    [
        ("art\\p.png", "art/p.png", None),
        ("./p.png", "p.png", None),
        ("x" * 5000 + ".png", "x" * 5000 + ".png", None),
        ("CON/aux.png", "CON/aux.png", None),
        ("../p.png", None, ("../p.png", "its name points outside the archive")),
        ("a\\..\\..\\p.png", None, ("a/../../p.png", "its name points outside the archive")),
        ("/p.png", None, ("/p.png", "its name points outside the archive")),
        ("C:\\p.png", None, ("C:/p.png", "its name points outside the archive")),
        ("__MACOSX/art/._p.png", None, ("__MACOSX", "a hidden folder")),
        ("art/._p.png", None, ("art/._p.png", "a hidden or system file")),
        ("art/.git/p.png", None, ("art/.git", "a hidden folder")),
        ("art/Thumbs.db", None, ("art/Thumbs.db", "a hidden or system file")),
    ],
)
def test_a_members_name_never_ends_the_work(
    name: str, used: str | None, reason: tuple[str, str] | None, tmp_path: Path
) -> None:
    (tmp_path / "art.zip").write_bytes(zip_bytes([("good.png", b"g"), (name, b"x")]))
    with art_files(tmp_path / "art.zip") as found:
        assert set(content(found)) == {"good.png", *([used] if used else [])}
        assert found.rejected == ((reason,) if reason else ())
    assert [item.name for item in tmp_path.iterdir()] == ["art.zip"]


def test_a_name_that_is_a_file_and_a_folder_is_both(tmp_path: Path) -> None:
    (tmp_path / "art.zip").write_bytes(zip_bytes([("a", b"x"), ("a/b.png", b"y")]))
    with art_files(tmp_path / "art.zip") as found:
        assert content(found) == {"a": b"x", "a/b.png": b"y"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_name_that_occurs_twice_the_last_one_is_used(tmp_path: Path) -> None:
    (tmp_path / "art.zip").write_bytes(zip_bytes([("a.png", b"old"), ("a.png", b"new")]))
    with art_files(tmp_path / "art.zip") as found:
        assert content(found) == {"a.png": b"new"}
        assert found.rejected == (("a.png (packed before)", "occurs twice: the last one is used"),)


def test_a_link_and_an_empty_member_are_named(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "art.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
        file.writestr("empty.png", b"")
    with art_files(tmp_path / "art.zip") as found:
        assert found.candidates == ()
        assert dict(found.rejected) == {"link.png": "a symbolic link", "empty.png": "an empty file"}


def patched(data: bytes, name: bytes, local: int, central: int, value: bytes) -> bytes:
    """`data`, a zip, with a field of the member's two headers changed."""
    out = bytearray(data)
    for mark, at in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        place = -1
        while (place := data.find(mark, place + 1)) >= 0:
            start = place + (30 if mark == b"PK\x03\x04" else 46)
            if data[start : start + len(name)] == name:
                out[place + at : place + at + len(value)] = value
    return bytes(out)


def test_a_damaged_and_an_encrypted_member_are_refused_by_name(tmp_path: Path) -> None:
    whole = zip_bytes([("a.png", b"0123456789"), ("b.png", b"b")], zipfile.ZIP_STORED)
    (tmp_path / "crc.zip").write_bytes(whole.replace(b"0123456789", b"0123456780"))
    with art_files(tmp_path / "crc.zip") as found:
        by_name = {item.name: item.path for item in found.candidates}
        assert by_name["b.png"].read_bytes() == b"b"
        with pytest.raises(Rejected, match="damaged in the zip"):
            by_name["a.png"].read_bytes()
    (tmp_path / "locked.zip").write_bytes(patched(whole, b"a.png", 6, 8, b"\1\0"))
    with art_files(tmp_path / "locked.zip") as found:
        assert set(content(found)) == {"b.png"}
        assert found.rejected[0][1].startswith("encrypted")


def test_a_member_that_claims_to_be_huge_is_refused_by_name(tmp_path: Path) -> None:
    whole = zip_bytes([("a.png", b"a"), ("b.png", b"b")], zipfile.ZIP_STORED)
    (tmp_path / "art.zip").write_bytes(patched(whole, b"a.png", 22, 24, b"\xff\xff\xff\x7f"))
    with art_files(tmp_path / "art.zip") as found:
        assert set(content(found)) == {"b.png"}
        assert found.rejected == (("a.png", "a file of 2,147,483,647 bytes is too large"),)


def test_deflate64_is_read_with_its_package(tmp_path: Path) -> None:
    inflate64 = pytest.importorskip("inflate64", reason="pip install 'nftgan[formats]'")
    text = b"windows packs so " * 900
    deflater = inflate64.Deflater()
    packed = deflater.deflate(text) + deflater.flush()
    whole = zip_bytes([("a.png", packed), ("b.png", b"b")], zipfile.ZIP_STORED)
    whole = patched(whole, b"a.png", 8, 10, b"\x09\0")
    whole = patched(whole, b"a.png", 14, 16, zlib.crc32(text).to_bytes(4, "little"))
    whole = patched(whole, b"a.png", 22, 24, len(text).to_bytes(4, "little"))
    (tmp_path / "art.zip").write_bytes(whole)
    with art_files(tmp_path / "art.zip") as found:
        assert content(found) == {"a.png": text, "b.png": b"b"}


def test_an_unknown_method_says_what_to_do(tmp_path: Path) -> None:
    whole = patched(zip_bytes([("a.png", b"aaaa")]), b"a.png", 8, 10, b"\x63\0")
    (tmp_path / "art.zip").write_bytes(whole)
    with art_files(tmp_path / "art.zip") as found, pytest.raises(Rejected, match="unpack it"):
        found.candidates[0].path.read_bytes()


def test_an_archive_inside_an_archive_is_opened_once(tmp_path: Path) -> None:
    deepest = zip_bytes([("no.png", b"n")])
    inner = zip_bytes([("i.png", b"i"), ("deep.zip", deepest)])
    outer = [("x/in.zip", inner), ("x/in.tgz", tar_bytes([("t.png", b"t")])), ("x/bad.zip", b"PK")]
    for name, data in (("art.zip", zip_bytes(outer)), ("art.tar", tar_bytes(outer, "w"))):
        (tmp_path / name).write_bytes(data)
        with art_files(tmp_path / name) as found:
            got = content(found)
            assert got.pop("x/in.zip/deep.zip") == deepest  # not an image: the decoder says so
            assert got == {"x/in.zip/i.png": b"i", "x/in.tgz/t.png": b"t"}
            assert len(found.rejected) == 1 and "damaged" in found.rejected[0][1]


def test_a_tar_that_is_cut_short_gives_what_it_has(tmp_path: Path) -> None:
    data = tar_bytes([("a.png", b"a" * 3000), ("b.png", b"b" * 3000)], "w")
    (tmp_path / "art.tar").write_bytes(data[:5000])
    with art_files(tmp_path / "art.tar") as found:
        assert content(found)["a.png"] == b"a" * 3000
        assert found.rejected and "cut short or damaged" in found.rejected[-1][1]


def test_links_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "art.tar", "w") as file:
        info = tarfile.TarInfo("link.png")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(info)
        info = tarfile.TarInfo("pipe.png")
        info.type = tarfile.FIFOTYPE
        file.addfile(info)
    with art_files(tmp_path / "art.tar") as found:
        assert dict(found.rejected) == {
            "link.png": "a symbolic link",
            "pipe.png": "not a regular file",
        }


def test_a_zip_that_is_cut_short_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "art.zip").write_bytes(zip_bytes([("a.png", b"a" * 900)])[:60])
    with pytest.raises(UsageError, match="cut short or damaged"), art_files(tmp_path / "art.zip"):
        pass
    (tmp_path / "art.png").write_bytes(b"x")
    with pytest.raises(UsageError, match="not a folder"), art_files(tmp_path / "art.png"):
        pass


def test_what_the_disk_has_no_room_for_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(10, 5, 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    (tmp_path / "art.tgz").write_bytes(tar_bytes([("a.png", b"123456")]))
    with art_files(tmp_path / "art.tgz") as found:
        assert found.candidates == () and "no room" in found.rejected[0][1]


def test_a_member_without_a_name_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "art.zip"
    path.write_bytes(zip_bytes([("x", b"one"), ("b.png", b"two")]).replace(b"x", b"\0"))
    with art_files(path) as found:
        assert content(found) == {"b.png": b"two"}


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_damaged_tar_in_a_zip_costs_itself_alone(mode: str, kept: float, tmp_path: Path) -> None:
    inner = bytearray(tar_bytes([("a.png", bytes(range(256)) * 400)], mode))
    inner[int(len(inner) * kept) :] = b"\xff" * 9
    path = tmp_path / "art.zip"
    path.write_bytes(zip_bytes([("good.png", b"good"), ("inner.tar.gz", bytes(inner))]))
    with art_files(path) as found:
        assert content(found)["good.png"] == b"good"
        assert any(name.startswith("inner.tar.gz") for name, _ in found.rejected)
