"""A small collection on the embedded chain, and everything between it and who verifies it.

No program is started and nothing is fetched: blocks lie in a dictionary, and each test changes
what a liar could change.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from web3 import Web3

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import COLLECTION
from nftgan.chain.birth import shared_contracts
from nftgan.chain.contract import Collection, CollectionArgs, Factory
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.embedded import EmbeddedChain
from nftgan.chain.journal import Journal
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import Connection
from nftgan.chain.sending import Sender
from nftgan.collection.added_traits import NamedTrait, added_attributes, added_levels
from nftgan.collection.merkle import leaf, merkle_root
from nftgan.collection.rarity import rarity
from nftgan.collection.traits import VERSION, measure, traits
from nftgan.files import canonical_json
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.importer import Importer
from nftgan.ipfs.reader import FileReader, MissingBlock
from nftgan.networks.architecture import StyleGAN2Config
from nftgan.networks.builders import build_generator
from nftgan.networks.families import GeneratorConfig
from nftgan.networks.model_file import save_model
from nftgan.pixels import pixel_hash
from nftgan.png import encode_png
from nftgan.provenance.content import Content
from nftgan.provenance.verify import Verifier
from nftgan.synthesis.latent import Latent
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish

SEEDS = (3, 8, 15, 21)
SALT = bytes(32)
TINY = StyleGAN2Config(
    16, z_dim=8, w_dim=8, mapping_layers=1, channel_base=128, channel_max=8, num_fp16_res=0
)

Document = dict[str, Any]


class Moved(Collection):
    """A collection whose owner has led the tokens to other metadata."""

    moved: str | None = None

    def base_uri(self) -> str:
        return super().base_uri() if self.moved is None else self.moved


class Stage:
    """Four minted pieces of a tiny model; `blocks` is all that IPFS holds."""

    def __init__(
        self,
        folder: Path,
        seeds: tuple[int, ...] = SEEDS,
        *,
        version: int = VERSION,
        finish: Finish | None = None,
        added: tuple[NamedTrait, ...] = (),
        config: GeneratorConfig = TINY,
        with_latent: bool = False,
        condition: tuple[float, ...] | None = None,
    ) -> None:
        self.blocks: dict[Cid, bytes] = {}
        self.importer = Importer(self.blocks.__setitem__)
        path = folder / "model.safetensors"
        save_model(path, generator=build_generator(config, seed=5), meta={})
        self.model_path, self.model = path, load_model(path)
        self.recipe = self.model.recipe(truncation_psi=0.7, finish=finish, condition=condition)
        if with_latent:  # token 1 has styles of its own
            own = Latent(self.model.ws([700], truncation_psi=1.1)[0])
            self.recipe = self.recipe.with_latents([own])
            seeds = (seeds[0], own.number, *seeds[2:])
        self.seeds = seeds
        self.model_uri = f"ipfs://{self.importer.add_path(path).cid}"
        self.images = [self.model.render(seed, self.recipe) for seed in seeds]
        self.pngs = [encode_png(image) for image in self.images]
        self.pixels = [pixel_hash(image) for image in self.images]
        root = self.importer.add_tree({f"{i}.png": png for i, png in enumerate(self.pngs)}).cid
        measures = traits([measure(image, version=version) for image in self.images])
        more = added_attributes([added_levels(image, 1, added) for image in self.images], added)
        measured = [a + b for a, b in zip(measures, more, strict=True)]
        ranks = rarity(measured)
        self.documents: list[Document] = [
            {
                "name": f"Piece {i}",
                "image": f"ipfs://{root}/{i}.png",
                "attributes": [dict(a) for a in measured[i]],
                "nftgan": {
                    "recipe": self.recipe.to_json(),
                    "seed": seed,
                    "pixels": self.pixels[i],
                    "model_uri": self.model_uri,
                    **self._latent_of(seed),
                    **({} if version == 1 else {"traits": version}),
                    **({"added_traits": [one.to_json() for one in added]} if added else {}),
                    "rarity": {"rank": ranks[i].rank, "of": len(seeds), "score": ranks[i].score},
                },
            }
            for i, seed in enumerate(seeds)
        ]
        leaves = [leaf(i, seed, self.pixels[i]) for i, seed in enumerate(seeds)]
        self.me = embedded_account()
        self.args = CollectionArgs(
            model=self.model.identity,
            recipe=self.recipe.hash,
            root="0x" + merkle_root(leaves).hex(),
            max_supply=len(seeds),
            royalty_bps=500,
            royalty_receiver=self.me.address,
            name="Stage",
            symbol="STG",
            base_uri=self.folder(self.documents),
        )
        chain = EmbeddedChain(folder / "chain.sqlite", fund=[self.me.address])
        self.connection = Connection(CHAINS["embedded"], Web3(chain), "the stage")
        journal = Journal.open(folder / "stage.jsonl", {"sender": self.me.address})
        self.sending = Sender(self.connection, self.me, journal)
        for one in shared_contracts(COLLECTION):
            self.sending.execute(one.role, to=DEPLOYER, data=one.data)
        self.address = self.create(self.args)
        self._acts = 0

    def _latent_of(self, seed: int) -> Document:
        latent = self.recipe.latent_of(seed)
        return {"latent": latent.to_json()} if latent else {}

    def create(self, args: CollectionArgs) -> str:
        """A collection of our factory, all its tokens minted."""
        factory = Factory(self.connection, "event")
        address = factory.predict(args, SALT, self.me.address)
        self.sending.execute(address, to=factory.address, data=factory.create_data(args, SALT))
        collection = Collection(self.connection, address)
        data = collection.mint_data(0, self.me.address, self.seeds)
        self.sending.execute(f"mint {address}", to=address, data=data)
        return address

    def act(self, function: str, *arguments: Any) -> None:
        """A transaction of the owner to the collection."""
        self._acts += 1
        contract = Collection(self.connection, self.address)._contract
        data = bytes.fromhex(contract.encode_abi(function, list(arguments))[2:])
        self.sending.execute(f"act {self._acts}", to=self.address, data=data)

    # ---- what IPFS holds

    def get(self, cid: Cid) -> bytes:
        if cid not in self.blocks:
            raise MissingBlock(f"the block {cid} is not here")
        return self.blocks[cid]

    def folder(self, documents: list[Any]) -> str:
        """The base URI of metadata: documents, or the bytes of files."""
        files = {
            f"{i}.json": one if isinstance(one, bytes) else canonical_json(one)
            for i, one in enumerate(documents)
        }
        return f"ipfs://{self.importer.add_tree(files).cid}/"

    def changed(self, change: Callable[[Document], None], token: int = 1) -> str:
        """The base URI of metadata in which one document was changed."""
        documents = json.loads(json.dumps(self.documents))
        change(documents[token])
        return self.folder(documents)

    def image(self, data: bytes, name: str = "1.png") -> str:
        """The link to an image file with these bytes."""
        return f"ipfs://{self.importer.add_tree({name: data}).cid}/{name}"

    # ---- who verifies

    def content(self) -> Content:
        return Content([("here", FileReader(self.get))])

    def verifier(self, base_uri: str | None = None, **more: Any) -> Verifier:
        collection = Moved(self.connection, more.pop("address", self.address))
        collection.moved = base_uri
        return Verifier(collection, self.content(), **more)
