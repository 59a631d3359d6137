"""sale: a collection put on sale by its artist, and a purchase; every transaction is sent once."""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nftgan.chain.accounts import check_address
from nftgan.chain.artifact import SALE
from nftgan.chain.birth import clone_address, is_genuine, need_deployer, shared_contracts
from nftgan.chain.blocks import genesis_hash, latest_block, latest_time, reach_block
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.names import address_of
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.chain.sales import (
    SEEDS_PER_LOAD,
    ZERO_ADDRESS,
    Sale,
    SaleTerms,
    Voucher,
    commitment,
    sign_voucher,
    trusted_sale,
)
from nftgan.chain.sending import Sender
from nftgan.errors import MissingStepError, UsageError
from nftgan.files import (
    canonical_json,
    complete_files,
    read_json,
    sha256_hex,
    write_json,
    write_secret,
)
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.seeds import format_seeds
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.pin_recheck import require_verified
from nftgan.workflows.pins import serving_warning
from nftgan.workflows.publishing import (
    ChainChoice,
    deployed_collection,
    open_chain,
    refuse_copies,
    sender_for,
    signer,
)
from nftgan.workflows.transactions import TxEstimate, TxPlan, TxRunner, TxStep

SALE_SECONDS = REFUND_SECONDS = 30 * 86_400
"""How long a sale is open, and after that how long the seller of a blind one has to reveal."""

GAS_MAKER, GAS_CREATE, GAS_OFFER, GAS_ACCEPT, GAS_SMALL = 2_700_000, 130_000, 55_000, 82_000, 70_000
GAS_REVEAL = 250_000
GAS_LOAD, GAS_LOADED_SEED, GAS_CLAIM = 130_000, 870, 110_000
"""What steps take, about, as long as nobody can be asked; the node is asked about the first one."""

MAKER, CREATE = "deploy the sale contract", "create the sale"


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


def shown(terms: SaleTerms) -> dict[str, Any]:
    """Terms as JSON has them: bytes as "0x…", empty ones as None."""
    plain = asdict(terms)
    for name in ("commitment", "allowlist"):
        plain[name] = "0x" + plain[name].hex() if any(plain[name]) else None
    return plain


def moment(seconds: int) -> str:
    """A time for a person."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def owner_and(terms: SaleTerms, owner: str) -> bytes:
    """The immutable arguments of a sale."""
    return bytes.fromhex(check_address(owner)[2:]) + terms.encode()


def _terms_of(plain: Mapping[str, Any]) -> SaleTerms:
    words = {one.name: plain[one.name] for one in fields(SaleTerms)}
    for name in ("commitment", "allowlist"):
        words[name] = bytes.fromhex((words[name] or "0x" + 64 * "0")[2:])
    return SaleTerms(**words)


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
        if not _has_code(self.connection, address):
            raise MissingStepError(
                f"the sale {address} was begun and is not on {name} yet",
                hint="run nftgan sale open again",
            )
        terms, owner = _terms_of(self.record["terms"]), str(self.record["owner"])  # type: ignore[index]
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
            _waiting(sale, terms),
        )


def last_sale(project: Project, chain_id: int) -> tuple[int, dict[str, Any] | None]:
    """(number, record) of the collection's last sale on a chain; (0, None) where there was none.

    Raises UsageError for a damaged record.
    """
    numbers = [
        int(number)
        for path in complete_files(project.sales, f"{chain_id}-*.json")
        if (number := path.stem.partition("-")[2]).isdecimal()
    ]
    if not numbers:
        return 0, None
    path = project.sales / f"{chain_id}-{max(numbers)}.json"
    record = read_json(path)
    try:
        _terms_of(record["terms"])
        whole = {type(record["closing"]), type(record["closed"])} == {bool}
        whole = whole and type(record["first"]) is int
        check_address(record["owner"])
        check_address(record.get("sale", ZERO_ADDRESS))
    except (AttributeError, KeyError, TypeError, ValueError, UsageError):
        whole = False
    if not whole:
        raise UsageError(f"{path} is damaged", hint="restore it from a copy")
    return max(numbers), record


def sales(project: Project) -> dict[str, dict[str, Any]]:
    """The last sale of the collection on each chain, by the chain's name."""
    ids = {
        int(name)
        for path in complete_files(project.sales, "*-*.json")
        if (name := path.stem.partition("-")[0]).isdecimal()
    }
    found = (last_sale(project, chain_id)[1] for chain_id in sorted(ids))
    return {str(record["chain"]): record for record in found if record}


def _load(start: int, end: int) -> str:
    return f"load seeds {format_seeds(range(start, end))}"


def _has_code(connection: Connection, address: str) -> bool:
    with rpc_errors(connection):
        return bool(connection.w3.eth.get_code(address))


def _waiting(sale: Sale, terms: SaleTerms) -> int:
    return 0 if terms.collection else sale.waiting()


def _put_aside(path: Path) -> None:
    """Never write over a secret that an earlier sale may be bound to, and never use one that may
    come from somebody else."""
    if path.exists():
        number = 1
        while (other := path.with_name(f"{path.name}.{number}")).exists():
            number += 1
        path.rename(other)


def _end(sale: Sale, block: int) -> TxStep:
    """End a blind sale; again where the block that was named lapsed."""
    name = f"end the sale again, after block {block}" if block else "end the sale"
    done = lambda: sale.draw_block() != block  # noqa: E731
    return TxStep.of(name, GAS_SMALL, sale.address, sale.data("end"), done)


def draws(connection: Connection, sale: Sale) -> list[TxStep]:
    """What is missing until the order of a blind sale is drawn; anyone may do it."""
    block = sale.draw_block()
    draw = TxStep("draw the order", GAS_SMALL)
    if sale.drawn():
        return []
    if not block:
        return [_end(sale, 0), draw]
    if latest_block(connection) <= block:
        return [draw]
    if sale.lapsed():
        return [_end(sale, block), draw]
    name = f"draw the order from block {block}"
    return [TxStep.of(name, GAS_SMALL, sale.address, sale.data("draw"), sale.drawn)]


def await_draw(connection: Connection, sale: Sale, sender: Sender) -> None:
    """Wait for the block that sets the order, once it was named."""
    if (block := sale.draw_block()) and not sale.drawn():
        reach_block(connection, block + 1, note=sender.on_wait)


class SaleManager(TxRunner, SaleReader):
    """What the artist does with a sale."""

    def __init__(
        self,
        project: Project,
        choice: ChainChoice,
        *,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
    ) -> None:
        SaleReader.__init__(self, project, choice)
        self.account = signer(self.connection, choice, prompt, warn)
        if self.record is not None:
            self._refuse_others(str(self.record["owner"]))
        self.sender = sender_for(
            self.connection, self.account, self.path.with_suffix(".jsonl"), choice
        )

    def run(self, plan: TxPlan, estimate: TxEstimate, *, progress: Progress = SILENT) -> None:
        with self.project.lock():
            if last_sale(self.project, self.connection.chain.chain_id) != self._seen:
                raise UsageError(
                    "another command changed the sale meanwhile", hint="run this one again"
                )
            super().run(plan, estimate, progress=progress)

    def _write(self, **changes: Any) -> None:
        """The record of the sale with these changes, if it does not hold them yet."""
        assert self.record is not None
        if self.record | changes != self.record or not self.path.exists():
            self.record |= changes
            write_json(self.path, self.record)

    def _of_the_seller(self) -> Sale:
        """The sale. Raises UsageError when another account sells."""
        sale = self.sale()
        self._refuse_others(sale.owner())
        return sale

    def _refuse_others(self, owner: str) -> None:
        if owner != self.account.address:
            raise UsageError(
                f"{owner} sells here, not {self.account.address}",
                hint="name that account with --from",
            )

    # ---- open

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
            raise UsageError(f"{supply} tokens cannot be sold: {left} are left")
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

    def _commitment(self, secret: bytes) -> bytes:
        first = (self.record or {}).get("first", self.collection.next_token_id())
        return commitment(
            self.collection.address, self.collection.immutable_args().root, first, secret
        )

    def _begun(self, options: SaleOptions) -> SaleTerms:
        assert self.record is not None
        if self.record["closing"]:
            raise UsageError("the last sale is being closed", hint="run nftgan sale close again")
        if options.price_wei is None:
            raise UsageError("nobody said what a token costs", hint="--price 0.01 (ether)")
        terms, first = _terms_of(self.record["terms"]), self.record["first"]
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
            lambda: _has_code(self.connection, place),
        )
        if not _has_code(self.connection, place):
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

    # ---- reveal

    def plan_reveal(self, *, force: bool = False) -> TxPlan:
        """End a blind sale, draw the order, say which collection was sold, then mint to its buyers.

        Between the end and the draw some minutes pass: the order comes from the hash of a block
        that does not exist yet when the sale ends. Raises UsageError when the sale is not blind,
        its secret is lost or the time to reveal is over, MissingStepError when nothing is pinned,
        without `force`.
        """
        sale = self._of_the_seller()
        terms = sale.terms()
        if terms.collection is not None:
            raise UsageError("the sale is not blind: its buyers have their tokens already")
        manifest = ready_manifest(self.project)
        if not force:
            require_verified(self.project, manifest)
        secret = self._secret(terms)
        now = self._now()
        if not sale.revealed():
            if now >= terms.refunds_from:
                raise UsageError(
                    "the time to reveal is over: buyers take their money back now",
                    hint="nftgan sale close, then open another sale",
                )
            if self._first() != self.collection.next_token_id():
                raise UsageError(
                    "tokens were minted since the sale was opened, so it cannot be revealed",
                    hint="buyers take their money back with nftgan sale refund",
                )

        def steps() -> list[TxStep]:
            if sale.revealed():
                return self._deliveries(sale, manifest.seeds)
            offer, offered = (
                self.collection.transfer_ownership_data(sale.address),
                self._offered(sale),
            )
            reveal = sale.data("reveal", self.collection.address, secret)
            later = [
                TxStep.of(
                    "offer the collection", GAS_OFFER, self.collection.address, offer, offered
                ),
                TxStep.of("reveal", GAS_REVEAL, sale.address, reveal, sale.revealed),
            ]
            if waiting := sale.waiting():
                later.append(TxStep("deliver", GAS_SMALL + GAS_CLAIM * waiting))
            if sale.drawn():
                return later
            return [*draws(self.connection, sale), *(replace(one, operation=None) for one in later)]

        early = now < terms.closes and not sale.draw_block() and sale.sold() < terms.supply
        return TxPlan(
            steps,
            prepare=lambda: await_draw(self.connection, sale, self.sender),
            warnings=("it is still open: the reveal ends it",) if early else (),
        )

    def _deliveries(self, sale: Sale, seeds: Sequence[int]) -> list[TxStep]:
        """The next delivery, while somebody waits."""
        count, first = sale.next_delivery(), self.collection.next_token_id()
        if not count:
            return []
        name = f"deliver tokens {format_seeds(range(first, first + count))}"
        gas, data = GAS_SMALL + GAS_CLAIM * count, sale.delivery_data(first, seeds)
        done = lambda: self.collection.next_token_id() >= first + count  # noqa: E731
        return [TxStep.of(name, gas, sale.address, data, done)]

    def _offered(self, sale: Sale) -> Callable[[], bool]:
        return lambda: sale.address in (self.collection.pending_owner(), self.collection.owner())

    def _first(self) -> int:
        return int((self.record or {}).get("first", 0))

    def _now(self) -> int:
        return latest_time(self.connection)

    def _secret(self, terms: SaleTerms) -> bytes:
        secret = self._kept_secret()
        if secret is None or self._commitment(secret) != terms.commitment:
            raise UsageError(
                f"{self.path.with_suffix('.secret')} does not hold the secret of this sale",
                hint="restore it from a copy",
            )
        return secret

    def _kept_secret(self) -> bytes | None:
        """The salt of a blind sale, 32 bytes; None where no file holds one."""
        try:
            text = self.path.with_suffix(".secret").read_text(encoding="utf-8")
            secret = bytes.fromhex(text.strip().removeprefix("0x"))
        except (OSError, ValueError):
            return None
        return secret if len(secret) == 32 else None

    # ---- money, and the end

    def plan_withdraw(self) -> TxPlan:
        """Pay out what was earned."""
        sale = self._of_the_seller()
        step = self._withdrawal(sale)
        return TxPlan(lambda: [step])

    def _withdrawal(self, sale: Sale) -> TxStep:
        """One withdrawal: the first that is not through."""
        finals = self.sender.journal.finals
        number = 1
        while f"withdraw, {number}" in finals:
            number += 1
        name = f"withdraw, {number}"
        return TxStep.of(
            name,
            GAS_SMALL,
            sale.address,
            sale.data("withdraw", self.account.address),
            lambda: name in self.sender.journal.finals or sale.earned_wei() == 0,
        )

    def plan_close(self) -> TxPlan:
        """End the sale: pay out, and give the collection back to the artist.

        Raises UsageError while tokens of a blind sale are paid for and not delivered.
        """
        if self.record is None:
            self.sale()
        assert self.record is not None

        def finish() -> None:
            self._write(closing=True, closed=True)

        if not _has_code(self.connection, self.record.get("sale", ZERO_ADDRESS)):
            if CREATE in self.sender.journal.attempts:
                raise UsageError(
                    "the sale was sent and is not on chain yet", hint="run nftgan sale open again"
                )
            return TxPlan(lambda: [], finish=finish)
        sale = self._of_the_seller()
        self._refuse_waiting(sale)
        withdrawal = self._withdrawal(sale)

        def prepare() -> None:
            self._refuse_waiting(sale)
            self._write(closing=True)

        return TxPlan(lambda: self._closing_steps(sale, withdrawal), prepare, finish)

    def _refuse_waiting(self, sale: Sale) -> None:
        """Raises UsageError while somebody waits for tokens that can still be delivered.

        Where nobody can be served any more, buyers have their refunds.
        """
        terms = sale.terms()
        dead = not sale.revealed() and self._now() >= terms.refunds_from
        if not dead and (waiting := _waiting(sale, terms)):
            raise UsageError(
                f"{waiting} tokens are paid for and not delivered", hint="nftgan sale reveal"
            )

    def _closing_steps(self, sale: Sale, withdrawal: TxStep) -> list[TxStep]:
        """What is sent to end a sale, as far as the chain is now."""
        collection, me = self.collection, self.account.address
        if sale.terms().collection is None and not sale.draw_block():
            return [_end(sale, 0)]  # or somebody could still buy
        if not {collection.owner(), collection.pending_owner()} & {sale.address, me}:
            return [withdrawal]  # it went elsewhere since

        def given() -> bool:
            return me in (collection.pending_owner(), collection.owner())

        def taken() -> bool:
            return collection.owner() == me

        take = collection.accept_ownership_data()
        return [
            withdrawal,
            TxStep.of("give it back", GAS_SMALL, sale.address, sale.data("release"), given),
            TxStep.of("take it back", GAS_SMALL, collection.address, take, taken),
        ]

    # ---- vouchers

    def voucher(
        self,
        buyer: str,
        count: int,
        price_wei: int,
        *,
        deadline: int | None = None,
        nonce: int | None = None,
    ) -> dict[str, Any]:
        """A right to buy, signed: the document that `nftgan sale buy --voucher` takes.

        The same words give the same voucher, which buys once; `nonce` makes another one. deadline:
        the last second, else that of the sale. Raises UsageError when the sale takes no vouchers of
        this account, or when this one was used.
        """
        sale = self.sale()
        terms = sale.terms()
        if terms.signer != self.account.address:
            who = f"of {terms.signer}, not of" if terms.signer else "at all, also not of"
            raise UsageError(
                f"this sale takes no vouchers {who} {self.account.address}"
                if terms.signer is None
                else f"this sale takes vouchers {who} {self.account.address}",
                hint="--signer of nftgan sale open says whose",
            )
        buyer = address_of(self.connection, buyer, what="buyer's address")
        if nonce is None:
            words = f"{sale.address} {buyer} {count} {price_wei}"
            nonce = int(sha256_hex(words.encode()), 16)
        if sale.voucher_used(nonce):
            raise UsageError("this voucher was used already", hint="--nonce 2 makes another one")
        last = terms.closes - 1 if deadline is None else deadline
        voucher = Voucher(buyer, count, price_wei, nonce, last)
        chain_id = self.connection.chain.chain_id
        return {
            "nftgan_voucher": 1,
            "chain_id": chain_id,
            "sale": sale.address,
            # In words, as JavaScript would round them.
            "voucher": {**asdict(voucher), "price_wei": str(price_wei), "nonce": str(nonce)},
            "signature": "0x" + sign_voucher(self.account, sale.address, chain_id, voucher).hex(),
        }


def voucher_link(page: str, document: Mapping[str, Any]) -> str:
    """The address of a drop page (`nftgan site --sale`) that takes this voucher.

    The part behind # stays in the browser: no server sees it. Raises UsageError for no web page.
    """
    place = page.partition("#")[0]
    if not re.fullmatch(r"(?:https?|ipfs)://\S+", place):
        raise UsageError(f"{page[:80]!r} is not the address of a page", hint="--page https://…")
    coded = base64.urlsafe_b64encode(canonical_json(document)).decode("ascii").rstrip("=")
    return f"{place}#/sale?voucher={coded}"
