"""sale open: made, loaded with its seeds, and given the collection, which it alone can mint."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nftgan.chain.artifact import SALE
from nftgan.chain.birth import is_genuine, need_deployer, shared_contracts
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.names import address_of
from nftgan.chain.sales import SEEDS_PER_LOAD, Sale, SaleTerms, trusted_sale
from nftgan.errors import UsageError
from nftgan.files import write_secret
from nftgan.seeds import format_seeds
from nftgan.words import counted
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.pin_recheck import require_verified
from nftgan.workflows.pins import serving_warning
from nftgan.workflows.publishing import refuse_copies
from nftgan.workflows.sale_reader import has_code
from nftgan.workflows.sale_record import shown, terms_of
from nftgan.workflows.sale_seller import CREATE, GAS_OFFER, Seller
from nftgan.workflows.transactions import TxPlan, TxStep

SALE_SECONDS = REFUND_SECONDS = 30 * 86_400
"""How long a sale is open, and after that how long the seller of a blind one has to reveal."""

GAS_MAKER, GAS_CREATE, GAS_ACCEPT = 2_700_000, 130_000, 82_000
GAS_LOAD, GAS_LOADED_SEED = 130_000, 870
"""Gas that steps take, about; sale_seller has the others."""

MAKER = "deploy the sale contract"


@dataclass(frozen=True)
class SaleOptions:
    """What a person says of a sale; None: nothing said. Times are seconds since 1970."""

    price_wei: int | None = None
    supply: int | None = None  # else all tokens that are left
    per_wallet: int | None = None  # else no limit
    allowlist: bytes | None = None  # the root of an Allowlist
    signer: str | None = None  # of vouchers; "self": the account that sells
    opens: int | None = None  # else now
    closes: int | None = None  # else SALE_SECONDS later
    refunds_from: int | None = None  # else REFUND_SECONDS after a blind sale
    blind: bool = False


class Opening(Seller):
    """Puts a collection on sale."""

    def plan_open(
        self, options: SaleOptions, *, force: bool = False, allow_copies: bool = False
    ) -> TxPlan:
        """Make the sale, load its seeds and hand the collection over to it.

        A sale that was begun goes on with the terms that it was begun with. Raises UsageError when
        others are wished for, CheckFailed for pieces too like others without `allow_copies`, and
        MissingStepError when nothing is pinned, without `force`; a blind sale pins nothing yet.
        """
        manifest = ready_manifest(self.project)
        if not force and not options.blind:
            require_verified(self.project, manifest)
        secret = secrets.token_bytes(32) if options.blind and self.record is None else None
        terms = self._terms_from(options, secret) if self.record is None else self._begun(options)
        terms.encode()
        first = (self.record or {}).get("first", self.collection.next_token_id())
        tokens = range(first, min(first + terms.supply, len(manifest.pieces)))
        warnings = []
        chain = self.connection.chain
        if not options.blind and (only := serving_warning(self.project, manifest, chain)):
            warnings.append(only)
        if kept := refuse_copies(manifest, tokens, allowed=allow_copies):
            warnings.append(f"too like other art, sold knowingly: tokens {format_seeds(kept)}")
        if terms.collection is None:
            path = self.path.with_suffix(".secret")
            warnings.append(f"keep a copy of {path}: without it nobody can reveal")
            warnings.append("mint nothing before the reveal: the sale could not be revealed then")
        owner, holders = self.collection.owner(), {self.account.address}
        if owner not in holders | {(self.record or {}).get("sale")}:
            raise UsageError(
                f"only {owner} may put it on sale, not {self.account.address}",
                hint="name that account with --from",
            )

        def prepare() -> None:
            if self.record is None:
                if secret is not None:
                    _put_aside(self.path.with_suffix(".secret"))
                    write_secret(self.path.with_suffix(".secret"), "0x" + secret.hex() + "\n")
                self.record = {
                    "chain": self.connection.chain.name,
                    "chain_id": self.connection.chain.chain_id,
                    "genesis": self.genesis,
                    "collection": self.collection.address,
                    "owner": self.account.address,
                    "first": first,
                    "terms": shown(terms),
                    "closing": False,
                    "closed": False,
                }
            maker = self._maker()
            self._write(**({"sale": self._place(maker, terms)} if maker else {}))

        return TxPlan(
            lambda: self._openers(terms, manifest.seeds, first),
            prepare,
            terms=shown(terms),
            warnings=tuple(warnings),
        )

    def _terms_from(self, options: SaleOptions, secret: bytes | None) -> SaleTerms:
        if options.price_wei is None:
            raise UsageError("nobody said what a token costs", hint="--price 0.01 (ether)")
        left = self.collection.max_supply() - self.collection.next_token_id()
        supply = left if options.supply is None else options.supply
        if not 0 < supply <= left:
            raise UsageError(f"{counted(supply, 'token')} cannot be sold: only {left} left")
        now = int(time.time())
        opens = now if options.opens is None else options.opens
        closes = opens + SALE_SECONDS if options.closes is None else options.closes
        if closes <= now:
            raise UsageError("the sale would be over before it begins", hint="--closes 30d")
        later = closes + (REFUND_SECONDS if options.blind else 0)
        mine = {} if secret is None else {"commitment": self._commitment(secret)}
        return SaleTerms(
            price_wei=options.price_wei,
            supply=supply,
            opens=opens,
            closes=closes,
            refunds_from=later if options.refunds_from is None else options.refunds_from,
            collection=self.collection.address if secret is None else None,
            allowlist=options.allowlist or bytes(32),
            signer=self._signer(options),
            per_wallet=options.per_wallet or 0,
            **mine,
        )

    def _signer(self, options: SaleOptions) -> str | None:
        if options.signer is None:
            return None
        if options.signer == "self":
            return self.account.address
        return address_of(self.connection, options.signer, what="signer")

    def _begun(self, options: SaleOptions) -> SaleTerms:
        assert self.record is not None
        if self.record["closing"]:
            raise UsageError("the last sale is being closed", hint="run nftgan sale close again")
        if options.price_wei is None:
            raise UsageError("nobody said what a token costs", hint="--price 0.01 (ether)")
        terms, first = terms_of(self.record["terms"]), self.record["first"]
        # The record may come from somebody else: what was not said now was not said then.
        left = self.collection.max_supply() - first
        wished = {
            "price_wei": options.price_wei,
            "supply": left if options.supply is None else options.supply,
            "per_wallet": options.per_wallet or 0,
            "allowlist": options.allowlist or bytes(32),
            "signer": self._signer(options),
            "collection": None if options.blind else self.collection.address,
        }
        other = [
            "kind" if name == "collection" else name.removesuffix("_wei").replace("_", " ")
            for name, value in wished.items()
            if value != getattr(terms, name)
        ]
        if first > self.collection.next_token_id():
            raise UsageError(f"{self.path} is damaged", hint="restore it from a copy")
        if other:
            raise UsageError(
                f"a sale with another {' and '.join(other)} is on already, and terms never change",
                hint="nftgan sale close ends it; then open the next one",
            )
        return terms

    def _maker(self) -> str | None:
        """The contract that makes sales, where it stands on every chain; None: not there yet."""
        (shared,) = shared_contracts(SALE)
        return shared.address if is_genuine(self.connection, shared) else None

    def _place(self, maker: str, terms: SaleTerms) -> str:
        return Sale(self.connection, maker).predict(terms, self._salt, self.account.address)

    def _openers(self, terms: SaleTerms, seeds: Sequence[int], first: int) -> list[TxStep]:
        """The steps that open a sale, as far as they can be told."""
        maker = self._maker()
        until = first + (terms.supply if terms.collection else 0)
        loads = [
            (start, min(start + SEEDS_PER_LOAD, until))
            for start in range(first, until, SEEDS_PER_LOAD)
        ]
        later = [
            TxStep(_load(*one), GAS_LOAD + GAS_LOADED_SEED * (one[1] - one[0])) for one in loads
        ]
        if terms.collection:
            later += [TxStep("offer the collection", GAS_OFFER), TxStep("take it", GAS_ACCEPT)]
        steps = []
        if maker is None or MAKER in self.sender.journal.attempts:
            need_deployer(self.connection)
            (shared,) = shared_contracts(SALE)
            done = lambda: self._maker() is not None  # noqa: E731
            steps = [TxStep.of(MAKER, GAS_MAKER, DEPLOYER, shared.data, done)]
        if maker is None:
            return [*steps, TxStep(CREATE, GAS_CREATE), *later]
        place, makes = self._place(maker, terms), Sale(self.connection, maker)
        create = TxStep.of(
            CREATE,
            GAS_CREATE,
            maker,
            makes.create_data(terms, self._salt),
            lambda: has_code(self.connection, place),
        )
        if not has_code(self.connection, place):
            return [*steps, create, *later]
        sale = trusted_sale(self.connection, place)
        if terms.collection is None:
            return [*steps, create]
        steps.append(create)
        for start, end in loads:
            (data,) = sale.load_data(start, seeds[start:end])
            steps.append(
                TxStep.of(
                    _load(start, end),
                    GAS_LOAD + GAS_LOADED_SEED * (end - start),
                    sale.address,
                    data,
                    lambda end=end: sale.stocked() >= end - first,  # type: ignore[misc]
                )
            )
        return [*steps, *self._handover(sale)]

    def _handover(self, sale: Sale) -> list[TxStep]:
        """The collection becomes the sale's, which alone can mint then."""

        offered = self._offered(sale)
        offer = self.collection.transfer_ownership_data(sale.address)
        return [
            TxStep.of("offer the collection", GAS_OFFER, self.collection.address, offer, offered),
            TxStep.of(
                "take it",
                GAS_ACCEPT,
                sale.address,
                sale.data("accept"),
                lambda: self.collection.owner() == sale.address,
            ),
        ]


def _load(start: int, end: int) -> str:
    return f"load seeds {format_seeds(range(start, end))}"


def _put_aside(path: Path) -> None:
    """Never write over a secret that an earlier sale may be bound to, and never use one that may
    come from somebody else."""
    if path.exists():
        number = 1
        while (other := path.with_name(f"{path.name}.{number}")).exists():
            number += 1
        path.rename(other)
