"""Pickle streams put together by hand, for what no pickler would write."""

from __future__ import annotations

import struct
from typing import Any

STOP = b"."
MARK = b"("


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def raw(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def old_name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def group(*items: bytes) -> bytes:
    return MARK + b"".join(items) + b"t"


def table(items: dict[str, bytes]) -> bytes:
    return b"}" + MARK + b"".join(text(k) + v for k, v in items.items()) + b"u"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + group(*arguments) + b"R"


PERSISTENT = name("torch_utils.persistence", "_reconstruct_persistent_obj")
TENSOR = name("torch._utils", "_rebuild_tensor_v2")
LOAD = name("torch.storage", "_load_from_bytes")


def module(class_name: str, **parts: bytes) -> bytes:
    """A persistent object; `parts` replace its tables."""
    state = {"_parameters": b"}", "_buffers": b"}", "_modules": b"}", "_init_kwargs": b"}"}
    return call(
        PERSISTENT,
        table(
            {
                "type": text("class"),
                "version": number(6),
                "class_name": text(class_name),
                "state": table({**state, **parts}),
            }
        ),
    )


def checkpoint(generator: bytes) -> bytes:
    return b"\x80\x04" + table({"G_ema": generator}) + STOP


def numbers(*values: int) -> bytes:
    return group(*(number(value) for value in values))


def tensor(storage: bytes, offset: int, size: bytes, stride: bytes) -> bytes:
    arguments = (storage, number(offset), size, stride, b"\x89", b"}")
    return call(TENSOR, *arguments)


def storage_bytes(
    elements: bytes = b"\0" * 16,
    *,
    declared: int = 4,
    counted: int | None = None,
    kind: str = "FloatStorage",
    module_name: str = "torch",
    little: bytes = b"\x88",
    magic: int = 0x1950A86A20F9469CFC6C,
    protocol: int = 1001,
    view: bytes = b"N",
    keys: bytes | None = None,
    times: int = 1,
    rest: bytes = b"",
) -> bytes:
    """A legacy torch.save stream with one storage; each argument spoils one thing."""
    reference = group(
        text("storage"),
        old_name(module_name, kind),
        text("0"),
        text("cpu"),
        number(declared),
        view,
    )
    pickles = (
        number(magic),
        number(protocol),
        table({"protocol_version": number(protocol), "little_endian": little}),
        (reference + b"Q") * times,
        keys if keys is not None else b"]" + text("0") + b"a",
    )
    stream = b"".join(b"\x80\x02" + body + STOP for body in pickles)
    count = declared if counted is None else counted
    return stream + struct.pack("<q", count) + elements + rest


def storage(**spoiled: Any) -> bytes:
    return call(LOAD, raw(storage_bytes(**spoiled)))
