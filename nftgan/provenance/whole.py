"""What can be said of a collection as a whole: its links, its images, its traits and ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from nftgan.collection.added_traits import NamedTrait, added_attributes, traits_from_json
from nftgan.collection.rarity import rarity
from nftgan.collection.tags import CLASS, RESERVED
from nftgan.collection.traits import Measures, traits
from nftgan.errors import CheckFailed, UsageError
from nftgan.provenance.checks import Check, CheckLog
from nftgan.provenance.verify import PieceFacts, Verifier, measured_as_claimed
from nftgan.seeds import format_seeds
from nftgan.synthesis.recipe import Recipe
from nftgan.words import counted

MEASURED = RESERVED - {CLASS.casefold()}
WORDS = "names, descriptions, tags and web links are the artist's words"
NOT_MEASURED = "traits and ranks compare all pieces with each other: verify --all measures them"


def collection_checks(
    verifier: Verifier, *, measured: bool, on_piece: Callable[[], None] = lambda: None
) -> tuple[Check, ...]:
    """Checks of the collection; none where the contract cannot be trusted.

    measured: read every image, minted or not, and compare traits and ranks. on_piece: called for
    each. Raises ServiceError when the chain cannot be asked.
    """
    if verifier.problem:
        return ()
    log = CheckLog()
    if verifier.collection.frozen():
        log.check("links", True, "the base URI is frozen for ever", "")
    else:
        log.note("links", "not frozen: the owner may still lead the tokens to other metadata")
    with verifier.checking(log, "each once"):
        try:
            _check_once(log, verifier.pieces())
        except CheckFailed as exc:
            log.skip(exc.message, "each once")
    if measured:
        with verifier.checking(log, "traits"):
            _check_traits(log, verifier, on_piece)
    else:
        log.note("traits", NOT_MEASURED)
    log.note("words", WORDS)
    return tuple(log.checks)


def _check_once(log: CheckLog, pieces: Sequence[PieceFacts]) -> None:
    seen: dict[str, list[int]] = {}
    for token, one in enumerate(pieces):
        seen.setdefault(one.pixels, []).append(token)
    shared = [tokens for tokens in seen.values() if len(tokens) > 1]
    if not shared:
        log.check("each once", True, f"no two of {counted(len(pieces), 'image')} are alike", "")
        return
    said = "; ".join(f"tokens {format_seeds(tokens)} are one image" for tokens in shared[:3])
    more = f"; and {len(shared) - 3} more" if len(shared) > 3 else ""
    log.note("each once", said[:500] + more)


def _check_traits(log: CheckLog, verifier: Verifier, on_piece: Callable[[], None]) -> None:
    verifier.bound(verifier.immutable_args.max_supply)
    measures: list[Measures] = []
    claimed: list[Sequence[Mapping[str, Any]]] = []
    ranks: list[Mapping[str, Any] | None] = []
    named: set[tuple[NamedTrait, ...]] = set()
    for token in range(verifier.immutable_args.max_supply):
        try:
            document = verifier.metadata(token)
            own = document["nftgan"]
            if token not in verifier.measures:
                recipe = Recipe.from_json(own["recipe"])
                pixels = verifier.image(document["image"], own["pixels"], recipe)
                verifier.measures[token] = measured_as_claimed(pixels, recipe, own)
        except (CheckFailed, UsageError) as exc:  # that is said of the token itself
            log.skip(f"token {token}: {exc.message}", "traits")
            return
        measures.append(verifier.measures[token])
        claimed.append(document["attributes"])
        ranks.append(own.get("rarity"))
        named.add(traits_from_json(own.get("added_traits", []), f"token {token}"))
        on_piece()
    found = list(traits(measures))
    added = next(iter(named)) if len(named) == 1 else ()
    if missing := [one for one in measures if one.added is None]:
        log.note("added traits", f"{'; '.join(map(str, added))}: by plugins that are not here")
    wrong = ["the tokens do not name the same traits of plugins"] if len(named) > 1 else []
    if added and not wrong and not missing:
        more_traits = added_attributes([one.added or () for one in measures], added)
        found = [own + more for own, more in zip(found, more_traits, strict=True)]
    again = MEASURED | (set() if missing else {one.name.casefold() for one in added})
    wrong += [
        *_other_traits(claimed, found, again),
        *_other_ranks(claimed, ranks),
    ]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    log.check(
        "traits",
        not wrong,
        "measured again from the images: every measured trait and rank is right",
        (wrong[0] if wrong else "") + more,
    )


def _other_traits(
    claimed: Sequence[Sequence[Mapping[str, Any]]],
    found: Sequence[Sequence[Mapping[str, Any]]],
    again: AbstractSet[str],
) -> list[str]:
    """A sentence for each token whose measured traits are not those that it claims."""
    wrong = []
    for token, (said, own) in enumerate(zip(claimed, found, strict=True)):
        mine = [dict(a) for a in said if str(a.get("trait_type", "")).casefold() in again]
        for there, here in zip(mine, own, strict=False):
            if there != dict(here):
                wrong.append(
                    f"token {token} says {there.get('trait_type')}: {there.get('value')}, and"
                    f" {here['trait_type']}: {here['value']} is measured"
                )
                break
        else:
            if len(mine) != len(own):
                wrong.append(
                    f"token {token} claims {counted(len(mine), 'trait')}, measured: {len(own)}"
                )
    return wrong


def _other_ranks(
    claimed: Sequence[Sequence[Mapping[str, Any]]], ranks: Sequence[Mapping[str, Any] | None]
) -> list[str]:
    wrong = []
    for token, (said, found) in enumerate(zip(ranks, rarity(claimed), strict=True)):
        if said is None:
            continue
        if (said["rank"], said["of"]) != (found.rank, len(ranks)) or said["score"] != found.score:
            wrong.append(
                f"token {token} says rank {said['rank']} of {said['of']}, and"
                f" {found.rank} of {len(ranks)} is right"
            )
    return wrong
