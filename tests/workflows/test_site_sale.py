"""The drop page as buyers meet it: on a real node, with a wallet that signs with its own key."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account import Account
from eth_utils import to_checksum_address

from nftgan.chain.accounts import ANVIL_MNEMONIC, PRIVATE_KEY
from nftgan.project import Project
from nftgan.site.server import SiteServer
from nftgan.workflows.sale import voucher_link
from tests.chain.anvil import rpc
from tests.chain.conftest import running_anvil
from tests.studio.browser import BROWSER, NO_BROWSER, PATIENCE_MS

pytestmark = [
    pytest.mark.node,
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER),
]
DAY = 86_400
STUB = """
(() => {
  const request = async ({ method, params }) => {
    const said = await window.walletRequest(method, JSON.stringify(params ?? []));
    if (said.error) throw Object.assign(new Error(said.error.message), said.error);
    return said.result;
  };
  const info = { uuid: "1", name: "Stub <b>", icon: "data:,", rdns: "x" };
  const detail = Object.freeze({ info, provider: { request, on() {} } });
  const tell = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  addEventListener("eip6963:requestProvider", tell);
})();
"""


class Wallet:
    """An injected wallet with one account of the node's; it refuses, or is elsewhere, as told."""

    def __init__(self, url: str, number: int) -> None:
        Account.enable_unaudited_hdwallet_features()
        self.url, self.refusing, self.chain = url, False, "0x7a69"
        self.failing = 0  # times that its node does not know what became of a transaction
        self.key = Account.from_mnemonic(ANVIL_MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")

    def request(self, method: str, text: str) -> dict[str, Any]:
        params = json.loads(text)
        if method in ("eth_requestAccounts", "eth_accounts"):
            return {"result": [self.key.address.lower()]}
        if method == "eth_chainId":
            return {"result": self.chain}
        if method == "wallet_switchEthereumChain":
            self.chain = params[0]["chainId"]
            return {"result": None}
        if method == "eth_getTransactionReceipt" and self.failing:
            self.failing -= 1
            return {"error": {"code": -32603, "message": "upstream failed"}}
        if method == "eth_sendTransaction":
            if self.refusing:
                return {"error": {"code": 4001, "message": "User denied transaction signature."}}
            method, params = "eth_sendRawTransaction", [self._signed(params[0])]
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer: dict[str, Any] = requests.post(self.url, json=body, timeout=20).json()
        return {key: answer[key] for key in ("result", "error") if key in answer}

    def _signed(self, wish: dict[str, Any]) -> str:
        who = self.key.address
        transaction = {
            "to": rpc_checksum(wish["to"]),
            "data": wish["data"],
            "value": int(wish.get("value", "0x0"), 16),
            "gas": int(rpc(self.url, "eth_estimateGas", wish), 16),
            "nonce": int(rpc(self.url, "eth_getTransactionCount", who, "pending"), 16),
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
            "chainId": 31_337,
        }
        raw: str = self.key.sign_transaction(transaction).raw_transaction.hex()
        return "0x" + raw.removeprefix("0x")


def rpc_checksum(address: str) -> str:
    return str(to_checksum_address(address))


class Drop:
    """A collection on anvil, its site, and tabs with wallets."""

    def __init__(
        self, browser: Any, url: str, project: Project, answer: Callable[..., Any]
    ) -> None:
        self.browser, self.url, self.project, self.answer = browser, url, project, answer
        self.where = ("-C", str(project.root), "--chain", "anvil", "--rpc", url)
        self.folder = project.root.parent / "site"
        self.faults: list[str] = []
        self.servers: list[SiteServer] = []

    def nftgan(self, *words: str) -> Any:
        return self.answer(*words, *self.where)

    def make(self, *words: str) -> str:
        """The address of the site that `nftgan site --sale` makes."""
        self.nftgan("site", "-o", str(self.folder), "--sale", *words)
        server = SiteServer(self.folder)
        self.servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.url

    def visit(self, address: str, wallet: Wallet | None, *, connect: bool = True) -> Any:
        page = self.browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text))
        page.on(
            "request",
            lambda one: (
                self.faults.append(one.url)
                if "127.0.0.1" not in one.url and not one.url.startswith(("blob:", "data:"))
                else None
            ),
        )
        if wallet is not None:
            page.expose_function("walletRequest", wallet.request)
            page.add_init_script(STUB)
        page.goto(address + "#/sale")
        if wallet is not None and connect:
            page.click(".connect")
            page.wait_for_selector("#account")
        return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def drop(
    browser: Any,
    published: Project,
    answer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Drop]:
    for name in ("NFTGAN_RPC_URL", "ETH_RPC_URL", PRIVATE_KEY):
        monkeypatch.delenv(name, raising=False)
    with running_anvil() as url:
        made = Drop(browser, url, published, answer)
        made.nftgan("deploy", "--force", "--yes")
        yield made
        for server in made.servers:
            server.shutdown()
            server.server_close()
        for context in browser.contexts:
            context.close()


def steps(page: Any, words: str) -> str:
    """All steps of a transaction, once one of them says `words`."""
    page.wait_for_selector(f"#steps li:has-text({json.dumps(words)})")
    return str(page.inner_text("#steps"))


def tab_to(page: Any, place: str) -> None:
    """Go there by the Tab key alone."""
    page.wait_for_selector(f"{place}:not(:disabled)")
    for _ in range(40):
        if page.evaluate("(place) => document.activeElement.matches(place)", place):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{place} cannot be reached by keyboard")


def serious(page: Any) -> list[str]:
    """What axe finds wrong for people who see, hear or type otherwise."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [one["id"] for one in found if one["impact"] in ("serious", "critical")]


def drawn(page: Any, count: int) -> None:
    page.wait_for_function(
        """(count) => [...document.querySelectorAll("#bought .drawn-words")]
        .filter((one) => one.textContent.includes("identical")).length === count""",
        arg=count,
    )


def test_everybody_buys_and_sees_the_piece_draw_itself(drop: Drop) -> None:
    drop.nftgan(
        "sale", "open", "--price", "0.1", "--per-wallet", "2", "--force", "--allow-copies", "--yes"
    )
    address = drop.make()
    wallet = Wallet(drop.url, 1)
    wallet.chain = "0x1"
    page = drop.visit(address, wallet)
    page.wait_for_selector("#sale-phase.unchecked:has-text('anvil')")
    assert page.inner_text("#account").startswith("Stub <b>:")  # a wallet's name is text
    page.click("#switch")
    page.wait_for_selector("#sale-phase.holds:has-text('open')")
    assert "0.1 ether each" in page.inner_text("#sale-terms")
    assert "3 left of 3" in page.inner_text("#sale-terms")
    assert serious(page) == []
    page.fill("#count", "3")
    assert page.is_disabled("#buy") and "Choose 1 to 2" in page.inner_text("#buy")
    page.fill("#count", "2")
    assert page.inner_text("#buy") == "Buy 2 for 0.2 ether"
    wallet.refusing = True
    page.click("#buy")
    assert "you refused it in the wallet" in steps(page, "nothing was sent").lower()
    wallet.refusing = False
    page.wait_for_selector("#buy:enabled")
    page.fill("#count", "2")
    wallet.failing = 2  # no reason to send twice
    page.focus("#buy")
    page.keyboard.press("Enter")  # by keyboard alone
    steps(page, "Mined in block")
    drawn(page, 2)
    assert [one.get_attribute("data-id") for one in page.locator("#bought .token").all()] == [
        "0",
        "1",
    ]
    page.wait_for_selector("#buy:disabled:has-text('Nothing to buy')")
    assert "1 left of 3" in page.inner_text("#sale-terms")
    page.click("#bought .token a >> nth=1")
    page.wait_for_selector("#draw")
    page = drop.visit(address, wallet)  # it finds what it bought before
    drawn(page, 2)
    assert drop.faults == []
    # Another buyer, whose page does not know yet that the rest was bought meanwhile.
    late = drop.visit(address, Wallet(drop.url, 2))
    late.wait_for_selector("#buy:enabled")
    other = drop.visit(address, Wallet(drop.url, 3), connect=False)
    for place in (".connect", "#buy"):
        tab_to(other, place)
        other.keyboard.press("Enter")
    steps(other, "Mined in block")
    late.click("#buy")
    assert "nothing is left for your account here" in steps(late, "othing is left").lower()
    looking = drop.visit(address, None)
    looking.click("#node-box summary")
    looking.fill("#sale-node", drop.url)
    # anvil answers pages of every origin
    looking.click("#look")
    looking.wait_for_selector("#sale-phase:has-text('Sold out')")
    assert looking.is_hidden("#buying")


def test_people_of_the_list_and_holders_of_vouchers_buy(drop: Drop, tmp_path: Path) -> None:
    listed, holder, stranger = (Wallet(drop.url, n) for n in (1, 2, 3))
    people = tmp_path / "people.csv"
    people.write_text(f"{listed.key.address},1\n{'0x' + '11' * 20},5\n", encoding="utf-8")
    drop.nftgan(
        "sale",
        "open",
        "--price",
        "0.1",
        "--allowlist",
        str(people),
        "--signer",
        "self",
        "--force",
        "--allow-copies",
        "--yes",
    )
    missing = drop.answer("site", "-o", str(drop.folder), "--sale", *drop.where, expect=2)
    assert "is missing" in missing["message"]
    address = drop.make("--allowlist", str(people))
    page = drop.visit(address, listed)
    page.wait_for_selector("#on-list:has-text('is on the list: 1 token')")
    page.click("#buy")
    steps(page, "Mined in block")
    drawn(page, 1)
    page = drop.visit(address, stranger)
    page.wait_for_selector("#on-list:has-text('is not on the list')")
    assert page.is_disabled("#buy")
    voucher = drop.nftgan("sale", "voucher", holder.key.address, "--count", "2", "--price", "0.05")
    page.click("#voucher-box summary")
    page.fill("#voucher", "nonsense")
    page.click("#take-voucher")
    page.wait_for_selector("#voucher-note:has-text('no voucher')")
    page.fill("#voucher", json.dumps(voucher))
    page.click("#take-voucher")
    page.wait_for_selector("#purchase:has-text('made out to')")
    assert page.is_disabled("#buy")
    page = drop.visit(address, holder)
    page.goto(voucher_link(address, voucher))
    page.wait_for_selector("#buy:enabled:has-text('Buy with the voucher for 0.05 ether')")
    page.click("#buy")
    steps(page, "Mined in block")
    drawn(page, 2)
    assert drop.faults == []


def test_a_blind_sale_shows_nothing_before_and_everything_after_the_reveal(drop: Drop) -> None:
    drop.nftgan(
        "sale",
        "open",
        "--blind",
        "--price",
        "0.1",
        "--supply",
        "2",
        "--force",
        "--allow-copies",
        "--yes",
    )
    address = drop.make()
    names = {one.name for one in drop.folder.iterdir()}
    assert not names & {"images", "metadata", "model.safetensors", "disk", "folder.json"}
    manifest = json.loads(drop.project.manifest_path.read_text(encoding="utf-8"))
    told = (drop.folder / "collection.js").read_text() + (drop.folder / "index.html").read_text()
    record = json.loads(next(drop.project.deployments.glob("31337*.json")).read_text())
    for secret in (
        manifest["pieces_root"],
        record["collection"],
        str(manifest["cids"]["metadata"]),
    ):
        assert secret[2:].lower() not in told.lower()
    first, second = (drop.visit(address, Wallet(drop.url, n)) for n in (1, 2))
    assert "nobody can know yet which pieces" in first.inner_text("#sale-blind")
    assert serious(first) == []
    for page in (first, second):
        page.wait_for_selector("#buy:enabled")
        page.click("#buy")
        steps(page, "Mined in block")
        page.wait_for_selector("#bought .claim:has-text('1 token paid with 0.1 ether')")
    first.click("#again-asked")
    first.click("#end")
    steps(first, "Mined in block")
    rpc(drop.url, "anvil_mine", "0x50")
    first.click("#again-asked")
    first.click("#draw-order")
    steps(first, "Mined in block")
    drop.nftgan("sale", "reveal", "--force", "--yes")
    second.click("#again-asked")
    second.wait_for_selector("#sale-phase:has-text('revealed')")
    second.wait_for_selector("#bought .token:has-text('Token')")  # this page knows no piece
    page = drop.visit(drop.make(), Wallet(drop.url, 2))
    drawn(page, 1)
    assert drop.faults == []


def test_who_gets_nothing_in_a_blind_sale_takes_the_money_back(drop: Drop) -> None:
    drop.nftgan("sale", "open", "--blind", "--price", "0.1", "--force", "--allow-copies", "--yes")
    page = drop.visit(drop.make(), Wallet(drop.url, 1))
    page.wait_for_selector("#buy:enabled")
    page.click("#buy")
    steps(page, "Mined in block")
    page.wait_for_selector("#bought .claim:has-text('Your money back from')")
    rpc(drop.url, "evm_increaseTime", 61 * DAY)
    rpc(drop.url, "evm_mine")
    page.click("#again-asked")
    page.click(".refund")
    steps(page, "Mined in block")
    page.wait_for_selector("#own:has-text('Nothing of yours waits here')")
    sale = json.loads((drop.folder / "collection.js").read_text().split(" = ", 1)[1].rstrip(";\n"))
    assert int(rpc(drop.url, "eth_getBalance", sale["sale"]["address"], "latest"), 16) == 0
    assert drop.faults == []


def test_a_page_that_lies_about_the_sale_is_found_out(drop: Drop) -> None:
    words = ("--price", "0.1", "--force", "--allow-copies", "--yes")
    sale = drop.nftgan("sale", "open", *words)
    address = drop.make()
    path = drop.folder / "collection.js"
    text = path.read_text(encoding="utf-8")
    cheap = text.replace(f'"price":"{10**17}"', f'"price":"{10**16}"')
    path.write_text(cheap, encoding="utf-8")
    page = drop.visit(address, Wallet(drop.url, 1))
    page.wait_for_selector("#sale-phase.broken:has-text('those of the contract count')")
    assert "0.1 ether each" in page.inner_text("#sale-terms")
    assert page.inner_text("#buy") == "Buy 1 for 0.1 ether"
    for other in (sale["collection"], "0x" + "11" * 20):  # genuine code of another kind, and none
        path.write_text(text.replace(sale["sale"], other), encoding="utf-8")
        page = drop.visit(address, Wallet(drop.url, 1))
        page.wait_for_selector("#sale-phase.broken:has-text('cannot be trusted')")
        assert page.is_hidden("#buying")
    assert drop.faults == []
