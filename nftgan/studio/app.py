"""The studio's pages and answers: which address gives what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nftgan.errors import NftganError, UsageError
from nftgan.files import parse_json
from nftgan.page import BASE, sheet
from nftgan.studio import answers, changes
from nftgan.studio.params import path_seed
from nftgan.studio.queue import Rank
from nftgan.studio.screen import image_type
from nftgan.studio.session import Studio

STATIC = "static"
MEDIA = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
BODY_BYTES = 512 << 10
GONE = 499  # to somebody who does not listen any more
LOOK_AROUND = 0.05  # seconds between two looks whether a page still waits


def application(studio: Studio) -> Starlette:
    """The ASGI application, to be put behind a `Door`."""
    files = static_files()
    routes = [
        Route("/", lambda request: _file(files, "index.html")),
        Route("/favicon.ico", lambda request: _file(files, "icon.svg")),
        Route("/static/{name}", lambda request: _file(files, request.path_params["name"])),
    ]
    for path, answer in (
        ("/api/session", answers.session),
        ("/api/pool", answers.pool),
        ("/api/news", answers.news),
        ("/api/table", answers.table),
        ("/api/piece/{seed:int}", answers.piece),
        ("/api/like/{seed:int}", answers.like),
        ("/api/tray", answers.collection),
        ("/api/walk", answers.walk),
        ("/walk/{number:int}", answers.walk_frame),
        ("/api/run", answers.training),
        ("/look/{seed:int}", answers.look),
        ("/art/{index:int}", answers.art),
        ("/sheet/{kimg:int}", answers.sheet),
        ("/reals", answers.reals),
        ("/contact-sheet.png", answers.contact_sheet),
    ):
        routes.append(Route(path, _answering(studio, answer)))
    routes.append(Route("/image/{seed:int}", _waiting(studio)))
    for path, act in (
        ("/api/opinion", changes.say),
        ("/api/order", changes.order),
        ("/api/look", changes.look),
        ("/api/step", changes.step),
        ("/api/network", changes.network),
        ("/api/grow", changes.grow),
        ("/api/finish", changes.finish),
        ("/api/close", changes.close),
    ):
        routes.append(Route(path, _acting(studio, act), methods=["POST"]))
    return Starlette(
        routes=routes, exception_handlers={NftganError: _refuse, HTTPException: _plain_error}
    )


def static_files() -> dict[str, bytes]:
    """Name → content of the pages: no request ever names a path."""
    folder = resources.files("nftgan.studio") / STATIC
    own = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return {**own, BASE: sheet(BASE).encode()}


# ---- kinds of answers ------------------------------------------------------------------------


def _answering(studio: Studio, answer: Callable[[Studio, Request], Any]) -> Any:
    """An endpoint that may take its time: it runs in a thread."""

    async def endpoint(request: Request) -> Response:
        found = await run_in_threadpool(answer, studio, request)
        if isinstance(found, answers.Pending):
            if not await _awaited(found, request):
                return Response(status_code=GONE)
            results = [part.result() for part in found.parts]
            found = await run_in_threadpool(found.then, *results)
        return found if isinstance(found, Response) else JSONResponse(found)

    return endpoint


async def _awaited(pending: answers.Pending, request: Request) -> bool:
    """Whether all is there; False, and the rest is left out, once the page has gone elsewhere."""
    waiting = {asyncio.wrap_future(part) for part in pending.parts}
    while waiting:
        done, waiting = await asyncio.wait(waiting, timeout=LOOK_AROUND)
        for one in done:
            one.exception()  # told below, and by asyncio's log only where nobody had asked
        if waiting and await request.is_disconnected():
            for part in pending.parts:
                part.cancel()
            return False
    return True


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
        seed, gallery = path_seed(request), studio.gallery
        data = gallery.image(seed)
        if data is None:
            gallery.want(seed)
            first = None
            if answers.rank(request) is Rank.STAGE:
                first = gallery.ask(partial(gallery.paint, seed), Rank.STAGE)
            try:
                while (data := gallery.image(seed)) is None:
                    if gallery.failure is not None:
                        raise HTTPException(503, gallery.failure)
                    if gallery.stopped or await request.is_disconnected():
                        return Response(status_code=GONE)
                    await asyncio.sleep(0.02)
            finally:
                gallery.unwant(seed)
                if first is not None:
                    first.cancel()
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
