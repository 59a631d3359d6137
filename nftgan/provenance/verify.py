"""Verify: every link from a token on chain back to its pixels, by someone who trusts nobody.

The model is fetched once and every token's image is made again from it, so that the last link is
not a comparison of hashes that somebody wrote down, but of pixels.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.chain.contract import Collection, CollectionArgs
from nftgan.collection.merkle import MerkleTree, leaf
from nftgan.collection.metadata import validate
from nftgan.errors import CheckFailed, MissingStepError, NftganError, UsageError
from nftgan.files import parse_json
from nftgan.provenance.checks import CheckLog, TokenReport
from nftgan.provenance.content import (
    MAX_IMAGE_BYTES,
    MAX_JSON_BYTES,
    MAX_MODEL_BYTES,
    Content,
)
from nftgan.provenance.png_reader import decode_png
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Recipe, pixel_hash

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
)


WITHHELD = "the model was not published: ask the artist for it"
WITH_MODEL = "--model FILE, with the file that the artist gives you"


@dataclass(frozen=True)
class Regenerated:
    """An image made again from what the chain fixes, uint8 [H, W, 3], and its promised hash."""

    seed: int
    image: np.ndarray
    promised: str


@dataclass
class Verifier:
    """Checks tokens of one collection; the model, the seeds and the metadata are fetched once.

    holder: who should have the tokens; then there is a link `owner`. own_model: a file to use
    instead of the published model; the chain says whether it is the right one.
    """

    collection: Collection
    content: Content
    holder: str | None = None
    own_model: Path | None = None
    _cache: dict[str, Any] = field(default_factory=dict)

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

    # ---- what is shared by all tokens

    @property
    def immutable_args(self) -> CollectionArgs:
        value: CollectionArgs = self._once("immutable_args", self.collection.immutable_args)
        return value

    @property
    def supply(self) -> int:
        value: int = self._once("supply", self.collection.next_token_id)
        return value

    def seeds(self) -> dict[int, int]:
        value: dict[int, int] = self._once("seeds", self.collection.seeds)
        return value

    def metadata(self, token: int) -> dict[str, Any]:
        """The token's document, proven by its CID and valid by its schema."""

        def fetch() -> dict[str, Any]:
            data = self.content.read(f"{self.immutable_args.base_uri}{token}.json", MAX_JSON_BYTES)
            try:
                document: dict[str, Any] = parse_json(data)
            except ValueError as exc:
                raise CheckFailed(f"the metadata of token {token} is not JSON") from exc
            try:
                validate(document, "token", f"token {token}")
            except UsageError as exc:  # it is theirs, so no usage of ours is wrong
                raise CheckFailed(exc.message) from exc
            return document

        value: dict[str, Any] = self._once(f"metadata {token}", fetch)
        return value

    def model(self, uri: str) -> Model:
        """The model behind `uri`, loaded from bytes that its CID proves; or `own_model`."""

        def fetch() -> Model:
            if self.own_model is not None:
                return load_model(self.own_model)
            data = self.content.read(uri, MAX_MODEL_BYTES)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.safetensors"
                path.write_bytes(data)
                return load_model(path)

        value: Model = self._once(f"model {uri}", fetch)
        return value

    def merkle_tree(self) -> MerkleTree:
        """The Merkle tree over all pieces, from every token's metadata."""

        def build() -> MerkleTree:
            leaves = []
            for token in range(self.immutable_args.max_supply):
                own = self.metadata(token)["nftgan"]
                leaves.append(leaf(token, own["seed"], own["pixels"]))
            return MerkleTree(leaves)

        value: MerkleTree = self._once("tree", build)
        return value

    # ---- one token

    @property
    def _check_names(self) -> tuple[str, ...]:
        return tuple(name for name in CHECKS if name != "owner" or self.holder is not None)

    def regenerate(self, token: int) -> Regenerated:
        """The image of `token` from the model, the recipe and the seed that the chain fixes.

        Raises CheckFailed with the link that stands in the way, MissingStepError when the model
        was not published, ServiceError when the chain cannot be asked.
        """
        if problem := self._once("code", lambda: self.collection.code_problem()):
            raise CheckFailed(f"contract code: {problem}")
        seed = self.seeds().get(token)
        if seed is None:
            raise CheckFailed(f"token {token} does not exist")
        own = self.metadata(token)["nftgan"]
        log = CheckLog()
        self._check_recipe_and_seed(log, own, seed)
        if self._model_uri(own) is None:
            raise MissingStepError(WITHHELD, hint=WITH_MODEL)
        try:
            model = self._verified_model(log, own)
        except (UsageError, CheckFailed) as exc:
            raise CheckFailed(f"token {token}: model: {exc.message}", hint=exc.hint) from exc
        for check in log.checks:
            if check.failed:
                raise CheckFailed(f"token {token}: {check.name}: {check.found}")
        assert model is not None
        return Regenerated(seed, model.render(seed, Recipe.from_json(own["recipe"])), own["pixels"])

    def _model_uri(self, own: dict[str, Any]) -> str | None:
        """Where the model is; None when it is withheld and was not given by hand."""
        uri = str(self.own_model) if self.own_model is not None else own.get("model_uri")
        return None if uri is None else str(uri)

    def verify(self, token: int) -> TokenReport:
        """Every link of `token`. Raises ServiceError only when the chain cannot be asked."""
        log = CheckLog()
        problem = self._once("code", lambda: self.collection.code_problem())
        if not log.check(
            "contract code", problem is None, "is the code that nftgan ships", problem or ""
        ):
            log.skip("the contract cannot be trusted", *self._check_names)
            return TokenReport(token, None, tuple(log.checks))
        owner = self.collection.owner_of(token)
        if not log.check(
            "token", owner is not None, f"belongs to {owner}", f"token {token} does not exist"
        ):
            log.skip("there is no such token", *self._check_names)
            return TokenReport(token, None, tuple(log.checks))
        if self.holder is not None:
            log.check(
                "owner",
                owner == self.holder,
                f"{owner} holds it",
                f"it belongs to {owner}, not to {self.holder}",
            )
        seed = self.seeds().get(token)
        try:
            document = self.metadata(token)
        except NftganError as exc:
            log.fail("metadata", exc.message)
            log.skip("there is no metadata to check it by", *self._check_names)
            return TokenReport(token, seed, tuple(log.checks))
        log.check("metadata", True, f"{self.immutable_args.base_uri}{token}.json has its CID", "")
        own = document["nftgan"]
        self._check_recipe_and_seed(log, own, seed)
        self._check_images(log, document, own, token)
        self._check_merkle_proof(log, own, token)
        order = {name: i for i, name in enumerate(CHECKS)}
        return TokenReport(token, seed, tuple(sorted(log.checks, key=lambda k: order[k.name])))

    def _check_recipe_and_seed(self, log: CheckLog, own: dict[str, Any], seed: int | None) -> None:
        try:
            recipe = Recipe.from_json(own["recipe"])
            same = recipe.hash == self.immutable_args.recipe
            log.check(
                "recipe",
                same,
                f"{recipe.hash[:19]}… is the recipe fixed on chain",
                f"the metadata's recipe {recipe.hash[:19]}… is not"
                f" {self.immutable_args.recipe[:19]}…, which is fixed on chain",
            )
        except NftganError as exc:
            log.fail("recipe", exc.message)
        log.check(
            "seed",
            own["seed"] == seed,
            f"{seed} was written on chain at the mint",
            f"the metadata says {own['seed']}, the chain says {seed}",
        )

    def _check_images(
        self, log: CheckLog, document: dict[str, Any], own: dict[str, Any], token: int
    ) -> None:
        promised = own["pixels"]
        try:
            data = self.content.read(document["image"], MAX_IMAGE_BYTES)
            found = pixel_hash(decode_png(data, what=document["image"]))
            log.check(
                "image",
                found == promised,
                f"{document['image']} has its CID and the promised pixels",
                f"{document['image']} has other pixels than its metadata promises",
            )
        except NftganError as exc:
            log.fail("image", exc.message)
        try:
            model = self._verified_model(log, own)
        except NftganError as exc:
            log.fail("model", exc.message)
            model = None
        if model is None:
            log.skip("there is no model to make the image with", "pixels")
            return
        try:
            recipe = Recipe.from_json(own["recipe"])
            made = pixel_hash(model.render(own["seed"], recipe))
        except NftganError as exc:
            log.fail("pixels", exc.message)
            return
        log.check(
            "pixels",
            made == promised,
            f"made again from seed {own['seed']}: identical",
            f"seed {own['seed']} gives other pixels than the metadata promises",
        )

    def _verified_model(self, log: CheckLog, own: dict[str, Any]) -> Model | None:
        uri = self._model_uri(own)
        if uri is None:
            log.skip(WITHHELD, "model")
            return None
        model = self.model(uri)
        same = model.identity == self.immutable_args.model
        log.check(
            "model",
            same,
            f"{model.identity[:19]}… is the model fixed on chain",
            f"{uri} is the model {model.identity[:19]}…,"
            f" the chain says {self.immutable_args.model[:19]}…",
        )
        return model if same else None

    def _check_merkle_proof(self, log: CheckLog, own: dict[str, Any], token: int) -> None:
        try:
            proof = self.merkle_tree().proof(token)
        except NftganError as exc:
            log.fail("merkle proof", f"the tree cannot be rebuilt: {exc.message}")
            return
        accepted = self.collection.verify_piece(token, own["seed"], own["pixels"], proof)
        log.check(
            "merkle proof",
            accepted,
            "the contract accepts id, seed and pixels",
            "the contract refuses id, seed and pixels",
        )
