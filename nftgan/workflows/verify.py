"""verify and regenerate: tokens back to their pixels, from the chain or from a collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from nftgan.chain.contract import Collection
from nftgan.chain.names import address_of
from nftgan.collection.manifest import Manifest, load_manifest
from nftgan.errors import CheckFailed, MissingStepError, NftganError, UsageError
from nftgan.ipfs.backends import open_backend
from nftgan.ipfs.fetched import FetchedBlocks
from nftgan.ipfs.importer import Importer
from nftgan.ipfs.reader import FileReader
from nftgan.ipfs.remote import RemoteGateway, patient
from nftgan.networks.model_file import read_model
from nftgan.pixels import pixel_hash
from nftgan.png import read_png, write_png
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.provenance.checks import FAIL, PASS, SKIPPED, Check, TokenReport
from nftgan.provenance.content import MAX_JSON_BYTES, Content, Unavailable
from nftgan.provenance.models import HEAVY, Limits
from nftgan.provenance.rendered import RenderedNotes
from nftgan.provenance.verify import Verifier
from nftgan.synthesis.model import load_model
from nftgan.training.distributed import Distributed
from nftgan.workflows.pin import embedded_store, store_folder
from nftgan.workflows.publishing import ChainChoice, deployment, known_mints, open_chain
from nftgan.workflows.sources import project_model
from nftgan.workflows.verify_run import WORTH_KEEPING, VerifyRun, folder_name, resumable
from nftgan.workflows.verify_shared import make_again


def content(
    gateways: Sequence[str] = (), *, run: VerifyRun | None = None, progress: Progress = SILENT
) -> Content:
    """ipfs:// links from the embedded store, then from each gateway, every block checked.

    A gateway is the address of one, or `kubo`: the node that `pin --to kubo` talks to. What
    gateways gave is kept in `run`. Raises UsageError when there is no place to ask.
    """
    kept = (run or VerifyRun()).kept
    sources: list[tuple[str, FileReader]] = []
    if (store_folder() / "blocks" / "SHARDING").exists():
        sources.append(("embedded store", FileReader(embedded_store().get)))
    for url in gateways:
        if url == "kubo":
            reader = FileReader(patient(open_backend(url, store=store_folder()).get, url))
        else:
            blocks = FetchedBlocks(RemoteGateway(url, note=progress.note), kept, progress)
            reader = FileReader(blocks, blocks.fetch)
        sources.append((url, reader))
    if not sources:
        raise UsageError("there is no place to read from IPFS", hint="--gateway https://HOST")
    return Content(sources)


def open_verifier(
    choice: ChainChoice,
    *,
    project: Project | None = None,
    contract: str | None = None,
    gateways: Sequence[str] = (),
    holder: str | None = None,
    model: Path | None = None,
    heavy: bool = False,
    run: VerifyRun | None = None,
    progress: Progress = SILENT,
    on_heavy: Callable[[str], bool] = lambda question: False,
) -> Verifier:
    """For the collection's deployment, or for any contract by its address.

    heavy: do what takes very long or much memory, too; on_heavy: else asked about it. run: where it
    is kept what gateways gave.
    """
    connection = open_chain(choice, project)
    if contract is not None:
        collection = Collection(connection, address_of(connection, contract, what="--contract"))
    elif project is not None:
        record = deployment(project, connection)
        first = int(record.get("block", 0))
        collection = Collection(connection, record["collection"], first_block=first)
        collection.mint_transactions = lambda: known_mints(project, connection)
    else:
        raise UsageError("say what to verify", hint="--contract ADDR, or run it in a collection")
    return Verifier(
        collection,
        content(gateways, run=run, progress=progress),
        None if holder is None else address_of(connection, holder, what="--owner"),
        model,
        HEAVY if heavy else Limits(),
        progress.note,
        on_heavy,
    )


def verify(
    verifier: Verifier, tokens: Sequence[int] | None, *, project: Project | None = None
) -> Iterator[TokenReport]:
    """One report per token, with the local files of `project` checked too; None: all tokens.

    Raises MissingStepError when nothing has been minted.
    """
    manifest = _local_manifest(project) if project is not None else None
    for token in every_token(verifier) if tokens is None else tokens:
        report = verifier.verify(token)
        if project is not None and manifest is not None:
            local = _local_checks(verifier, project, manifest, token)
            report = dataclasses.replace(report, links=(*report.links, *local))
        yield report


def keeping(
    verifier: Verifier, run: VerifyRun, tokens: int, note: Callable[[str], None]
) -> AbstractContextManager[None]:
    """Inside, what is fetched and made for `tokens` tokens outlives a kill; see `resumable`."""

    def use(notes: RenderedNotes) -> None:
        verifier.rendered = notes

    return resumable(run, _subject(verifier), tokens, use, note)


def share_images(
    verifier: Verifier,
    tokens: Sequence[int],
    group: Distributed,
    device: str,
    *,
    keep: bool,
    progress: Progress = SILENT,
) -> None:
    """The images of `tokens` are made again by all processes of the group, on `device`, at once.

    For the main process; the others call `take_part`. keep: as in `keeping`, which goes around it.
    """
    folder = folder_name(_subject(verifier)) if keep and len(tokens) >= WORTH_KEEPING else ""
    make_again(verifier, tokens, group, device, folder=folder, progress=progress)


def _subject(verifier: Verifier) -> str:
    chain = verifier.collection.connection.chain
    return f"{chain.chain_id} {verifier.collection.address}"


def every_token(verifier: Verifier) -> Sequence[int]:
    """The minted tokens; one where the contract is not ours, whose count nobody should believe.

    Raises MissingStepError when nothing has been minted.
    """
    if verifier.problem is not None:
        return (0,)
    if verifier.supply == 0:
        raise MissingStepError("nothing has been minted yet", hint="nftgan mint")
    verifier.bound(verifier.supply)
    return range(verifier.supply)


def _local_manifest(project: Project) -> Manifest:
    try:
        return load_manifest(project)
    except UsageError as exc:  # it does not hang together: that is an answer, not a wrong command
        raise CheckFailed(f"local manifest: {exc.message}", hint=exc.hint) from exc


def _local_checks(
    verifier: Verifier, project: Project, manifest: Manifest, token: int
) -> Iterator[Check]:
    """What lies in the collection folder against what the chain fixes."""
    if token >= len(manifest.pieces):
        yield Check("local files", FAIL, f"the collection has no piece {token}")
        return
    piece = manifest.pieces[token]
    args = verifier.immutable_args

    def check(name: str, holds: bool, yes: str, no: str) -> Check:
        return Check(name, PASS if holds else FAIL, yes if holds else no)

    on_chain = verifier.seeds().get(token)
    yield check(
        "local seed",
        piece.seed == on_chain,
        "collection.json agrees with the chain",
        f"collection.json says seed {piece.seed}, the chain says {on_chain}",
    )
    yield check(
        "local recipe",
        manifest.recipe_hash == args.recipe,
        "collection.json agrees with the chain",
        f"collection.json has the recipe {manifest.recipe_hash[:19]}…, the chain"
        f" {args.recipe[:19]}…",
    )
    path = project.images / f"{token}.png"
    try:
        same = pixel_hash(read_png(path)) == piece.pixels
        yield check("local image", same, f"{path.name} has its pixels", f"{path} has other pixels")
    except NftganError as exc:
        yield Check("local image", FAIL, exc.message)
    yield _local_metadata(verifier, project, token)
    yield _local_model(verifier, project)


def _local_metadata(verifier: Verifier, project: Project, token: int) -> Check:
    path = project.metadata / f"{token}.json"
    try:
        mine = Importer().add_path(path).cid
        data = verifier.content.read(f"{verifier.base_uri}{token}.json", MAX_JSON_BYTES)
        if mine == Importer().add_bytes(data).cid:
            return Check("local metadata", PASS, f"{path.name} is what the chain links to")
        return Check("local metadata", FAIL, f"{path} is not what the chain links to")
    except Unavailable as exc:
        return Check("local metadata", SKIPPED, exc.message)
    except NftganError as exc:
        return Check("local metadata", FAIL, exc.message)


def _local_model(verifier: Verifier, project: Project) -> Check:
    try:
        path = project_model(project)
        identity = verifier._once("local model", lambda: read_model(path).identity)
    except NftganError as exc:
        return Check("local model", FAIL, exc.message)
    if identity == verifier.immutable_args.model:
        return Check("local model", PASS, f"{path.name} is the model fixed on chain")
    return Check(
        "local model",
        FAIL,
        f"{path} is the model {identity[:19]}…,"
        f" the chain says {verifier.immutable_args.model[:19]}…",
    )


@dataclass(frozen=True)
class Regenerated:
    """One image made again, and whether it is what was promised."""

    token: int
    seed: int
    path: Path
    verdict: str  # identical or different


def regenerate(
    tokens: Sequence[int] | None,
    output: str | Path,
    *,
    project: Project | None = None,
    verifier: Verifier | None = None,
) -> Iterator[Regenerated]:
    """`output/TOKEN.png`, made from model, recipe and seed alone.

    With `verifier` all three come from the chain and IPFS, else from the collection folder. None:
    all tokens.
    """
    output = Path(output)
    if verifier is not None:
        for token in every_token(verifier) if tokens is None else tokens:
            made = verifier.regenerate(token)
            yield _write(token, made.seed, made.image, made.promised, output)
        return
    if project is None:
        raise UsageError("say what to regenerate", hint="--contract ADDR, or in a collection")
    manifest = load_manifest(project)
    model = load_model(project_model(project))
    for token in range(len(manifest.pieces)) if tokens is None else tokens:
        if token >= len(manifest.pieces):
            raise UsageError(f"there is no token {token} among {len(manifest.pieces)}")
        piece = manifest.pieces[token]
        image = model.render(piece.seed, manifest.recipe)
        yield _write(token, piece.seed, image, piece.pixels, output)


def _write(token: int, seed: int, image: object, promised: str | None, output: Path) -> Regenerated:
    import numpy as np

    pixels = np.asarray(image)
    path = output / f"{token}.png"
    write_png(path, pixels)
    return Regenerated(
        token, seed, path, "identical" if pixel_hash(pixels) == promised else "different"
    )
