"""Sales of a collection's tokens: terms, vouchers (EIP-712), allowlists, blind sales.

`NftganSale` is deployed once per chain; each sale is a clone of it whose terms cannot change.
Functions that end in `_data` return calldata for a `Sender`; nothing here sends.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.chain.accounts import Account, check_address
from nftgan.chain.artifact import SALE, artifact
from nftgan.chain.birth import clone_address, verify_birth
from nftgan.chain.contract import Collection, encode_seeds
from nftgan.chain.merkle import MerkleTree
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import os_error

ZERO_ADDRESS = "0x" + 40 * "0"
SEEDS_PER_LOAD = 6000
"""Seeds that fit in one contract: every load of an open sale but the last has this many."""


@dataclass(frozen=True)
class SaleTerms:
    """What a sale's code holds. Times are seconds since 1970; `closes` is the first one after.

    collection: of an open sale; None: blind. commitment: of a blind sale, from `commitment`.
    allowlist: root of an Allowlist; signer: who signs vouchers; with neither, anyone may buy.
    per_wallet: most tokens for one buyer; 0: no limit. refunds_from: when buyers of a blind sale
    who got nothing may take their money back; not before `closes`.
    """

    price_wei: int
    supply: int
    opens: int
    closes: int
    refunds_from: int
    collection: str | None = None
    commitment: bytes = bytes(32)
    allowlist: bytes = bytes(32)
    signer: str | None = None
    per_wallet: int = 0

    def encode(self) -> bytes:
        """What `create` takes. Raises UsageError for terms that contradict each other."""
        if (self.collection is None) == (self.commitment == bytes(32)):
            raise UsageError("a sale has either a collection or, if it is blind, a commitment")
        if not self.opens < self.closes <= self.refunds_from:
            raise UsageError("a sale opens, then closes, and refunds begin no sooner than that")
        sizes = (
            (self.price_wei, 16, "price"),
            (self.supply, 4, "supply"),
            (self.per_wallet, 4, "limit for a wallet"),
            (self.opens, 5, "opening"),
            (self.closes, 5, "closing"),
            (self.refunds_from, 5, "beginning of refunds"),
        )
        for number, size, what in sizes:
            if not 0 <= number < 256**size or (what == "supply" and number == 0):
                raise UsageError(f"{number} as a sale's {what} is out of range")
        numbers = b"".join(number.to_bytes(size, "big") for number, size, _ in sizes)
        addresses = [check_address(one or ZERO_ADDRESS) for one in (self.collection, self.signer)]
        collection, signer = (bytes.fromhex(one[2:]) for one in addresses)
        return collection + self.commitment + self.allowlist + signer + numbers


@dataclass(frozen=True)
class Voucher:
    """A right to buy `count` tokens for `price_wei` in all; each nonce buys once."""

    buyer: str
    count: int
    price_wei: int
    nonce: int
    deadline: int  # the last second

    def values(self) -> tuple[str, int, int, int, int]:
        """As the contract takes it."""
        return (self.buyer, self.count, self.price_wei, self.nonce, self.deadline)


VOUCHER_FIELDS = (
    ("buyer", "address"),
    ("count", "uint256"),
    ("price", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)


def sign_voucher(account: Account, sale: str, chain_id: int, voucher: Voucher) -> bytes:
    """65 bytes by EIP-712, worth something to this sale on this chain alone.

    Raises UsageError for a buyer whose address has a wrong checksum.
    """
    check_address(voucher.buyer, what="buyer's address")
    names = [name for name, _ in VOUCHER_FIELDS]
    return account.sign_typed(
        {
            "name": "nftgan sale",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": check_address(sale),
        },
        {"Voucher": [{"name": name, "type": kind} for name, kind in VOUCHER_FIELDS]},
        dict(zip(names, voucher.values(), strict=True)),
    )


class Allowlist:
    """Who may buy, and how many each in all; only its root goes on chain.

    Leaves are those of OpenZeppelin's StandardMerkleTree over (address, uint256).
    """

    def __init__(self, allowances: Mapping[str, int]) -> None:
        """Raises UsageError for a wrong or repeated address, an empty list or a number below 1."""
        self.allowances: dict[str, int] = {}
        for text, allowance in allowances.items():
            address = check_address(text)
            if address in self.allowances:
                raise UsageError(f"{address} is on the list twice")
            if not 1 <= allowance < 2**256:
                raise UsageError(f"{address} cannot be allowed {allowance} tokens")
            self.allowances[address] = allowance
        if not self.allowances:
            raise UsageError("the list is empty")
        self._tree = MerkleTree([_leaf(*entry) for entry in self.allowances.items()])
        self._index = {address: i for i, address in enumerate(self.allowances)}

    @classmethod
    def read(cls, path: Path) -> Allowlist:
        """The list in a CSV file: an address a line, and how many it may have; else one.

        A first line of titles is passed over. Raises UsageError with the number of a wrong line.
        """
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except OSError as exc:
            raise os_error(exc, path) from exc
        except UnicodeDecodeError as exc:
            raise UsageError(f"{path} is not text in UTF-8") from exc
        allowances: dict[str, int] = {}
        for number, row in enumerate(csv.reader(lines), 1):
            cells = [cell.strip() for cell in row if cell.strip()]
            if not cells or (number == 1 and not cells[0].startswith("0x")):
                continue
            allowance = cells[1] if len(cells) > 1 else "1"
            if len(cells) > 2 or not (allowance.isdecimal() and allowance.isascii()):
                raise UsageError(
                    f"{path}, line {number}: not an address and a number", hint="write 0x12…ef,2"
                )
            try:
                address = check_address(cells[0])
            except UsageError as exc:
                raise UsageError(f"{path}, line {number}: {exc.message}", hint=exc.hint) from None
            if address in allowances:
                raise UsageError(f"{path}, line {number}: {address} is on the list twice")
            allowances[address] = int(allowance)
        return cls(allowances)

    @property
    def root(self) -> bytes:
        return self._tree.root

    def proof(self, address: str) -> list[bytes]:
        """What `buyListed` takes. Raises UsageError for who is not on the list."""
        index = self._index.get(check_address(address))
        if index is None:
            raise UsageError(f"{address} is not on the list")
        return self._tree.proof(index)


def _leaf(address: str, allowance: int) -> bytes:
    from eth_abi import encode
    from eth_hash.auto import keccak

    return keccak(keccak(encode(["address", "uint256"], [address, allowance])))


def commitment(collection: str, root: str, salt: bytes) -> bytes:
    """What a blind sale shows of its collection: nothing, until `salt` is told.

    collection: its address, which `Factory.predict` foretells. root: "0x…", its pieces root.
    salt: 32 random bytes; keep them safe, without them nobody can reveal.
    """
    from eth_abi import encode
    from eth_hash.auto import keccak

    if len(salt) != 32:
        raise UsageError("the salt of a blind sale has 32 bytes")
    words = [check_address(collection), bytes.fromhex(root.removeprefix("0x")), salt]
    return keccak(encode(["address", "bytes32", "bytes32"], words))


@dataclass(frozen=True)
class Claim:
    """One purchase of a blind sale; `count` is 0 once it is delivered or refunded."""

    buyer: str
    count: int
    paid_wei: int


class Sale:
    """A sale, or the contract that makes them. Raises ServiceError when the node fails."""

    def __init__(self, connection: Connection, address: str) -> None:
        self.connection, self.address = connection, address
        self._contract = connection.w3.eth.contract(address, abi=artifact(SALE)["abi"])

    def _call(self, function: str, *arguments: Any) -> Any:
        with rpc_errors(self.connection):
            return getattr(self._contract.functions, function)(*arguments).call()

    def data(self, function: str, *arguments: Any) -> bytes:
        """Calldata of a function of the contract, such as `withdraw` or `refund`."""
        encoded: str = self._contract.encode_abi(function, list(arguments))
        return bytes.fromhex(encoded.removeprefix("0x"))

    # ---- of the maker

    def predict(self, terms: SaleTerms, salt: bytes, owner: str) -> str:
        """Where `create` puts the sale of `owner`; computed here, nobody is asked."""
        return clone_address(SALE, bytes.fromhex(owner.removeprefix("0x")) + terms.encode(), salt)

    def create_data(self, terms: SaleTerms, salt: bytes) -> bytes:
        return self.data("create", terms.encode(), salt)

    # ---- of a sale

    def code_problem(self) -> str | None:
        """None when its address proves that our sale contract made it, else what is wrong."""
        return verify_birth(self.connection, self.address, (SALE,))[1] or None

    def terms(self) -> SaleTerms:
        """The terms read back from the chain."""
        found = self._call("terms")
        _, collection, committed, allowlist, signer, price, supply, limit, *times = found
        return SaleTerms(
            price_wei=price,
            supply=supply,
            opens=times[0],
            closes=times[1],
            refunds_from=times[2],
            collection=None if collection == ZERO_ADDRESS else collection,
            commitment=bytes(committed),
            allowlist=bytes(allowlist),
            signer=None if signer == ZERO_ADDRESS else signer,
            per_wallet=limit,
        )

    def owner(self) -> str:
        """Who sells."""
        return str(self._call("terms")[0])

    def sold(self) -> int:
        return int(self._call("sold"))

    def earned_wei(self) -> int:
        """What `withdraw` would pay out."""
        return int(self._call("earned"))

    def stocked(self) -> int:
        """How many seeds of an open sale were loaded."""
        return int(self._call("stocked"))

    def claims(self) -> list[Claim]:
        """Every purchase of a blind sale, in order."""
        return [Claim(*self._call("claims", i)) for i in range(self._call("claimCount"))]

    def collection(self) -> str | None:
        """What is sold; None while a blind sale is not revealed."""
        found = str(self._call("collection"))
        return None if found == ZERO_ADDRESS else found

    def bought(self, buyer: str) -> int:
        """How many tokens an account bought in this sale."""
        return int(self._call("bought", buyer))

    def voucher_used(self, nonce: int) -> bool:
        return bool(self._call("voucherUsed", nonce))

    def redeem_data(self, voucher: Voucher, signature: bytes) -> bytes:
        return self.data("redeem", voucher.values(), signature)

    def load_data(self, first: int, seeds: Sequence[int]) -> list[bytes]:
        """Calldata of as many `load` as these seeds need, from token `first` on."""
        return [
            self.data("load", first + start, encode_seeds(seeds[start : start + SEEDS_PER_LOAD]))
            for start in range(0, len(seeds), SEEDS_PER_LOAD)
        ]

    def next_delivery(self, most: int = 200) -> int:
        """How many tokens `delivery_data` delivers; 0 when nobody waits."""
        count = 0
        for claim in self.claims()[self._call("delivered") :]:
            if count and count + claim.count > most:
                break
            count += claim.count
        return count

    def delivery_data(self, collection: Collection, seeds: Sequence[int], most: int = 200) -> bytes:
        """Calldata of `deliver` for the next claims, at most `most` tokens unless one claim is
        larger; empty when nobody waits.

        seeds: of every token of the collection in order.
        """
        first, count = collection.next_token_id(), self.next_delivery(most)
        if first + count > len(seeds):
            raise UsageError(f"{count} tokens were sold but {len(seeds) - first} are left")
        return self.data("deliver", encode_seeds(seeds[first : first + count])) if count else b""


def trusted_sale(connection: Connection, address: str) -> Sale:
    """The sale at `address`. Raises CheckFailed unless our sale contract made it."""
    sale = Sale(connection, check_address(address, what="address of the sale"))
    if problem := sale.code_problem():
        raise CheckFailed(f"the sale {address} cannot be trusted: {problem}")
    return sale
