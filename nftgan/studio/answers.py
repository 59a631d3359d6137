"""What the studio answers to pages that only look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nftgan.collection.features import features
from nftgan.errors import UsageError
from nftgan.networks.sampling import transform_of
from nftgan.seeds import MAX_SEED, parse_seeds
from nftgan.studio import run as training_run
from nftgan.studio.gallery import MAX_POOL, TILE, encode, image_type
from nftgan.studio.looks import Variation, layer_groups, look_alikes
from nftgan.studio.params import layers, number, path_seed, real
from nftgan.studio.session import Studio
from nftgan.studio.tray import tray
from nftgan.studio.walks import MAX_STOPS, Wish

RELATIVES = 12
ART = 3  # training images shown beside a piece


def session(studio: Studio, request: Request) -> Any:
    recipe, generator = studio.gallery.recipe, studio.gallery.model.generator
    finish = recipe.finish
    return {
        "boot": studio.boot,
        "look": studio.look_number,
        "name": studio.section.name,
        "model": studio.gallery.model.identity,
        "side": recipe.size[0],
        "tile": TILE,
        "scored": studio.gallery.scored,
        "pixelated": recipe.size[0] <= 64 or bool(finish and (finish.grid or finish.palette)),
        "trunc": recipe.trunc,
        "translate": recipe.translate,
        "rotate": recipe.rotate,
        "groups": [
            {"name": name, "layers": layers} for name, layers in layer_groups(generator.num_ws)
        ],
        "movable": transform_of(generator) is not None,
        "training": studio.gallery.training is not None,
        "run": studio.run_dir is not None,
        "max_seed": MAX_SEED,
        "walk": {"stops": MAX_STOPS},
    }


def pool(studio: Studio, request: Request) -> Any:
    last, opinions = studio.opinions.news(0)
    return {
        "boot": studio.boot,
        "number": last,
        "seeds": studio.gallery.pool(),
        "opinions": {seed: said for seed, said in opinions.items() if said},
    }


def news(studio: Studio, request: Request) -> Any:
    last, opinions = studio.opinions.news(number(request, "after", 0, 2**53))
    pool, painted = studio.gallery.counts
    return {
        "boot": studio.boot,
        "look": studio.look_number,
        "number": last,
        "opinions": opinions,
        "pool": pool,
        "painted": painted,
        "fresh": studio.gallery.painted(number(request, "known", 0, MAX_POOL)),
        "version": studio.gallery.version,
        "judging": studio.gallery.training is not None and studio.gallery.guard is None,
        "failure": studio.gallery.failure,
        "finish": studio.finishing.state,
    }


def table(studio: Studio, request: Request) -> Any:
    return studio.gallery.table()


def piece(studio: Studio, request: Request) -> Any:
    seed = path_seed(request)
    gallery = studio.gallery
    art = []
    if gallery.guard is not None:
        row = gallery.ask(lambda: features(gallery.preview(seed))).result()
        names = gallery.training.names if gallery.training else []
        for neighbour, _ in gallery.guard.neighbours(row, ART):
            art.append(
                {
                    "index": names.index(neighbour.name),
                    "name": neighbour.name,
                    "ratio": round(neighbour.ratio, 2),
                    "mirrored": neighbour.mirrored,
                }
            )
    candidate = gallery.candidate(seed)
    return {
        "seed": seed,
        "refusal": candidate and candidate.refusal,
        "art": art,
        "relatives": gallery.ask(lambda: studio.latents.relatives(seed, RELATIVES)).result(),
        "alike": look_alikes(gallery, seed, RELATIVES),
    }


def look(studio: Studio, request: Request) -> Any:
    gallery = studio.gallery
    usual = gallery.recipe
    mix = number(request, "mix", 0, MAX_SEED) if "mix" in request.query_params else None
    look = Variation(
        request.path_params["seed"],
        real(request, "trunc", usual.trunc),
        (real(request, "x", usual.translate[0]), real(request, "y", usual.translate[1])),
        real(request, "rotate", usual.rotate),
        mix,
        layers(request) if mix is not None else (),
    )
    data = studio.look(look)
    return Response(data, media_type=image_type(data))


def like(studio: Studio, request: Request) -> Any:
    """Seeds close to a mixture, which no seed is by itself."""
    seed, other = path_seed(request), number(request, "mix", 0, MAX_SEED)
    count = studio.gallery.model.generator.num_ws
    share = len({layer for layer in layers(request) if layer < count}) / count
    found = studio.gallery.ask(lambda: studio.latents.like(seed, other, share, RELATIVES))
    return {"seeds": found.result()}


def art(studio: Studio, request: Request) -> Any:
    training, index = studio.gallery.training, request.path_params["index"]
    if training is None or not index < len(training):
        raise HTTPException(404, "there is no such training image")
    image = training.images([index])[0].transpose(1, 2, 0)
    data = encode(np.ascontiguousarray(image.repeat(3, 2) if image.shape[2] == 1 else image))
    return Response(data, media_type=image_type(data))


def collection(studio: Studio, request: Request) -> Any:
    for seed in studio.opinions.picked():
        studio.admit(seed)
    return tray(studio.gallery, studio.opinions, studio.section)


def walk(studio: Studio, request: Request) -> Any:
    fps = real(request, "fps", 30)
    if not 1 <= fps <= 100:
        raise UsageError("fps is a number from 1 to 100")
    return studio.walks.plan(_wish(request), studio.source, fps)


def walk_frame(studio: Studio, request: Request) -> Any:
    data = studio.walks.frame(_wish(request), request.path_params["number"])
    # The same walk is the same frame as long as this server runs.
    keep = {"cache-control": "private, max-age=3600"}
    return Response(data, media_type=image_type(data), headers=keep)


def _wish(request: Request) -> Wish:
    text = request.query_params.get("seeds", "")
    if "-" in text or len(text) > 11 * MAX_STOPS:
        raise UsageError(f"seeds are up to {MAX_STOPS} numbers and commas")
    kind = request.query_params.get("kind", "cubic")
    return Wish(parse_seeds(text), kind, number(request, "steps", 1, 10_000))


def training(studio: Studio, request: Request) -> Any:
    return training_run.describe(_run_dir(studio))


def sheet(studio: Studio, request: Request) -> Any:
    path = training_run.sheets(_run_dir(studio)).get(request.path_params["kimg"])
    if path is None:
        raise HTTPException(404, "there is no such sheet")
    return Response(path.read_bytes(), media_type="image/png")


def reals(studio: Studio, request: Request) -> Any:
    path = _run_dir(studio) / "reals.png"
    if not path.is_file():
        raise HTTPException(404, "the run shows no training art")
    return Response(path.read_bytes(), media_type="image/png")


def _run_dir(studio: Studio) -> Path:
    if studio.run_dir is None:
        raise HTTPException(404, "no training run is followed")
    return studio.run_dir
