"""Verify: every link from a token on chain back to its pixels, by someone who trusts nobody.

The model is fetched once and every token's picture is made again from it, so that the last link is
not a comparison of hashes that somebody wrote down, but of pixels.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nftgan.chain.contract import Collection, FixedData
from nftgan.collection.merkle import MerkleTree, leaf
from nftgan.collection.metadata import validate
from nftgan.errors import NftganError
from nftgan.files import parse_json
from nftgan.provenance.content import (
    MAX_IMAGE_BYTES,
    MAX_JSON_BYTES,
    MAX_MODEL_BYTES,
    Content,
)
from nftgan.provenance.links import LinkLog, TokenReport
from nftgan.provenance.picture import decode_png
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Recipe, pixel_hash

LINKS = (
    "contract code",
    "token",
    "metadata",
    "recipe",
    "seed",
    "model",
    "image",
    "pixels",
    "merkle proof",
)


@dataclass
class Verifier:
    """Checks tokens of one collection; the model, the seeds and the metadata are fetched once."""

    collection: Collection
    content: Content
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
    def fixed(self) -> FixedData:
        value: FixedData = self._once("fixed", self.collection.fixed)
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
            data = self.content.read(f"{self.fixed.base_uri}{token}.json", MAX_JSON_BYTES)
            try:
                document: dict[str, Any] = parse_json(data)
            except ValueError as exc:
                raise NftganError(f"the metadata of token {token} is not JSON") from exc
            validate(document, "token", f"token {token}")
            return document

        value: dict[str, Any] = self._once(f"metadata {token}", fetch)
        return value

    def model(self, uri: str) -> Model:
        """The model behind `uri`, loaded from bytes that its CID proves."""

        def fetch() -> Model:
            data = self.content.read(uri, MAX_MODEL_BYTES)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.safetensors"
                path.write_bytes(data)
                return load_model(path)

        value: Model = self._once(f"model {uri}", fetch)
        return value

    def tree(self) -> MerkleTree:
        """The Merkle tree over all pieces, from every token's metadata."""

        def build() -> MerkleTree:
            leaves = []
            for token in range(self.fixed.max_supply):
                own = self.metadata(token)["nftgan"]
                leaves.append(leaf(token, own["seed"], own["pixels"]))
            return MerkleTree(leaves)

        value: MerkleTree = self._once("tree", build)
        return value

    # ---- one token

    def verify(self, token: int) -> TokenReport:
        """Every link of `token`. Raises ServiceError only when the chain cannot be asked."""
        log = LinkLog()
        problem = self._once("code", lambda: self.collection.code_problem())
        if not log.check(
            "contract code", problem is None, "is the code that nftgan ships", problem or ""
        ):
            log.unchecked("the contract cannot be trusted", *LINKS)
            return TokenReport(token, None, tuple(log.links))
        owner = self.collection.owner_of(token)
        if not log.check(
            "token", owner is not None, f"belongs to {owner}", f"token {token} does not exist"
        ):
            log.unchecked("there is no such token", *LINKS)
            return TokenReport(token, None, tuple(log.links))
        seed = self.seeds().get(token)
        try:
            document = self.metadata(token)
        except NftganError as exc:
            log.broke("metadata", exc.message)
            log.unchecked("there is no metadata to check it by", *LINKS)
            return TokenReport(token, seed, tuple(log.links))
        log.check("metadata", True, f"{self.fixed.base_uri}{token}.json has its CID", "")
        own = document["nftgan"]
        self._check_choice(log, own, seed)
        self._check_pictures(log, document, own, token)
        self._check_proof(log, own, token)
        order = {name: i for i, name in enumerate(LINKS)}
        return TokenReport(token, seed, tuple(sorted(log.links, key=lambda k: order[k.name])))

    def _check_choice(self, log: LinkLog, own: dict[str, Any], seed: int | None) -> None:
        try:
            recipe = Recipe.from_json(own["recipe"])
            same = recipe.hash == self.fixed.recipe
            log.check(
                "recipe",
                same,
                f"{recipe.hash[:19]}… is the recipe fixed on chain",
                f"the metadata's recipe {recipe.hash[:19]}… is not {self.fixed.recipe[:19]}…,"
                " which is fixed on chain",
            )
        except NftganError as exc:
            log.broke("recipe", exc.message)
        log.check(
            "seed",
            own["seed"] == seed,
            f"{seed} was written on chain at the mint",
            f"the metadata says {own['seed']}, the chain says {seed}",
        )

    def _check_pictures(
        self, log: LinkLog, document: dict[str, Any], own: dict[str, Any], token: int
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
            log.broke("image", exc.message)
        try:
            model = self._checked_model(log, own)
        except NftganError as exc:
            log.broke("model", exc.message)
            model = None
        if model is None:
            log.unchecked("there is no model to make the picture with", "pixels")
            return
        try:
            recipe = Recipe.from_json(own["recipe"])
            made = pixel_hash(model.render(own["seed"], recipe))
        except NftganError as exc:
            log.broke("pixels", exc.message)
            return
        log.check(
            "pixels",
            made == promised,
            f"made again from seed {own['seed']}: identical",
            f"seed {own['seed']} gives other pixels than the metadata promises",
        )

    def _checked_model(self, log: LinkLog, own: dict[str, Any]) -> Model | None:
        uri = own.get("model_uri")
        if uri is None:
            log.unchecked("the model was not published: ask the artist for it", "model")
            return None
        model = self.model(uri)
        same = model.identity == self.fixed.model
        log.check(
            "model",
            same,
            f"{model.identity[:19]}… is the model fixed on chain",
            f"{uri} is the model {model.identity[:19]}…, the chain says {self.fixed.model[:19]}…",
        )
        return model if same else None

    def _check_proof(self, log: LinkLog, own: dict[str, Any], token: int) -> None:
        try:
            proof = self.tree().proof(token)
        except NftganError as exc:
            log.broke("merkle proof", f"the tree cannot be rebuilt: {exc.message}")
            return
        accepted = self.collection.verify_piece(token, own["seed"], own["pixels"], proof)
        log.check(
            "merkle proof",
            accepted,
            "the contract accepts id, seed and pixels",
            "the contract refuses id, seed and pixels",
        )
