"""The collection contract from Python: the shipped artifacts, its immutable args, its state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nftgan.chain.artifact import COLLECTION, COLLECTION_CODE, FACTORY, artifact
from nftgan.chain.birth import checksummed, clone_address, factory_address
from nftgan.chain.clones import Clone
from nftgan.chain.logs import search_backwards
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import CheckFailed, ServiceError, UsageError

SEED_STORES = {"event": COLLECTION, "code": COLLECTION_CODE}
"""Where a collection keeps its seeds, and the shipped contract that does so: in the log of each
mint alone, or in contract code too, where other contracts can read them and no node may forget."""

SEEDS_PER_CALL = 500
"""Seeds read from contract code at a time: far below the gas that nodes allow a call."""

SEEDS_TOPIC = "0x7f0a70d7f681f1fbf623836307ae9ba47462ddc276899be66c53c4f4fc15c439"
"""Keccak-256 of `Seeds(uint256,bytes)`, the event of every mint."""


_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class CollectionArgs:
    """The immutable args in a collection's clone (ERC-1167, Solady's LibClone): never changed."""

    model: str  # "sha256:…" identity
    recipe: str  # "sha256:…" of the canonical recipe
    root: str  # "0x…" Merkle root of all pieces
    max_supply: int
    royalty_bps: int
    royalty_receiver: str
    name: str
    symbol: str
    base_uri: str

    def encode(self) -> bytes:
        """What the factory takes: the numbers packed, then the words with their lengths.

        Raises UsageError for what does not fit.
        """
        name, symbol = self.name.encode(), self.symbol.encode()
        if len(name) > 255 or len(symbol) > 255:
            raise UsageError("a collection's name and symbol have at most 255 bytes each")
        if not 1 <= self.max_supply < 2**32 or not 0 <= self.royalty_bps <= 1000:
            raise UsageError(
                f"a supply of {self.max_supply} or a royalty of {self.royalty_bps} basis points"
                " is out of range"
            )
        return b"".join(
            (
                _digest(self.model),
                _digest(self.recipe),
                bytes.fromhex(self.root.removeprefix("0x")),
                self.max_supply.to_bytes(4, "big"),
                self.royalty_bps.to_bytes(2, "big"),
                bytes.fromhex(self.royalty_receiver.removeprefix("0x")),
                bytes([len(name)]) + name,
                bytes([len(symbol)]) + symbol,
                self.base_uri.encode(),
            )
        )

    @staticmethod
    def decode(data: bytes) -> CollectionArgs:
        """What `encode` gave. Raises ValueError for anything else."""
        model, recipe, root = (data[at : at + 32] for at in (0, 32, 64))
        if len(data) < 124:
            raise ValueError("immutable args that are too short")
        name, rest = _counted(data[122:])
        symbol, base_uri = _counted(rest)
        return CollectionArgs(
            model="sha256:" + model.hex(),
            recipe="sha256:" + recipe.hex(),
            root="0x" + root.hex(),
            max_supply=int.from_bytes(data[96:100], "big"),
            royalty_bps=int.from_bytes(data[100:102], "big"),
            royalty_receiver=checksummed(data[102:122]),
            name=name.decode(),
            symbol=symbol.decode(),
            base_uri=base_uri.decode(),
        )


def _counted(data: bytes) -> tuple[bytes, bytes]:
    """(a text that its length stands before, what follows it)."""
    end = 1 + data[0] if data else 1
    if end > len(data):
        raise ValueError("a text longer than what holds it")
    return data[1:end], data[end:]


def _digest(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("sha256:"))


def encode_seeds(seeds: Sequence[int]) -> bytes:
    """Four bytes big-endian each, as `mintBatch` takes them."""
    return b"".join(seed.to_bytes(4, "big") for seed in seeds)


def decode_seeds(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4))


class Factory:
    """The contract that makes the collections that keep their seeds in `store` (SEED_STORES)."""

    def __init__(self, connection: Connection, store: str) -> None:
        self.connection, self._shipped = connection, SEED_STORES[store]
        self.address = factory_address(self._shipped)
        self._contract = connection.w3.eth.contract(self.address, abi=artifact(FACTORY)["abi"])

    def predict(self, args: CollectionArgs, salt: bytes, owner: str) -> str:
        """The address that `create` will give; computed here, nobody is asked."""
        arguments = bytes.fromhex(owner.removeprefix("0x")) + args.encode()
        return clone_address(self._shipped, arguments, salt)

    def create_data(self, args: CollectionArgs, salt: bytes) -> bytes:
        """Calldata of `create`."""
        return _calldata(self._contract, "create", [args.encode(), salt])


class Collection(Clone):
    """A deployed collection, read over RPC. Everything raises ServiceError when the node fails."""

    def __init__(self, connection: Connection, address: str, *, first_block: int = 0) -> None:
        super().__init__(
            connection,
            address,
            kind="contract",
            interface=COLLECTION_CODE,
            shipped=tuple(SEED_STORES.values()),
        )
        self.first_block = first_block
        # Transactions that are known to have minted: their receipts need no search through logs.
        self.mint_transactions: Callable[[], Iterable[str]] = tuple

    def exists(self) -> bool:
        with rpc_errors(self.connection):
            return bool(self.connection.w3.eth.get_code(self.address))

    @property
    def seed_store(self) -> str:
        """Where the collection keeps its seeds: a name of SEED_STORES; "event" for foreign code."""
        name = self._recognised().name
        return next((store for store, shipped in SEED_STORES.items() if shipped == name), "event")

    def immutable_args(self) -> CollectionArgs:
        """The clone's immutable args, out of the code that its address proves: no node can lie.

        Raises CheckFailed when the contract is not one that our factory made.
        """
        try:
            return CollectionArgs.decode(self._arguments()[20:])
        except ValueError:
            raise CheckFailed(
                f"the contract {self.address} holds a name or a base URI that is no text"
            ) from None

    def owner(self) -> str:
        """The account that may mint."""
        return str(self._call("owner"))

    def pending_owner(self) -> str:
        """The account that the collection was offered to; address zero: none."""
        return str(self._call("pendingOwner"))

    def frozen(self) -> bool:
        """Whether the base URI can never change again."""
        return bool(self._call("frozen"))

    def next_token_id(self) -> int:
        """How many tokens were ever minted; never more than the code of the contract allows."""
        most = self.max_supply()
        minted = int(self._call("nextTokenId"))
        if not 0 <= minted <= most:
            raise self._contradiction(f"{minted} tokens of at most {most}")
        return minted

    def exists_at(self, block: int) -> bool:
        """Whether the contract was there at a block, which must be one of the newest."""
        with rpc_errors(self.connection):
            return bool(self.connection.w3.eth.get_code(self.address, block))

    def counts_at(self, block: int) -> tuple[int, int]:
        """(how many were ever minted, how many of them exist) at one of the newest blocks."""
        with rpc_errors(self.connection):
            functions = self._contract.functions
            return (
                int(functions.nextTokenId().call(block_identifier=block)),
                int(functions.totalSupply().call(block_identifier=block)),
            )

    def max_supply(self) -> int:
        return self.immutable_args().max_supply

    def contract_uri(self) -> str:
        return str(self._call("contractURI"))

    def owner_of(self, token: int) -> str | None:
        """Who holds the token; None when it does not exist."""
        from web3.exceptions import ContractLogicError

        with rpc_errors(self.connection):
            try:
                return str(self._contract.functions.ownerOf(token).call())
            except ContractLogicError:
                return None

    def token_uri(self, token: int) -> str:
        return str(self._call("tokenURI", token))

    def verify_piece(self, token: int, seed: int, pixels: str, proof: Sequence[bytes]) -> bool:
        """Whether the contract's own Merkle check accepts the piece."""
        return bool(self._call("verifyPiece", token, seed, _digest(pixels), list(proof)))

    def seeds(self) -> dict[int, int]:
        """Token to seed: from contract code where the collection keeps them there, else from the
        mint events, in as many queries as the node's range limit asks.

        Raises CheckFailed when batches contradict.
        """
        if self.seed_store == "code":
            return self._seeds_in_code()
        seeds: dict[int, int] = {}
        for first, batch in self.batches():
            for offset, seed in enumerate(batch):
                if seeds.setdefault(first + offset, seed) != seed:
                    raise CheckFailed(f"token {first + offset} was given two seeds on chain")
        return seeds

    def _seeds_in_code(self) -> dict[int, int]:
        minted = self.next_token_id()
        seeds: dict[int, int] = {}
        for first in range(0, minted, SEEDS_PER_CALL):
            count = min(SEEDS_PER_CALL, minted - first)
            packed = bytes(self._call("seedsOf", first, count))
            if len(packed) != 4 * count:
                raise self._contradiction(f"{len(packed)} bytes as {count} seeds")
            seeds.update(enumerate(decode_seeds(packed), first))
        return seeds

    def batches(self) -> list[tuple[int, tuple[int, ...]]]:
        """(first token, seeds) of every mint, in the order of tokens.

        Those of `mint_transactions` are read from their receipts. For the others blocks are
        searched backwards, only until every token has its seed. Raises ServiceError when the node
        does not show all mint events.
        """
        minted = self.next_token_id()
        found: dict[int, tuple[int, ...]] = {}

        def add(shown: dict[int, tuple[int, ...]]) -> bool:
            """Take mints in; True when every token has its seed."""
            # Mints since `minted` was asked are no contradiction.
            for first, seeds in shown.items():
                if not seeds or first < minted < first + len(seeds):
                    raise self._contradiction(f"{len(seeds)} seeds from token {first} on")
                if first < minted:
                    found[first] = seeds
            return sum(map(len, found.values())) >= minted

        if not add(self._in_receipts(minted)):
            with rpc_errors(self.connection):
                last = int(self.connection.w3.eth.block_number)
            spans = search_backwards(self.connection, self.first_block, last, self._batches)
            for shown in spans:
                if add(shown):
                    break
        count = sum(map(len, found.values()))
        if count < minted:
            raise ServiceError(
                f"the node at {self.connection.where} shows {count} of {minted} seeds only",
                hint="choose a node that keeps old logs with --rpc",
            )
        return self._one_after_another(found)

    def _one_after_another(
        self, found: dict[int, tuple[int, ...]]
    ) -> list[tuple[int, tuple[int, ...]]]:
        """The batches by their first token; CheckFailed unless each begins where one ends."""
        batches, end = sorted(found.items()), 0
        for first, seeds in batches:
            if first != end:
                raise self._contradiction(f"two mints of token {min(first, end)}")
            end = first + len(seeds)
        return batches

    def _in_receipts(self, most: int) -> dict[int, tuple[int, ...]]:
        """The mints that the receipts of `mint_transactions` tell, of `most` of them; a journal
        may name any hash any number of times, so that only events of this very contract count.
        """
        from eth_abi import decode

        found: dict[int, tuple[int, ...]] = {}
        hashes = (one for one in self.mint_transactions() if _HASH.fullmatch(one))
        for tx_hash in list(dict.fromkeys(hashes))[:most]:
            receipt = self.connection.ask("eth_getTransactionReceipt", tx_hash)
            with rpc_errors(self.connection):
                for log in receipt["logs"] if receipt is not None else ():
                    ours = str(log["address"]).lower() == self.address.lower()
                    if ours and log["topics"][0] == SEEDS_TOPIC:
                        (packed,) = decode(["bytes"], bytes.fromhex(log["data"][2:]))
                        found[int(log["topics"][1], 16)] = decode_seeds(packed)
        return found

    def _batches(self, start: int, end: int) -> dict[int, tuple[int, ...]]:
        with rpc_errors(self.connection):
            logs = self._contract.events.Seeds().get_logs(from_block=start, to_block=end)
            return {int(log["args"]["firstId"]): decode_seeds(log["args"]["seeds"]) for log in logs}

    def mint_data(self, first: int, to: str, seeds: Sequence[int]) -> bytes:
        """Calldata of `mintBatch`."""
        return _calldata(self._contract, "mintBatch", [first, to, encode_seeds(seeds)])

    def transfer_ownership_data(self, to: str) -> bytes:
        """Calldata of `transferOwnership`: nothing changes until the other side accepts."""
        return _calldata(self._contract, "transferOwnership", [to])

    def freeze_data(self) -> bytes:
        """Calldata of `freezeMetadata`: the base URI never changes again."""
        return _calldata(self._contract, "freezeMetadata", [])

    def refresh_data(self, first: int, last: int) -> bytes:
        """Calldata of `refreshMetadata`: markets read these tokens' metadata again (ERC-4906)."""
        return _calldata(self._contract, "refreshMetadata", [first, last])

    def burn_data(self, token: int) -> bytes:
        """Calldata of `burn`."""
        return _calldata(self._contract, "burn", [token])

    def name(self) -> str:
        return self.immutable_args().name

    def base_uri(self) -> str:
        """Where metadata lies now: in the immutable args, unless the owner moved it since."""
        return str(self._call("baseURI"))

    def accept_ownership_data(self) -> bytes:
        """Calldata of `acceptOwnership`."""
        return _calldata(self._contract, "acceptOwnership", [])


def _calldata(contract: Any, function: str, arguments: list[Any]) -> bytes:
    return bytes.fromhex(contract.encode_abi(function, arguments).removeprefix("0x"))
