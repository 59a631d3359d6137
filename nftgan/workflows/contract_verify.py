"""contract verify: have explorers show the sources of what a collection stands on."""

from __future__ import annotations

from dataclasses import dataclass

from nftgan.chain.artifact import SALE
from nftgan.chain.birth import is_genuine, shared_contracts
from nftgan.chain.explorers import Explorer
from nftgan.chain.splitter import splitter_implementation
from nftgan.chain.standard_json import Submission, submission
from nftgan.errors import MissingStepError
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.workflows.publishing import ChainChoice, deployed_collection, open_chain


@dataclass(frozen=True)
class Verified:
    """One contract and what the explorer said of it."""

    role: str
    address: str
    said: str


@dataclass(frozen=True)
class VerificationPlan:
    """The contracts to verify, by their roles, and the clone that has no source of its own."""

    chain: str
    chain_id: int
    collection: str
    implementation: str
    contracts: dict[str, Submission]


def verification_plan(project: Project, choice: ChainChoice) -> VerificationPlan:
    """What stands on the chain and can be verified there; costs nothing.

    Raises MissingStepError for a collection that is not deployed there.
    """
    connection = open_chain(choice, project)
    collection = deployed_collection(project, connection)
    from nftgan.chain.contract import SEED_STORES

    own = shared_contracts(SEED_STORES[collection.seed_store])
    found = {
        one.role: submission(one)
        for one in (*own, *shared_contracts(SALE), splitter_implementation())
        if is_genuine(connection, one)
    }
    if own[0].role not in found:
        raise MissingStepError("the implementation is not on this chain", hint="nftgan deploy")
    chain = connection.chain
    return VerificationPlan(chain.name, chain.chain_id, collection.address, own[0].address, found)


def verify_contracts(
    plan: VerificationPlan, explorer: Explorer, *, progress: Progress = SILENT
) -> tuple[Verified, ...]:
    """Submit each contract, then have the collection shown as a proxy of its implementation.

    What was verified before is done. Raises as `Explorer.verify`; run again, it goes on.
    """
    done = []
    for role, one in plan.contracts.items():
        progress.note(f"{explorer.name}: {role} {one.address}")
        done.append(Verified(role, one.address, explorer.verify(plan.chain_id, one)))
    said = explorer.link(plan.chain_id, plan.collection, plan.implementation)
    said = said or "a minimal proxy (ERC-1167): shown with the implementation's source"
    return (*done, Verified("collection", plan.collection, said))
