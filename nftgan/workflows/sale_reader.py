"""The sale of a collection as the chain shows it; no key is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nftgan.chain.accounts import check_address
from nftgan.chain.artifact import SALE
from nftgan.chain.birth import clone_address
from nftgan.chain.blocks import genesis_hash, latest_time
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.chain.sales import Sale, SaleTerms, trusted_sale
from nftgan.errors import MissingStepError, UsageError
from nftgan.project import Project
from nftgan.workflows.publishing import ChainChoice, deployed_collection, open_chain
from nftgan.workflows.sale_record import last_sale, shown, terms_of


@dataclass(frozen=True)
class SaleState:
    """A sale as the chain shows it."""

    chain: str
    sale: str
    collection: str
    owner: str
    phase: str  # "not ready", "opens later", "open", "sold out", "over", "ended" or "revealed"
    terms: Mapping[str, Any]
    sold: int
    earned_wei: int  # what withdraw would pay out
    waiting: int  # tokens of a blind sale that were paid for and not delivered


class SaleReader:
    """The sale of a collection on one chain, looked at; no key is needed.

    Raises MissingStepError when the collection is not deployed there, CheckFailed when something
    else stands at its address.
    """

    def __init__(self, project: Project, choice: ChainChoice) -> None:
        self.project = project
        self.connection = open_chain(choice, project)
        self.collection = deployed_collection(project, self.connection)
        self._read()

    def _read(self) -> None:
        """The sale that is not closed, as it was written down; else the place of the next one."""
        chain_id = self.connection.chain.chain_id
        number, self.record = last_sale(self.project, chain_id)
        self._seen = (number, None if self.record is None else dict(self.record))
        if self.record is None or self.record["closed"]:
            number, self.record = number + 1, None
        self.number = number
        self.path = self.project.sales / f"{chain_id}-{number}.json"
        self.genesis = genesis_hash(self.connection)
        here = {"genesis": self.genesis, "collection": self.collection.address}
        if self.record is not None and any(self.record.get(k) != v for k, v in here.items()):
            raise UsageError(
                f"{self.path} is of another {self.connection.chain.name} chain or contract",
                hint=f"move sales/{chain_id}-* away to sell on this one",
            )

    def sale(self) -> Sale:
        """Raises MissingStepError when nothing is on sale, CheckFailed for foreign code."""
        name = self.connection.chain.name
        address = (self.record or {}).get("sale")
        if address is None:
            raise MissingStepError(
                f"{self.project.name} is not on sale on {name}",
                hint=f"nftgan sale open --chain {name} --price 0.01",
            )
        if not has_code(self.connection, address):
            raise MissingStepError(
                f"the sale {address} was begun and is not on {name} yet",
                hint="run nftgan sale open again",
            )
        terms, owner = terms_of(self.record["terms"]), str(self.record["owner"])  # type: ignore[index]
        if clone_address(SALE, owner_and(terms, owner), self._salt) != address:
            raise UsageError(f"{self.path} is damaged", hint="restore it from a copy")
        return trusted_sale(self.connection, address)

    @property
    def _salt(self) -> bytes:
        """The sale's number: with it the same terms can be sold on again."""
        return self.number.to_bytes(32, "big")

    def state(self) -> SaleState:
        """What the chain says of the sale. Raises as `sale`."""
        sale = self.sale()
        terms, sold, owner = sale.terms(), sale.sold(), self.collection.owner()
        now = latest_time(self.connection)
        if terms.collection is None and sale.collection() is not None:
            phase = "revealed"
        elif sale.draw_block():
            phase = "ended"
        elif sold == terms.supply:
            phase = "sold out"
        elif now >= terms.closes:
            phase = "over"
        elif terms.collection is not None and owner != sale.address:
            phase = "not ready"
        else:
            phase = "opens later" if now < terms.opens else "open"
        return SaleState(
            self.connection.chain.name,
            sale.address,
            self.collection.address,
            sale.owner(),
            phase,
            shown(terms),
            sold,
            sale.earned_wei(),
            undelivered(sale, terms),
        )


def owner_and(terms: SaleTerms, owner: str) -> bytes:
    """The immutable arguments of a sale."""
    return bytes.fromhex(check_address(owner)[2:]) + terms.encode()


def has_code(connection: Connection, address: str) -> bool:
    with rpc_errors(connection):
        return bool(connection.w3.eth.get_code(address))


def undelivered(sale: Sale, terms: SaleTerms) -> int:
    return 0 if terms.collection else sale.waiting()
