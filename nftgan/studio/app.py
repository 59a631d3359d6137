"""The studio's pages and answers: which address gives what."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nftgan.collection.features import features
from nftgan.config import CollectionSection
from nftgan.errors import NftganError, UsageError
from nftgan.files import parse_json
from nftgan.networks.sampling import transform_of
from nftgan.seeds import MAX_SEED, parse_seeds
from nftgan.studio import run as training_run
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import MAX_POOL, Gallery, encode, image_type
from nftgan.studio.looks import Latents, Variation, generate_variation, layer_groups, look_alikes
from nftgan.studio.opinions import Opinions
from nftgan.studio.tray import tray
from nftgan.studio.walks import MAX_STOPS, Walks, Wish

STATIC = "static"
MEDIA = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
BODY_BYTES = 64 << 10
GROWTH = 2048  # candidates that one request may add
RELATIVES = 12
ART = 3  # training images shown beside a piece
KEPT_LOOKS = 200


@dataclass
class Studio:
    """All that the pages are about."""

    section: CollectionSection
    gallery: Gallery
    opinions: Opinions
    finishing: Finishing
    run_dir: Path | None = None  # of the training run that is followed
    source: str = "base"  # the model as a person names it
    close: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.boot = secrets.token_hex(8)  # a page that sees another one starts afresh
        self.latents = Latents(self.gallery)
        self.walks = Walks(self.gallery)
        self._variations: OrderedDict[Variation, bytes] = OrderedDict()
        self._mutex = threading.Lock()

    def look(self, look: Variation) -> bytes:
        """The encoded image of `look`."""
        with self._mutex:
            if look in self._variations:
                return self._variations[look]
        data = encode(self.gallery.ask(lambda: generate_variation(self.gallery, look)).result())
        with self._mutex:
            self._variations[look] = data
            while len(self._variations) > KEPT_LOOKS:
                self._variations.popitem(last=False)
        return data

    def admit(self, seed: int) -> None:
        """Make `seed` a candidate. Raises UsageError for what is no seed."""
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
        if not self.gallery.has(seed):
            self.gallery.add([seed])


def application(studio: Studio) -> Starlette:
    """The ASGI application, to be put behind a `Door`."""
    files = static_files()
    routes = [
        Route("/", lambda request: _file(files, "index.html")),
        Route("/favicon.ico", lambda request: _file(files, "icon.svg")),
        Route("/static/{name}", lambda request: _file(files, request.path_params["name"])),
    ]
    for path, answer in (
        ("/api/session", _session),
        ("/api/pool", _pool),
        ("/api/news", _news),
        ("/api/table", _table),
        ("/api/piece/{seed:int}", _piece),
        ("/api/tray", _tray),
        ("/api/walk", _walk),
        ("/walk/{number:int}", _walk_frame),
        ("/api/run", _run),
        ("/look/{seed:int}", _look),
        ("/art/{index:int}", _art),
        ("/sheet/{kimg:int}", _sheet),
        ("/reals", _reals),
    ):
        routes.append(Route(path, _answering(studio, answer)))
    routes.append(Route("/image/{seed:int}", _waiting(studio)))
    for path, act in (
        ("/api/opinion", _say),
        ("/api/grow", _grow),
        ("/api/finish", _finish),
        ("/api/close", _close),
    ):
        routes.append(Route(path, _acting(studio, act), methods=["POST"]))
    return Starlette(
        routes=routes, exception_handlers={NftganError: _refuse, HTTPException: _plain_error}
    )


def static_files() -> dict[str, bytes]:
    """Name → content of the pages: no request ever names a path."""
    folder = resources.files("nftgan.studio") / STATIC
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


# ---- kinds of answers ------------------------------------------------------------------------


def _answering(studio: Studio, answer: Callable[[Studio, Request], Any]) -> Any:
    """An endpoint that may take its time: it runs in a thread."""

    async def endpoint(request: Request) -> Response:
        found = await run_in_threadpool(answer, studio, request)
        return found if isinstance(found, Response) else JSONResponse(found)

    return endpoint


def _acting(studio: Studio, act: Callable[[Studio, Mapping[str, Any]], Any]) -> Any:
    """An endpoint that changes something, as the JSON object in the request says."""

    async def endpoint(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise HTTPException(415, "only JSON is understood")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES:
                raise HTTPException(413, "that is too much at once")
        try:
            said = parse_json(body)
        except ValueError as exc:
            raise UsageError("the request is not JSON") from exc
        if not isinstance(said, dict):
            raise UsageError("the request is not a JSON object")
        return JSONResponse(await run_in_threadpool(act, studio, said))

    return endpoint


def _waiting(studio: Studio) -> Any:
    """The endpoint of images: it waits until one is generated, as long as somebody looks."""

    async def endpoint(request: Request) -> Response:
        seed = request.path_params["seed"]
        gallery = studio.gallery
        if seed > MAX_SEED:
            raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
        data = gallery.image(seed)
        if data is None:
            gallery.want(seed)
            try:
                while (data := gallery.image(seed)) is None:
                    if gallery.failure is not None:
                        raise HTTPException(503, gallery.failure)
                    if await request.is_disconnected():
                        return Response(status_code=499)
                    await asyncio.sleep(0.02)
            finally:
                gallery.unwant(seed)
        # One seed, one image, as long as this server runs; another one has another port.
        keep = {"cache-control": "private, max-age=3600"}
        return Response(data, media_type=image_type(data), headers=keep)

    return endpoint


def _file(files: Mapping[str, bytes], name: str) -> Response:
    suffix = Path(name).suffix
    if name not in files or suffix not in MEDIA:
        raise HTTPException(404, "there is no such page")
    return Response(files[name], media_type=MEDIA[suffix], headers={"cache-control": "no-cache"})


def _refuse(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, NftganError)
    status = 400 if isinstance(exc, UsageError) else 500
    return JSONResponse({"error": exc.message, "hint": exc.hint}, status)


def _plain_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return JSONResponse({"error": exc.detail}, exc.status_code, headers=exc.headers)


# ---- answers ---------------------------------------------------------------------------------


def _session(studio: Studio, request: Request) -> Any:
    recipe, generator = studio.gallery.recipe, studio.gallery.model.generator
    finish = recipe.finish
    return {
        "boot": studio.boot,
        "name": studio.section.name,
        "model": studio.gallery.model.identity,
        "side": recipe.size[0],
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


def _pool(studio: Studio, request: Request) -> Any:
    number, opinions = studio.opinions.news(0)
    return {
        "boot": studio.boot,
        "number": number,
        "seeds": studio.gallery.pool(),
        "opinions": {seed: said for seed, said in opinions.items() if said},
    }


def _news(studio: Studio, request: Request) -> Any:
    number, opinions = studio.opinions.news(_number(request, "after", 0, 2**53))
    pool, painted = studio.gallery.counts
    return {
        "boot": studio.boot,
        "number": number,
        "opinions": opinions,
        "pool": pool,
        "painted": painted,
        "fresh": studio.gallery.painted(_number(request, "known", 0, MAX_POOL)),
        "version": studio.gallery.version,
        "judging": studio.gallery.training is not None and studio.gallery.guard is None,
        "failure": studio.gallery.failure,
        "finish": studio.finishing.state,
    }


def _table(studio: Studio, request: Request) -> Any:
    return studio.gallery.table()


def _piece(studio: Studio, request: Request) -> Any:
    seed = request.path_params["seed"]
    if seed > MAX_SEED:
        raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
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


def _look(studio: Studio, request: Request) -> Any:
    gallery = studio.gallery
    usual = gallery.recipe
    layers = tuple(
        int(text)
        for text in request.query_params.get("layers", "").split(",")
        if text.isascii() and text.isdecimal() and len(text) < 4
    )
    mix = _number(request, "mix", 0, MAX_SEED) if "mix" in request.query_params else None
    look = Variation(
        request.path_params["seed"],
        _real(request, "trunc", usual.trunc),
        (_real(request, "x", usual.translate[0]), _real(request, "y", usual.translate[1])),
        _real(request, "rotate", usual.rotate),
        mix,
        layers if mix is not None else (),
    )
    data = studio.look(look)
    return Response(data, media_type=image_type(data))


def _art(studio: Studio, request: Request) -> Any:
    training, index = studio.gallery.training, request.path_params["index"]
    if training is None or not index < len(training):
        raise HTTPException(404, "there is no such training image")
    image = training.images([index])[0].transpose(1, 2, 0)
    data = encode(np.ascontiguousarray(image.repeat(3, 2) if image.shape[2] == 1 else image))
    return Response(data, media_type=image_type(data))


def _tray(studio: Studio, request: Request) -> Any:
    for seed in studio.opinions.picked():
        studio.admit(seed)
    return tray(studio.gallery, studio.opinions, studio.section)


def _walk(studio: Studio, request: Request) -> Any:
    fps = _real(request, "fps", 30)
    if not 1 <= fps <= 100:
        raise UsageError("fps is a number from 1 to 100")
    return studio.walks.plan(_wish(request), studio.source, fps)


def _walk_frame(studio: Studio, request: Request) -> Any:
    data = studio.walks.frame(_wish(request), request.path_params["number"])
    # The same walk is the same frame as long as this server runs.
    keep = {"cache-control": "private, max-age=3600"}
    return Response(data, media_type=image_type(data), headers=keep)


def _wish(request: Request) -> Wish:
    text = request.query_params.get("seeds", "")
    if "-" in text or len(text) > 11 * MAX_STOPS:
        raise UsageError(f"seeds are up to {MAX_STOPS} numbers and commas")
    kind = request.query_params.get("kind", "cubic")
    return Wish(parse_seeds(text), kind, _number(request, "steps", 1, 10_000))


def _run(studio: Studio, request: Request) -> Any:
    return training_run.describe(_run_dir(studio))


def _sheet(studio: Studio, request: Request) -> Any:
    path = training_run.sheets(_run_dir(studio)).get(request.path_params["kimg"])
    if path is None:
        raise HTTPException(404, "there is no such sheet")
    return Response(path.read_bytes(), media_type="image/png")


def _reals(studio: Studio, request: Request) -> Any:
    path = _run_dir(studio) / "reals.png"
    if not path.is_file():
        raise HTTPException(404, "the run shows no training art")
    return Response(path.read_bytes(), media_type="image/png")


def _run_dir(studio: Studio) -> Path:
    if studio.run_dir is None:
        raise HTTPException(404, "no training run is followed")
    return studio.run_dir


# ---- changes ---------------------------------------------------------------------------------


def _say(studio: Studio, said: Mapping[str, Any]) -> Any:
    seed = _seed(said)
    opinion = studio.opinions.say(seed, {k: v for k, v in said.items() if k != "seed"})
    studio.admit(seed)
    return {"seed": seed, "opinion": opinion}


def _grow(studio: Studio, said: Mapping[str, Any]) -> Any:
    count = said.get("count")
    if type(count) is not int or not 1 <= count <= GROWTH:
        raise UsageError(f"count is a whole number from 1 to {GROWTH}")
    studio.gallery.grow(count)
    return {"seeds": studio.gallery.pool()}


def _finish(studio: Studio, said: Mapping[str, Any]) -> Any:
    kept = said.get("kept", [])
    if not isinstance(kept, list) or not all(type(seed) is int for seed in kept):
        raise UsageError("kept is a list of seeds")
    studio.finishing.begin(kept)
    return {"finish": studio.finishing.state}


def _close(studio: Studio, said: Mapping[str, Any]) -> Any:
    studio.close()
    return {"closed": True}


def _seed(said: Mapping[str, Any]) -> int:
    seed = said.get("seed")
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise UsageError(f"a seed is a whole number from 0 to {MAX_SEED}")
    return seed


def _number(request: Request, name: str, least: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise UsageError(f"{name} is a whole number from {least} to {most}")
    return int(text)


def _real(request: Request, name: str, usual: float) -> float:
    try:
        return float(request.query_params.get(name, usual))
    except ValueError:
        raise UsageError(f"{name} is a number") from None
