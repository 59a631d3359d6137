"""ENS names: what a person may type instead of an address, and the address it stands for now.

ENSIP-1 says how a name is hashed and looked up, ENSIP-10 how a resolver answers for names below
its own, ENSIP-15 how a name is written. A name can be given to somebody else: nothing keeps one,
and whoever pays or signs is shown the address first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nftgan.chain.accounts import check_address
from nftgan.chain.networks import Chain
from nftgan.chain.rpc import Connection, connect, rpc_errors
from nftgan.errors import CheckFailed, NftganError, ServiceError, UsageError

REGISTRY = "0x00000000000C2E074eC69A0dFb2997BA6C7d2e1e"
"""Of ENS, on every chain that has it (EIP-137)."""
UNIVERSAL = "0xeEeEEEeE14D718C2B47D9923Deab1335E144EeEe"
"""ENS's universal resolver, which asks registry and resolver in one call, where it is."""
MAX_NAME_CHARACTERS = 255
_EXTENDED = bytes.fromhex("9061b923")  # the interface of ENSIP-10, and its resolve(bytes,bytes)
_SUPPORTS = bytes.fromhex("01ffc9a7")  # supportsInterface(bytes4)
_RESOLVER = bytes.fromhex("0178b8bf")  # resolver(bytes32)
_ADDR = bytes.fromhex("3b3b57de")  # addr(bytes32)


def is_name(text: str) -> bool:
    """Whether `text` is meant as a name: no address has a dot."""
    return "." in text


def address_of(connection: Connection, text: str, *, what: str = "address") -> str:
    """The checksummed address that `text` is, or that the ENS name `text` stands for now.

    `connection.named` is told of a name and its address. Raises UsageError for what is neither,
    for a name that is not written as ENSIP-15 says, that has no address or keeps it off chain, and
    on a chain without ENS; ServiceError when the node fails; CheckFailed when several nodes were
    given and do not agree.
    """
    if not is_name(text):
        return check_address(text, what=what)
    _check_name(text, what)
    found = _resolved(connection, text, what)
    for other in _each_node(connection):
        try:
            again = _resolved(other, text, what)
        except ServiceError:  # one that is down says nothing against the others
            continue
        except UsageError:  # it knows no address
            again = "none"
        if again != found:
            raise CheckFailed(
                f"the nodes do not agree about {text}: {found}, or {again} at {other.where}",
                hint="find out which of them is wrong, or give the address",
            )
    connection.named(text, found)
    return found


def _each_node(connection: Connection) -> list[Connection]:
    """A connection to each of several nodes."""
    from web3 import Web3

    singly = getattr(connection.w3.provider, "singly", list)
    return [replace(connection, w3=Web3(one), where=one.where) for one in singly()]


def address_now(chain: Chain, name: str) -> str | None:
    """What `name` stands for on `chain`, for a hint; None where that cannot be told soon."""
    if chain.name == "embedded":  # it has no ENS, and a hint makes no chain
        return None
    try:
        return address_of(connect(chain, brief=True), name)
    except NftganError:
        return None


def spelled(name: str) -> str:
    """`name`; letters beyond ASCII, which may look like others, with their codes too: \\u0430."""
    if name.isascii():
        return name
    return f"{name} ({name.encode('ascii', 'backslashreplace').decode()})"


def _check_name(text: str, what: str) -> None:
    """Raises UsageError unless `text` is a name in the one form that is looked up."""
    from ens.exceptions import InvalidName
    from ens.utils import normalize_name

    if len(text) > MAX_NAME_CHARACTERS:
        raise UsageError(f"the {what} {text[:40]!a}… is too long for a name")
    try:
        normal = normalize_name(text)
    except InvalidName:
        normal = ""
    if not normal:
        raise UsageError(
            f"{text!a} is not a valid {what}: neither an address nor an ENS name",
            hint="write a name such as alice.eth, or 0x and 40 hexadecimal digits",
        )
    if normal != text:
        raise UsageError(
            f"the {what} {text!a} is not written as ENS writes names",
            hint=f"if you mean {spelled(normal)}, write that",
        )


def _resolved(connection: Connection, name: str, what: str) -> str:
    from ens.utils import dns_encode_name, raw_name_to_hash

    chain = connection.chain.name
    query = _ADDR + bytes(raw_name_to_hash(name))
    try:
        wire = bytes(dns_encode_name(name))
    except Exception:  # ens's own, for a label that is too long in UTF-8
        raise UsageError(f"the {what} {name[:40]!a}… is too long for a name") from None
    if _is_contract(connection, UNIVERSAL):
        data = _EXTENDED + _encoded(("bytes", "bytes"), wire, query)
        answer = _call(connection, UNIVERSAL, data, name)
        word = _decoded(connection, ("bytes", "address"), answer)[0] if answer else b""
    elif _is_contract(connection, REGISTRY):
        word = _by_registry(connection, name, query, wire)
    else:
        raise UsageError(f"{chain} has no ENS to look up {name}", hint="give an address")
    if len(word) not in (0, 32) or any(word[:12]):
        raise ServiceError(
            f"the node at {connection.where} gave an answer that makes no sense (no address)",
            hint="choose another node with --rpc",
        )
    if not any(word):
        raise UsageError(
            f"{spelled(name)} has no address on {chain}",
            hint="check its letters, or give an address",
        )
    return check_address("0x" + word[12:].hex())


def _by_registry(connection: Connection, name: str, query: bytes, wire: bytes) -> bytes:
    """The answer of the resolver of `name`, or of the nearest name above it that speaks for it."""
    from ens.utils import raw_name_to_hash

    labels = name.split(".")
    for skipped in range(len(labels)):
        node = bytes(raw_name_to_hash(".".join(labels[skipped:])))
        found = _call(connection, REGISTRY, _RESOLVER + node, name)
        resolver = str(_decoded(connection, ("address",), found)[0]) if found else ""
        if not resolver or not int(resolver, 16):
            continue
        asked = _SUPPORTS + _encoded(("bytes4",), _EXTENDED)
        extended = any(_call(connection, resolver, asked, name))
        if extended:
            data = _EXTENDED + _encoded(("bytes", "bytes"), wire, query)
            answer = _call(connection, resolver, data, name)
            return bytes(_decoded(connection, ("bytes",), answer)[0]) if answer else b""
        return _call(connection, resolver, query, name) if not skipped else b""
    return b""


def _is_contract(connection: Connection, address: str) -> bool:
    with rpc_errors(connection):
        return bool(connection.w3.eth.get_code(_checksummed(address)))


def _call(connection: Connection, to: str, data: bytes, name: str) -> bytes:
    """What a contract answers; nothing when it refuses. Raises UsageError for an answer that it
    would have us fetch from elsewhere (EIP-3668).
    """
    from web3.exceptions import ContractLogicError, OffchainLookup

    call = {"to": _checksummed(to), "data": "0x" + data.hex()}
    with rpc_errors(connection):
        try:
            return bytes(connection.w3.eth.call(call, ccip_read_enabled=False))
        except OffchainLookup:
            raise UsageError(
                f"the address of {spelled(name)} is kept by a server, not on chain",
                hint="give the address itself",
            ) from None
        except ContractLogicError:
            return b""


def _checksummed(address: str) -> str:
    return check_address(address.lower())


def _encoded(kinds: tuple[str, ...], *values: Any) -> bytes:
    from eth_abi import encode

    return encode(kinds, values)


def _decoded(connection: Connection, kinds: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    from eth_abi import decode

    with rpc_errors(connection):
        return decode(kinds, data)
