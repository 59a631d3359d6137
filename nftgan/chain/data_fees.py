"""What a rollup charges for a transaction's data on Ethereum, beside gas: no estimate holds it.

OP-stack chains (Optimism, Base, Zora, …) and Scroll have a contract that tells the fee; the fee is
taken from the balance on top of gas times price, and no field of a transaction bounds it.
Arbitrum has it within its gas, where estimates hold it already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import ServiceError

OP_ORACLE = "0x420000000000000000000000000000000000000F"
SCROLL_ORACLE = "0x5300000000000000000000000000000000000002"
UPPER_BOUND = "f1c7a58b"  # getL1FeeUpperBound(uint256), since Fjord
OF_BYTES = "49948e0e"  # getL1Fee(bytes)
OPERATOR = "275aedd2"  # getOperatorFee(uint256), since Isthmus
ENVELOPE_BYTES = 190
"""What a signed transaction has beside its calldata, at most: numbers, address, signature."""
MARGIN = 2
"""Times what it costs now: Ethereum's base fee may double before the transaction is in."""
MAX_FEE_WEI = 10**24
"""More than this is a lie: all fees of a collection are below one ether."""


class DataFees:
    """The data fee of one chain, asked of the contract that knows it; zero where there is none."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._oracle: str | None = None
        self._known = False

    def _found(self) -> str:
        """The oracle's address; empty on a chain without one."""
        if not self._known:
            self._oracle = ""
            for address in () if self.connection.embedded else (OP_ORACLE, SCROLL_ORACLE):
                code = self.connection.ask("eth_getCode", address, "latest")
                if isinstance(code, str) and len(code) > 2:
                    self._oracle = address
                    break
            self._known = True
        return self._oracle or ""

    def most_wei(self, data_bytes: int, gas: int = 0) -> int:
        """The most that a transaction with so much calldata may cost beside its gas.

        gas: that it may use, for the operator's fee. Twice today's price; data are taken for
        random, as seeds are. Raises ServiceError when the contract does not answer.
        """
        oracle = self._found()
        if not oracle:
            return 0
        size = data_bytes + ENVELOPE_BYTES
        fee = self._ask(oracle, UPPER_BOUND + f"{size:064x}") if oracle == OP_ORACLE else None
        if fee is None:  # Scroll, and OP-stack chains of older versions
            padded = -(-size // 32) * 32
            fee = self._ask(
                oracle, OF_BYTES + f"{32:064x}{size:064x}" + "ff" * size + "00" * (padded - size)
            )
        if fee is None:
            raise ServiceError(
                f"{self.connection.chain.name} does not say what data cost there",
                hint="choose another node with --rpc",
            )
        operator = self._ask(oracle, OPERATOR + f"{gas:064x}") if oracle == OP_ORACLE else None
        return MARGIN * (fee + (operator or 0))

    def _ask(self, oracle: str, data: str) -> int | None:
        """A number from the contract; None when it has no such function."""
        call = {"to": oracle, "data": "0x" + data}
        try:
            answer = self.connection.ask("eth_call", call, "latest")
        except ServiceError as exc:
            if getattr(exc, "text", None) is None:  # no answer is not a no
                raise
            return None
        with rpc_errors(self.connection):
            if answer in ("0x", None):
                return None
            value = int(answer, 16)
            if not 0 <= value <= MAX_FEE_WEI:
                raise ValueError("a fee that nobody would pay")
            return value


def paid_wei(receipt: Mapping[str, Any]) -> int:
    """What a receipt says was paid beside gas times price: for data, and to the operator.

    Raises ValueError, TypeError or KeyError for a receipt of the wrong form.
    """
    paid = _number(receipt.get("l1Fee"))
    scalar = _number(receipt.get("operatorFeeScalar"))
    constant = _number(receipt.get("operatorFeeConstant"))
    if scalar or constant:
        gas = int(receipt["gasUsed"], 16)
        # Isthmus counts in millionths; Jovian, whose receipts tell of its data footprint, in 100s.
        jovian = receipt.get("daFootprintGasScalar") is not None
        paid += (gas * scalar * 100 if jovian else gas * scalar // 10**6) + constant
    if not 0 <= paid <= MAX_FEE_WEI:
        raise ValueError("a fee that nobody would pay")
    return paid


def _number(quantity: Any) -> int:
    return 0 if quantity is None else int(quantity, 16)
