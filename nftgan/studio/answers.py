"""What the studio answers to pages that only look."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nftgan.alpha import over_board
from nftgan.collection.features import features
from nftgan.collection.novelty import NoveltyGuard
from nftgan.config import RecipeSection
from nftgan.dataset.archive import Dataset
from nftgan.dataset.art_names import in_own_names, own_name
from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED, parse_seeds
from nftgan.studio import run as training_run
from nftgan.studio.gallery import MAX_POOL
from nftgan.studio.looks import Variation, layer_groups, look_alikes
from nftgan.studio.params import layers, number, path_seed, real
from nftgan.studio.queue import Rank
from nftgan.studio.screen import TILE, encode, image_type, screen_finish
from nftgan.studio.session import Studio
from nftgan.studio.tray import tray
from nftgan.studio.walks import MAX_STOPS, Wish
from nftgan.synthesis.finish import upscale
from nftgan.synthesis.generate import contact_sheet as make_sheet
from nftgan.synthesis.recipe import MAX_SIDE, MAX_SMOOTH, Finish, Recipe

RELATIVES = 12
SHEET_CELL = 192  # pixels that a small image is enlarged to on a contact sheet
ART = 3  # training images shown beside a piece


@dataclass(frozen=True)
class Pending:
    """An answer that the painting thread works for; left out where nobody waits for it any more."""

    parts: Sequence[Future[Any]]
    then: Callable[..., Any]  # the answer, of the results of `parts`


def session(studio: Studio, request: Request) -> Any:
    recipe, generator = studio.gallery.recipe, studio.gallery.model.generator
    return {
        "boot": studio.boot,
        "look": studio.look_number,
        "name": studio.section.name,
        "model": studio.gallery.model.identity,
        "side": recipe.size[0],
        "tile": TILE,
        "scored": studio.gallery.scored,
        "pixelated": _pixelated(recipe),
        "transparent": studio.gallery.model.transparent,
        "trunc": recipe.trunc,
        "translate": recipe.translate,
        "rotate": recipe.rotate,
        "groups": [
            {"name": name, "layers": layers} for name, layers in layer_groups(generator.num_ws)
        ],
        "movable": generator.movable,
        "drafts": studio.gallery.model.drafts,
        "recipe": _recipe(studio),
        "steps": studio.steps.names,
        "network": studio.network,
        "choosable": studio.open_network is not None,
        "picked_elsewhere": studio.opinions.picked_elsewhere(),
        "training": studio.gallery.training is not None,
        "run": studio.run_dir is not None,
        "max_seed": MAX_SEED,
        "walk": {"stops": MAX_STOPS},
    }


def _pixelated(recipe: Recipe) -> bool:
    """Whether the browser shows the squares of pixels that it enlarges."""
    finish = recipe.finish or Finish()
    few = bool(finish.grid or finish.palette) or recipe.size[0] <= 64
    return few and finish.filter != "contour"


def _recipe(studio: Studio) -> dict[str, Any]:
    """The look that all pieces share: what is written, and what follows from it."""
    recipe = studio.gallery.whole_recipe
    finish = recipe.finish or Finish()
    automatic = studio.gallery.model.recipe_of(RecipeSection()).finish or Finish()
    return {
        "written": studio.look_file.read() if studio.look_file else None,
        "trunc": recipe.trunc,
        "pixel_grid": finish.grid,
        "palette": finish.palette,
        "upscale": finish.upscale,
        "filter": finish.filter,
        "colours": "art" if finish.colours else "all",
        "resolution": studio.gallery.model.resolution,
        "automatic": {
            "pixel_grid": automatic.grid,
            "palette": automatic.palette,
            "filter": automatic.filter,
            "colours": "art" if automatic.colours else "all",
        },
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
        "step": studio.steps.state,
    }


def table(studio: Studio, request: Request) -> Any:
    found = studio.gallery.table()
    named = {
        seed: in_own_names(studio.gallery.training, why) for seed, why in found["refusals"].items()
    }
    return {**found, "refusals": named}


def piece(studio: Studio, request: Request) -> Any:
    seed = path_seed(request)
    gallery, guard, latents = studio.gallery, studio.gallery.guard, studio.latents
    candidate = gallery.candidate(seed)
    refusal = candidate and candidate.refusal

    def told(relatives: list[int], row: np.ndarray | None = None) -> Any:
        return {
            "seed": seed,
            "refusal": refusal and in_own_names(gallery.training, refusal),
            "art": [] if guard is None or row is None else _art(gallery.training, guard, row),
            "relatives": relatives,
            "alike": look_alikes(gallery, seed, RELATIVES),
        }

    parts: list[Future[Any]] = [gallery.ask(lambda: latents.relatives(seed, RELATIVES))]
    if guard is not None:
        parts.append(gallery.ask(lambda: features(gallery.preview(seed))))
    return Pending(parts, told)


def _art(training: Dataset | None, guard: NoveltyGuard, row: np.ndarray) -> list[dict[str, Any]]:
    """The training images closest to features `row`."""
    assert training is not None
    found = []
    for neighbour, _ in guard.neighbours(row, ART):
        index = training.names.index(neighbour.name)
        found.append(
            {
                "index": index,
                "name": own_name(training, index),
                "ratio": round(neighbour.ratio, 2),
                "mirrored": neighbour.mirrored,
            }
        )
    return found


def look(studio: Studio, request: Request) -> Any:
    gallery = studio.gallery
    usual = gallery.recipe
    mix = number(request, "mix", 0, MAX_SEED) if "mix" in request.query_params else None
    tried = number(request, "try", 0, 2**53) if "try" in request.query_params else None
    other_finish = "grid" in request.query_params
    finish = None
    if other_finish:
        finish = Finish(number(request, "grid", 0, MAX_SIDE), number(request, "palette", 0, 256))
        if request.query_params.get("filter") == "contour":
            enlarged = replace(finish, upscale=MAX_SMOOTH, filter="contour")
            finish = screen_finish(enlarged, finish.size(gallery.model.resolution))
        if request.query_params.get("colours") == "art":
            finish = gallery.model.in_art_colours(finish)
    wish = Variation(
        path_seed(request),
        real(request, "trunc", usual.trunc),
        (real(request, "x", usual.translate[0]), real(request, "y", usual.translate[1])),
        real(request, "rotate", usual.rotate),
        mix,
        layers(request) if mix is not None else (),
        finish,
        other_finish,
        _draft(request),
    )
    if tried is not None:
        # A slider asks for more than it waits for: what is behind the newest wish is left.
        studio.trying = max(studio.trying, tried)

    def told(data: bytes | None) -> Response:
        if data is None:
            return Response(status_code=204)
        # An address stands for one image, but a draft gives way to it.
        headers = {"cache-control": "no-store"} if wish.draft else None
        return Response(data, media_type=image_type(data), headers=headers)

    return Pending([studio.look(wish, tried, rank(request))], told)


def rank(request: Request) -> Rank:
    """The page says which image is the large one, before all others."""
    return Rank.STAGE if request.query_params.get("stage") == "1" else Rank.PAGE


def _draft(request: Request) -> bool:
    return request.query_params.get("draft") == "1"


def like(studio: Studio, request: Request) -> Any:
    """Seeds close to a mixture, which no seed is by itself."""
    seed, other = path_seed(request), number(request, "mix", 0, MAX_SEED)
    count = studio.gallery.model.generator.num_ws
    share = len({layer for layer in layers(request) if layer < count}) / count
    latents = studio.latents
    found = studio.gallery.ask(lambda: latents.like(seed, other, share, RELATIVES))
    return Pending([found], lambda seeds: {"seeds": seeds})


def art(studio: Studio, request: Request) -> Any:
    training, index = studio.gallery.training, request.path_params["index"]
    if training is None or not index < len(training):
        raise HTTPException(404, "there is no such training image")
    image = over_board(training.hwc(index))
    data = encode(np.ascontiguousarray(image if image.ndim == 3 else image[..., None].repeat(3, 2)))
    return Response(data, media_type=image_type(data))


def collection(studio: Studio, request: Request) -> Any:
    for seed in studio.opinions.picked():
        studio.admit(seed)
    made = studio.made()
    return {
        **tray(studio.gallery, studio.opinions, studio.section),
        "made": None if made is None else {"pieces": len(made), "seeds": made},
    }


def contact_sheet(studio: Studio, request: Request) -> Any:
    """The picks on one sheet, in their order."""
    images = []
    for seed in studio.opinions.picked():
        data = studio.gallery.image(seed)
        if data is not None:
            images.append(_decoded(data))
    if not images:
        raise UsageError("there is no picked image to put on a sheet")
    factor = max(1, SHEET_CELL // max(images[0].shape[:2]))
    sheet_image = make_sheet([upscale(image, factor) for image in images], gap=8)
    file = io.BytesIO()
    Image.fromarray(sheet_image).save(file, "PNG")
    headers = {"content-disposition": 'inline; filename="contact-sheet.png"'}
    return Response(file.getvalue(), media_type="image/png", headers=headers)


def _decoded(data: bytes) -> np.ndarray:
    """uint8 [H, W, 3], or RGBA [H, W, 4], of what `encode` made."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image if image.mode == "RGBA" else image.convert("RGB"))


def walk(studio: Studio, request: Request) -> Any:
    fps = real(request, "fps", 30)
    if not 1 <= fps <= 100:
        raise UsageError("fps is a number from 1 to 100")
    return studio.walks.plan(_wish(request), studio.source, fps)


def walk_frame(studio: Studio, request: Request) -> Any:
    place = request.path_params["number"]
    found = studio.walks.frame(_wish(request), place, draft=_draft(request))

    def told(data: bytes) -> Response:
        # The same walk is the same frame as long as this server runs.
        keep = {"cache-control": "private, max-age=3600"}
        return Response(data, media_type=image_type(data), headers=keep)

    return Pending([found], told)


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
