"""Over a thousand hostile pickles: each is refused in one sentence, and nothing runs."""

from __future__ import annotations

import pickle
import struct
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.errors import UsageError
from nftgan.networks import pickles
from nftgan.networks.pickles import AllowedGlobal, Budget, RestrictedUnpickler
from nftgan.networks.published import parse_published
from tests import reference
from tests.networks import assembler as a
from tests.networks import small
from tests.networks.published_writer import published_bytes

ACTIONS = ("exec", "compile", "import", "open", "os.", "subprocess.", "socket.", "pickle.", "code.")

ANNOTATIONS = {"int", "str", "float", "bool"}

_watching: list[list[str]] = []


def _audit(event: str, arguments: Any) -> None:
    if _watching and event.startswith(ACTIONS) and not _own_annotation(event, arguments):
        _watching[-1].append(f"{event} {str(arguments)[:80]}")


def _own_annotation(event: str, arguments: Any) -> bool:
    """Our dataclasses' annotations are texts that typing compiles: `float | None`."""
    if event == "compile":
        source = arguments[0]
        words = bytes(source).decode() if isinstance(source, bytes) else str(source)
        return set(words.replace("|", " ").replace("None", "").split()) <= ANNOTATIONS
    return event == "exec" and set(getattr(arguments[0], "co_names", ["?"])) <= ANNOTATIONS


sys.addaudithook(_audit)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fails when anything is imported, compiled, opened or executed inside."""
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield
    finally:
        _watching.pop()
    assert seen == []


def refusal(data: bytes) -> str | None:
    """The sentence that refuses `data` within a second; None when it is a model after all."""
    start = time.process_time()
    try:
        with nothing_runs():
            parse_published(memoryview(data))
    except UsageError as exc:
        if not tracemalloc.is_tracing():  # which makes all several times slower
            assert time.process_time() - start < 1
        assert "\n" not in exc.message
        assert len(exc.message) < 400
        return exc.message
    return None


@pytest.fixture(scope="module")
def good() -> bytes:
    data = published_bytes(small.generator("t-classes"), small.discriminator())
    parse_published(memoryview(data))  # imports what our own code needs lazily
    assert refusal(data) is None
    return data


def test_the_watch_sees_what_an_ordinary_unpickler_would_run() -> None:
    with pytest.raises(AssertionError), nothing_runs():
        pickle.loads(b"cos\nsystem\n(X\x04\x00\x00\x00truetR.")


NAMES = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("subprocess", "check_output"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "setattr"),
    ("builtins", "open"),
    ("builtins", "__import__"),
    ("builtins", "compile"),
    ("builtins", "breakpoint"),
    ("builtins", "dict"),
    ("__builtin__", "eval"),
    ("functools", "partial"),
    ("functools", "reduce"),
    ("operator", "attrgetter"),
    ("operator", "methodcaller"),
    ("importlib", "import_module"),
    ("runpy", "run_path"),
    ("pickle", "loads"),
    ("marshal", "loads"),
    ("types", "FunctionType"),
    ("types", "CodeType"),
    ("codecs", "decode"),
    ("_codecs", "encode"),
    ("copyreg", "_reconstructor"),
    ("collections", "defaultdict"),
    ("collections", "Counter"),
    ("torch", "load"),
    ("torch.hub", "load"),
    ("torch.storage", "_load_from_bytes.__globals__"),
    ("torch._utils", "_rebuild_tensor_v2.__globals__"),
    ("torch.serialization", "load"),
    ("torch.jit", "load"),
    ("numpy", "load"),
    ("numpy", "fromfile"),
    ("numpy.f2py", "run_main"),
    ("numpy", "ndarray.tofile"),
    ("dnnlib.util", "open_url"),
    ("dnnlib.util", "call_func_by_name"),
    ("torch_utils.persistence", "_src_to_module"),
    ("torch_utils.persistence", "persistent_class"),
    ("nftgan.networks.pickles", "RestrictedUnpickler"),
    ("sys", "exit"),
    ("", ""),
    ("collections\x00", "OrderedDict"),
    ("Collections", "OrderedDict"),
    (" collections", "OrderedDict"),
]


@pytest.mark.parametrize(("module", "attribute"), NAMES)
def test_a_name_that_is_not_on_the_list_is_never_called(module: str, attribute: str) -> None:
    for named in (a.name(module, attribute), a.old_name(module, attribute)):
        called = a.call(named, a.text("touch /tmp/never"))
        made = named + b")\x81"
        with_state = named + b")\x81" + b"}b"
        for value in (named, called, made, with_state):
            for data in (
                b"\x80\x04" + value + a.STOP,
                value + a.STOP,
                b"\x80\x04" + value + b"0N" + a.STOP,
                a.checkpoint(value),
                a.checkpoint(a.module("Generator", _init_kwargs=a.table({"z_dim": value}))),
                a.checkpoint(a.module("Generator", _modules=a.table({"synthesis": value}))),
            ):
                message = refusal(data)
                assert message is not None
                assert "not on the list" in message


def test_every_name_of_the_list_is_harmless_when_it_is_called_wrongly() -> None:
    listed = [
        ("collections", "OrderedDict"),
        ("dnnlib.util", "EasyDict"),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch._utils", "_rebuild_parameter_with_state"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "Size"),
        ("torch", "device"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("dnnlib.tflib.network", "Network"),
        ("builtins", "set"),
    ]
    values = [b"N", b"}", b"]", b")", a.text("x"), a.raw(b"x"), a.number(-1), a.numbers(1, 2)]
    values += [a.name("numpy", "ndarray"), a.call(a.name("numpy", "dtype"), a.text("f4"))]
    for module, attribute in listed:
        named = a.name(module, attribute)
        for value in values:
            for count in range(7):
                assert refusal(b"\x80\x04" + a.call(named, *[value] * count) + a.STOP)
            assert refusal(b"\x80\x04" + named + value + b"R" + a.STOP)
            assert refusal(b"\x80\x04" + named + b")\x81" + value + b"b" + a.STOP)
            assert refusal(b"\x80\x04" + a.call(named) + value + b"b" + a.STOP)


HUGE = (1 << 32) - 1
BOMBS: dict[str, bytes] = {
    "nothing": b"",
    "no stop": b"\x80\x04N",
    "empty stack": b"\x80\x04.",
    "mark as value": b"\x80\x04(.",
    "protocol 6": b"\x80\x06N.",
    "bytes larger than the file": b"\x80\x04B" + struct.pack("<I", HUGE) + b"x.",
    "bytes of 8 EiB": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 63) + b"x.",
    "text larger than the file": b"\x80\x04X" + struct.pack("<I", HUGE) + b"x.",
    "text of 16 EiB": b"\x80\x04\x8d" + struct.pack("<Q", (1 << 64) - 1) + b"x.",
    "text that is not UTF-8": b"\x80\x04\x8c\x02\xff\xfe.",
    "integer of 2 GiB": b"\x80\x04\x8b" + struct.pack("<i", (1 << 31) - 1) + b"x.",
    "integer of negative length": b"\x80\x04\x8b" + struct.pack("<i", -1) + b"x.",
    "integer of 200 bytes": b"\x80\x04\x8a\xc8" + b"\xff" * 200 + b".",
    "frame of 16 EiB": b"\x80\x04\x95" + b"\xff" * 8 + b"N.",
    "memo index of 4 billion": b"\x80\x04Nr" + struct.pack("<I", HUGE) + b".",
    "memo entry that is missing": b"\x80\x04h\x07.",
    "bytearray": b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b".",
    "out-of-band buffer": b"\x80\x05\x97.",
    "extension registry": b"\x80\x04\x82\x01.",
    "old instance": b"(ios\nsystem\n.",
    "old object": b"(cos\nsystem\no.",
    "persistent id": b"\x80\x04NQ.",
    "persistent id as text": b"\x80\x04Pcanary\n.",
    "constructor with keywords": b"\x80\x04N)}\x92.",
    "unending name": b"c" + b"a" * 100_000,
    "deep lists": b"\x80\x04" + b"]" * 150_000 + b"a" * 149_999 + b".",
    "deep tuples": b"\x80\x04N" + b"\x85" * 249_000 + b".",
    "deep dictionaries": b"\x80\x04" + b"}N" * 100_000 + b"Ns" * 10 + b".",
    "a million steps": b"\x80\x04" + b"N0" * 500_000 + b"N.",
    "a million dictionaries": b"\x80\x04" + b"}" * 1_000_000 + b"N.",
    "a million sets": b"\x80\x04" + b"\x8f" * 1_000_000 + b"N.",
    "a million copies": b"\x80\x04N" + b"2" * 1_000_000 + b".",
    "a tuple of a million": b"\x80\x04(" + b"N" * 1_000_000 + b"t.",
    "items of None": b"\x80\x04NNNs.",
    "odd items": b"\x80\x04}(Nu.",
    "append to a tuple": b"\x80\x04)Na.",
    "add to a list": b"\x80\x04](N\x90.",
    "call of a text": b"\x80\x04" + a.text("os.system") + b")R.",
    "call with a list": b"\x80\x04" + a.name("collections", "OrderedDict") + b"]R.",
    "state of a dictionary": b"\x80\x04}}b.",
    "a name made of numbers": b"\x80\x04K\x01K\x02\x93.",
}

# Each doubling shares the last value twice: 2^60 leaves for whoever walks, hashes or prints it.
DOUBLED_TUPLE = b"\x80\x04)" + b"2\x86" * 60
DOUBLED_LIST = b"\x80\x04]" + b"".join(
    b"q" + bytes([i]) + b"0](h" + bytes([i]) + b"h" + bytes([i]) + b"e" for i in range(60)
)
BOMBS |= {
    f"doubled {kind} {place}": data
    for kind, value in (("tuple", DOUBLED_TUPLE[2:]), ("list", DOUBLED_LIST[2:]))
    for place, data in {
        "as all": b"\x80\x04" + value + b".",
        "as key": b"\x80\x04}" + value + b"Ns.",
        "in a set": b"\x80\x04\x8f(" + value + b"\x90.",
        "as class name": a.checkpoint(
            a.call(a.PERSISTENT, a.table({"type": a.text("class"), "class_name": value}))
        ),
        "as version": a.checkpoint(
            a.call(a.PERSISTENT, a.table({"type": a.text("class"), "version": value}))
        ),
        "as type": a.checkpoint(a.call(a.PERSISTENT, a.table({"type": value}))),
        "as option": a.checkpoint(
            a.module("Generator", _init_kwargs=a.table({"z_dim": value, "activation": value}))
        ),
        "as fixed option": a.checkpoint(
            a.module("Generator", _init_kwargs=a.table({"activation": value}))
        ),
        "as module": a.checkpoint(a.module("Generator", _modules=a.table({"m": value}))),
        "as tensor": a.checkpoint(a.module("Generator", _buffers=a.table({"m": value}))),
        "as shape": a.checkpoint(a.tensor(a.storage(), 0, value, a.numbers(1))),
        "as stride": a.checkpoint(a.tensor(a.storage(), 0, a.numbers(1), value)),
        "as name": b"\x80\x04" + value + a.text("x") + b"\x93.",
        "as state": b"\x80\x04" + a.call(a.name("numpy", "dtype"), a.text("f4")) + value + b"b.",
        "as byte order": b"\x80\x04"
        + a.call(a.name("numpy", "dtype"), a.text("f4"))
        + a.group(a.number(3), value)
        + b"b.",
        "as storage keys": a.checkpoint(a.storage(keys=value)),
        "as storage view": a.checkpoint(a.storage(view=value)),
        "as set": b"\x80\x04" + a.call(a.name("builtins", "set"), value) + b".",
    }.items()
}


@pytest.mark.parametrize("title", BOMBS)
def test_a_bomb_is_refused_before_it_grows(title: str) -> None:
    tracemalloc.start()
    try:
        message = refusal(BOMBS[title])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message is not None
    assert peak < 200e6
    assert refusal(BOMBS[title]) == message


def test_steps_are_counted_over_nested_streams_too() -> None:
    once = a.raw(a.storage_bytes()) + b"q\x01\x94" + b"0"
    again = a.LOAD + b"h\x01\x85R0"
    budget = Budget(tensor_bytes=1 << 20)
    with pytest.raises(UsageError, match="more than 250000 steps"):
        parse_published(memoryview(b"\x80\x04" + once + again * 20_000 + b"N."))
    assert budget.operations == pickles.MAX_OPERATIONS


def test_shared_storages_cannot_pose_as_many_tensors() -> None:
    shared = a.storage(elements=b"\0" * 40_000, declared=10_000) + b"q\x01" + b"0"
    one = a.tensor(b"h\x01", 0, a.numbers(10_000), a.numbers(1)) + b"0"
    with pytest.raises(UsageError, match="tensors are larger than the file"):
        parse_published(memoryview(b"\x80\x04" + shared + one * 50 + b"N."))


def test_a_module_inside_itself_is_refused() -> None:
    modules = b"}q\x01"
    made = a.module("Generator", _modules=modules) + b"q\x02"
    loop = made + b"0h\x01" + a.text("self") + b"h\x02s0h\x02"
    message = refusal(a.checkpoint(loop))
    assert message is not None
    assert "too deeply or too many" in message


BIG = 1 << 62
TENSORS: dict[str, bytes] = {
    "larger than its storage": a.tensor(a.storage(), 0, a.numbers(5), a.numbers(1)),
    "one past the end": a.tensor(a.storage(), 1, a.numbers(4), a.numbers(1)),
    "negative stride": a.tensor(a.storage(), 3, a.numbers(4), a.numbers(-1)),
    "negative offset": a.tensor(a.storage(), -1, a.numbers(1), a.numbers(1)),
    "negative size": a.tensor(a.storage(), 0, a.numbers(-1), a.numbers(1)),
    "overflowing stride": a.tensor(a.storage(), 0, a.numbers(2), a.numbers(BIG)),
    "overflowing offset": a.tensor(a.storage(), BIG, a.numbers(1), a.numbers(1)),
    "overflowing size": a.tensor(a.storage(), 0, a.numbers(BIG, BIG), a.numbers(1, 1)),
    "wrapping size": a.tensor(a.storage(), 0, a.numbers(1 << 32, 1 << 32), a.numbers(1, 1)),
    "large from stride 0": a.tensor(a.storage(), 0, a.numbers(1 << 38), a.numbers(0)),
    "overlapping": a.tensor(a.storage(), 0, a.numbers(3, 3), a.numbers(0, 1)),
    "nine dimensions": a.tensor(a.storage(), 0, a.numbers(*[1] * 9), a.numbers(*[1] * 9)),
    "size without stride": a.tensor(a.storage(), 0, a.numbers(1), a.numbers()),
    "a list as size": a.tensor(a.storage(), 0, b"]", a.numbers()),
    "no storage": a.tensor(b"N", 0, a.numbers(), a.numbers()),
    "bytes as storage": a.tensor(a.raw(b"\0" * 16), 0, a.numbers(), a.numbers()),
    "text as offset": a.call(a.TENSOR, a.storage(), a.text("0"), a.numbers(), a.numbers()),
    "storage with more than its bytes": a.storage(declared=5),
    "storage with fewer than its bytes": a.storage(declared=3),
    "storage of 2^40": a.storage(declared=1 << 40),
    "storage of negative count": a.storage(declared=-1),
    "storage counted twice differently": a.storage(declared=4, counted=5),
    "storage with something after it": a.storage(rest=b"x"),
    "storage of an unknown kind": a.storage(kind="UntypedStorage"),
    "storage from another module": a.storage(module_name="os"),
    "storage from os.system": a.storage(module_name="os", kind="system"),
    "storage of a big-endian machine": a.storage(little=b"\x89"),
    "storage with a wrong magic": a.storage(magic=3),
    "storage with a wrong protocol": a.storage(protocol=1002),
    "storage that is a view": a.storage(view=a.numbers(1)),
    "storage without key": a.storage(keys=b"]"),
    "two storages": a.storage(times=2),
    "no storage in the stream": a.storage(times=0),
    "storage stream cut off": a.call(a.LOAD, a.raw(a.storage_bytes()[:40])),
    "empty storage stream": a.call(a.LOAD, a.raw(b"")),
    "storage in a text": a.call(a.LOAD, a.text("x")),
    "storage in itself": a.call(a.LOAD, a.raw(a.storage())),
    "object array": a.call(a.name("numpy", "dtype"), a.text("O8")),
    "void": a.call(a.name("numpy", "dtype"), a.text("V1000000000")),
    "number of wrong length": a.call(
        a.name("numpy.core.multiarray", "scalar"),
        a.call(a.name("numpy", "dtype"), a.text("f8")),
        a.raw(b"\0" * 4),
    ),
}


@pytest.mark.parametrize("title", TENSORS)
def test_a_tensor_never_reaches_outside_its_bytes(title: str) -> None:
    message = refusal(a.checkpoint(TENSORS[title]))
    assert message is not None
    assert "without a G_ema" not in message


def test_a_tensor_inside_its_bytes_is_read() -> None:
    whole = a.tensor(a.storage(), 0, a.numbers(2, 2), a.numbers(1, 2))
    message = refusal(a.checkpoint(whole))
    assert message is not None
    assert "without a G_ema" in message


def _damaged(data: bytes, position: int, mask: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= mask
    return bytes(changed)


@pytest.mark.parametrize("mask", [0xFF, 0x01])
def test_flipped_bytes_never_run_nor_crash(good: bytes, mask: int) -> None:
    step = len(good) // 400
    outcomes = [refusal(_damaged(good, position, mask)) for position in range(0, len(good), step)]
    assert len(outcomes) >= 400
    assert sum(outcome is not None for outcome in outcomes) > 100


def test_truncated_pickles_are_refused(good: bytes) -> None:
    for length in range(0, len(good), len(good) // 200):
        assert refusal(good[:length]) is not None
    assert refusal(good[:-1]) is not None


@pytest.mark.slow
def test_flipped_bytes_of_a_golden_checkpoint_never_run_nor_crash() -> None:
    data = reference.checkpoint("t32c_canary").read_bytes()
    parse_published(memoryview(data))
    outcomes = [refusal(_damaged(data, place, 0xFF)) for place in range(0, len(data), 997)]
    assert len(outcomes) > 300
    assert any(outcomes)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_spliced_pickles_never_run_nor_crash(good: bytes, data: Any) -> None:
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 200)))
    changed = good[:start] + data.draw(st.binary(max_size=20)) + good[end:]
    # Without the watch: Hypothesis imports and opens files between its draws.
    try:
        parse_published(memoryview(changed))
    except UsageError as exc:
        assert "\n" not in exc.message


OPCODES = st.sampled_from([*sorted(pickles._ACTIONS), ord(".")])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.builds(lambda c, b: bytes([c]) + b, OPCODES, st.binary(max_size=3))))
def test_any_sequence_of_operations_ends_in_a_value_or_a_refusal(pieces: list[bytes]) -> None:
    names = {("a", "b"): AllowedGlobal("thing", call=lambda *_: 1, new=dict)}
    try:
        RestrictedUnpickler(memoryview(b"".join(pieces)), names, Budget()).run()
    except UsageError as exc:
        assert exc.hint


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 100), 1 << 100) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(0, 9), inner)
        | st.tuples(inner, inner)
        | st.sets(st.text())
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.integers(4, 5))
def test_plain_values_come_back_as_the_ordinary_unpickler_gives_them(
    value: Any, protocol: int
) -> None:
    data = pickle.dumps(value, protocol)
    result = RestrictedUnpickler(memoryview(data), {}, Budget()).run()
    assert repr(result) == repr(pickle.loads(data))
