"""Signed transactions read back: is one in a journal ours, and does it do what is said?"""

from __future__ import annotations

from dataclasses import dataclass

from nftgan.errors import CheckFailed

_DYNAMIC_FEE = 2  # EIP-2718 type of an EIP-1559 transaction
_FIRST_OF_LIST = 0xC0  # with such a byte a transaction of before EIP-2718 begins, a list in RLP


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction by EIP-1559, or by EIP-155 with one gas price; addresses are checksummed."""

    hash: str  # "0x…", Keccak-256 of the bytes
    sender: str  # recovered from the signature
    chain_id: int
    nonce: int
    max_fee_wei: int
    gas: int
    to: str | None  # None: creates a contract
    value_wei: int
    data: bytes

    @staticmethod
    def decode(raw: str) -> SignedTransaction:
        """The transaction in `raw` ("0x…"). Raises ValueError when it is none of this kind."""
        import rlp
        from eth_account import Account
        from eth_utils import keccak, to_checksum_address

        signed = bytes.fromhex(raw.removeprefix("0x"))
        legacy = bool(signed) and signed[0] >= _FIRST_OF_LIST
        if not legacy and signed[:1] != bytes([_DYNAMIC_FEE]):
            raise ValueError("not a transaction of type 2")
        try:
            if legacy:
                nonce, fee, gas, to, value, data, v, *signature = rlp.decode(signed, strict=True)
                signed_for = (int.from_bytes(v, "big") - 35) // 2  # EIP-155: v = 2 id + 35 or 36
                if len(signature) != 2 or len(to) not in (0, 20) or signed_for < 1:
                    raise ValueError("not the nine fields of EIP-155")
                chain = signed_for.to_bytes(32, "big")
            else:
                fields = rlp.decode(signed[1:], strict=True)
                chain, nonce, _tip, fee, gas, to, value, data, _access, *signature = fields
                if len(signature) != 3 or len(to) not in (0, 20):
                    raise ValueError("not the twelve fields of EIP-1559")
            sender = Account.recover_transaction(signed)
            numbers = [int.from_bytes(field, "big") for field in (chain, nonce, fee, gas, value)]
        except Exception as exc:  # rlp, eth-account and eth-keys have no common ancestor
            raise ValueError(f"not a signed transaction: {type(exc).__name__}") from None
        return SignedTransaction(
            hash="0x" + keccak(signed).hex(),
            sender=str(to_checksum_address(sender)),
            chain_id=numbers[0],
            nonce=numbers[1],
            max_fee_wei=numbers[2],
            gas=numbers[3],
            to=str(to_checksum_address(to)) if to else None,
            value_wei=numbers[4],
            data=bytes(data),
        )


def check_attempt(
    raw: str,
    *,
    hash: str,
    nonce: int,
    sender: str,
    chain_id: int,
    to: str | None,
    value_wei: int,
    data: bytes,
) -> None:
    """Raises CheckFailed, naming the first difference, unless `raw` is exactly this transaction.

    A journal can come with a folder from somebody else: the hash of any successful transaction in
    it would else pass for our own, and its contract for the one that we made.
    """
    try:
        found = SignedTransaction.decode(raw)
    except ValueError as exc:
        raise CheckFailed(str(exc)) from None
    wanted = {
        "hash": hash.lower(),
        "sender": sender,
        "chain id": chain_id,
        "nonce": nonce,
        "recipient": to,
        "value": value_wei,
        "calldata": data,
    }
    have = {
        "hash": found.hash,
        "sender": found.sender,
        "chain id": found.chain_id,
        "nonce": found.nonce,
        "recipient": found.to,
        "value": found.value_wei,
        "calldata": found.data,
    }
    for name, value in wanted.items():
        if have[name] != value:
            raise CheckFailed(f"a transaction with another {name}")
