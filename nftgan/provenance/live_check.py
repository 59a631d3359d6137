"""What an `animation_url` shows: our page with this token in it, or nobody knows what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nftgan.collection.live_link import (
    DRAWN_KINDS,
    PAGE,
    RECIPE,
    known_pages,
    older_pages,
    parse_live_link,
)
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import parse_json
from nftgan.project import MODEL_NAME
from nftgan.provenance.content import MAX_JSON_BYTES, Content
from nftgan.synthesis.recipe import Recipe


def live_problem(
    content: Content,
    url: str,
    own: Mapping[str, Any],
    kind: str | None = None,
    *,
    transparent: bool = False,
) -> str | None:
    """None when `url` leads to our page, and that draws exactly this token; else what it is.

    own: the block `nftgan` of the token's metadata, already checked against the chain. kind: of the
    model's networks, where it is known; transparent: whether they make RGBA. Raises CheckFailed
    when our page was given another piece to draw, or one that it cannot, Unavailable where no place
    has it.
    """
    link = parse_live_link(url)
    if link is None:
        return (
            f"markets show {url[:100]} instead of the image, and nothing here checks what that is"
        )
    page = str(content.find(f"{link.folder}/{PAGE}"))
    if page not in known_pages():
        return (
            f"markets show a page of {link.folder} that nftgan does not know instead of the image"
        )
    try:
        recipe = Recipe.from_json(
            parse_json(content.read(f"{link.folder}/{RECIPE}", MAX_JSON_BYTES))
        )
        same = recipe.hash == Recipe.from_json(own["recipe"]).hash
    except (UsageError, ValueError):
        same = False
    if not same:
        raise CheckFailed(f"{link.folder} draws by another recipe than the token's")
    if what := _undrawable(recipe, page, transparent):
        raise CheckFailed(f"the page cannot draw by a recipe with {what}: markets show nothing")
    if kind is not None and kind not in DRAWN_KINDS:
        raise CheckFailed(f"the page cannot run networks of the kind {kind}: markets show nothing")
    if link.seed != own["seed"]:
        raise CheckFailed(f"the page draws seed {link.seed}, the token has {own['seed']}")
    if link.pixels != own["pixels"]:
        raise CheckFailed("the page is told of other pixels than the token has")
    model = f"ipfs://{content.find(f'{link.folder}/{MODEL_NAME}')}"
    if model != own.get("model_uri"):
        raise CheckFailed(f"{link.folder} holds another model file than the token names")
    return None


def _undrawable(recipe: Recipe, page: str, transparent: bool) -> str | None:
    """What the page of that CID cannot do; `metadata --live` refuses it, or writes a newer page.

    Whoever made such a folder did so by hand.
    """
    if recipe.latents:
        return "stored latents"
    if recipe.condition is not None:
        return "a condition"
    finish = recipe.finish
    if finish is not None and finish.effect is not None:
        return "an effect of a plugin"
    for words, pages in older_pages(finish, transparent=transparent):
        if page in pages:
            return f"{words}, which it is older than"
    return None
