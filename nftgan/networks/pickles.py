"""A pickle reader that runs nothing: a small stack machine over an exact list of names.

The machine imports no module named in the file and calls only the functions of its caller's list,
which build inert data. Every size is checked against the file before anything is reserved, and
every step is paid from a budget, so that a hostile file costs little before it is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nftgan.errors import UsageError

MAX_OPERATIONS = 250_000  # the largest published networks need under 100,000
MAX_INTEGER_BYTES = 16
MAX_KEY = 1 << 60  # larger integers could be chosen to share one hash


def reject(reason: str) -> UsageError:
    """What every bound and every unknown name ends in."""
    return UsageError(
        f"not a readable network pickle: {reason}",
        hint="use a StyleGAN checkpoint as published, or a .safetensors model",
    )


def describe(value: object) -> str:
    """A few harmless characters that say what `value` is (never its whole content)."""
    if isinstance(value, str):
        return ascii(value[:60])
    if isinstance(value, AllowedGlobal):
        return value.title
    if isinstance(value, (int, float, type(None))):
        return repr(value)
    return type(value).__name__


@dataclass
class Budget:
    """What one file may cost in all, nested streams included."""

    operations: int = MAX_OPERATIONS
    tensor_bytes: int = 0

    def spend(self, operations: int) -> None:
        self.operations -= operations
        if self.operations < 0:
            raise reject(f"it takes more than {MAX_OPERATIONS} steps")

    def spend_tensor(self, amount_bytes: int) -> None:
        self.tensor_bytes -= amount_bytes
        if self.tensor_bytes < 0:
            raise reject("its tensors are larger than the file")


@dataclass(frozen=True)
class AllowedGlobal:
    """A name that a file may use, and the harmless function that stands for it."""

    title: str
    call: Callable[..., Any] | None = None  # REDUCE; given the arguments of the file
    new: Callable[[], Any] | None = None  # NEWOBJ; takes no arguments


class Stub:
    """An inert object whose BUILD state is checked by `set_state`."""

    def set_state(self, state: Any) -> None:
        raise reject(f"{type(self).__name__} takes no state")


Globals = Mapping[tuple[str, str], AllowedGlobal]
_MARK = object()
_U8, _U16, _U32, _U64 = (struct.Struct(layout) for layout in ("<B", "<H", "<I", "<Q"))
_I32, _F64 = struct.Struct("<i"), struct.Struct(">d")


class RestrictedUnpickler:
    """One pickle of `data` from `position` on; afterwards `position` is behind its STOP."""

    def __init__(
        self,
        data: memoryview,
        names: Globals,
        budget: Budget,
        *,
        position: int = 0,
        persistent: Callable[[Any], Any] | None = None,
        drop_table_state: bool = False,
    ) -> None:
        """drop_table_state: attributes of a dictionary, such as torch's _metadata, are left out."""
        self.data = data
        self.position = position
        self._names = names
        self._budget = budget
        self._persistent = persistent
        self._drop_table_state = drop_table_state
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The value of the pickle; UsageError for anything outside the list or the bounds."""
        data, end = self.data, len(self.data)
        while self.position < end:
            code = data[self.position]
            self.position += 1
            if code == 0x2E:  # STOP
                return self._pop()
            action = _ACTIONS.get(code)
            if action is None:
                raise reject(f"it uses the operation 0x{code:02x}, which no network needs")
            self._budget.spend(1)
            action(self)
        raise reject("it ends too early")

    # ---- bytes -----------------------------------------------------------------------------------
    def _take(self, count: int) -> memoryview:
        end = self.position + count
        if end > len(self.data):
            raise reject("it ends too early")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def _number(self, layout: struct.Struct) -> Any:
        return layout.unpack(self._take(layout.size))[0]

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _push_text(self, layout: struct.Struct) -> None:
        try:
            self._push(str(self._take(self._number(layout)), "utf-8"))
        except UnicodeDecodeError as exc:
            raise reject("a text is not UTF-8") from exc

    def _push_integer(self, layout: struct.Struct) -> None:
        size = self._number(layout)
        if not 0 <= size <= MAX_INTEGER_BYTES:
            raise reject(f"an integer of {size} bytes")
        self._push(int.from_bytes(self._take(size), "little", signed=True))

    def _line(self) -> str:
        piece = bytes(self.data[self.position : self.position + 200])
        end = piece.find(b"\n")
        if end < 0:
            raise reject("a name does not end")
        self.position += end + 1
        return piece[:end].decode("ascii", "replace")

    # ---- stack and memo --------------------------------------------------------------------------
    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise reject("a value is missing")
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise reject("a value is missing")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise reject("a mark is missing")

    def _put(self, index: int) -> None:
        if index > MAX_OPERATIONS:
            raise reject(f"memo entry {index}")
        self._memo[index] = self._top()

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise reject(f"memo entry {index} is missing")
        self._push(self._memo[index])

    def _push_tuple(self, count: int) -> None:
        self._push(tuple([self._pop() for _ in range(count)][::-1]))

    # ---- containers ------------------------------------------------------------------------------
    def _append(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is not list:
            raise reject(f"it appends to {describe(target)}")
        target.extend(values)

    def _set_items(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is not dict or len(values) % 2:
            raise reject(f"it sets items of {describe(target)}")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[_checked_key(key)] = value

    def _add(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is not set:
            raise reject(f"it adds to {describe(target)}")
        target.update(_checked_key(value) for value in values)

    # ---- the only ways to make something else ----------------------------------------------------
    def _global(self, module: Any, name: Any) -> None:
        known = self._names.get((module, name)) if type(module) is type(name) is str else None
        if known is None:
            raise reject(f"it names {describe(module)} {describe(name)}, which is not on the list")
        self._push(known)

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, AllowedGlobal) or function.call is None:
            raise reject(f"it calls {describe(function)}")
        if type(arguments) is not tuple:
            raise reject(f"{function.title} is called with {describe(arguments)}")
        try:
            self._push(function.call(*arguments))
        except (TypeError, ValueError, LookupError, OverflowError) as exc:
            raise reject(f"{function.title} is called with wrong arguments") from exc

    def _new(self) -> None:
        arguments, cls = self._pop(), self._pop()
        if not isinstance(cls, AllowedGlobal) or cls.new is None or arguments != ():
            raise reject(f"it makes {describe(cls)}")
        self._push(cls.new())

    def _build(self) -> None:
        state, target = self._pop(), self._top()
        if self._drop_table_state and type(target) is dict:
            return
        if not isinstance(target, Stub):
            raise reject(f"it sets the state of {describe(target)}")
        try:
            target.set_state(state)
        except (TypeError, ValueError, LookupError, OverflowError) as exc:
            raise reject(f"the state of {type(target).__name__} is wrong") from exc

    def _persistent_id(self) -> None:
        if self._persistent is None:
            raise reject("it refers to something outside itself")
        self._push(self._persistent(self._pop()))

    def _protocol(self) -> None:
        if (version := self._take(1)[0]) > 5:
            raise reject(f"protocol {version}")

    def _swapped_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(module, name)


def _checked_key(key: Any) -> Any:
    """Keys whose hash is cheap and cannot be chosen: texts, small integers, None."""
    if type(key) in (str, type(None), bool) or (type(key) is int and abs(key) < MAX_KEY):
        return key
    raise reject(f"{describe(key)} is used as a key")


_ACTIONS: dict[int, Callable[[RestrictedUnpickler], Any]] = {
    0x80: RestrictedUnpickler._protocol,
    0x95: lambda m: m._take(8),  # FRAME: its length is only a reading hint
    # constants
    ord("N"): lambda m: m._push(None),
    0x88: lambda m: m._push(True),
    0x89: lambda m: m._push(False),
    ord("J"): lambda m: m._push(m._number(_I32)),
    ord("K"): lambda m: m._push(m._number(_U8)),
    ord("M"): lambda m: m._push(m._number(_U16)),
    0x8A: lambda m: m._push_integer(_U8),
    0x8B: lambda m: m._push_integer(_I32),
    ord("G"): lambda m: m._push(m._number(_F64)),
    ord("X"): lambda m: m._push_text(_U32),
    0x8C: lambda m: m._push_text(_U8),
    0x8D: lambda m: m._push_text(_U64),
    ord("B"): lambda m: m._push(m._take(m._number(_U32))),
    ord("C"): lambda m: m._push(m._take(m._number(_U8))),
    0x8E: lambda m: m._push(m._take(m._number(_U64))),
    # stack and memo
    ord("("): lambda m: m._push(_MARK),
    ord("0"): lambda m: m._pop(),
    ord("1"): lambda m: m._pop_to_mark(),
    ord("2"): lambda m: m._push(m._top()),
    ord("q"): lambda m: m._put(m._number(_U8)),
    ord("r"): lambda m: m._put(m._number(_U32)),
    0x94: lambda m: m._put(len(m._memo)),
    ord("h"): lambda m: m._get(m._number(_U8)),
    ord("j"): lambda m: m._get(m._number(_U32)),
    # containers
    ord(")"): lambda m: m._push(()),
    0x85: lambda m: m._push_tuple(1),
    0x86: lambda m: m._push_tuple(2),
    0x87: lambda m: m._push_tuple(3),
    ord("t"): lambda m: m._push(tuple(m._pop_to_mark())),
    ord("]"): lambda m: m._push([]),
    ord("a"): lambda m: m._append([m._pop()]),
    ord("e"): lambda m: m._append(m._pop_to_mark()),
    ord("}"): lambda m: m._push({}),
    ord("s"): lambda m: m._set_items([m._pop(), m._pop()][::-1]),
    ord("u"): lambda m: m._set_items(m._pop_to_mark()),
    0x8F: lambda m: m._push(set()),
    0x90: lambda m: m._add(m._pop_to_mark()),
    # names and objects, all through the list
    ord("c"): lambda m: m._global(m._line(), m._line()),
    0x93: RestrictedUnpickler._swapped_global,
    ord("R"): RestrictedUnpickler._reduce,
    0x81: RestrictedUnpickler._new,
    ord("b"): RestrictedUnpickler._build,
    ord("Q"): RestrictedUnpickler._persistent_id,
}
