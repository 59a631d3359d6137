"""deploy: the collection's contract, with its model, recipe and pixels fixed in its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nftgan.chain.birth import Shared, is_genuine, need_deployer, shared_contracts
from nftgan.chain.blocks import genesis_hash
from nftgan.chain.contract import SEED_STORES, Collection, CollectionArgs, Factory
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.errors import ContractReverted, NodeRefused
from nftgan.chain.fees import require_funds
from nftgan.chain.rpc import rpc_errors
from nftgan.chain.sending import GAS_MARGINS
from nftgan.chain.splitter import Splitter, packed_shares, splitter_implementation
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import write_json
from nftgan.networks.model_file import read_model
from nftgan.project import Project
from nftgan.workflows.immutable import differences, immutable_args
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.pin_recheck import require_verified
from nftgan.workflows.pins import serving_warning
from nftgan.workflows.publishing import (
    ChainChoice,
    account_lock,
    deployment_path,
    open_chain,
    read_record,
    sender_for,
    signer,
)
from nftgan.workflows.shared_pieces import shared_pieces
from nftgan.workflows.sources import project_model
from nftgan.workflows.transactions import Estimate

SALT = bytes(32)
GAS_SHARED = {
    "event": 2_600_000,
    "code": 3_200_000,
    "factory": 700_000,
    "splitter contract": 800_000,
}
ROYALTY_SPLITTER = "royalty splitter"
GAS_SPLITTER, GAS_SHARE = 90_000, 6_000
SPLITTER_BYTES, SHARE_BYTES = 200, 64  # of the calldata that makes it
GAS_COLLECTION = 180_000


@dataclass(frozen=True, kw_only=True)
class DeployPlan(Estimate):
    """That of a deployment, with all that can never be changed again."""

    fixed: CollectionArgs  # `fixed` in `deploy --json`
    licence: str
    seed_store: str
    image_size: tuple[int, int]  # width and height, pixels
    novelty: str = ""  # why near-copies of training art were not looked for
    # Too like other art, which the artist keeps knowingly.
    overridden_tokens: tuple[int, ...] = field(default=(), metadata={"json": "kept"})
    royalty_shares: Mapping[str, float] = field(default_factory=dict)  # account → percent of it


@dataclass(frozen=True)
class DeployResult:
    """Where the collection lives."""

    chain: str
    chain_id: int
    collection: str
    factory: str
    owner: str
    created: bool
    gas: int
    fee_wei: int
    seed_store: str = "event"


class Deployment:
    """A deployment in preparation: `plan` costs nothing, `run` sends."""

    def __init__(
        self,
        project: Project,
        choice: ChainChoice,
        *,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
        force: bool = False,
        seed_store: str | None = None,
    ) -> None:
        """seed_store: a name of SEED_STORES; None takes that of an earlier deployment, or "event".

        Raises UsageError for another name.
        """
        if seed_store is not None and seed_store not in SEED_STORES:
            raise UsageError(f"--seed-store {seed_store!r} is not {' or '.join(SEED_STORES)}")
        self.project = project
        self._wanted_store, self.seed_store = seed_store, seed_store or "event"
        manifest = ready_manifest(project)
        if not force:
            require_verified(project, manifest)
        self.connection = open_chain(choice, project)
        if warning := serving_warning(project, manifest, self.connection.chain):
            warn(warning)
        if remark := shared_pieces(project, manifest):
            warn(remark)
        self.account = signer(self.connection, choice, prompt, warn)
        self.immutable_args = immutable_args(manifest, self.account.address)
        self.royalty_shares = manifest.royalties.shares
        self.splitter = (
            Splitter(self.connection, packed_shares(self.royalty_shares))
            if self.royalty_shares
            else None
        )
        self.image_size = manifest.recipe.size
        self.licence = _licence(project)
        self.novelty = manifest.novelty_problem
        self.overridden_tokens = tuple(
            piece.id for piece in manifest.pieces if piece.override_reason
        )
        chain_id = self.connection.chain.chain_id
        self.genesis = genesis_hash(self.connection)
        self.path = deployment_path(project, chain_id)
        self.sender = sender_for(
            self.connection, self.account, project.deployments / f"{chain_id}.jsonl", choice
        )
        self.factory = Factory(self.connection, self.seed_store)

    def existing(self) -> DeployResult | None:
        """The deployment that is already there, checked against the chain and the manifest."""
        if not self.path.exists():
            return None
        record = read_record(self.path)
        if record.get("genesis") != self.genesis:
            raise UsageError(
                f"{self.path} is of another {self.connection.chain.name} chain than this one",
                hint="the chain was reset: move deployments/ and mint-*.jsonl away",
            )
        collection = Collection(self.connection, record["collection"])
        if problem := collection.code_problem():
            raise CheckFailed(f"the contract {record['collection']} cannot be trusted: {problem}")
        if differences(collection, self.immutable_args):
            raise CheckFailed(
                f"the contract {record['collection']} was deployed for other pieces or words",
                hint="undo the change, or start another collection: nftgan init NAME",
            )
        store = record.get("seed_store", "event")
        if self._wanted_store not in (None, store):
            raise UsageError(
                f"{record['collection']} keeps its seeds in store {store!r}, which is for ever",
                hint=f"leave out --seed-store {self._wanted_store}, or start another collection",
            )
        return self._result(record, created=False)

    @property
    def _suffix(self) -> str:
        """What tells the files and journal entries of the stores apart."""
        return "" if self.seed_store == "event" else f"-{self.seed_store}"

    def plan(self) -> DeployPlan:
        """The transactions that are missing, and their cost."""
        with rpc_errors(self.connection):
            balance = int(self.connection.w3.eth.get_balance(self.account.address))
        missing = self._missing()
        if missing:
            need_deployer(self.connection)
        divides = self.splitter is not None and not self.splitter.exists()
        splits = [ROYALTY_SPLITTER] if divides else []
        steps = [*(one.role for one in missing), *splits, "collection"]
        clone = self.factory.create_data(self.immutable_args, SALT)
        gas, dearer = 0, 1.0
        for one in missing:
            usual = GAS_SHARED.get(one.role, GAS_SHARED[self.seed_store])
            asked = self._gas(DEPLOYER, one.data, usual)
            gas, dearer = gas + asked, max(dearer, asked / usual)
        # Without its factory nobody can be asked about the clone: it costs in proportion.
        usual = round(GAS_COLLECTION * dearer)
        gas += usual if missing else self._gas(self.factory.address, clone, usual)
        sizes = [*(len(one.data) for one in missing), len(clone)]
        if divides:
            gas += round((GAS_SPLITTER + GAS_SHARE * len(self.royalty_shares)) * dearer)
            sizes.append(SPLITTER_BYTES + SHARE_BYTES * len(self.royalty_shares))
        data_fee = sum(self.sender.data_fee_wei(size, gas) for size in sizes)
        chain = self.connection.chain
        return DeployPlan(
            chain.name,
            chain.chain_id,
            self.account.address,
            balance,
            tuple(steps),
            gas,
            self.sender.cap_for(gas, data_fee),
            data_fee,
            self.sender.fee_note,
            fixed=self.immutable_args,
            licence=self.licence,
            seed_store=self.seed_store,
            image_size=self.image_size,
            novelty=self.novelty,
            overridden_tokens=self.overridden_tokens,
            royalty_shares=self.royalty_shares,
        )

    def _gas(self, to: str, data: bytes, usual: int) -> int:
        """What a transaction may use: what is usual, or more where the node says more.

        Arbitrum, for one, counts what its data cost on Ethereum as gas.
        """
        call: Any = {"from": self.account.address, "to": to, "data": data}
        try:
            with rpc_errors(self.connection):
                estimate = int(self.connection.w3.eth.estimate_gas(call))
        except (ContractReverted, NodeRefused):
            return usual
        return max(usual, estimate * GAS_MARGINS[0] // 100)

    def run(self, plan: DeployPlan) -> DeployResult:
        """Send what is missing. Killed anywhere and run again, nothing is deployed twice."""
        require_funds(plan, "deploying")
        with self.project.lock(), account_lock(self.connection, self.account):
            self.sender.journal.reload()
            for one in self._missing():
                self._make(one)
            if (splitter := self.splitter) is not None:
                self.sender.execute(
                    ROYALTY_SPLITTER,
                    to=splitter_implementation().address,
                    data=splitter.create_data(),
                    done=splitter.exists,
                )
                if not splitter.exists():
                    raise CheckFailed(f"the splitter {splitter.address} is not what was sent")
            target = self.factory.predict(self.immutable_args, SALT, self.account.address)
            collection = Collection(self.connection, target)
            if not collection.exists():
                self.sender.execute(
                    "create collection" + self._suffix,
                    to=self.factory.address,
                    data=self.factory.create_data(self.immutable_args, SALT),
                    done=collection.exists,
                )
            if problem := collection.code_problem():
                raise CheckFailed(f"the contract {target} cannot be trusted: {problem}")
            if collection.seed_store != self.seed_store:
                raise CheckFailed(f"the contract {target} does not keep its seeds where it should")
            if differences(collection, self.immutable_args):
                raise CheckFailed(f"the contract {target} does not hold what was sent")
            finals = self.sender.journal.finals.values()
            created = self.sender.journal.finals.get("create collection" + self._suffix)
            record: dict[str, Any] = {
                "chain": self.connection.chain.name,
                "chain_id": self.connection.chain.chain_id,
                "genesis": self.genesis,
                "collection": target,
                "factory": self.factory.address,
                "owner": self.account.address,
                "seed_store": self.seed_store,
                "block": created["block"] if created else 0,
                "gas": sum(final["gas"] for final in finals),
                "fee_wei": sum(final["fee_wei"] for final in finals),
                "fixed": asdict(self.immutable_args),
            }
            write_json(self.path, record)
        return self._result(record, created=True)

    def _missing(self) -> list[Shared]:
        """What all collections share and this chain does not hold yet, or not yet for good."""
        shared = shared_contracts(SEED_STORES[self.seed_store])
        if self.splitter is not None:
            shared = (*shared, splitter_implementation())
        return [one for one in shared if self._begun(one) or not is_genuine(self.connection, one)]

    def _begun(self, one: Shared) -> bool:
        operation, journal = one.role + self._suffix, self.sender.journal
        return operation in journal.attempts and not self.sender.is_final(operation)

    def _make(self, one: Shared) -> None:
        """Have the deterministic deployer create it, at the address that proves its code."""
        self.sender.execute(
            one.role + self._suffix,
            to=DEPLOYER,
            data=one.data,
            done=lambda: is_genuine(self.connection, one),
        )

    def _result(self, record: dict[str, Any], *, created: bool) -> DeployResult:
        return DeployResult(
            self.connection.chain.name,
            self.connection.chain.chain_id,
            record["collection"],
            self.factory.address,
            str(record.get("owner", "")),
            created,
            record.get("gas", 0),
            record.get("fee_wei", 0),
            record.get("seed_store", "event"),
        )


def _licence(project: Project) -> str:
    """What the model's lineage says about selling its images; empty when nothing is said."""
    meta = read_model(project_model(project)).meta
    parent = meta.get("parent") or {}
    return str(meta.get("licence") or parent.get("licence") or "")
