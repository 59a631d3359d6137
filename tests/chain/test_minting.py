"""Minting on the embedded chain: each token once, whatever dies when."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest

from nftgan.chain import mint_gas, minting
from nftgan.chain.accounts import embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.errors import ContractReverted
from nftgan.chain.journal import Journal
from nftgan.chain.minting import plan_mint, run_mint
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import Connection, connect
from nftgan.chain.sending import Sender
from nftgan.errors import CheckFailed, PartlyDone, ServiceError, UsageError
from nftgan.project import state_home
from nftgan.workflows.publishing import ChainChoice, account_lock, sender_for
from tests.chain.actors import (
    STAGES,
    account,
    deploy,
    die,
    dying,
    in_child,
    mint,
    seeds_of,
    sender,
    times_minted,
)

TOKENS = 25


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minting, "BATCH_TOKENS", 10)


@pytest.fixture
def collection(embedded: Connection, tmp_path: Path) -> Collection:
    return deploy(embedded, embedded_account(), tmp_path, TOKENS)


def minter(connection: Connection, folder: Path) -> Sender:
    return sender(connection, embedded_account(), folder / "mint.jsonl")


def test_every_token_is_minted_once_with_its_seed(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    hashes = mint(minter(embedded, tmp_path), collection, TOKENS)
    assert len(hashes) == 3
    assert times_minted(embedded, collection) == dict.fromkeys(range(TOKENS), 1)
    assert collection.seeds() == dict(enumerate(seeds_of(TOKENS)))
    assert collection.owner_of(24) == embedded_account().address
    assert collection.owner_of(25) is None


def test_minting_again_sends_nothing(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    mint(minter(embedded, tmp_path), collection, TOKENS)
    block = embedded.w3.eth.block_number
    assert mint(minter(embedded, tmp_path), collection, TOKENS) == ()
    assert embedded.w3.eth.block_number == block


def test_a_plan_says_what_it_will_cost_at_most(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    minting_sender = minter(embedded, tmp_path)
    plan = plan_mint(minting_sender, collection, embedded_account().address, seeds_of(TOKENS))
    assert [(batch.first, batch.end) for batch in plan.batches] == [(0, 10), (10, 20), (20, 25)]
    assert (plan.tokens, plan.chain, plan.already_minted) == (25, "embedded", 0)
    run_mint(minting_sender, collection, plan)
    finals = minting_sender.journal.finals.values()
    used = sum(final["gas"] for final in finals)
    assert used < plan.gas < 2 * used
    spent = plan.balance_wei - embedded.w3.eth.get_balance(plan.account)
    assert spent == sum(final["fee_wei"] for final in finals) < plan.worst_case_wei


def test_a_mint_that_the_balance_may_not_cover_is_not_begun(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    minting_sender = sender(
        embedded, embedded_account(), tmp_path / "mint.jsonl", max_fee_wei=10**20
    )
    plan = plan_mint(minting_sender, collection, embedded_account().address, seeds_of(TOKENS))
    with pytest.raises(UsageError, match="and minting may cost"):
        run_mint(minting_sender, collection, plan)
    assert minting_sender.journal.plans == {}


def test_part_of_a_collection_can_be_minted_first(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    plan = plan_mint(
        minter(embedded, tmp_path), collection, account("b").address, seeds_of(TOKENS), until=7
    )
    run_mint(minter(embedded, tmp_path), collection, plan)
    assert collection.next_token_id() == 7
    mint(minter(embedded, tmp_path), collection, TOKENS)
    assert collection.owner_of(6) == account("b").address
    assert collection.owner_of(7) == embedded_account().address


def test_a_contract_with_other_seeds_is_refused(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    plan = plan_mint(
        minter(embedded, tmp_path), collection, embedded_account().address, [1, 2, 3], until=3
    )
    run_mint(minter(embedded, tmp_path), collection, plan)
    with pytest.raises(UsageError, match="already holds other pieces: token 0 has seed 1"):
        plan_mint(minter(embedded, tmp_path), collection, plan.to, seeds_of(TOKENS))
    with pytest.raises(UsageError, match="3 tokens are on chain but the collection has 2 pieces"):
        plan_mint(minter(embedded, tmp_path), collection, plan.to, [1, 2])


def test_only_the_owner_may_mint(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    stranger = sender(embedded, account("stranger"), tmp_path / "other.jsonl")
    with pytest.raises(ContractReverted, match=r"the contract refuses: NotOwner\(\)"):
        plan_mint(stranger, collection, stranger.account.address, seeds_of(TOKENS))


def test_more_than_the_fixed_supply_is_refused_before_a_fee_is_paid(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    mint(minter(embedded, tmp_path), collection, TOKENS)
    with pytest.raises(ContractReverted, match=r"SupplyExceeded\(maxSupply 25\)"):
        plan_mint(minter(embedded, tmp_path), collection, account("b").address, seeds_of(30))


def test_more_than_the_contract_has_room_for_is_refused_before_the_first_batch(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    own = minter(embedded, tmp_path)
    with pytest.raises(UsageError, match="the contract has room for 25 tokens, not 26"):
        plan_mint(own, collection, embedded_account().address, seeds_of(26))
    assert own.journal.attempts == {}


def test_batches_are_as_large_as_the_cap_of_one_transaction_allows(
    embedded: Connection, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIP-7825 with smaller numbers: the cap, not the usual batch, decides."""
    assert mint_gas.TX_GAS_CAP == 16_777_216
    monkeypatch.setattr(mint_gas, "TX_GAS_CAP", 165_000)
    own = minter(embedded, tmp_path)
    plan = plan_mint(own, collection, embedded_account().address, seeds_of(TOKENS))
    sizes = [len(batch.seeds) for batch in plan.batches]
    assert sum(sizes) == TOKENS and 1 <= sizes[0] < 10 and len(set(sizes[:-1])) == 1
    run_mint(own, collection, plan)
    limits = [tried[0].gas for tried in own.journal.attempts.values()]
    assert max(limits) <= mint_gas.TX_GAS_CAP
    assert times_minted(embedded, collection) == dict.fromkeys(range(TOKENS), 1)


def test_a_contract_as_holder_is_pointed_out(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    plan = plan_mint(minter(embedded, tmp_path), collection, collection.address, seeds_of(3))
    assert plan.warnings == (
        f"{collection.address} is a contract: make sure that it can hold tokens",
    )


def test_the_audit_finds_a_wrong_seed_and_a_missing_token(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    mint(minter(embedded, tmp_path), collection, 5)
    seeds = seeds_of(5)
    minting.audit(collection, seeds, 5)
    with pytest.raises(PartlyDone, match="5 of 6 tokens are on chain: it was reorganised"):
        minting.audit(collection, seeds_of(6), 6)
    with pytest.raises(CheckFailed, match="on chain: 5 tokens, not 4"):
        minting.audit(collection, seeds_of(4), 4)
    with pytest.raises(CheckFailed, match=r"token 3 has seed \d+ on chain, not 0"):
        minting.audit(collection, [*seeds[:3], 0, seeds[4]], 5)


def test_a_batch_that_may_be_on_its_way_keeps_its_borders_and_its_holder(
    embedded: Connection,
    collection: Collection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    me = embedded_account().address
    with monkeypatch.context() as patch:
        patch.setattr(Sender, "_send", lambda *_: die())

        def stopped() -> None:
            run_mint(
                own := minter(connect(CHAINS["embedded"]), tmp_path),
                collection,
                plan_mint(own, collection, me, seeds_of(TOKENS)),
            )

        assert in_child(stopped) == -signal.SIGKILL
    assert len(Journal.read(tmp_path / "mint.jsonl").attempts) == 1
    with pytest.raises(UsageError, match="mint tokens 0 to 9 may be on their way"):
        plan_mint(minter(embedded, tmp_path), collection, me, seeds_of(TOKENS), until=4)
    other = account("other").address
    with pytest.raises(UsageError, match=f"mint 0-9 was begun with to {me}"):
        plan_mint(minter(embedded, tmp_path), collection, other, seeds_of(TOKENS))
    mint(minter(embedded, tmp_path), collection, TOKENS)


@pytest.mark.parametrize("theirs", [10, 4])
def test_what_a_reorganisation_took_from_before_a_signed_batch_is_minted_again(
    embedded: Connection,
    collection: Collection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    theirs: int,
) -> None:
    """Another machine with this key minted the first tokens; then its block was taken back."""
    me, seeds = embedded_account().address, seeds_of(TOKENS)
    mint(minter(embedded, tmp_path), collection, 2)

    def signed() -> None:
        """The next batch, in the journal and not sent."""
        monkeypatch.setattr(Sender, "_send", lambda *_: die())
        own = minter(connect(CHAINS["embedded"]), tmp_path)
        run_mint(own, collection, plan_mint(own, collection, me, seeds))

    if theirs == 4:  # and so was a batch of this journal's, which overlaps the later one
        assert in_child(signed) == -signal.SIGKILL
    before = {one: one.read_bytes() for one in state_home().glob("chain.sqlite*")}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def other_machine() -> None:
        own = minter(connect(CHAINS["embedded"]), elsewhere)
        run_mint(own, collection, plan_mint(own, collection, me, seeds, until=theirs))
        die()

    assert in_child(other_machine) == -signal.SIGKILL
    assert in_child(signed) == -signal.SIGKILL
    for one in state_home().glob("chain.sqlite*"):
        one.unlink()
    for one, data in before.items():
        one.write_bytes(data)
    back = connect(CHAINS["embedded"])
    collection = Collection(back, collection.address)
    assert collection.next_token_id() == 2
    plan = plan_mint(minter(back, tmp_path), collection, me, seeds)
    borders = [(2, 10), (10, 20), (20, 25)] if theirs == 10 else [(2, 12), (12, 22), (22, 25)]
    assert [(batch.first, batch.end) for batch in plan.batches] == borders
    mint(minter(back, tmp_path), collection, TOKENS)
    assert times_minted(back, collection) == dict.fromkeys(range(TOKENS), 1)
    assert collection.seeds() == dict(enumerate(seeds))


def die_at(monkeypatch: pytest.MonkeyPatch, stage: str, number: int) -> None:
    owner, name = STAGES[stage]
    monkeypatch.setattr(owner, name, dying(owner, name, number))


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_at_any_stage_of_any_batch_mints_each_token_once(
    embedded: Connection,
    collection: Collection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    batch: int,
) -> None:
    def child() -> None:
        die_at(monkeypatch, stage, batch)
        mint(minter(connect(CHAINS["embedded"]), tmp_path), collection, TOKENS)

    assert in_child(child) == -signal.SIGKILL
    mint(minter(embedded, tmp_path), collection, TOKENS)
    assert times_minted(embedded, collection) == dict.fromkeys(range(TOKENS), 1)
    attempts = Journal.read(tmp_path / "mint.jsonl").attempts.values()
    assert [len(tried) for tried in attempts] == [1, 1, 1]  # nothing was signed twice


def test_a_kill_at_every_step_one_after_the_other_still_mints_each_token_once(
    embedded: Connection, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stage in (*STAGES, *STAGES):

        def child(stage: str = stage) -> None:
            die_at(monkeypatch, stage, 1)
            mint(minter(connect(CHAINS["embedded"]), tmp_path), collection, TOKENS)

        in_child(child)
    mint(minter(embedded, tmp_path), collection, TOKENS)
    assert times_minted(embedded, collection) == dict.fromkeys(range(TOKENS), 1)


@pytest.mark.parametrize("stage", ["signed", "sent", "mined", "final"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_kill_at_any_stage_of_a_deployment_deploys_nothing_twice(
    embedded: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    step: int,
) -> None:
    def child() -> None:
        die_at(monkeypatch, stage, step)
        deploy(connect(CHAINS["embedded"]), embedded_account(), tmp_path, TOKENS)

    assert in_child(child) == -signal.SIGKILL
    collection = deploy(embedded, embedded_account(), tmp_path, TOKENS)
    assert collection.code_problem() is None
    assert embedded.w3.eth.block_number == 3


def test_two_minters_with_one_account_exclude_each_other(embedded: Connection) -> None:
    held = partial(account_lock, embedded, embedded_account())
    with held(), pytest.raises(UsageError, match="another nftgan process"), held():
        pass
    with held():
        pass


def test_a_second_machine_with_the_same_key_cannot_mint_twice(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    late = minter(embedded, there)
    plan = plan_mint(late, collection, embedded_account().address, seeds_of(TOKENS))
    mint(minter(embedded, here), collection, TOKENS)
    with pytest.raises(PartlyDone, match="mint 0-9 is on chain, but by no transaction in"):
        run_mint(late, collection, plan)
    assert mint(minter(embedded, there), collection, TOKENS) == ()
    assert times_minted(embedded, collection) == dict.fromkeys(range(TOKENS), 1)


def test_a_mint_that_ended_before_the_chain_was_sure_is_settled_by_the_next(
    embedded: Connection,
    collection: Collection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stopped(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    def states() -> set[str]:
        journal = minter(embedded, tmp_path).journal
        return {journal.state(operation) for operation in journal.plans}

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Sender, "_write_final", stop)
        mint(minter(embedded, tmp_path), collection, TOKENS)
    assert states() == {"mined"}
    block = embedded.w3.eth.block_number
    assert len(mint(minter(embedded, tmp_path), collection, TOKENS)) == 3
    assert states() == {"final"}
    again = minter(embedded, tmp_path)
    again.confirmations = "finalized"  # asked for more: looked at again
    assert len(mint(again, collection, TOKENS)) == 3
    assert states() == {"finalized"}
    assert mint(minter(embedded, tmp_path), collection, TOKENS) == ()  # less is no step back
    assert states() == {"finalized"}
    assert embedded.w3.eth.block_number == block  # nothing was sent meanwhile


@pytest.mark.parametrize("silent", [True, False])
def test_a_node_that_knows_no_final_block_is_told_apart_before_anything_is_sent(
    embedded: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    def ask(self: Connection, method: str, *params: object) -> object:
        if params[0] == "0x0":
            return {"hash": "0x" + "11" * 32}
        assert (method, params[0]) == ("eth_getBlockByNumber", "finalized")
        if not silent:
            raise ServiceError("the node refused: finalized block not found")

    monkeypatch.setattr(Connection, "ask", ask)
    choice = ChainChoice("embedded", confirmations="finalized")
    with pytest.raises(ServiceError, match="does not say which block is final") as refused:
        sender_for(embedded, embedded_account(), tmp_path / "mint.jsonl", choice)
    assert "--confirmations 12" in (refused.value.hint or "")


def test_tokens_that_move_or_burn_while_blocks_are_waited_for_are_minted_all_the_same(
    embedded: Connection, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds a token later says nothing about its mint; its own event does."""
    stranger = account("stranger").address
    for holder in (stranger, None):
        monkeypatch.setattr(Collection, "owner_of", lambda self, token, holder=holder: holder)
        until = 10 if holder else TOKENS
        own = minter(embedded, tmp_path)
        plan = plan_mint(own, collection, own.account.address, seeds_of(TOKENS), until=until)
        assert run_mint(own, collection, plan)
    assert collection.next_token_id() == TOKENS


def test_a_token_that_was_minted_to_somebody_else_is_no_success(
    embedded: Connection, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = account("stranger").address
    honest = Connection.ask

    def ask(self: Connection, method: str, *params: object) -> object:
        answer = honest(self, method, *params)
        for log in answer["logs"] if method == "eth_getTransactionReceipt" and answer else ():
            if len(log["topics"]) == 4:
                log["topics"][2] = "0x" + 24 * "0" + stranger[2:]
        return answer

    monkeypatch.setattr(Connection, "ask", ask)
    with pytest.raises(CheckFailed, match=f"token 0 was minted to {stranger}"):
        mint(minter(embedded, tmp_path), collection, TOKENS)


def test_a_persons_wallet_with_delegated_code_is_no_contract(
    embedded: Connection, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIP-7702: code of 0xef0100 and an address."""
    friend = account("friend").address
    plan = plan_mint(minter(embedded, tmp_path), collection, friend, seeds_of(TOKENS))
    assert plan.warnings == ()
    for code, warned in (("ef0100" + 40 * "1", 0), ("60806040", 1)):
        eth = type(embedded.w3.eth)
        monkeypatch.setattr(
            eth, "get_code", lambda self, address, *more, code=code: bytes.fromhex(code)
        )
        plan = plan_mint(minter(embedded, tmp_path), collection, friend, seeds_of(TOKENS))
        assert len([line for line in plan.warnings if "is a contract" in line]) == warned
