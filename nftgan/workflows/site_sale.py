"""The sale that a site offers: asked of the chain, so that the page begins with what is true."""

from __future__ import annotations

from pathlib import Path

from nftgan.chain.blocks import latest_block
from nftgan.chain.sales import Allowlist
from nftgan.errors import UsageError
from nftgan.project import Project
from nftgan.site.offers import Offer
from nftgan.workflows.publishing import ChainChoice, deployments
from nftgan.workflows.sale_reader import SaleReader


def read_offer(project: Project, choice: ChainChoice, people: Path | None) -> Offer:
    """The collection's sale on the chain.

    people: the CSV of a sale to a list. Raises as `SaleReader.sale`, and UsageError for a list that
    is missing, or is not that of the sale.
    """
    reader = SaleReader(project, choice)
    sale = reader.sale()
    terms = sale.terms()
    allowed = None if people is None else Allowlist.read(people)
    root = bytes(32) if allowed is None else allowed.root
    if root != terms.allowlist:
        what = (
            "is not that of the sale" if people else "is missing: buyers prove by it who they are"
        )
        raise UsageError(
            f"the list {people or ''} {what}".replace("  ", " "),
            hint="nftgan site --sale --allowlist people.csv, as for nftgan sale open"
            if any(terms.allowlist)
            else "leave out --allowlist: the sale is for everybody or for vouchers",
        )
    chain = reader.connection.chain
    hidden = terms.collection is None and not sale.revealed()
    collection = reader.collection.address
    first = next(
        (
            int(one.get("block", 0))
            for one in deployments(project)
            if one["collection"] == collection
        ),
        0,
    )
    return Offer(
        chain.name,
        chain.chain_id,
        chain.explorer,
        sale.address,
        sale.owner(),
        terms,
        latest_block(reader.connection) if hidden else first,
        {} if allowed is None else allowed.allowances,
        hidden,
    )
