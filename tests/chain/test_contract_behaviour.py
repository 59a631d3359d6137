"""What a collection's contract does and what it refuses, on an EVM with Prague's rules."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak, to_canonical_address

from .evm import Contract, Evm, Reverted, Sent, account
from .test_contract_artifact import shipped

ARTIST, BUYER, OTHER, STRANGER, ROYALTY = (account(i) for i in range(5))
ZERO = "0x" + 40 * "0"
MODEL, RECIPE = keccak(b"model"), keccak(b"recipe")
BASE = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/"


def packed(seeds: Sequence[int]) -> bytes:
    return struct.pack(f">{len(seeds)}I", *seeds)


def clone_args(
    root: bytes = bytes(32),
    supply: int = 1000,
    bps: int = 500,
    name: bytes = b"Tides",
    symbol: bytes = b"TIDE",
    base: bytes = BASE.encode(),
) -> bytes:
    numbers = struct.pack(">IH", supply, bps) + to_canonical_address(ROYALTY)
    texts = bytes([len(name)]) + name + bytes([len(symbol)]) + symbol + base
    return MODEL + RECIPE + root + numbers + texts


@dataclass
class World:
    evm: Evm
    implementation: Contract
    factory: Contract
    abi: list[dict[str, Any]] = field(default_factory=list)

    def with_seeds_in_code(self) -> Contract:
        """A collection of the variant, with room for 10,000."""
        artifact = shipped("NftganCollectionCode")
        implementation, _ = Contract.deploy(self.evm, artifact, ARTIST)
        made = shipped("NftganFactory")
        factory, _ = Contract.deploy(self.evm, made, ARTIST, implementation.address)
        return World(self.evm, implementation, factory, artifact["abi"]).create(
            clone_args(supply=10_000)
        )

    def create(self, args: bytes, salt: int = 0, sender: str = ARTIST) -> Contract:
        sent = self.factory.send(sender, "create", args, salt.to_bytes(32, "big"))
        return Contract(self.evm, self.abi, sent.logs[-1].values[0])


@pytest.fixture(scope="module")
def fresh() -> World:
    evm = Evm([ARTIST, BUYER, OTHER, STRANGER])
    collection, factory = shipped("NftganCollection"), shipped("NftganFactory")
    implementation, _ = Contract.deploy(evm, collection, ARTIST)
    deployed, _ = Contract.deploy(evm, factory, ARTIST, implementation.address)
    return World(evm, implementation, deployed, collection["abi"])


@pytest.fixture
def world(fresh: World) -> Any:
    before = fresh.evm.snapshot()
    yield fresh
    fresh.evm.revert(before)


@pytest.fixture
def collection(world: World) -> Contract:
    return world.create(clone_args())


def refused(contract: Contract, sender: str, name: str, *args: Any) -> Reverted:
    with pytest.raises(Reverted) as caught:
        contract.send(sender, name, *args)
    return caught.value


def holders(contract: Contract, count: int) -> list[str | None]:
    """The owner of each id below `count` in lower case, None where there is none."""
    found: list[str | None] = []
    for token in range(count):
        try:
            found.append(contract.call("ownerOf", token))
        except Reverted as error:
            assert error.name == "ERC721NonexistentToken"
            found.append(None)
    return found


def low(*addresses: str) -> list[str]:
    return [address.lower() for address in addresses]


def mint(contract: Contract, count: int, to: str = ARTIST) -> Sent:
    first = contract.call("nextTokenId")
    seeds = packed(range(first + 7, first + 7 + count))
    return contract.send(ARTIST, "mintBatch", first, to, seeds)


# --------------------------------------------------------------------- the factory


def test_a_collection_says_what_it_was_created_with(world: World) -> None:
    root = keccak(b"root")
    collection = world.create(clone_args(root))
    assert collection.call("name") == "Tides"
    assert collection.call("symbol") == "TIDE"
    assert collection.call("modelIdentity") == MODEL
    assert collection.call("recipeHash") == RECIPE
    assert collection.call("piecesRoot") == root
    assert collection.call("maxSupply") == 1000
    assert collection.call("baseURI") == BASE
    assert collection.call("contractURI") == BASE + "contract.json"
    assert collection.call("royaltyInfo", 0, 10_000) == (ROYALTY.lower(), 500)
    assert collection.call("owner") == ARTIST.lower()
    assert (collection.call("nextTokenId"), collection.call("totalSupply")) == (0, 0)
    assert not collection.call("frozen")


def test_empty_and_longest_texts_come_back_whole(world: World) -> None:
    long = bytes(range(32, 127)) * 3
    for salt, (name, symbol, base) in enumerate(
        [(b"", b"", b""), (long[:255], long[:255], long), ("Ω 海".encode(), b"x", b"a/")]
    ):
        collection = world.create(clone_args(name=name, symbol=symbol, base=base), salt)
        assert collection.call("name") == name.decode()
        assert collection.call("symbol") == symbol.decode()
        assert collection.call("baseURI") == base.decode()


def test_the_address_is_known_before_and_depends_on_owner_arguments_and_salt(world: World) -> None:
    args, salt = clone_args(), bytes(31) + b"\x05"
    foretold = world.factory.call("predict", args, salt, ARTIST)
    others = [
        world.factory.call("predict", args, salt, OTHER),
        world.factory.call("predict", args, bytes(32), ARTIST),
        world.factory.call("predict", clone_args(supply=999), salt, ARTIST),
    ]
    assert len({foretold, *others}) == 4
    sent = world.factory.send(ARTIST, "create", args, salt)
    assert sent.logs[-1].name == "Created"
    assert sent.logs[-1].values == (foretold, ARTIST.lower())
    assert world.evm.code(foretold)


def test_nobody_can_take_the_address_of_anothers_collection(world: World) -> None:
    taken = world.create(clone_args(), sender=STRANGER)
    mine = world.create(clone_args(), sender=ARTIST)
    assert taken.address != mine.address
    assert mine.call("owner") == ARTIST.lower()
    assert taken.call("owner") == STRANGER.lower()


def test_the_same_collection_cannot_be_created_twice(world: World) -> None:
    world.create(clone_args())
    refused(world.factory, ARTIST, "create", clone_args(), bytes(32))


@pytest.mark.parametrize(
    "args",
    [
        b"",
        clone_args()[:122],
        clone_args(name=b"", symbol=b"", base=b"")[:-1],
        clone_args(name=b"abc", symbol=b"", base=b"")[:-1],
        clone_args(symbol=b"abc", base=b"")[:-1],
        clone_args(supply=0),
        clone_args(bps=1001),
    ],
    ids=["empty", "no texts", "no symbol", "cut name", "cut symbol", "no supply", "royalty"],
)
def test_arguments_that_cannot_be_meant_are_refused(world: World, args: bytes) -> None:
    assert refused(world.factory, ARTIST, "create", args, bytes(32)).name == "BadArguments"


def test_the_limits_themselves_are_allowed(world: World) -> None:
    args = clone_args(supply=1, bps=1000, name=b"", symbol=b"", base=b"")
    assert world.create(args).call("royaltyInfo", 0, 77) == (ROYALTY.lower(), 7)


def test_the_implementation_itself_can_never_hold_anything(world: World) -> None:
    implementation = world.implementation
    assert implementation.call("owner") == account_one()
    refusal = refused(implementation, ARTIST, "mintBatch", 0, ARTIST, packed([1]))
    assert refusal.name == "NotOwner"
    assert refused(implementation, ARTIST, "transferOwnership", ARTIST).name == "NotOwner"
    assert refused(implementation, ARTIST, "acceptOwnership").name == "NotPendingOwner"


def account_one() -> str:
    return "0x" + 39 * "0" + "1"


def test_there_is_nothing_to_initialise(world: World) -> None:
    assert not [e for e in world.abi if "initial" in e.get("name", "").lower()]


# -------------------------------------------------------------------------- minting


def test_a_batch_gives_ids_from_zero_and_tells_its_seeds(collection: Contract) -> None:
    sent = mint(collection, 5, BUYER)
    assert [log.values for log in sent.logs if log.name == "Seeds"] == [(0, packed(range(7, 12)))]
    assert [log.values for log in sent.logs if log.name == "Transfer"] == [
        (ZERO, BUYER.lower(), token) for token in range(5)
    ]
    assert holders(collection, 6) == [*low(*[BUYER] * 5), None]
    assert collection.call("balanceOf", BUYER) == 5
    assert (collection.call("nextTokenId"), collection.call("totalSupply")) == (5, 5)


def test_batches_of_every_size_are_owned_by_whom_they_were_minted_to(collection: Contract) -> None:
    expected: list[str] = []
    for index, size in enumerate([1, 3, 1, 1, 2, 9, 1, 2, 2, 5, 1, 4]):
        to = account(1 + index % 3)
        mint(collection, size, to)
        expected += [to] * size
        assert holders(collection, len(expected) + 1) == [*low(*expected), None]
    for number in (1, 2, 3):
        assert collection.call("balanceOf", account(number)) == expected.count(account(number))


def test_the_same_batch_cannot_be_minted_twice(collection: Contract) -> None:
    mint(collection, 4)
    for first in (0, 3, 5, 2**256 - 1):
        refusal = refused(collection, ARTIST, "mintBatch", first, ARTIST, packed([1, 2]))
        assert (refusal.name, refusal.values) == ("WrongStart", (4, first))


@pytest.mark.parametrize("seeds", [b"", b"abc", b"abcde", b"abcdefg"])
def test_seeds_that_are_not_four_bytes_each_are_refused(collection: Contract, seeds: bytes) -> None:
    assert refused(collection, ARTIST, "mintBatch", 0, ARTIST, seeds).name == "BadSeeds"


@pytest.mark.parametrize("count", [1, 2])
def test_no_token_goes_to_the_zero_address(collection: Contract, count: int) -> None:
    refusal = refused(collection, ARTIST, "mintBatch", 0, ZERO, packed(range(count)))
    assert refusal.name == "ERC721InvalidReceiver"


@pytest.mark.parametrize("caller", [STRANGER, BUYER])
def test_only_the_owner_mints(collection: Contract, caller: str) -> None:
    mint(collection, 1, BUYER)
    assert refused(collection, caller, "mintBatch", 1, caller, packed([1])).name == "NotOwner"


def test_the_supply_is_exact(world: World) -> None:
    collection = world.create(clone_args(supply=5))
    mint(collection, 3)
    refusal = refused(collection, ARTIST, "mintBatch", 3, ARTIST, packed([1, 2, 3]))
    assert (refusal.name, refusal.values) == ("SupplyExceeded", (5,))
    mint(collection, 2)
    refusal = refused(collection, ARTIST, "mintBatch", 5, ARTIST, packed([1]))
    assert refusal.name == "SupplyExceeded"


# ---------------------------------------------------------- transfers of batched tokens


@pytest.mark.parametrize("token", [0, 1, 7, 8, 9])
def test_any_token_of_a_batch_moves_and_leaves_the_others(collection: Contract, token: int) -> None:
    mint(collection, 8, BUYER)
    mint(collection, 2, BUYER)
    collection.send(BUYER, "transferFrom", BUYER, OTHER, token)
    expected = [OTHER if i == token else BUYER for i in range(10)]
    assert holders(collection, 10) == low(*expected)
    collection.send(OTHER, "transferFrom", OTHER, BUYER, token)
    assert holders(collection, 10) == low(*[BUYER] * 10)
    assert collection.call("balanceOf", BUYER) == 10


def test_only_the_holder_or_an_approved_account_moves_a_token(collection: Contract) -> None:
    mint(collection, 3, BUYER)
    move: tuple[Any, ...] = ("transferFrom", BUYER, OTHER, 1)
    assert refused(collection, STRANGER, *move).name == "ERC721InsufficientApproval"
    assert refused(collection, ARTIST, *move).name == "ERC721InsufficientApproval"
    collection.send(BUYER, "approve", OTHER, 1)
    collection.send(OTHER, *move)
    assert collection.call("getApproved", 1) == ZERO
    refusal = refused(collection, OTHER, "transferFrom", BUYER, OTHER, 2)
    assert refusal.name == "ERC721InsufficientApproval"
    collection.send(BUYER, "setApprovalForAll", STRANGER, True)
    collection.send(STRANGER, "transferFrom", BUYER, OTHER, 2)
    assert holders(collection, 3) == low(BUYER, OTHER, OTHER)


def test_a_token_that_was_never_minted_cannot_be_used(collection: Contract) -> None:
    mint(collection, 2)
    acts: list[tuple[Any, ...]] = [
        ("transferFrom", ARTIST, OTHER, 2),
        ("approve", OTHER, 2),
        ("burn", 2),
    ]
    for act in acts:
        assert refused(collection, ARTIST, *act).name == "ERC721NonexistentToken"
    assert refused(collection, ARTIST, "tokenURI", 2).name == "ERC721NonexistentToken"


# -------------------------------------------------------------------------- burning


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("token", [0, 2, 4, 5])
def test_a_burnt_token_stays_burnt(collection: Contract, token: int, moved: bool) -> None:
    mint(collection, 5, BUYER)
    mint(collection, 1, BUYER)
    if moved:
        collection.send(BUYER, "transferFrom", BUYER, OTHER, token)
    holder = OTHER if moved else BUYER
    sent = collection.send(holder, "burn", token)
    assert [log.values for log in sent.logs] == [(holder.lower(), ZERO, token)]
    expected: list[str | None] = [*low(*[BUYER] * 6)]
    expected[token] = None
    assert holders(collection, 6) == expected
    assert (collection.call("totalSupply"), collection.call("nextTokenId")) == (5, 6)
    assert collection.call("balanceOf", BUYER) + collection.call("balanceOf", OTHER) == 5
    assert refused(collection, holder, "burn", token).name == "ERC721NonexistentToken"
    refusal = refused(collection, holder, "transferFrom", holder, STRANGER, token)
    assert refusal.name == "ERC721NonexistentToken"
    assert refused(collection, ARTIST, "tokenURI", token).name == "ERC721NonexistentToken"


def test_only_the_holder_or_an_approved_account_burns(collection: Contract) -> None:
    mint(collection, 3, BUYER)
    for caller in (STRANGER, ARTIST):
        assert refused(collection, caller, "burn", 1).name == "ERC721InsufficientApproval"
    collection.send(BUYER, "approve", OTHER, 1)
    collection.send(OTHER, "burn", 1)
    assert collection.call("totalSupply") == 2


def test_burning_makes_no_room_under_the_supply(world: World) -> None:
    collection = world.create(clone_args(supply=2))
    mint(collection, 2)
    collection.send(ARTIST, "burn", 0)
    refusal = refused(collection, ARTIST, "mintBatch", 2, ARTIST, packed([1]))
    assert refusal.name == "SupplyExceeded"


# ------------------------------------------------------------------ seeds in contract code


def test_seeds_in_code_are_read_on_chain(world: World) -> None:
    collection = world.with_seeds_in_code()
    sizes = (1, 1, 5, 1, 9, 2)
    for size in sizes:
        mint(collection, size)
    for token in range(sum(sizes)):
        assert collection.call("seedOf", token) == 7 + token
    assert collection.call("seedsOf", 1, 8) == packed(range(8, 16))
    for first, count in [(19, 1), (18, 2), (2**256 - 1, 1)]:
        assert refused(collection, STRANGER, "seedsOf", first, count).name == "NoSeed"


def test_a_batch_of_seeds_must_fit_one_contract(world: World) -> None:
    collection = world.with_seeds_in_code()
    seeds = packed(range(6144))
    refused(collection, ARTIST, "mintBatch", 0, BUYER, seeds)
    collection.send(ARTIST, "mintBatch", 0, BUYER, seeds[4:])
    collection.send(ARTIST, "mintBatch", 6143, BUYER, seeds[:8])
    assert collection.call("seedsOf", 6142, 3) == packed([6143, 0, 1])


def test_the_dearer_store_stays_within_its_budget(world: World) -> None:
    collection = world.with_seeds_in_code()
    seeds = bytes(255 - i % 255 for i in range(400))
    assert collection.send(ARTIST, "mintBatch", 0, BUYER, seeds).gas <= 400_000
    assert collection.send(BUYER, "transferFrom", BUYER, OTHER, 99).gas <= 82_500
    assert collection.send(ARTIST, "mintBatch", 100, BUYER, seeds[:4]).gas <= 120_000


# ---------------------------------------------------------------------------- proof


def leaf(token: int, seed: int, pixels: bytes) -> bytes:
    return keccak(keccak(encode(["uint256", "uint32", "bytes32"], [token, seed, pixels])))


def tree(leaves: list[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """Root and proofs of a tree with sorted pairs, written from OpenZeppelin's description."""
    proofs: list[list[bytes]] = [[] for _ in leaves]
    level = [(value, [i]) for i, value in enumerate(leaves)]
    while len(level) > 1:
        above = []
        for left, right in zip(level[::2], level[1::2], strict=False):
            for node, sibling in ((left, right), (right, left)):
                for i in node[1]:
                    proofs[i].append(sibling[0])
            joined = keccak(b"".join(sorted([left[0], right[0]])))
            above.append((joined, left[1] + right[1]))
        level = above + level[len(above) * 2 :]
    return level[0][0], proofs


def test_every_piece_is_proved_and_every_forgery_is_not(world: World) -> None:
    pieces = [(token, 1000 + token, keccak(b"pixels %d" % token)) for token in range(5)]
    root, proofs = tree([leaf(*piece) for piece in pieces])
    collection = world.create(clone_args(root))
    for (token, seed, pixels), proof in zip(pieces, proofs, strict=True):
        assert collection.call("verifyPiece", token, seed, pixels, proof)
        assert not collection.call("verifyPiece", token + 1, seed, pixels, proof)
        assert not collection.call("verifyPiece", token, seed + 1, pixels, proof)
        assert not collection.call("verifyPiece", token, seed, keccak(pixels), proof)
        assert not collection.call("verifyPiece", token, seed, pixels, proof[:-1])
        assert not collection.call("verifyPiece", token, seed, pixels, [*proof, root])
    other = world.create(clone_args(keccak(root)))
    assert not other.call("verifyPiece", *pieces[0], proofs[0])


# ------------------------------------------------------------------------- metadata


def test_a_token_uri_is_base_id_json(collection: Contract) -> None:
    mint(collection, 12)
    assert collection.call("tokenURI", 0) == BASE + "0.json"
    assert collection.call("tokenURI", 11) == BASE + "11.json"


def test_the_base_uri_moves_until_it_is_frozen(collection: Contract) -> None:
    mint(collection, 1)
    sent = collection.send(ARTIST, "setBaseURI", "ipfs://other/")
    assert [(log.name, log.values) for log in sent.logs] == [
        ("BatchMetadataUpdate", (0, 2**256 - 1)),
        ("ContractURIUpdated", ()),
    ]
    assert collection.call("tokenURI", 0) == "ipfs://other/0.json"
    assert collection.call("contractURI") == "ipfs://other/contract.json"
    collection.send(ARTIST, "setBaseURI", "")
    assert collection.call("baseURI") == BASE
    sent = collection.send(ARTIST, "freezeMetadata")
    assert [log.name for log in sent.logs] == ["MetadataFrozen"]
    assert collection.call("frozen")
    assert refused(collection, ARTIST, "setBaseURI", "ipfs://x/").name == "Frozen"
    assert collection.call("baseURI") == BASE


def test_only_the_owner_touches_metadata(collection: Contract) -> None:
    for act in [("setBaseURI", "ipfs://x/"), ("freezeMetadata",)]:
        assert refused(collection, STRANGER, *act).name == "NotOwner"
    assert (collection.call("baseURI"), collection.call("frozen")) == (BASE, False)


@pytest.mark.parametrize(
    ("interface", "answer"),
    [
        ("01ffc9a7", True),  # ERC-165
        ("80ac58cd", True),  # ERC-721
        ("5b5e139f", True),  # its metadata
        ("2a55205a", True),  # ERC-2981
        ("49064906", True),  # ERC-4906
        ("e8a3d485", True),  # ERC-7572: contractURI()
        ("780e9d63", False),  # ERC-721 enumerable
        ("ffffffff", False),
    ],
)
def test_it_says_which_standards_it_keeps(
    collection: Contract, interface: str, answer: bool
) -> None:
    assert collection.call("supportsInterface", bytes.fromhex(interface)) is answer


# ------------------------------------------------------------------------ ownership


def test_ownership_moves_only_when_the_other_side_accepts(collection: Contract) -> None:
    sent = collection.send(ARTIST, "transferOwnership", OTHER)
    started = ("OwnershipTransferStarted", (ARTIST.lower(), OTHER.lower()))
    assert [(log.name, log.values) for log in sent.logs] == [started]
    assert collection.call("owner") == ARTIST.lower()
    assert collection.call("pendingOwner") == OTHER.lower()
    assert refused(collection, OTHER, "mintBatch", 0, OTHER, packed([1])).name == "NotOwner"
    assert refused(collection, STRANGER, "acceptOwnership").name == "NotPendingOwner"
    sent = collection.send(OTHER, "acceptOwnership")
    moved = ("OwnershipTransferred", (ARTIST.lower(), OTHER.lower()))
    assert [(log.name, log.values) for log in sent.logs] == [moved]
    assert (collection.call("owner"), collection.call("pendingOwner")) == (OTHER.lower(), ZERO)
    assert refused(collection, ARTIST, "mintBatch", 0, OTHER, packed([1])).name == "NotOwner"
    collection.send(OTHER, "mintBatch", 0, OTHER, packed([1]))
    assert refused(collection, OTHER, "acceptOwnership").name == "NotPendingOwner"


def test_an_offer_of_ownership_can_be_withdrawn(collection: Contract) -> None:
    collection.send(ARTIST, "transferOwnership", OTHER)
    collection.send(ARTIST, "transferOwnership", ZERO)
    assert refused(collection, OTHER, "acceptOwnership").name == "NotPendingOwner"
    assert refused(collection, STRANGER, "transferOwnership", STRANGER).name == "NotOwner"


def test_two_collections_share_nothing_but_code(world: World) -> None:
    one, two = world.create(clone_args()), world.create(clone_args(supply=7), 1)
    mint(one, 3)
    one.send(ARTIST, "freezeMetadata")
    one.send(ARTIST, "transferOwnership", OTHER)
    assert (two.call("nextTokenId"), two.call("frozen"), two.call("pendingOwner")) == (
        0,
        False,
        ZERO,
    )
    assert (one.call("maxSupply"), two.call("maxSupply")) == (1000, 7)


# ------------------------------------------------------------------------------ gas


def test_gas_stays_within_its_budget(world: World) -> None:
    seeds = bytes(255 - i % 255 for i in range(4 * 5000))  # no byte is zero, the dearest
    created = world.factory.send(ARTIST, "create", clone_args(), bytes(32))
    collection = Contract(world.evm, world.abi, created.logs[-1].values[0])
    batch = collection.send(ARTIST, "mintBatch", 0, BUYER, seeds[:400])
    assert created.gas <= 116_000
    assert batch.gas <= 280_000
    assert created.gas + batch.gas <= 395_000  # a whole collection of 100
    for token in (0, 99):
        before = world.evm.snapshot()
        assert collection.send(BUYER, "transferFrom", BUYER, OTHER, token).gas <= 82_500
        world.evm.revert(before)
    second = collection.send(ARTIST, "mintBatch", 100, OTHER, seeds[:400])
    assert second.gas <= 285_000

    large = world.create(clone_args(supply=5000), 1)
    large.send(ARTIST, "mintBatch", 0, BUYER, seeds)
    first = large.send(BUYER, "transferFrom", BUYER, OTHER, 0).gas
    last = large.send(BUYER, "transferFrom", BUYER, STRANGER, 4999).gas
    assert last - first <= 1_000
