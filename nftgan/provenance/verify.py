"""Verify: every link from a token on chain back to its pixels, by someone who trusts nobody.

The model is fetched once and every token's image is made again from it, so that the last link is
not a comparison of hashes that somebody wrote down, but of pixels.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nftgan import __version__
from nftgan.chain.contract import Collection, CollectionArgs
from nftgan.collection.added_traits import added_levels, traits_from_json
from nftgan.collection.merkle import MerkleTree, leaf
from nftgan.collection.metadata import validate
from nftgan.collection.traits import Measures, measure
from nftgan.errors import CheckFailed, NftganError, PartlyDone, ServiceError, UsageError
from nftgan.files import parse_json
from nftgan.ipfs.cid import Cid
from nftgan.pixels import pixel_hash
from nftgan.plugins import PluginError
from nftgan.png import check_canonical, decode_png
from nftgan.provenance.checks import CheckLog, TokenReport
from nftgan.provenance.content import MAX_IMAGE_BYTES, MAX_JSON_BYTES, Content, Unavailable
from nftgan.provenance.live_check import live_problem
from nftgan.provenance.mismatch import hidden, mismatch, other_kind
from nftgan.provenance.models import HEAVY, Limits, TooHeavy, fetched_model, opened_model
from nftgan.provenance.rendered import Made, RenderedNotes
from nftgan.synthesis.recipe import Recipe

if TYPE_CHECKING:
    from nftgan.synthesis.model import Model

log_ = logging.getLogger(__name__)
T = TypeVar("T")

CHECKS = (
    "contract code",
    "token",
    "owner",
    "metadata",
    "recipe",
    "seed",
    "model",
    "image",
    "pixels",
    "merkle proof",
    "animation",
)
MAX_MODELS = 4
"""Files that tokens of one collection may name as its one model."""

MAX_FOLDER_BYTES = 1 << 30
"""Of all metadata in one request; more comes file by file."""
MAX_IMAGES_BYTES = 64 << 30
MAX_IMAGE_FOLDERS = 4
"""Folders that are asked for as a whole."""

WITHHELD = "the model was not published: ask the artist for it"
WITH_MODEL = "--model FILE, with the file that the artist gives you"


@dataclass(frozen=True)
class Regenerated:
    """An image made again from what the chain fixes, uint8 [H, W, 3 or 4], and its promised
    hash.
    """

    seed: int
    image: np.ndarray
    promised: str


@dataclass(frozen=True)
class PieceFacts:
    """What a token's metadata promises of it, as the Merkle tree holds it."""

    seed: int
    pixels: str


@dataclass
class Verifier:
    """Checks tokens of one collection; the model, the seeds and the metadata are fetched once.

    holder: who should have the tokens; then there is a link `owner`. own_model: a file to use
    instead of the published model; the chain says whether it is the right one. limits: what is
    done without being asked. on_note: told once how long an image will take. on_heavy: asked once,
    when there is more to do than the limits allow, whether to do it.
    """

    collection: Collection
    content: Content
    holder: str | None = None
    own_model: Path | None = None
    limits: Limits = field(default_factory=Limits)
    on_note: Callable[[str], None] = lambda message: None
    on_heavy: Callable[[str], bool] = lambda question: False
    measuring: bool = False  # keep the measures of every image that is read
    measures: dict[int, Measures] = field(default_factory=dict)
    rendered: RenderedNotes = field(default_factory=lambda: RenderedNotes(__version__))
    _cache: dict[str, Any] = field(default_factory=dict)
    _facts: dict[Cid, PieceFacts | NftganError] = field(default_factory=dict)
    _document: tuple[int, dict[str, Any]] | None = None  # of the last token that was asked for
    _asked: bool = False  # whether a person was asked about what is heavy

    def _once(self, key: str, make: Any) -> Any:
        """The value of `make`, or the error that it raised, remembered either way."""
        if key not in self._cache:
            try:
                self._cache[key] = make()
            except NftganError as exc:
                self._cache[key] = exc
        value = self._cache[key]
        if isinstance(value, NftganError):
            raise value
        return value

    def _allowed(self, work: Callable[[], T]) -> T:
        """What `work` gives; above the limits once more without them, if the person says so."""
        try:
            return work()
        except TooHeavy as exc:
            if self._asked:
                raise
            self._asked = True
            if not self.on_heavy(exc.message):
                raise
            self.limits = HEAVY
            return work()

    # ---- what is shared by all tokens

    @property
    def problem(self) -> str | None:
        """What is wrong with the contract's birth; None: our factory made it."""
        value: str | None = self._once("code", self.collection.code_problem)
        return value

    @property
    def immutable_args(self) -> CollectionArgs:
        value: CollectionArgs = self._once("args", self.collection.immutable_args)
        return value

    @property
    def base_uri(self) -> str:
        """Where metadata lies now, by the chain's state; the owner may have moved it."""
        value: str = self._once("base_uri", self.collection.base_uri)
        return value

    @property
    def supply(self) -> int:
        value: int = self._once("supply", self.collection.next_token_id)
        return value

    def seeds(self) -> dict[int, int]:
        """Raises TooHeavy for more tokens than the limits allow."""

        def ask() -> dict[int, int]:
            self.bound(self.supply)
            return self.collection.seeds()

        value: dict[int, int] = self._once("seeds", ask)
        return value

    def bound(self, pieces: int) -> None:
        """Raises TooHeavy for more pieces than the limits allow."""
        self._allowed(lambda: self._bound(pieces))

    def _bound(self, pieces: int) -> None:
        if pieces > self.limits.pieces:
            raise TooHeavy(
                f"the contract speaks of {pieces:,} pieces, and no more than"
                f" {self.limits.pieces:,} are read unasked"
            )

    def metadata(self, token: int) -> dict[str, Any]:
        """The token's document, proven by its CID and valid by its schema.

        Raises CheckFailed for what it is, Unavailable where no place has it.
        """
        if self._document is None or self._document[0] != token:
            if self.immutable_args.max_supply <= self.limits.pieces:  # its proof needs them all
                self._fetch_folder(self.base_uri, MAX_FOLDER_BYTES)
            data = self.content.read(f"{self.base_uri}{token}.json", MAX_JSON_BYTES)
            self._document = (token, parsed_document(data, token))
        return self._document[1]

    def _fetch_folder(self, uri: str, most_bytes: int) -> None:
        """Once, and without a word where it does not work: each file is asked for all the same."""
        self._once(f"folder {uri}", lambda: self.content.fetch(uri, most_bytes))

    def piece_facts(self, token: int) -> PieceFacts:
        """Seed and pixel hash that the token's metadata promises; each file is read once."""
        cid = self.content.find(f"{self.base_uri}{token}.json")
        if cid not in self._facts:
            try:
                own = self.metadata(token)["nftgan"]
                self._facts[cid] = PieceFacts(own["seed"], own["pixels"])
            except CheckFailed as exc:
                self._facts[cid] = exc
        found = self._facts[cid]
        if isinstance(found, NftganError):
            raise found
        return found

    def pieces(self) -> list[PieceFacts]:
        """The facts of every piece, minted or not, in the order of tokens.

        Raises CheckFailed or Unavailable for the first that is wrong or cannot be had.
        """

        def ask() -> list[PieceFacts]:
            self.bound(self.immutable_args.max_supply)
            return [self.piece_facts(token) for token in range(self.immutable_args.max_supply)]

        value: list[PieceFacts] = self._once("pieces", ask)
        return value

    def merkle_tree(self) -> MerkleTree:
        """The Merkle tree over all pieces, from every token's metadata."""

        def build() -> MerkleTree:
            return MerkleTree(
                [leaf(token, one.seed, one.pixels) for token, one in enumerate(self.pieces())]
            )

        value: MerkleTree = self._once("tree", build)
        return value

    def model(self, uri: str) -> Model:
        """The model behind `uri` (or `own_model`), which is the one that the chain fixes.

        Raises CheckFailed when it is another one, TooHeavy when an image takes too long.
        """

        def fetch() -> Model:
            return self._allowed(lambda: self._fetched(uri))

        value: Model = self._once(f"model {uri}", fetch)
        return value

    def _fetched(self, uri: str) -> Model:
        if self.own_model is not None:
            return opened_model(
                self.own_model, self.immutable_args.model, self.limits, self.on_note
            )
        if sum(key.startswith("model ") for key in self._cache) >= MAX_MODELS:
            raise CheckFailed(f"the tokens name more than {MAX_MODELS} files as their model")
        model = fetched_model(
            self.content, uri, self.immutable_args.model, self.limits, self.on_note
        )
        one: Model = self._cache.setdefault("loaded", model)  # they are the same by their name
        return one

    # ---- one token

    @property
    def _check_names(self) -> tuple[str, ...]:
        left = () if self.holder is not None else ("owner",)
        return tuple(name for name in CHECKS if name not in (*left, "animation"))

    def regenerate(self, token: int) -> Regenerated:
        """The image of `token` from the model, the recipe and the seed that the chain fixes.

        The hash to compare it with is in the Merkle root of the contract. Raises CheckFailed with
        the link that stands in the way, PartlyDone when something cannot be had, such as a model
        that was not published, and ServiceError when the chain cannot be asked.
        """
        if self.problem:
            raise CheckFailed(f"contract code: {self.problem}")
        if token >= self.supply:
            raise CheckFailed(f"token {token} does not exist")
        log = CheckLog()
        with self.checking(log, "metadata"):
            own = self.metadata(token)["nftgan"]
            self._check_recipe_and_seed(log, own, token)
            self._check_merkle_proof(log, own, token)
            self._check_model(log, own)
        for check in log.checks:
            if check.failed:
                raise CheckFailed(f"token {token}: {check.name}: {check.found}")
        for check in log.checks:
            if not check.passed:
                hint = WITH_MODEL if check.found == WITHHELD else None
                raise PartlyDone(f"token {token}: {check.name}: {check.found}", hint=hint)
        with self.checking(log, "pixels"):
            rendered = self.model(self._model_uri(own) or "").render_checked(
                own["seed"], Recipe.of_token(own)
            )
            if not rendered.safe:
                raise CheckFailed(_unsafe(rendered.margin))
            return Regenerated(own["seed"], rendered.image, own["pixels"])
        kind = CheckFailed if log.checks[-1].failed else PartlyDone
        raise kind(f"token {token}: pixels: {log.checks[-1].found}")

    def _model_uri(self, own: dict[str, Any]) -> str | None:
        """Where the model is; None when it is withheld and was not given by hand."""
        uri = str(self.own_model) if self.own_model is not None else own.get("model_uri")
        return None if uri is None else str(uri)

    def verify(self, token: int) -> TokenReport:
        """Every link of `token`. Raises ServiceError only when the chain cannot be asked."""
        log = CheckLog()
        if not log.check(
            "contract code",
            self.problem is None,
            "our factory made it, its address says so",
            self.problem or "",
        ):
            log.skip("the contract cannot be trusted", *self._check_names)
            return TokenReport(token, None, tuple(log.checks))
        owner = self.collection.owner_of(token)
        burnt = owner is None and 0 <= token < self.supply
        if not log.check(
            "token",
            owner is not None or burnt,
            f"belongs to {owner}" if owner else "was burnt by its holder: nobody can have it again",
            f"token {token} does not exist",
        ):
            log.skip("there is no such token", *self._check_names)
            return TokenReport(token, None, tuple(log.checks))
        if self.holder is not None:
            log.check(
                "owner",
                owner == self.holder,
                f"{owner} holds it",
                f"it was burnt, {self.holder} does not have it"
                if burnt
                else f"it belongs to {owner}, not to {self.holder}",
            )
        seed = self._seed(token)
        with self.checking(log, "metadata"):
            document = self.metadata(token)
            log.check("metadata", True, f"{self.base_uri}{token}.json has its CID", "")
            own = document["nftgan"]
            recipe = self._check_recipe_and_seed(log, own, token)
            self._check_model(log, own)
            self._check_image(log, document, token, recipe)
            self._check_pixels(log, own, recipe)
            self._check_merkle_proof(log, own, token)
            if "animation_url" in document:
                self._check_animation(log, document)
        log.skip("there is no metadata to check it by", *self._check_names)
        order = {name: i for i, name in enumerate(CHECKS)}
        checks = sorted(log.checks, key=lambda check: order[check.name])
        return TokenReport(token, seed, tuple(checks), burnt)

    def _check_animation(self, log: CheckLog, document: dict[str, Any]) -> None:
        with self.checking(log, "animation"):
            own, model = document["nftgan"], self._proven_model(log, document["nftgan"])
            problem = live_problem(
                self.content,
                document["animation_url"],
                own,
                None if model is None else model.generator.config.kind,
                transparent=model is not None and model.transparent,
            )
            if problem:
                log.note("animation", problem)
            elif model is None:
                log.skip("whether the page can draw it follows from the model", "animation")
            else:
                found = "markets show the page that nftgan ships, and it draws this very token"
                log.check("animation", True, found, "")

    def _seed(self, token: int) -> int | None:
        try:
            return self.seeds().get(token)
        except (TooHeavy, CheckFailed):
            return None

    @contextmanager
    def checking(self, log: CheckLog, name: str) -> Iterator[None]:
        """Inside, an error becomes the verdict of the check `name`, and ends nothing else.

        What cannot be had is skipped. So is what makes this program stumble, since nothing is
        known about it then; it is never proven. A chain that cannot be asked ends everything.
        """
        try:
            yield
        except TooHeavy as exc:
            log.skip(f"{exc.message}: {exc.hint}", name)
        except (
            Unavailable,
            PluginError,
        ) as exc:  # without a plugin nothing is known
            log.skip(exc.message, name)
        except ServiceError:
            raise
        except NftganError as exc:
            log.fail(name, exc.message)
        except (Exception, RecursionError) as exc:
            log_.debug("%s", name, exc_info=True)
            log.skip(f"nftgan cannot cope with it ({type(exc).__name__})", name)

    def _check_recipe_and_seed(
        self, log: CheckLog, own: dict[str, Any], token: int
    ) -> Recipe | None:
        recipe = None
        with self.checking(log, "recipe"):
            recipe = Recipe.of_token(own)
            log.check(
                "recipe",
                recipe.hash == self.immutable_args.recipe,
                f"{recipe.hash[:19]}… is the recipe fixed on chain",
                f"the metadata's recipe {recipe.hash[:19]}… is not"
                f" {self.immutable_args.recipe[:19]}…, which is fixed on chain",
            )
        with self.checking(log, "seed"):
            seed = self.seeds().get(token)
            log.check(
                "seed",
                own["seed"] == seed,
                f"{seed} was written on chain at the mint",
                f"the metadata says {own['seed']}, the chain says {seed}",
            )
        return recipe

    def _check_model(self, log: CheckLog, own: dict[str, Any]) -> None:
        uri = self._model_uri(own)
        if uri is None:
            log.skip(WITHHELD, "model")
            return
        with self.checking(log, "model"):
            identity = self.model(uri).identity
            log.check("model", True, f"{identity[:19]}… is the model fixed on chain", "")

    def _proven_model(self, log: CheckLog, own: dict[str, Any]) -> Model | None:
        """The token's model once its check has passed."""
        if not any(one.name == "model" and one.passed for one in log.checks):
            return None
        return self.model(self._model_uri(own) or "")

    def image(self, uri: str, promised: str, recipe: Recipe | None) -> np.ndarray:
        """The pixels behind `uri`, which are those promised, in a file that holds nothing else.

        Raises CheckFailed, TooHeavy or Unavailable.
        """
        size = None if recipe is None else recipe.size
        self._bound_image(size)
        folder = uri.rpartition("/")[0]
        asked = [key for key in self._cache if key.startswith("folder ")]
        if self.measuring and (len(asked) <= MAX_IMAGE_FOLDERS or f"folder {folder}" in asked):
            self._fetch_folder(folder, MAX_IMAGES_BYTES)
        data = self.content.read(uri, MAX_IMAGE_BYTES)
        pixels = decode_png(data, what=uri, size=size, most_pixels=self.limits.image_pixels)
        if pixel_hash(pixels) != promised:
            raise CheckFailed(f"{uri} {mismatch(pixels, promised)}")
        check_canonical(data, pixels, what=uri)
        if problem := hidden(pixels):
            raise CheckFailed(f"{uri} {problem}")
        return pixels

    def _bound_image(self, size: tuple[int, int] | None) -> None:
        def compare() -> None:
            if size is not None and size[0] * size[1] > self.limits.image_pixels:
                raise TooHeavy(f"an image of {size[0]} x {size[1]} pixels is not made unasked")

        self._allowed(compare)

    def _check_image(
        self,
        log: CheckLog,
        document: dict[str, Any],
        token: int,
        recipe: Recipe | None,
    ) -> None:
        own = document["nftgan"]
        with self.checking(log, "image"):
            pixels = self.image(document["image"], own["pixels"], recipe)
            model = self._proven_model(log, own)
            if model and (problem := other_kind(pixels, transparent=model.transparent)):
                raise CheckFailed(f"{document['image']} {problem}")
            if self.measuring and recipe is not None and token not in self.measures:
                self.measures[token] = measured_as_claimed(pixels, recipe, own)
            found = f"{document['image']} has its CID and the promised pixels"
            log.check("image", True, found, "")

    def _check_pixels(self, log: CheckLog, own: dict[str, Any], recipe: Recipe | None) -> None:
        model = self._proven_model(log, own)
        if recipe is None or model is None:
            log.skip("there is no model or recipe to make the image with", "pixels")
            return
        with self.checking(log, "pixels"):
            self._bound_image(recipe.size)
            kind = "latent" if "latent" in own else "seed"
            made = self._made_again(model, recipe, own["seed"])
            if not made.safe:
                raise CheckFailed(_unsafe(made.margin))
            log.check(
                "pixels",
                made.pixels == own["pixels"],
                f"made again from {kind} {own['seed']}: identical",
                f"{kind} {own['seed']} gives other pixels than the metadata promises",
            )

    def image_to_make(self, token: int) -> tuple[Model, Recipe, dict[str, Any]] | None:
        """What `verify` will make an image of: model, recipe, and the metadata's nftgan block.

        None where something is wrong or cannot be had, which `verify` says. Raises ServiceError
        when the chain cannot be asked.
        """
        if self.problem:
            return None
        with self.checking(CheckLog(), "pixels"):
            own = self.metadata(token)["nftgan"]
            recipe, uri = Recipe.of_token(own), self._model_uri(own)
            if uri is None or recipe.hash != self.immutable_args.recipe:
                return None
            if own["seed"] != self.seeds().get(token):
                return None
            self._bound_image(recipe.size)
            return self.model(uri), recipe, own
        return None

    def _made_again(self, model: Model, recipe: Recipe, seed: int) -> Made:
        """The image of `seed`, made now unless a run that was cut off has made it."""
        made = self.rendered.get(model.identity, recipe.hash, seed)
        if made is None:
            image = model.render_checked(seed, recipe)
            made = Made.of(model.identity, recipe.hash, seed, image, self.rendered.version)
            self.rendered.add(made)
        return made

    def _check_merkle_proof(self, log: CheckLog, own: dict[str, Any], token: int) -> None:
        with self.checking(log, "merkle proof"):
            try:
                proof = self.merkle_tree().proof(token)
            except CheckFailed as exc:  # of another token: nothing is known about this one
                log.skip(f"the tree cannot be rebuilt: {exc.message}", "merkle proof")
                return
            accepted = self.collection.verify_piece(token, own["seed"], own["pixels"], proof)
            log.check(
                "merkle proof",
                accepted and "0x" + self.merkle_tree().root.hex() == self.immutable_args.root,
                "the contract accepts id, seed and pixels",
                "the contract refuses id, seed and pixels",
            )


def parsed_document(data: bytes, token: int) -> dict[str, Any]:
    """A token's metadata as every reader sees it. Raises CheckFailed."""
    try:
        document: dict[str, Any] = parse_json(data)
    except ValueError as exc:
        raise CheckFailed(f"the metadata of token {token} is not JSON: {exc}") from exc
    try:
        validate(document, "token", f"token {token}")
    except UsageError as exc:  # it is theirs, so no usage of ours is wrong
        raise CheckFailed(exc.message) from exc
    return document


def measured_as_claimed(pixels: np.ndarray, recipe: Recipe, own: Mapping[str, Any]) -> Measures:
    """The measures of an image in the way that its metadata says; own: its nftgan block.

    `added` is None where a plugin that measured too is not here. Raises UsageError for a document
    that names its traits wrongly.
    """
    version, upscale = own.get("traits", 1), recipe.finish.upscale if recipe.finish else 1
    named = traits_from_json(own.get("added_traits", []), "the metadata")
    added: tuple[int, ...] | None
    try:
        added = added_levels(pixels, upscale, named)
    except PluginError:
        added = None
    return replace(measure(pixels, upscale, version), added=added)


def _unsafe(margin: float) -> str:
    return (
        f"a pixel lies {margin:.1e} grey levels from a rounding step: another processor may give"
        " another image"
    )
