"""Sales of a collection's tokens: terms, vouchers (EIP-712), allowlists, blind sales.

`NftganSale` is deployed once per chain; each sale is a clone of it whose terms cannot change.
Functions that end in `_data` return calldata for a `Sender`; nothing here sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.chain.accounts import Account, check_address
from nftgan.chain.address_lists import read_rows
from nftgan.chain.artifact import SALE
from nftgan.chain.birth import checksummed, clone_address
from nftgan.chain.clones import Clone
from nftgan.chain.contract import encode_seeds
from nftgan.chain.errors import ContractReverted
from nftgan.chain.merkle import MerkleTree
from nftgan.chain.recipients import column_of
from nftgan.chain.rpc import Connection
from nftgan.errors import CheckFailed, UsageError
from nftgan.words import counted

ZERO_ADDRESS = "0x" + 40 * "0"
DAY_SECONDS = 86_400
LONGEST_DAYS, RESPITE_DAYS = 90, 3
"""Of a blind sale: the most that it lasts and that refunds begin after its end, and the least."""
MOST_PER_PURCHASE = 200
"""More tokens than this are bought in several purchases, so that each fits a block."""
MOST_BLIND_TOKENS = 2**16 - 1
TERMS_BYTES = 143
SEEDS_PER_LOAD = 6000
"""Seeds that fit in one contract: every load of an open sale but the last has this many."""


@dataclass(frozen=True)
class SaleTerms:
    """What a sale's code holds. Times are seconds since 1970; `closes` is the first one after.

    collection: of an open sale; None: blind. commitment: of a blind sale, from `commitment`.
    allowlist: root of an Allowlist; signer: who signs vouchers; with neither, anyone may buy.
    per_wallet: most tokens for one buyer; 0: no limit. refunds_from: when buyers of a blind sale
    that was not revealed by then take their money back, 3 to 90 days after `closes`; of an open
    sale `closes`, as nothing is ever owed there.
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
        if not self.opens < self.closes:
            raise UsageError("a sale opens, then closes")
        if self.collection is not None and self.refunds_from != self.closes:
            raise UsageError("only a blind sale has refunds")
        if self.collection is None:
            self._check_blind()
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

    @staticmethod
    def decode(data: bytes) -> SaleTerms:
        """What `encode` gave. Raises ValueError for anything else."""
        if len(data) != TERMS_BYTES:
            raise ValueError("terms of another length")
        at = 0

        def take(size: int) -> bytes:
            nonlocal at
            at += size
            return data[at - size : at]

        collection, commitment, allowlist, signer = take(20), take(32), take(32), take(20)
        price, supply, limit, opens, closes, refunds = (
            int.from_bytes(take(size), "big") for size in (16, 4, 4, 5, 5, 5)
        )
        return SaleTerms(
            price_wei=price,
            supply=supply,
            opens=opens,
            closes=closes,
            refunds_from=refunds,
            collection=checksummed(collection) if any(collection) else None,
            commitment=commitment,
            allowlist=allowlist,
            signer=checksummed(signer) if any(signer) else None,
            per_wallet=limit,
        )

    def _check_blind(self) -> None:
        days, wait = self.closes - self.opens, self.refunds_from - self.closes
        if days > LONGEST_DAYS * DAY_SECONDS:
            raise UsageError(f"a blind sale lasts {LONGEST_DAYS} days at most")
        if not RESPITE_DAYS * DAY_SECONDS <= wait <= LONGEST_DAYS * DAY_SECONDS:
            raise UsageError(
                f"refunds of a blind sale begin {RESPITE_DAYS} to {LONGEST_DAYS} days after it"
                " closes, so that nobody's money is bound for long"
            )
        if self.supply > MOST_BLIND_TOKENS:
            raise UsageError(f"a blind sale has {MOST_BLIND_TOKENS} tokens at most")


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
                raise UsageError(f"{address} cannot be allowed {counted(allowance, 'token')}")
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
        allowances: dict[str, int] = {}
        titles, rows = read_rows(path)
        if len(titles) > 1 and column_of(titles[1]) not in (None, "count"):
            raise UsageError(
                f"{path}: {titles[1][:40]!r} is no title of how many each may buy",
                hint="take the column out, or put the addresses first and a count after them",
            )
        for row in rows:
            if len(row.cells) > 2:
                raise UsageError(
                    f"{row.where}: not an address and a number", hint="write 0x12…ef,2"
                )
            address, allowance = row.address(), row.number(1)
            if address in allowances:
                raise UsageError(f"{row.where}: {address} is on the list twice")
            allowances[address] = 1 if allowance is None else allowance
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


def commitment(collection: str, root: str, first: int, secret: bytes) -> bytes:
    """What a blind sale shows of its collection: nothing, until `secret` is told.

    collection: its address. root: "0x…", its pieces root. first: its next token id.
    secret: 32 random bytes; keep them safe, without them nobody can reveal.
    """
    from eth_abi import encode
    from eth_hash.auto import keccak

    if len(secret) != 32:
        raise UsageError("the secret of a blind sale has 32 bytes")
    words = [check_address(collection), bytes.fromhex(root.removeprefix("0x")), first, secret]
    return keccak(encode(["address", "bytes32", "uint256", "bytes32"], words))


def first_token(block_hash: bytes, secret: bytes, sold: int) -> int:
    """Which of the tokens sold is minted first; the others follow it in a circle.

    block_hash: of the block that was named when the sale ended. secret: as told by the reveal.
    """
    from eth_hash.auto import keccak

    return int.from_bytes(keccak(block_hash + secret), "big") % sold


@dataclass(frozen=True)
class Claim:
    """One purchase of a blind sale, tokens from number `start` on of those sold: what is due.

    `count` is 0 once it is delivered; one that was refunded is the seller's.
    """

    buyer: str
    start: int
    count: int
    paid_wei: int


class Sale(Clone):
    """A sale, or the contract that makes them. Raises ServiceError when the node fails."""

    def __init__(self, connection: Connection, address: str) -> None:
        super().__init__(connection, address, kind="sale", interface=SALE, shipped=(SALE,))

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

    def terms(self) -> SaleTerms:
        """What the sale's code fixes. Raises CheckFailed for a contract that is no sale of ours."""
        return SaleTerms.decode(self._arguments()[20:])

    def owner(self) -> str:
        """Who sells. Raises as `terms`."""
        return checksummed(self._arguments()[:20])

    def sold(self) -> int:
        """How many tokens were sold; never more than the terms allow."""
        supply = self.terms().supply
        sold = int(self._call("sold"))
        if not 0 <= sold <= supply:
            raise self._contradiction(f"{sold} tokens sold of {supply}")
        return sold

    def earned_wei(self) -> int:
        """What `withdraw` would pay out."""
        return int(self._call("earned"))

    def draw_block(self) -> int:
        """The block whose hash sets the order of a blind sale; 0: the sale was not ended."""
        return int(self._call("drawBlock"))

    def drawn(self) -> bool:
        """Whether that hash was written down."""
        return any(self._call("drawn"))

    def lapsed(self) -> bool:
        """Whether nobody wrote the hash down while the chain still knew it."""
        try:
            self._call("draw")
        except ContractReverted as exc:
            return "Lapsed" in exc.message
        return False

    def revealed(self) -> bool:
        """Whether a blind sale's collection was told, and is the sale's until all is delivered."""
        return self.terms().collection is None and self.collection() is not None

    def refundable(self) -> int:
        """From which second on buyers of a blind sale who got nothing take their money back."""
        return int(self._call("refundable"))

    def stocked(self) -> int:
        """How many seeds of an open sale were loaded."""
        return int(self._call("stocked"))

    def stock_end(self) -> int:
        """The first token of which an open sale has no seed."""
        return int(self._call("stockFirst")) + self.stocked()

    def claims(self) -> list[Claim]:
        """Every purchase of a blind sale, in order: at most as many as tokens were sold."""
        count = int(self._call("claimCount"))
        if count > (sold := self.sold()):
            raise self._contradiction(f"{count} purchases of {sold} tokens")
        claims = [Claim(*self._call("claims", i)) for i in range(count)]
        if sum(claim.count for claim in claims) > sold:
            raise self._contradiction(f"more tokens in its claims than the {sold} sold")
        return claims

    def collection(self) -> str | None:
        """What is sold; None while a blind sale is not revealed."""
        if (open_one := self.terms().collection) is not None:
            return open_one
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

    def waiting(self) -> int:
        """How many tokens of a blind sale are paid for and not minted."""
        return sum(claim.count for claim in self.claims())

    def next_delivery(self, most: int = MOST_PER_PURCHASE) -> int:
        """How many tokens the next delivery has: those of the next claims in the circle, at most
        `most`; 0 when nobody waits."""
        sold, done = self.sold(), int(self._call("delivered"))
        if done == sold:
            return 0
        claims, place = self.claims(), int(self._call("nextClaim"))
        if not claims or not done < sold:
            raise self._contradiction(f"{done} of {sold} tokens delivered, in {len(claims)} claims")
        parts = [claims[(place + i) % len(claims)] for i in range(len(claims))]
        sizes = [part.count for part in parts]
        if not done:  # what lies before the first token comes last
            before = int(self._call("firstToken")) - parts[0].start
            if not 0 <= before < sizes[0]:
                raise self._contradiction("a first token that is not in the first claim")
            sizes = [sizes[0] - before, *sizes[1:], before]
        count = 0
        for size in sizes:
            if count and count + size > most:
                break
            count += size
        return count

    def delivery_data(
        self, first: int, seeds: Sequence[int], most: int = MOST_PER_PURCHASE
    ) -> bytes:
        """Calldata of the next `deliver`, at most `most` tokens; empty when nobody waits.

        first: the collection's next token id. seeds: of every token of the collection in order.
        """
        count = self.next_delivery(most)
        if first + count > len(seeds):
            raise UsageError(f"{counted(count, 'token')} sold, but only {len(seeds) - first} left")
        data = encode_seeds(seeds[first : first + count])
        return self.data("deliver", first, data) if count else b""


def trusted_sale(connection: Connection, address: str) -> Sale:
    """The sale at `address`. Raises CheckFailed unless our sale contract made it."""
    sale = Sale(connection, check_address(address, what="address of the sale"))
    if problem := sale.code_problem():
        raise CheckFailed(f"the sale {address} cannot be trusted: {problem}")
    return sale
