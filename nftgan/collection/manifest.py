"""The manifest collection.json: which seed is which token, and every hash and CID known so far."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nftgan.collection.added_traits import NamedTrait, traits_from_json
from nftgan.collection.merkle import MerkleTree, hash_bytes, leaf
from nftgan.collection.tags import CLASS, MAX_TAGS, MAX_VALUE, RESERVED, check_words, tag
from nftgan.config import CollectionSection, RoyaltySection, from_mapping
from nftgan.errors import MissingStepError, UsageError
from nftgan.files import read_json, write_json
from nftgan.project import Project
from nftgan.seeds import MAX_SEED
from nftgan.synthesis.latent import Latent
from nftgan.synthesis.recipe import IDENTITY, Recipe

SCHEMA = 1
NOVELTY_CHECKED = "checked"
"""Every piece was compared with the art that the model learned from."""
MAX_PIECES = 1_000_000
_FIELD = re.compile(r"\{([^{}]*)\}")
_CID = re.compile(r"[A-Za-z0-9]{10,128}")


@dataclass(frozen=True)
class ModelRef:
    """The generator: its identity is what counts, the path and the CID are where to find it."""

    identity: str  # "sha256:…"
    path: str = ""  # as in nftgan.toml
    cid: str | None = None


@dataclass(frozen=True)
class Cids:
    """CIDs computed from local bytes; None: not computed yet."""

    images: str | None = None  # of the folder images/
    metadata: str | None = None  # of the folder metadata/, contract.json included
    model: str | None = None  # of the model file
    contract: str | None = None  # of metadata/contract.json
    files: str | None = None  # of the folder files/, what the artist adds; None: there is none
    live: str | None = (
        None  # of the folder live/, whose page draws the tokens; None: not wished for
    )


@dataclass(frozen=True)
class Rarity:
    """Where a piece stands (see `nftgan.collection.rarity`)."""

    rank: int  # 1 is the rarest; equal pieces share a rank
    score: float  # information content over the collection's mean, 4 decimals


@dataclass(frozen=True)
class Piece:
    """One token. Later verbs fill in what is None or empty."""

    id: int
    seed: int
    name: str
    description: str | None = None  # None: the collection's
    pixels: str | None = None  # pixel hash "sha256:…", from `nftgan render`
    image_cid: str | None = None  # CID of images/ID.png
    attributes: tuple[dict[str, Any], ...] = ()  # {"trait_type", "value", …}, from `metadata`
    rarity: Rarity | None = None
    tags: Mapping[str, str] = field(default_factory=dict)  # the artist's own, and the class
    override_reason: str | None = None  # why the guard refuses what the artist keeps knowingly

    @property
    def title(self) -> str:
        """The name with the traits filled in that it speaks of, as far as they are measured."""
        return titled(self.name, self.attributes)


@dataclass(frozen=True)
class Manifest:
    """One collection: its words, its model, its recipe and its pieces in token order.

    Raises UsageError unless ids count up from 0 and seeds and names are unique.
    """

    collection: CollectionSection
    model: ModelRef
    recipe: Recipe
    pieces: tuple[Piece, ...] = ()
    royalties: RoyaltySection = field(default_factory=RoyaltySection)
    cids: Cids = field(default_factory=Cids)
    traits: int = 1  # version of how they are measured
    added_traits: tuple[NamedTrait, ...] = ()  # of plugins, as `metadata` measured them
    novelty: str | None = None  # NOVELTY_CHECKED, or why near-copies were not looked for

    def __post_init__(self) -> None:
        if self.model.identity != self.recipe.model:
            raise UsageError(
                f"the model is {self.model.identity} but the recipe names {self.recipe.model}",
                hint="nftgan curate",
            )
        _check_pieces(self.pieces)
        seeds = set(self.seeds)
        for one in self.recipe.latents:
            if one.number not in seeds:
                raise UsageError(f"the recipe names the latent {one.hash}, which no piece has")

    # ---- what follows from the pieces ------------------------------------------------------

    @property
    def recipe_hash(self) -> str:
        return self.recipe.hash

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each token, in token order."""
        return tuple(piece.seed for piece in self.pieces)

    @property
    def rendered(self) -> bool:
        """Whether every piece has its pixel hash."""
        return bool(self.pieces) and all(piece.pixels for piece in self.pieces)

    @cached_property
    def tree(self) -> MerkleTree:
        """The tree over all pieces. Raises MissingStepError while a piece is not rendered."""
        if not self.pieces:
            raise MissingStepError("the collection has no pieces yet", hint="nftgan curate")
        leaves = []
        for piece in self.pieces:
            if piece.pixels is None:
                raise MissingStepError(
                    f"piece {piece.id} has not been rendered", hint="nftgan render"
                )
            leaves.append(leaf(piece.id, piece.seed, piece.pixels))
        return MerkleTree(leaves)

    @property
    def pieces_root(self) -> str | None:
        """ "0x…" root of the pieces; None while one is not rendered."""
        return "0x" + self.tree.root.hex() if self.rendered else None

    @property
    def novelty_problem(self) -> str:
        """Why nobody knows whether a piece is a near-copy of training art; empty: it is known."""
        return "" if self.novelty in (None, NOVELTY_CHECKED) else str(self.novelty)

    def added_json(self) -> dict[str, Any]:
        """Which traits plugins measured, as manifest and metadata say it; nothing without any."""
        named = [one.to_json() for one in self.added_traits]
        return {"added_traits": named} if named else {}

    def with_pieces(self, pieces: Sequence[Piece]) -> Manifest:
        return replace(self, pieces=tuple(pieces))

    # ---- JSON ------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` turns back into an equal manifest."""
        return {
            "nftgan_manifest": SCHEMA,
            "collection": _words(self.collection),
            "model": asdict(self.model),
            "recipe": self.recipe.to_json(),
            "recipe_hash": self.recipe_hash,
            "pieces_root": self.pieces_root,
            "royalties": _royalties(self.royalties),
            "cids": _cids(self.cids),
            "tokens": [_piece_to_json(piece, self.recipe) for piece in self.pieces],
            **({} if self.novelty is None else {"novelty": self.novelty}),
            **({} if self.traits == 1 else {"traits": self.traits}),
            **self.added_json(),
        }

    @classmethod
    def from_json(cls, document: Any, where: str = "manifest") -> Manifest:
        """The manifest in `document`.

        Raises UsageError that names what is wrong: an unknown version or key, a recipe or pieces
        that were edited without their hashes.
        """
        _check_version(document, where)
        keys = {
            "nftgan_manifest",
            "collection",
            "model",
            "recipe",
            "recipe_hash",
            "pieces_root",
            "royalties",
            "cids",
            "tokens",
        }
        novelty = document.get("novelty")
        if novelty is not None and not isinstance(novelty, str):
            raise UsageError(f"{where}: novelty must be text")
        traits = document.get("traits", 1)
        if type(traits) is not int or traits < 1:
            raise UsageError(f"{where}: traits must be a version, not {traits!r}")
        added = traits_from_json(document.get("added_traits", []), where)
        optional = {"novelty", "traits", "added_traits"}
        required = {key: value for key, value in document.items() if key not in optional}
        _exact_keys(required, keys, where)
        sections: dict[str, Any] = {}
        for key, kind in (
            ("collection", CollectionSection),
            ("model", ModelRef),
            ("royalties", RoyaltySection),
            ("cids", Cids),
        ):
            sections[key] = _section(kind, document[key], f"{where}: {key}")
        _check_names(sections["model"], sections["cids"], where)
        tokens = document["tokens"]
        if not isinstance(tokens, list) or len(tokens) > MAX_PIECES:
            raise UsageError(f"{where}: tokens must be a list of at most {MAX_PIECES:,}")
        pieces = tuple(_piece_from_json(one, f"{where}: token {i}") for i, one in enumerate(tokens))
        try:
            manifest = cls(
                recipe=_holding(Recipe.from_json(document["recipe"]), tokens),
                pieces=pieces,
                novelty=novelty,
                traits=traits,
                added_traits=added,
                **sections,
            )
        except UsageError as exc:
            raise type(exc)(f"{where}: {exc.message}", hint=exc.hint) from exc
        for key, hint in (("recipe_hash", "nftgan curate"), ("pieces_root", "nftgan render")):
            if document[key] != getattr(manifest, key):
                raise UsageError(
                    f"{where}: {key} is {document[key]} but follows as {getattr(manifest, key)}:"
                    " the file was edited by hand",
                    hint=f"undo the edit, or run {hint} again",
                )
        return manifest

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """The manifest in `path`. Raises MissingStepError when there is none yet."""
        if not path.exists():
            raise MissingStepError(f"{path} does not exist", hint="nftgan curate")
        return cls.from_json(read_json(path), str(path))

    def save(self, path: Path) -> None:
        """Write with sorted keys, whole or not at all."""
        write_json(path, self.to_json())


def load_manifest(project: Project) -> Manifest:
    """The collection's manifest; MissingStepError when nothing has been picked yet."""
    if not project.manifest_path.exists():
        raise MissingStepError(
            f"{project.name} has no pieces yet", hint="nftgan curate --auto 12, or --pick SEEDS"
        )
    return Manifest.load(project.manifest_path)


def piece_name(template: str, *, name: str, id: int, seed: int) -> str:
    """`template` with {name}, {id} and {seed} filled in, as NFC; UsageError for another field.

    A measured trait, such as {Main colour}, stays as it is: `titled` fills it in.
    """

    def fill(match: re.Match[str]) -> str:
        values: dict[str, Any] = {"name": name, "id": id, "seed": seed}
        if match[1].casefold() in RESERVED:
            return match[0]
        if match[1] not in values:
            raise UsageError(
                f"piece_name {template!r}: {match[0]} is not known",
                hint="known: {name}, {id}, {seed}, and measured traits such as {Main colour}",
            )
        return str(values[match[1]])

    return unicodedata.normalize("NFC", _FIELD.sub(fill, template)).strip()


def titled(name: str, attributes: Sequence[Mapping[str, Any]]) -> str:
    """`name` with every {trait} that is among `attributes` replaced by its value."""
    values = {str(a.get("trait_type", "")).casefold(): a["value"] for a in attributes}
    return _FIELD.sub(lambda match: str(values.get(match[1].casefold(), match[0])), name)


def unfilled(name: str) -> str | None:
    """The first measured trait that `name` still speaks of as a field."""
    fields = (match[1] for match in _FIELD.finditer(name))
    return next((field for field in fields if field.casefold() in RESERVED), None)


def make_pieces(seeds: Sequence[int], section: CollectionSection) -> tuple[Piece, ...]:
    """Token i is seed i of `seeds`. Raises UsageError for a repeated seed or name."""
    template = section.piece_name
    pieces = tuple(
        Piece(i, int(seed), piece_name(template, name=section.name, id=i, seed=int(seed)))
        for i, seed in enumerate(seeds)
    )
    _check_pieces(pieces)
    return pieces


# ---- checks ----------------------------------------------------------------------------------


def _check_pieces(pieces: Sequence[Piece]) -> None:
    seeds: dict[int, int] = {}
    names: dict[str, int] = {}
    for expected, piece in enumerate(pieces):
        if type(piece.id) is not int or piece.id != expected:
            raise UsageError(f"token ids must count up from 0: found {piece.id} for {expected}")
        if type(piece.seed) is not int or not 0 <= piece.seed <= MAX_SEED:
            raise UsageError(
                f"token {piece.id}: the seed must be from 0 to {MAX_SEED}, not {piece.seed!r}"
            )
        if not isinstance(piece.name, str) or not piece.name.strip():
            raise UsageError(f"token {piece.id} has no name", hint="set piece_name in nftgan.toml")
        other = seeds.setdefault(piece.seed, piece.id)
        if other != piece.id:
            raise UsageError(f"tokens {other} and {piece.id} share the seed {piece.seed}")
        other = names.setdefault(unicodedata.normalize("NFC", piece.name), piece.id)
        if other != piece.id:
            raise UsageError(
                f"tokens {other} and {piece.id} share the name {piece.name!r}",
                hint="put {id} into piece_name in nftgan.toml",
            )
        if piece.pixels is not None:
            hash_bytes(piece.pixels)


def _exact_keys(document: Mapping[str, Any], keys: set[str], where: str) -> None:
    if unknown := set(document) - keys:
        raise UsageError(f"{where}: unknown key {sorted(map(str, unknown))[0]!r}")
    if missing := keys - set(document):
        raise UsageError(f"{where}: {sorted(missing)[0]!r} is missing")


def _section(kind: type[Any], value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where} must be a JSON object")
    try:
        return from_mapping(kind, value, where)
    except TypeError as exc:
        raise UsageError(f"{where}: a key is missing") from exc


def _check_version(document: Any, where: str) -> None:
    if not isinstance(document, Mapping):
        raise UsageError(f"{where} must hold one JSON object")
    version = document.get("nftgan_manifest")
    if version != SCHEMA or isinstance(version, bool):
        newer = type(version) is int and version > SCHEMA
        raise UsageError(
            f"{where}: manifest version {version!r} is not known here, only {SCHEMA}",
            hint="pip install -U nftgan" if newer else "is this a collection.json of nftgan?",
        )


def _check_names(model: ModelRef, cids: Cids, where: str) -> None:
    if not isinstance(model.identity, str) or not IDENTITY.fullmatch(model.identity):
        raise UsageError(f"{where}: model identity must be sha256: and 64 hex digits")
    for name, cid in {**asdict(cids), "of the model": model.cid}.items():
        _check_cid(cid, f"{where}: the CID {name}")


def _check_cid(cid: Any, where: str) -> None:
    if cid is not None and not (isinstance(cid, str) and _CID.fullmatch(cid)):
        raise UsageError(f"{where} is not a CID: {str(cid)[:80]!r}")


def _words(section: CollectionSection) -> dict[str, Any]:
    """Plain data; a key that is younger than the format is left out while it is empty."""
    older = {"name", "symbol", "description", "piece_name", "external_url"}
    words = {key: value for key, value in asdict(section).items() if value or key in older}
    for key in ("collaborators", "traits"):
        if words.get(key):
            words[key] = list(words[key])
    return words


def _cids(cids: Cids) -> dict[str, str | None]:
    """Plain data; a key that is younger than the format is left out while it is empty."""
    younger = {"files", "live"}
    return {key: cid for key, cid in asdict(cids).items() if cid is not None or key not in younger}


def _royalties(section: RoyaltySection) -> dict[str, Any]:
    """Plain data; shares, which are younger than the format, are left out where there are none."""
    values = asdict(section)
    if not section.shares:
        del values["shares"]
    return values


def _holding(recipe: Recipe, tokens: Sequence[Any]) -> Recipe:
    """`recipe` with the values of its latents, which stand with their pieces."""
    found = []
    for number, token in enumerate(tokens):
        seed = token["seed"]
        named = recipe.named_latent(seed) if type(seed) is int else None  # else refused in a moment
        if (named is None) != ("latent" not in token):
            what = "has no latent" if named else "has a latent that the recipe does not name"
            raise UsageError(f"token {number} {what}")
        if named is not None:
            latent = Latent.from_json(token["latent"], f"token {number}: latent")
            if latent.hash != named.hash:
                raise UsageError(f"token {number} has another latent than the recipe names")
            found.append(latent)
    return recipe.holding(found)


def _piece_to_json(piece: Piece, recipe: Recipe) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": piece.id,
        "seed": piece.seed,
        "name": piece.name,
        "pixels": piece.pixels,
        "image_cid": piece.image_cid,
        "attributes": [dict(attribute) for attribute in piece.attributes],
    }
    if latent := recipe.latent_of(piece.seed):
        document["latent"] = latent.to_json()
    if piece.description is not None:
        document["description"] = piece.description
    if piece.rarity is not None:
        document["rarity"] = asdict(piece.rarity)
    if piece.tags:
        document["tags"] = dict(piece.tags)
    if piece.override_reason is not None:
        document["kept"] = piece.override_reason
    return document


def _piece_from_json(value: Any, where: str) -> Piece:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where} must be a JSON object")
    required = {"id", "seed", "name", "pixels", "image_cid", "attributes"}
    optional = {"description", "rarity", "tags", "kept", "latent"}
    _exact_keys({key: item for key, item in value.items() if key not in optional}, required, where)
    for key in ("description", "kept"):
        if value.get(key) is not None and not isinstance(value[key], str):
            raise UsageError(f"{where}: {key} must be text")
    pixels = value["pixels"]
    if pixels is not None and not (isinstance(pixels, str) and IDENTITY.fullmatch(pixels)):
        raise UsageError(f"{where}: pixels must be sha256: and 64 hex digits")
    _check_cid(value["image_cid"], f"{where}: image_cid")
    attributes = value["attributes"]
    if not isinstance(attributes, list) or not all(
        isinstance(one, Mapping) and isinstance(one.get("value"), (str, int, float))
        for one in attributes
    ):
        raise UsageError(f"{where}: attributes must be a list of objects with a value")
    rarity = value.get("rarity")
    return Piece(
        id=value["id"],
        seed=value["seed"],
        name=value["name"],
        description=value.get("description"),
        pixels=pixels,
        image_cid=value["image_cid"],
        attributes=tuple(dict(one) for one in attributes),
        rarity=None if rarity is None else _section(Rarity, rarity, f"{where}: rarity"),
        tags=_tags(value.get("tags", {}), where),
        override_reason=value.get("kept"),
    )


def _tags(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) > MAX_TAGS + 1:
        raise UsageError(f"{where}: tags must be a JSON object of at most {MAX_TAGS + 1}")
    try:
        for trait, text in value.items():
            if trait == CLASS:
                check_words("class", text, MAX_VALUE)
            elif tag(trait, text) != (trait, text):
                raise UsageError(f"the tag {trait!r} is not trimmed or not NFC")
    except UsageError as exc:
        raise UsageError(f"{where}: {exc.message}", hint=exc.hint) from exc
    return dict(value)
