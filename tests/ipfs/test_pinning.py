"""A pin ends with our CIDs and every block read back, whatever the node does on the way."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nftgan.errors import CheckFailed, CredentialError, NftganError, ServiceError, UsageError
from nftgan.ipfs import cid_of_bytes
from nftgan.ipfs.backends import Backend, UploadJournal, open_backend, read_token
from nftgan.ipfs.backends.embedded import EmbeddedBackend
from nftgan.ipfs.backends.kubo import KuboBackend
from nftgan.ipfs.car import CarFile, CarWriter
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.pinning import PinResult, pack, pin_car, pin_collection
from nftgan.ipfs.verify import blocks_to_fetch
from nftgan.redaction import redact
from tests.ipfs.fake_node import FakeNode, running

TREE: Tree = {
    "images": {f"{i}.png": bytes([i]) * 20_000 for i in range(10)},
    "metadata": {f"{i}.json": b'{"name":"%d"}' % i for i in range(10)},
    "model.safetensors": b"m" * 70_000,
}
ROOT = str(Importer().add_tree(TREE).cid)
PIECE_7 = Cid.of(bytes([7]) * 20_000, RAW)


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with running(FakeNode()) as fake:
        yield fake


class Waits(list[float]):
    """A clock that takes no time and remembers what was asked of it."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def kubo(node: FakeNode, *, waits: Waits | None = None, **options: float) -> KuboBackend:
    options = {"get_seconds": 0.5, "timeout_seconds": 0.5, **options}
    wait = Waits() if waits is None else waits
    return KuboBackend(node.url, shard_bytes=90_000, wait=wait, **options)  # type: ignore[arg-type]


def patient(node: FakeNode) -> KuboBackend:
    """For faults that are no waiting: a busy machine may take its time."""
    return kubo(node, get_seconds=30, timeout_seconds=30)


def pin(folder: Path, backend: Backend, verify_mode: str = "all") -> PinResult:
    return pin_collection(
        TREE,
        folder / "art.car",
        backend,
        label="art",
        journal_path=folder / "pin.jsonl",
        verify_mode=verify_mode,  # type: ignore[arg-type]
    )


def imports(node: FakeNode) -> int:
    return sum(command == "dag/import" for command, _, _ in node.asked)


def test_both_targets_hold_the_cids_that_we_computed(tmp_path: Path, node: FakeNode) -> None:
    for backend in (EmbeddedBackend(tmp_path / "store"), kubo(node)):
        result = pin(tmp_path, backend)
        assert result.root == ROOT
        assert result.cids["model.safetensors"] == cid_of_bytes(b"m" * 70_000)
        assert result.cids["images"] == str(Importer().add_tree(TREE["images"]).cid)  # type: ignore[arg-type]
        assert result.checked_blocks == result.blocks == 24
        for cid in (result.root, *result.cids.values()):
            assert backend.is_pinned(Cid.parse(cid))


def test_a_second_run_sends_nothing(tmp_path: Path, node: FakeNode) -> None:
    for backend in (EmbeddedBackend(tmp_path / "store"), kubo(node)):
        assert pin(tmp_path, backend).sent_bytes > 250_000
        assert pin(tmp_path, backend).sent_bytes == 0


def test_what_is_unpinned_can_be_unpinned_again(tmp_path: Path, node: FakeNode) -> None:
    for backend in (EmbeddedBackend(tmp_path / "store"), kubo(node)):
        root = Cid.parse(pin(tmp_path, backend).root)
        for _ in range(2):
            backend.unpin(root)
            assert not backend.is_pinned(root)


@pytest.mark.parametrize(
    "fault",
    ["cut", "cut while sending", "429:3", "500", "502", "503", "504", "half", "cut answer"],
)
def test_a_passing_fault_is_overcome(tmp_path: Path, node: FakeNode, fault: str) -> None:
    node.faults["dag/import"] = ["", fault, "", fault, fault]
    waits = Waits()
    assert pin(tmp_path, kubo(node, waits=waits)).root == ROOT
    assert waits == ([3, 3, 3] if fault == "429:3" else [0.5, 0.5, 1.0])


def test_a_fault_at_each_request_in_turn_ends_with_the_same_root(
    tmp_path: Path, node: FakeNode
) -> None:
    for command in ("version", "pin/ls", "dag/import", "block/get"):
        for before in range(2):
            node.blocks.clear(), node.pinned.clear()
            node.faults[command] = [""] * before + ["cut"]
            folder = tmp_path / f"{command.replace('/', '-')}-{before}"
            assert pin(folder, patient(node)).root == ROOT


@pytest.mark.parametrize("fault", ["cut", "503", "stall:1", "refuse:no space left on device"])
def test_a_lasting_fault_is_one_sentence_and_the_next_run_goes_on(
    tmp_path: Path, node: FakeNode, fault: str
) -> None:
    node.faults["dag/import"] = ["", "", *[fault] * 9]
    with pytest.raises(ServiceError, match="http://127") as failed:
        pin(tmp_path, kubo(node))
    assert "\n" not in failed.value.message
    if fault.startswith("refuse"):
        assert "no space left" in failed.value.message
    node.faults.clear()
    before = imports(node)
    assert pin(tmp_path, kubo(node)).root == ROOT
    parts = len((tmp_path / "pin.jsonl").read_text().splitlines())
    assert imports(node) - before == parts - 2 + 1  # two were there, one more is the pin


def test_a_node_that_is_not_there_is_reported_at_once(tmp_path: Path) -> None:
    waits = Waits()
    backend = KuboBackend("http://127.0.0.1:9", wait=waits)
    with pytest.raises(ServiceError, match="cannot be reached") as failed:
        backend.version()
    assert "ipfs daemon" in str(failed.value.hint)
    assert waits == []


def test_a_refused_token_is_a_credential_error_that_does_not_show_it(
    tmp_path: Path, node: FakeNode
) -> None:
    node.faults["pin/ls"] = ["403"]
    with pytest.raises(CredentialError) as failed:
        pin(tmp_path, KuboBackend(node.url, token="s3cret"))
    assert node.asked[0][2] == "Bearer s3cret"
    assert "s3cret" not in f"{failed.value.message}{failed.value.hint}"


def test_a_lost_block_is_named_with_its_path_and_sent_again(tmp_path: Path, node: FakeNode) -> None:
    node.lose = {PIECE_7}
    with pytest.raises(CheckFailed, match=f"missing the block {PIECE_7} of images/7.png"):
        pin(tmp_path, kubo(node))
    node.lose = set()
    assert pin(tmp_path, kubo(node)).sent_bytes > 250_000


def test_corrupted_bytes_are_found_out_and_mended(tmp_path: Path, node: FakeNode) -> None:
    node.corrupt = {PIECE_7}
    with pytest.raises(CheckFailed, match=f"other bytes for the block {PIECE_7} of images/7.png"):
        pin(tmp_path, kubo(node))
    node.corrupt = set()
    assert pin(tmp_path, kubo(node)).checked_blocks == 24


def test_a_kill_while_mending_does_not_pass_for_mended(tmp_path: Path, node: FakeNode) -> None:
    node.corrupt = {PIECE_7}
    with pytest.raises(CheckFailed):
        pin(tmp_path, kubo(node))
    node.corrupt = set()
    node.faults["dag/import"] = ["", *["cut"] * 9]  # one part arrives, not that of piece 7
    with pytest.raises(ServiceError):
        pin(tmp_path, kubo(node))
    node.faults.clear()
    assert pin(tmp_path, kubo(node)).checked_blocks == 24


def test_a_stalled_block_counts_as_missing(tmp_path: Path, node: FakeNode) -> None:
    node.faults["block/get"] = ["", "stall:2"]
    with pytest.raises(CheckFailed, match="is missing the block"):
        pin(tmp_path, kubo(node))


def test_a_node_that_confirms_another_root_is_not_believed(tmp_path: Path, node: FakeNode) -> None:
    pin(tmp_path / "first", kubo(node))
    parts = imports(node) - 1
    node.pinned.clear()
    node.faults["dag/import"] = [*[""] * parts, "empty"] * 2
    with pytest.raises(ServiceError, match="does not pin"):
        pin(tmp_path, kubo(node))
    node.faults.clear()
    assert pin(tmp_path, kubo(node)).root == ROOT


WRONG = str(Cid.of(b"wrong", RAW))
ONES_OWN = [
    ("stream error", 5, "does not pin"),  # after a part: it does not say so and has no block
    ('answer:{"Stats": {"BlockCount": 2}}', 5, "took 2 of"),
    ("refuse:Unexpected end of data", 5, "Unexpected end of data"),
    ("refuse:ENOSPC: no space left on device", 5, "no space left"),
    ("talks while it reads", 5, "breaks off|does not answer|without end"),
]


@pytest.mark.parametrize(("fault", "code", "why"), ONES_OWN)
def test_a_part_that_a_node_did_not_take_is_found_out(
    tmp_path: Path, node: FakeNode, fault: str, code: int, why: str
) -> None:
    node.strict = True  # it pins nothing whose blocks it has not, as a real one
    tree: Tree = {"a.bin": bytes(range(256)) * 40_000, "b.bin": b"b" * 1000}

    def pin_big() -> PinResult:
        backend = KuboBackend(
            node.url, shard_bytes=8 << 20, get_seconds=0.5, timeout_seconds=0.5, wait=Waits()
        )
        path, journal = tmp_path / "art.car", tmp_path / "pin.jsonl"
        return pin_collection(tree, path, backend, label="art", journal_path=journal)

    node.faults["dag/import"] = [fault, *[fault, ""] * 12]
    with pytest.raises(NftganError, match=why) as failed:
        pin_big()
    assert failed.value.exit_code == code
    node.faults.clear()
    assert pin_big().checked_blocks == len(CarFile(tmp_path / "art.car").cids)


def test_a_node_that_changed_the_cid_is_named(tmp_path: Path, node: FakeNode) -> None:
    pin(tmp_path / "first", kubo(node))
    parts = imports(node) - 1
    node.pinned.clear()
    answer = json.dumps({"Root": {"Cid": {"/": WRONG}, "PinErrorMsg": ""}})
    node.faults["dag/import"] = [*[""] * parts, f"answer:{answer}"]
    with pytest.raises(CheckFailed, match=f"changed the CID: it pinned {WRONG} and not {ROOT}"):
        pin(tmp_path, kubo(node))
    assert pin(tmp_path, kubo(node)).root == ROOT


def test_a_node_that_says_why_it_cannot_pin_is_sent_all_once_more(
    tmp_path: Path, node: FakeNode
) -> None:
    answer = json.dumps({"Root": {"Cid": {"/": ROOT}, "PinErrorMsg": "block was not found"}})
    pin(tmp_path / "first", kubo(node))
    parts = imports(node) - 1
    node.pinned.clear()
    node.faults["dag/import"] = [*[""] * parts, f"answer:{answer}"]
    assert pin(tmp_path, kubo(node)).sent_bytes > 500_000
    node.pinned.clear()
    node.faults["dag/import"] = [f"answer:{answer}", *[""] * parts, f"answer:{answer}"]
    with pytest.raises(ServiceError, match=f"does not pin {ROOT}: block was not found"):
        pin(tmp_path, kubo(node))
    assert pin(tmp_path, kubo(node)).root == ROOT


@pytest.mark.parametrize("kept", [0, 10, 5_000, 200_000])
def test_a_car_that_was_cut_is_not_sent(tmp_path: Path, node: FakeNode, kept: int) -> None:
    path = pack(TREE, tmp_path / "art.car").path
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UsageError, match="not a whole CAR file") as failed:
        pin_car(path, kubo(node), label="art")
    assert failed.value.exit_code == 2 and not node.asked
    assert pin(tmp_path, kubo(node)).root == ROOT


def test_a_disk_that_fills_up_while_the_car_is_written_leaves_nothing(
    tmp_path: Path, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = CarWriter.put

    def full(writer: CarWriter, cid: Cid, data: bytes) -> None:
        if writer.blocks == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(writer, cid, data)

    monkeypatch.setattr(CarWriter, "put", full)
    with pytest.raises(UsageError, match=r"art\.car: no space left") as failed:
        pin(tmp_path, kubo(node))
    assert failed.value.exit_code == 2 and "free some space" in str(failed.value.hint)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert pin(tmp_path, kubo(node)).root == ROOT


def test_a_journal_that_a_kill_cut_short_is_read_up_to_there(tmp_path: Path) -> None:
    path, root = tmp_path / "pin.jsonl", Cid.parse(ROOT)
    UploadJournal(path, "node", root).note("one")
    with path.open("ab") as file:
        file.write(b'{"part": "two", "ro')
    journal = UploadJournal(path, "node", root)
    assert journal.parts == {"one"}
    journal.note("three")
    assert UploadJournal(path, "node", root).parts == {"one", "three"}
    assert UploadJournal(path, "other", root).parts == set()


KILLED = """
import sys
from pathlib import Path
from nftgan.ipfs.backends.kubo import KuboBackend
from tests.ipfs.test_pinning import pin
backend = KuboBackend(sys.argv[2], shard_bytes=90_000)
print(pin(Path(sys.argv[1]), backend).root, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_point_the_same_command_finishes_with_the_same_cids(
    tmp_path: Path, node: FakeNode
) -> None:
    finished = 0
    for delay in (0.3, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 600.0):
        command = [sys.executable, "-c", KILLED, str(tmp_path), node.url]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        try:
            out, _ = child.communicate(timeout=delay)
            finished += out.decode().strip() == ROOT
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        node.pinned.clear()
    assert finished
    assert {cid: node.blocks[cid] for cid in CarFile(tmp_path / "art.car").cids}
    assert {path.name for path in tmp_path.iterdir()} == {"art.car", "pin.jsonl"}


def test_the_sample_is_the_same_each_time_and_holds_the_roots(tmp_path: Path) -> None:
    tree: Tree = {
        "images": {f"{i}.png": f"image {i}".encode() for i in range(5000)},
        "metadata": {f"{i}.json": str(i).encode() for i in range(5000)},
        "model.safetensors": bytes(range(250)) * 20_000,
    }
    car = CarFile(pack(tree, tmp_path / "x.car").path)
    picked = blocks_to_fetch(car, [car.root], "sample")
    assert picked == blocks_to_fetch(car, [car.root], "sample")
    assert picked[0] == car.root
    folders = {Importer().add_tree(tree[name]).cid for name in ("images", "metadata")}  # type: ignore[arg-type]
    for number in (0, 4999):
        assert Cid.of(f"image {number}".encode(), RAW) in picked
        assert Cid.of(str(number).encode(), RAW) in picked
    leaves = [cid for cid in picked if cid.codec == RAW]
    assert folders < set(picked)
    assert 2 * 32 + 2 <= len(leaves) <= 2 * 34 + 2  # images and metadata, and the model's ends
    shards = len(picked) - len(leaves) - 4
    assert 32 < shards <= 4 * 34  # one or two on the way to each
    with pytest.raises(UsageError, match="verify mode"):
        blocks_to_fetch(car, [car.root], "some")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "token", "why"),
    [
        ("ftp://host", None, "cannot be used"),
        ("http://", None, "cannot be used"),
        ("http://host:99999", None, "cannot be used"),
        ("https://user:secret@host", None, "holds more than"),
        ("https://host/?key=secret", None, "holds more than"),
        ("http://example.com:5001", "secret", "not sent to example.com over plain http"),
    ],
)
def test_an_address_that_would_leak_a_secret_is_refused(
    url: str, token: str | None, why: str
) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        KuboBackend(url, token=token)
    assert "secret" not in refused.value.message


def test_tokens_come_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NFTGAN_IPFS_TOKEN", raising=False)
    monkeypatch.delenv("NFTGAN_IPFS_TOKEN_FILE", raising=False)
    assert read_token() is None
    monkeypatch.setenv("NFTGAN_IPFS_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(CredentialError, match="cannot be read"):
        read_token()
    (tmp_path / "token").write_text("abc\n")
    assert read_token() == "abc"
    monkeypatch.setenv("NFTGAN_IPFS_TOKEN", "def")
    assert read_token() == "def"


def test_targets_are_opened_by_name(tmp_path: Path) -> None:
    assert open_backend("embedded", store=tmp_path).name == "embedded"
    url = "http://127.0.0.1:4999"
    assert open_backend("kubo", store=tmp_path, url=url).name == url
    with pytest.raises(UsageError, match="unknown place"):
        open_backend("nft.storage", store=tmp_path)


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = EmbeddedBackend(tmp_path / "store")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 1000}))
    with pytest.raises(UsageError, match="bytes free"):
        pin(tmp_path, backend)
    assert list(backend.store) == []


def test_the_journal_holds_no_secret(tmp_path: Path, node: FakeNode) -> None:
    pin(tmp_path, KuboBackend(node.url, token="s3cret"))
    for line in (tmp_path / "pin.jsonl").read_text().splitlines():
        assert json.loads(line)["target"] == node.url
        assert "s3cret" not in line


def test_a_node_behind_basic_auth_is_asked_as_kubo_writes_it(
    tmp_path: Path, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API.Authorizations of Kubo: "basic:USER:PASSWORD" and "bearer:TOKEN"."""
    for secret, sent in (
        ("basic:ada:correct-horse", "Basic YWRhOmNvcnJlY3QtaG9yc2U="),
        ("bearer:s3cret-token", "Bearer s3cret-token"),
        ("s3cret-token", "Bearer s3cret-token"),
    ):
        monkeypatch.setenv("NFTGAN_IPFS_TOKEN", secret)
        node.asked.clear()
        backend = open_backend(f"kubo={node.url}", store=tmp_path)
        pin(tmp_path, backend)
        assert {header for _, _, header in node.asked} == {sent}
    assert "correct-horse" not in redact("says correct-horse")
    assert "YWRhOmNvcnJlY3QtaG9yc2U" not in redact("Basic YWRhOmNvcnJlY3QtaG9yc2U=")
