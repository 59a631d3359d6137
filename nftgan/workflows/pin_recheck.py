"""Before money is spent: does a place serve, now, what the tokens will link to?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain

from nftgan.collection.manifest import Manifest
from nftgan.errors import (
    CheckFailed,
    CredentialError,
    MissingStepError,
    NftganError,
    ServiceError,
    UsageError,
)
from nftgan.files import translated_os_errors
from nftgan.ipfs.backends import Backend, open_backend
from nftgan.ipfs.backends.base import NoRawBlocks
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.preflight import scan
from nftgan.ipfs.reader import (
    BlockGetter,
    MissingBlock,
    NotFound,
    file_size,
    resolve,
    stream,
    verified,
)
from nftgan.ipfs.remote import patient
from nftgan.project import MODEL_NAME, Project
from nftgan.workflows.pin import (
    check_promises,
    collection_tree,
    is_own_place,
    pins,
    promised_cids,
    store_folder,
    verified_places,
)
from nftgan.workflows.sources import project_model

ASKED_AGAIN = 6
"""Tokens, beside the first and the last, that a place is asked for before money is spent."""
MODEL_PLACES = 8
"""Places in the model, beside its first and last byte, whose blocks are asked for."""
MODEL_BEGINNING_BYTES = 4 << 20
"""Of the model, from a place that gives whole files from their beginning alone."""

LOT = random.SystemRandom()
"""What is asked for, so that no place can keep that alone."""


def require_verified(project: Project, manifest: Manifest) -> None:
    """One place serves, when asked now, what the tokens will link to.

    pins.json alone is not believed: it may have come with the folder, and a place may have
    forgotten. Raises MissingStepError when no place is on record, or none of them has it any more;
    ServiceError or CredentialError when none could be asked.
    """
    failures: list[NftganError] = []
    for target in verified_places(project, manifest):
        if not is_own_place(target):
            continue
        try:
            _ask_again(project, manifest, target)
            return
        except (CheckFailed, MissingStepError, ServiceError, CredentialError, UsageError) as exc:
            failures.append(exc)
    if failures:
        raise failures[0]
    if not pins(project):
        raise MissingStepError(f"{project.name} is not pinned anywhere", hint="nftgan pin")
    raise MissingStepError(
        f"{project.name} was not read back as it is now from any place", hint="nftgan pin"
    )


def _ask_again(project: Project, manifest: Manifest, target: str) -> None:
    """The target gives the promised roots, some tokens whole, and parts of the model."""
    numbers = range(len(manifest.pieces))
    drawn = LOT.sample(numbers, min(ASKED_AGAIN, len(numbers)))
    tokens = sorted({*numbers[:1], *numbers[-1:], *drawn})
    backend = open_backend(target, store=store_folder())
    try:
        get = verified(patient(backend.get, backend.name))
        for cid in filter(None, promised_cids(manifest).values()):
            get(Cid.parse(cid))
        for root, name in _files(manifest, tokens):
            for _ in stream(get, resolve(get, Cid.parse(root), name)):
                pass
        if manifest.cids.model is not None:
            _sample(get, Cid.parse(manifest.cids.model))
    except (NoRawBlocks, MissingBlock, NotFound) as exc:
        try:
            if backend.by_path is None or isinstance(exc, NotFound):
                raise
            _ask_files_again(project, manifest, backend, tokens)
        except (MissingBlock, NotFound) as missing:
            raise MissingStepError(
                f"{target} does not hold the collection as it is now",
                hint=f"nftgan pin --to {target}",
            ) from missing
    finally:
        backend.close()


def _files(manifest: Manifest, tokens: Sequence[int]) -> list[tuple[str, str]]:
    """(folder's CID, name) of what the contract and these tokens show."""
    metadata, images = str(manifest.cids.metadata), str(manifest.cids.images)
    pairs = (((metadata, f"{token}.json"), (images, f"{token}.png")) for token in tokens)
    return [(metadata, "contract.json"), *chain.from_iterable(pairs)]


def _sample(get: BlockGetter, model: Cid) -> None:
    """The blocks with the first and the last byte of the model, and with some that are drawn."""
    size = file_size(get, model)
    drawn = (LOT.randrange(size) for _ in range(MODEL_PLACES if size else 0))
    for at in sorted({*range(min(size, 1)), max(size - 1, 0), *drawn}):
        for _ in stream(get, model, at, min(at + 1, size)):
            pass


def _ask_files_again(
    project: Project, manifest: Manifest, backend: Backend, tokens: Sequence[int]
) -> None:
    """The same of a place that gives whole files only: they are the files of this folder.

    They are asked for by the links that tokens hold, to folders whose CIDs are computed anew.
    """
    assert backend.by_path is not None
    stats = scan(collection_tree(project, manifest))
    check_promises(stats.cids, manifest)
    paths = ["metadata/contract.json"]
    paths += [path for i in tokens for path in (f"metadata/{i}.json", f"images/{i}.png")]
    limits: dict[str, int | None] = dict.fromkeys(paths)
    if manifest.cids.model is not None:
        limits[MODEL_NAME] = MODEL_BEGINNING_BYTES
    for path, most in limits.items():
        top, _, below = path.partition("/")
        _compare(project, backend, f"{stats.cids[top]}/{below}".rstrip("/"), path, most)


def _compare(project: Project, backend: Backend, link: str, path: str, most: int | None) -> None:
    """What the place serves behind `link` is the file here, at most so many bytes of it."""
    assert backend.by_path is not None
    own = project_model(project) if path == MODEL_NAME else project.root / path
    with translated_os_errors(own), own.open("rb") as file:
        got = 0
        for piece in backend.by_path(link):
            got += len(piece)
            if file.read(len(piece)) != piece:
                raise CheckFailed(f"{backend.name} serves another {path}", hint="nftgan pin")
            if most is not None and got >= most:
                return
        if file.read(1):
            raise CheckFailed(f"{backend.name} serves a part of {path}", hint="nftgan pin")
