"""Pinata, Filebase and any Pinning Service end with our CIDs, or say in one sentence why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nftgan.errors import CheckFailed, CredentialError, NftganError, PartlyDone, ServiceError
from nftgan.ipfs.backends import Backend, open_backend
from nftgan.ipfs.backends.http import Pace
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.importer import Importer
from nftgan.ipfs.pinning import pack
from nftgan.ipfs.reader import entries
from tests.ipfs.fake_node import FakeNode, running
from tests.ipfs.fake_services import TOKEN, FakeServices
from tests.ipfs.test_pinning import PIECE_7, ROOT, TREE, Waits, pin

CHUNK = 50_000


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeServices]:
    with running(FakeServices()) as fake:
        for name in ("PINATA_UPLOAD_URL", "PINATA_API_URL", "PINATA_GATEWAY", "PSA_GATEWAY"):
            monkeypatch.setenv(f"NFTGAN_{name}", fake.url)
        monkeypatch.setenv("NFTGAN_PSA_URL", f"{fake.url}/psa")
        monkeypatch.setenv("NFTGAN_4EVERLAND_URL", f"{fake.url}/psa")
        monkeypatch.setenv("NFTGAN_4EVERLAND_GATEWAY", fake.url)
        monkeypatch.setenv("NFTGAN_4EVERLAND_TOKEN", TOKEN)
        monkeypatch.setenv("NFTGAN_PSA_TOKEN", TOKEN)
        monkeypatch.setenv("NFTGAN_PINATA_JWT", TOKEN)
        monkeypatch.setenv("NFTGAN_PINATA_CHUNK_BYTES", str(CHUNK))
        monkeypatch.setenv("NFTGAN_PINATA_PER_MINUTE", "1000")
        car = CarFile(pack(TREE, tmp_path / "network.car").path)
        fake.network = {cid: car.get(cid) for cid in car.cids}
        yield fake


@pytest.fixture
def by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every CAR is large enough for TUS."""
    monkeypatch.setenv("NFTGAN_PINATA_FORM_BYTES", "1000")


def backend(target: str, waits: Waits | None = None) -> Backend:
    return open_backend(target, store=Path("unused"), wait=Waits() if waits is None else waits)


@pytest.mark.parametrize("target", ["pinata", "psa", "4everland"])
@pytest.mark.parametrize("trustless", [True, False])
@pytest.mark.parametrize("verify_mode", ["sample", "all"])
def test_a_service_holds_our_cids_and_is_asked_once(
    tmp_path: Path, services: FakeServices, target: str, trustless: bool, verify_mode: str
) -> None:
    services.trustless = trustless
    first = pin(tmp_path, backend(target), verify_mode)
    assert first.root == ROOT
    assert first.checked_blocks == (24 if trustless else 21)
    assert first.sent_bytes == (first.size_bytes if target == "pinata" else 0)
    received, asked = services.received_bytes, services.count("pin")
    again = pin(tmp_path, backend(target), verify_mode)
    assert again.sent_bytes == 0 and again.checked_blocks == first.checked_blocks
    assert services.received_bytes == received and services.count("pin") == asked
    for _ in range(2):
        backend(target).unpin(Cid.parse(ROOT))
        assert not backend(target).is_pinned(Cid.parse(ROOT))


def test_a_large_car_goes_up_in_chunks_and_each_byte_once(
    tmp_path: Path, services: FakeServices, by_parts: None
) -> None:
    result = pin(tmp_path, backend("pinata"))
    assert result.root == ROOT and result.sent_bytes == result.size_bytes
    assert services.count("tus patch") == -(-result.size_bytes // CHUNK)
    assert services.received_bytes == result.size_bytes
    assert services.uploads["tus-0"].metadata["filename"] == "art.car"


@pytest.mark.parametrize("fault", ["cut after:20000", "stall after:20000"])
def test_a_cut_or_stalled_chunk_goes_on_at_the_byte_that_arrived(
    tmp_path: Path,
    services: FakeServices,
    by_parts: None,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NFTGAN_PIN_TIMEOUT", "1")
    services.faults["tus patch"] = ["", fault, "", fault]
    result = pin(tmp_path, backend("pinata"))
    assert result.root == ROOT
    assert services.received_bytes == result.size_bytes
    assert len(services.uploads) == 1


def test_an_upload_that_was_given_up_is_taken_up_by_the_next_run(
    tmp_path: Path, services: FakeServices, by_parts: None
) -> None:
    services.faults["tus patch"] = ["", "", "cut after:20000", *["503"] * 9]
    with pytest.raises(ServiceError):
        pin(tmp_path, backend("pinata"))
    services.faults.clear()
    before = services.received_bytes
    result = pin(tmp_path, backend("pinata"))
    assert len(services.uploads) == 1
    assert result.sent_bytes == result.size_bytes - 2 * CHUNK - 20_000
    assert services.received_bytes - before == result.sent_bytes


def test_an_upload_that_the_service_forgot_begins_anew(
    tmp_path: Path, services: FakeServices, by_parts: None
) -> None:
    services.faults["tus patch"] = ["", *["500"] * 9]
    with pytest.raises(ServiceError):
        pin(tmp_path, backend("pinata"))
    services.faults.clear()
    services.uploads.clear()
    assert pin(tmp_path, backend("pinata")).root == ROOT


def test_the_last_chunk_whose_answer_was_lost_is_not_sent_again(
    tmp_path: Path, services: FakeServices, by_parts: None
) -> None:
    chunks = -(-(tmp_path / "network.car").stat().st_size // CHUNK)
    services.faults["tus patch"] = [""] * (chunks - 1) + ["done, then cut"]
    result = pin(tmp_path, backend("pinata"))
    assert services.received_bytes == result.size_bytes
    assert services.count("pin by cid") == 3 and len(services.files) == 4


def test_an_upload_address_on_another_host_is_not_used(
    tmp_path: Path,
    services: FakeServices,
    by_parts: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeServices, "url", "http://127.0.0.2:9")  # where it sends us
    with pytest.raises(ServiceError, match="sends us to another host"):
        pin(tmp_path, backend("pinata"))


@pytest.mark.parametrize("target", ["pinata", "psa"])
def test_a_service_that_changes_the_cid_is_named(
    tmp_path: Path, services: FakeServices, target: str
) -> None:
    services.keeps_cid = False
    other = str(Cid.of(b"other", 0x55))
    record = '{"requestid": "r", "status": "pinned", "created": "", "pin": {"cid": "%s"}}'
    services.faults["pin"] = ["answer:" + record % other]
    with pytest.raises(CheckFailed, match=f"^{target} .* changed the CID") as failed:
        pin(tmp_path, backend(target))
    assert failed.value.exit_code == 3
    services.keeps_cid = True
    assert pin(tmp_path, backend(target)).root == ROOT


@pytest.mark.parametrize("target", ["pinata", "psa"])
@pytest.mark.parametrize("trustless", [True, False])
def test_a_lost_block_and_a_wrong_byte_are_named_and_mended(
    tmp_path: Path, services: FakeServices, target: str, trustless: bool
) -> None:
    services.trustless = trustless
    for harm in (services.lose, services.corrupt):
        harm.add(PIECE_7)
        services.blocks.clear(), services.files.clear(), services.pins.clear()
        with pytest.raises(CheckFailed, match=f"^{target} .*images/7.png") as failed:
            pin(tmp_path, backend(target))
        assert failed.value.exit_code == 3
        harm.clear()
        assert pin(tmp_path, backend(target)).root == ROOT


PASSING = ["cut", "429:3", "500", "502", "503", "half", "cut answer"]
COMMANDS = {
    "pinata": ["files", "upload", "gateway"],
    "psa": ["pins", "pin", "pin state", "gateway"],
}


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("target", ["pinata", "psa"])
def test_a_passing_fault_at_any_call_is_overcome(
    tmp_path: Path, services: FakeServices, target: str, fault: str
) -> None:
    for command in COMMANDS[target]:
        services.files.clear(), services.pins.clear(), services.blocks.clear()
        # Half an answer of a gateway is a block with other bytes, which is another test.
        services.faults[command] = [fault] if (command, fault) != ("gateway", "half") else []
        assert pin(tmp_path, backend(target), "all").root == ROOT
        assert not services.faults[command]


LASTING = [
    ("403", 4),
    ("cut", 5),
    ("502", 5),
    ("429:3600", 5),
    ("half", 5),
    ("empty", 5),
    ("413", 5),
    ("stall:1.5", 5),
    ("301", 5),
]


@pytest.mark.parametrize(("fault", "code"), LASTING)
@pytest.mark.parametrize(("target", "command"), [("pinata", "upload"), ("psa", "pin")])
def test_a_lasting_fault_has_its_exit_code_and_the_next_run_finishes(
    tmp_path: Path,
    services: FakeServices,
    target: str,
    command: str,
    fault: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NFTGAN_PIN_TIMEOUT", "1")
    services.faults[command] = [fault] * 12
    with pytest.raises(NftganError) as failed:
        pin(tmp_path, backend(target))
    assert failed.value.exit_code == code
    assert failed.value.message.startswith(target) and "\n" not in failed.value.message
    assert TOKEN not in f"{failed.value.message}{failed.value.hint}"
    services.faults.clear()
    assert pin(tmp_path, backend(target)).root == ROOT


def test_a_request_whose_answer_was_lost_is_not_made_twice(
    tmp_path: Path, services: FakeServices
) -> None:
    services.faults["pin"] = ["cut"]
    pin(tmp_path, backend("psa"))
    made = services.count("pin")
    services.pins.clear(), services.blocks.clear()
    services.faults["pin"] = ["done, then cut answer"]
    pin(tmp_path, backend("psa"))
    assert len(services.pins) == 4
    assert services.count("pin") == made + 4


def test_a_pin_that_does_not_come_is_partly_done_and_goes_on_later(
    tmp_path: Path, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_PSA_WAIT", "30")
    services.states = ["queued", "pinning"]
    waits = Waits()
    with pytest.raises(PartlyDone, match=f"still pinning {ROOT}") as failed:
        pin(tmp_path, backend("psa", waits))
    assert failed.value.exit_code == 6
    assert 30 <= sum(waits) < 60 and waits == sorted(waits)
    services.states = ["queued", "pinning", "pinned"]
    made = services.count("pin")
    assert pin(tmp_path, backend("psa")).root == ROOT
    assert services.count("pin") == made


def test_a_pin_that_failed_says_why_and_is_replaced(tmp_path: Path, services: FakeServices) -> None:
    services.states = ["queued", "failed"]
    with pytest.raises(ServiceError, match=r"gave up .*: looking for the blocks"):
        pin(tmp_path, backend("psa"))
    services.states = ["queued", "pinning", "pinned"]
    for record in services.pins.values():
        record["status"] = "failed"
    assert pin(tmp_path, backend("psa")).root == ROOT
    assert len(services.pins) == 4


def test_every_page_of_a_list_is_read(tmp_path: Path, services: FakeServices) -> None:
    place = backend("psa")
    pin(tmp_path, place)
    record = next(r for r in services.pins.values() if r["pin"]["cid"] == ROOT)
    for number in range(100, 125):
        name = f"request-{number}"
        created = f"2026-01-01T00:00:{number:06}Z"
        services.pins[name] = {**record, "requestid": name, "created": created}
    place.unpin(Cid.parse(ROOT))
    assert not [r for r in services.pins.values() if r["pin"]["cid"] == ROOT]


def test_origins_are_told(
    tmp_path: Path, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_PSA_ORIGINS", "/ip4/1.2.3.4/tcp/4001/p2p/a, /dns/b/tcp/1/p2p/c")
    pin(tmp_path, backend("psa"))
    origins = {tuple(record["pin"]["origins"]) for record in services.pins.values()}
    assert origins == {("/ip4/1.2.3.4/tcp/4001/p2p/a", "/dns/b/tcp/1/p2p/c")}


def test_filebase_is_a_node_that_wants_a_token_and_pins_one_root_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeNode()) as node:
        monkeypatch.setenv("NFTGAN_FILEBASE_URL", node.url)
        monkeypatch.setenv("NFTGAN_FILEBASE_TOKEN", TOKEN)
        assert pin(tmp_path, backend("filebase")).root == ROOT
        assert {sign for _, _, sign in node.asked} == {f"Bearer {TOKEN}"}
        pins = [o for c, o, _ in node.asked if c == "dag/import" and o["pin-roots"] == ["true"]]
        assert len(pins) == len(node.pinned) == 4
        node.faults["pin/ls"] = ["403"]
        with pytest.raises(CredentialError, match=r"^filebase \(127") as failed:
            pin(tmp_path, backend("filebase"))
        assert failed.value.hint == "check NFTGAN_FILEBASE_TOKEN"


TOKENS = {
    "pinata": "NFTGAN_PINATA_JWT",
    "psa": "NFTGAN_PSA_TOKEN",
    "filebase": "NFTGAN_FILEBASE_TOKEN",
    "4everland": "NFTGAN_4EVERLAND_TOKEN",
}


@pytest.mark.parametrize(("target", "variable"), TOKENS.items())
def test_a_missing_or_broken_token_is_exit_4_and_a_file_will_do(
    tmp_path: Path,
    services: FakeServices,
    target: str,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(CredentialError, match="needs a token") as failed:
        backend(target)
    assert failed.value.exit_code == 4 and variable in str(failed.value.hint)
    monkeypatch.setenv(variable, f"{TOKEN}\n{TOKEN}")
    with pytest.raises(CredentialError, match="holds more than a token") as failed:
        backend(target)
    assert TOKEN not in f"{failed.value.message}{failed.value.hint}"
    monkeypatch.delenv(variable)
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "token"))
    backend(target).close()


@pytest.mark.parametrize(
    ("target", "variable"),
    [
        ("pinata", "NFTGAN_PINATA_UPLOAD_URL"),
        ("pinata", "NFTGAN_PINATA_API_URL"),
        ("psa", "NFTGAN_PSA_URL"),
        ("filebase", "NFTGAN_FILEBASE_URL"),
    ],
)
def test_a_token_is_not_sent_in_the_clear(
    services: FakeServices, target: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_FILEBASE_TOKEN", TOKEN)
    monkeypatch.setenv(variable, "http://example.com")
    with pytest.raises(NftganError, match=r"not sent to example\.com over plain http") as failed:
        backend(target)
    assert TOKEN not in f"{failed.value.message}{failed.value.hint}"


def test_a_service_that_repeats_the_token_does_not_get_it_shown(
    tmp_path: Path, services: FakeServices
) -> None:
    reply = f'{{"error": {{"reason": "BAD", "details": "header Bearer {TOKEN} is odd"}}}}'
    services.faults["pin"] = ["answer 400:" + reply]
    with pytest.raises(ServiceError, match=r"BAD: header Bearer .token. is odd") as failed:
        pin(tmp_path, backend("psa"))
    assert TOKEN not in failed.value.message


def test_requests_keep_the_pace_that_is_allowed() -> None:
    now = 0.0
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds

    pace = Pace(3, wait, lambda: now)
    for _ in range(7):
        pace.keep()
    assert pauses == [60.0, 60.0]


def test_what_was_pinned_by_another_program_is_success(
    tmp_path: Path, services: FakeServices
) -> None:
    """409 DUPLICATE_OBJECT: the record is looked up, also when the list lags or never has it."""
    duplicate = 'answer 409:{"error": {"reason": "DUPLICATE_OBJECT", "details": "already pinned"}}'
    for cid, data in services.network.items():
        services.keep(cid, data)
    services.faults["pin"] = [duplicate] * 4
    services.faults["pins"] = ['answer:{"count": 0, "results": []}'] * 4
    waits = Waits()
    assert pin(tmp_path, backend("psa", waits)).root == ROOT
    assert services.count("pin") == 4 and not services.pins
    assert waits[:3] == [1.0, 2.0, 4.0]
    services.blocks.clear()
    services.faults["pin"] = [duplicate] * 4
    with pytest.raises(CheckFailed, match=r"is missing the file images/0\.png"):
        pin(tmp_path, backend("psa"))


def test_a_conflict_whose_record_shows_up_is_waited_for(
    tmp_path: Path, services: FakeServices
) -> None:
    """The list lags: the root is not in it when it is looked for, and is after the conflict."""
    car = CarFile(tmp_path / "network.car")
    roots = [car.root, *(link.cid for link in entries(car.get, car.root))]
    for number, root in enumerate(roots):
        services.pins[f"old-{number}"] = {
            "requestid": f"old-{number}",
            "status": "pinning",
            "created": "2026-01-01T00:00:00Z",
            "pin": {"cid": str(root)},
            "info": {},
        }
    services.faults["pin"] = ['answer 409:{"error": {"reason": "DUPLICATE_OBJECT"}}'] * 4
    services.faults["pins"] = ['answer:{"count": 0, "results": []}'] * 5
    assert pin(tmp_path, backend("psa")).root == ROOT
    assert len(services.pins) == 4 and {p["status"] for p in services.pins.values()} == {"pinned"}


@pytest.mark.parametrize("trustless", [True, False])
@pytest.mark.parametrize("paid", [True, False])
def test_what_tokens_link_to_is_pinned_on_its_own_and_read_back_by_those_links(
    tmp_path: Path, services: FakeServices, trustless: bool, paid: bool
) -> None:
    """A gateway of one's own serves pinned CIDs and what is below them, and nothing else."""
    services.only_pins, services.trustless, services.paid = True, trustless, paid
    result = pin(tmp_path, backend("pinata"))
    assert {str(cid) for cid in services.files.values()} == {ROOT, *result.cids.values()}
    assert services.count("gateway") > 0 and result.checked_blocks > 0
    whole = result.size_bytes
    assert (whole if paid else 2 * whole) == pytest.approx(result.sent_bytes, rel=0.02)
    again = pin(tmp_path, backend("pinata"))
    assert again.sent_bytes == 0 and len(services.files) == 4


def test_a_folder_that_its_link_does_not_reach_is_found_out(
    tmp_path: Path, services: FakeServices
) -> None:
    services.only_pins, services.trustless = True, False
    pin(tmp_path, backend("pinata"))
    metadata = Importer().add_tree(TREE["metadata"]).cid
    services.files = {key: cid for key, cid in services.files.items() if cid != metadata}
    services.files["other"] = metadata  # it says so, and does not serve it
    services.blocks.pop(metadata)
    with pytest.raises(CheckFailed, match=r"is missing the file metadata/0\.json") as failed:
        pin(tmp_path, backend("pinata"))
    assert failed.value.exit_code == 3
