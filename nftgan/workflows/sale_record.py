"""A sale as it was written down: the records in sales/, and its terms as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime, timezone
from typing import Any

from nftgan.chain.accounts import check_address
from nftgan.chain.sales import ZERO_ADDRESS, SaleTerms
from nftgan.errors import UsageError
from nftgan.files import complete_files, read_json
from nftgan.project import Project


def shown(terms: SaleTerms) -> dict[str, Any]:
    """Terms as JSON has them: bytes as "0x…", empty ones as None."""
    plain = asdict(terms)
    for name in ("commitment", "allowlist"):
        plain[name] = "0x" + plain[name].hex() if any(plain[name]) else None
    return plain


def moment(seconds: int) -> str:
    """A time for a person."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def terms_of(plain: Mapping[str, Any]) -> SaleTerms:
    words = {one.name: plain[one.name] for one in fields(SaleTerms)}
    for name in ("commitment", "allowlist"):
        words[name] = bytes.fromhex((words[name] or "0x" + 64 * "0")[2:])
    return SaleTerms(**words)


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
        terms_of(record["terms"])
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


def sold_tokens(project: Project) -> int:
    """How many tokens were sold by all sales that are closed, as they were written down."""
    total = 0
    for path in complete_files(project.sales, "*-*.json"):
        record = read_json(path)
        sold = record.get("sold") if isinstance(record, dict) else None
        total += sold if type(sold) is int and sold > 0 else 0
    return total
