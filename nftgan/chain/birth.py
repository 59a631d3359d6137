"""Where our contracts must stand: addresses that prove which creation code made them.

The address of a contract made by CREATE2 (EIP-1014) is a hash of who made it, a salt and its whole
creation code, arguments included. So the address itself is the proof of birth: no log, no archive
and no trust in who deployed is needed. That matters, for runtime code alone proves little. Foreign
creation code may fill storage first (an approval, a next owner, earned money) and then return
exactly the genuine code; and a clone can be poisoned through an implementation that stands at the
same address for one transaction and is destroyed in it.

Everything is made in a chain of three, each address from the one before:

    deterministic deployer ─▶ implementation, and the factory that names it ─▶ clone

The first is the keyless one of most chains, always at the same address. Its own code does not
matter to the proof: the hash binds the creation code whatever program called CREATE2. Creation code
of ours reads nothing but its arguments, its address and the chain id, so it leads to one runtime
code, however often it were run at that address.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from nftgan.chain.artifact import COLLECTION, COLLECTION_CODE, FACTORY, SALE, artifact
from nftgan.chain.deployer import DEPLOYER, DEPLOYER_CODE
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import UsageError

NO_SALT = bytes(32)
SALTS = {COLLECTION: 256, COLLECTION_CODE: 256, SALE: 1024}
"""The makers of clones take salts below these, so all can be tried. A collection has 0 from us, the
n-th sale of a collection n."""

_CLONE_HEAD = bytes.fromhex("363d3d373d3d3d363d73")
_CLONE_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
_CLONE_BYTES = len(_CLONE_HEAD) + 20 + len(_CLONE_TAIL)


# ---- addresses


def _keccak(data: bytes) -> bytes:
    from eth_hash.auto import keccak

    return bytes(keccak(data))


def checksummed(raw: bytes) -> str:
    """The address with these 20 bytes."""
    from eth_utils import to_checksum_address

    return str(to_checksum_address(raw))


def _octets(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


def create2_address(maker: str, salt: bytes, code: bytes) -> str:
    """Where `maker` puts the contract that `code` creates, by CREATE2 with `salt` (32 bytes)."""
    return _create2(maker, salt, _keccak(code))


def _create2(maker: str, salt: bytes, code_hash: bytes) -> str:
    return checksummed(_keccak(b"\xff" + _octets(maker) + salt + code_hash)[12:])


@functools.cache
def deploy_bytecode(name: str, *addresses: str) -> bytes:
    """The creation code of a shipped contract whose constructor takes these addresses."""
    code = bytes.fromhex(artifact(name)["bytecode"].removeprefix("0x"))
    return code + b"".join(bytes(12) + _octets(one) for one in addresses)


@functools.cache
def implementation_address(name: str) -> str:
    """Where the shipped contract `name` stands on every chain."""
    return create2_address(DEPLOYER, NO_SALT, _implementation_bytecode(name))


def _implementation_bytecode(name: str) -> bytes:
    """A sale knows the factories whose collections it takes; collections know nobody."""
    if name == SALE:
        factories = (factory_address(one) for one in (COLLECTION, COLLECTION_CODE))
        return deploy_bytecode(SALE, *factories)
    return deploy_bytecode(name)


def factory_address(name: str) -> str:
    """Where the contract that makes clones of `name` stands on every chain."""
    return shared_contracts(name)[-1].address


@dataclass(frozen=True)
class Shared:
    """A contract that all clones share: what it is for, its artifact, its code and its place."""

    role: str
    artifact: str
    creation_code: bytes
    address: str

    @property
    def data(self) -> bytes:
        """Calldata that has the deterministic deployer create it."""
        return NO_SALT + self.creation_code


@functools.cache
def shared_contracts(name: str) -> tuple[Shared, ...]:
    """What must stand on a chain before a clone of `name` can be made, its factory last.

    The sale contract makes its own clones.
    """
    own = _implementation_bytecode(name)
    place = implementation_address(name)
    if name == SALE:
        return (Shared("sale contract", SALE, own, place),)
    code = deploy_bytecode(FACTORY, place)
    factory = create2_address(DEPLOYER, NO_SALT, code)
    return Shared("implementation", name, own, place), Shared("factory", FACTORY, code, factory)


def clone_address(name: str, arguments: bytes, salt: bytes = NO_SALT) -> str:
    """Where the factory puts the clone of `name` with these immutable arguments.

    arguments: with the owner's address first, as the factory writes them.
    """
    code = _clone_creation_code(name, _clone_code(implementation_address(name), arguments))
    return create2_address(factory_address(name), salt, code)


def _clone_code(implementation: str, arguments: bytes) -> bytes:
    """A minimal proxy with immutable arguments behind it (Solady's LibClone)."""
    return _CLONE_HEAD + _octets(implementation) + _CLONE_TAIL + arguments


_ANNOUNCED = (
    "5f7f8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e05f5fa3",
    "7fa5d4097edda6d87cb9329af83fb3712ef77eeb13738ffe43cc35a4ce305ad9625f5fa1",
)
"""A log each: OwnershipTransferred from nobody (ERC-173), and ContractURIUpdated (ERC-7572)."""


def clone_creation_template(name: str) -> str:
    """The hex digits of what stores nothing and returns all that follows it.

    A collection's announces its owner, who comes first in its arguments, and its metadata. To be
    filled in: {owner} of 20 bytes, {size} of the runtime code in 2 bytes, then the code itself.
    """
    if name == SALE:
        return "61{size}3d81600a3d39f3"
    return "73{owner}" + "".join(_ANNOUNCED) + "61{size}8060685f395ff3"


def _clone_creation_code(name: str, runtime: bytes) -> bytes:
    owner = runtime[_CLONE_BYTES : _CLONE_BYTES + 20].hex()
    head = clone_creation_template(name).format(owner=owner, size=f"{len(runtime):04x}")
    return bytes.fromhex(head) + runtime


# ---- the check


@dataclass(frozen=True)
class Birth:
    """What an address proves: the shipped contract that it is a clone of, and its immutable args.

    arguments: the owner's address first, as the maker wrote them; of the very code that was
    checked, so no node can say others. problem: what is wrong; then the rest is empty.
    """

    name: str = ""
    arguments: bytes = b""
    problem: str = ""


def verify_birth(connection: Connection, address: str, names: Sequence[str]) -> Birth:
    """How the contract at `address` came to be, if it is a clone of one of the shipped `names`.

    A clone passes only when its address proves that our factory created it from our implementation
    with exactly the arguments in its code. Then its storage was empty at birth, and whatever stands
    in it now was written by the code that we ship.
    Raises ServiceError when the node fails.
    """
    code = _code_at(connection, address)
    if not code:
        return Birth(problem="there is no contract at this address")
    implementation = _implementation_of(code)
    if implementation is None:
        return Birth(problem="its code is not that of a collection or a sale")
    name = next((one for one in names if implementation == implementation_address(one)), None)
    if name is None:
        text = f"its implementation {implementation} is not the contract that nftgan ships"
        return Birth(problem=text)
    for shared in shared_contracts(name):
        if not is_genuine(connection, shared):
            text = f"the {shared.role} at {shared.address} is not the one that nftgan ships"
            return Birth(problem=text)
    code_hash = _keccak(_clone_creation_code(name, code))
    maker = factory_address(name)
    for salt in range(SALTS[name]):
        if _octets(_create2(maker, salt.to_bytes(32, "big"), code_hash)) == _octets(address):
            return Birth(name, code[_CLONE_BYTES:])
    return Birth(
        problem="it has the right code but was not made by nftgan's factory: whoever made it could"
        " have written approvals or a next owner into it before"
    )


def is_genuine(connection: Connection, shared: Shared) -> bool:
    """Whether this contract is on chain, every immutable as its constructor writes it.

    Raises ServiceError when the node fails.
    """
    return _same(_code_at(connection, shared.address), shared, connection.chain.chain_id)


def has_deployer(connection: Connection) -> bool:
    """Whether the chain has the deterministic deployer. Raises ServiceError."""
    return _code_at(connection, DEPLOYER) == DEPLOYER_CODE


def need_deployer(connection: Connection) -> None:
    """Raises UsageError on a chain without the deterministic deployer."""
    if not has_deployer(connection):
        raise UsageError(
            f"{connection.chain.name} has no deterministic deployer at {DEPLOYER}, which gives"
            " contracts the address that proves their code",
            hint="an embedded chain of an earlier version: move chain.sqlite away; anvil: start it"
            " without --disable-default-create2-deployer",
        )


def _code_at(connection: Connection, address: str) -> bytes:
    with rpc_errors(connection):
        return bytes(connection.w3.eth.get_code(address))


def _implementation_of(code: bytes) -> str | None:
    """What a minimal clone with immutable arguments delegates to."""
    head, tail = code[: len(_CLONE_HEAD)], code[len(_CLONE_HEAD) + 20 : _CLONE_BYTES]
    if head != _CLONE_HEAD or tail != _CLONE_TAIL:
        return None
    return checksummed(code[len(_CLONE_HEAD) : len(_CLONE_HEAD) + 20])


def _same(code: bytes, shared: Shared, chain_id: int) -> bool:
    """Runtime code equal to the artifact's; each immutable equal to a value that it may have."""
    document = artifact(shared.artifact)
    expected = bytearray.fromhex(document["deployedBytecode"].removeprefix("0x"))
    if len(code) != len(expected):
        return False
    allowed = _immutable_values(shared, chain_id)
    for places in document.get("immutableReferences", {}).values():
        values = {code[at["start"] : at["start"] + at["length"]] for at in places}
        if len(values) != 1 or not values <= allowed:
            return False
        for at in places:
            expected[at["start"] : at["start"] + at["length"]] = next(iter(values))
    return code == bytes(expected)


def _immutable_values(shared: Shared, chain_id: int) -> set[bytes]:
    """The words that the constructor may write into the code: its arguments, and a sale's own
    address and its EIP-712 domain."""
    if shared.artifact == FACTORY:
        return {shared.creation_code[-32:]}
    head = sale_domain_head()
    here = (chain_id.to_bytes(32, "big"), bytes(12) + _octets(shared.address))
    words = {head[32:64], head[64:], *here, _keccak(head + b"".join(here))}
    return words | {shared.creation_code[-64:-32], shared.creation_code[-32:]}


def sale_domain_head() -> bytes:
    """The first three words of a sale's EIP-712 domain; the chain id and its address follow."""
    types = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    return b"".join(_keccak(text.encode()) for text in (types, "nftgan sale", "1"))
