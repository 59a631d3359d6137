"""A loopback gateway over a block source: paths, raw blocks and CARs, with ranges and ETags."""

from __future__ import annotations

import logging
import mimetypes
import re
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from nftgan.errors import CheckFailed, NftganError, UsageError
from nftgan.ipfs.car import header, section
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import (
    Get,
    NotFound,
    checked,
    entries,
    file_size,
    is_folder,
    resolve,
    stream,
    walk,
)

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
RAW_TYPE, CAR_TYPE = "application/vnd.ipld.raw", "application/vnd.ipld.car"
FOREVER = "public, max-age=29030400, immutable"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Gateway(ThreadingHTTPServer):
    """Serves /ipfs/CID/path on 127.0.0.1; nothing else can be asked of it."""

    daemon_threads = True

    def __init__(self, get: Get, port: int = 0) -> None:
        self.get = checked(get)
        try:
            super().__init__((LOOPBACK, port), Handler)
        except OSError as exc:
            raise UsageError(
                f"port {port} on {LOOPBACK} cannot be used: {exc.strerror}",
                hint="choose another one with --port",
            ) from exc

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request: GET or HEAD of a path, a raw block or a CAR."""

    server: Gateway
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the headers' acknowledgement
    server_version = "nftgan"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:
        log.info(format, *args)

    def _answer(self, *, body: bool) -> None:
        try:
            self._serve(body=body)
        except NotFound as exc:
            self._fail(HTTPStatus.NOT_FOUND, exc, body)
        except UsageError as exc:
            self._fail(HTTPStatus.BAD_REQUEST, exc, body)
        except CheckFailed as exc:
            damaged = "damaged" in exc.message or "others" in exc.message
            status = HTTPStatus.BAD_GATEWAY if damaged else HTTPStatus.NOT_FOUND
            self._fail(status, exc, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _fail(self, status: HTTPStatus, error: NftganError, body: bool) -> None:
        data = (error.message + "\n").encode()
        self._head(status, "text/plain; charset=utf-8", len(data))
        if body:
            self.wfile.write(data)

    def _head(self, status: int, kind: str, size: int | None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if size is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(size))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    # ---- what is asked

    def _serve(self, *, body: bool) -> None:
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host not in {LOOPBACK, "localhost"}:
            # A foreign name that resolves to this machine is a DNS rebinding attack.
            raise UsageError(f"the host {host!r} is not served here")
        url = urlsplit(self.path)
        parts = unquote(url.path).split("/", 3)
        if len(parts) < 3 or parts[1] != "ipfs":
            raise NotFound("only /ipfs/CID is served here")
        root, path = Cid.parse(parts[2]), parts[3] if len(parts) > 3 else ""
        cid = resolve(self.server.get, root, path)
        accept = self.headers.get("Accept") or ""
        form = parse_qs(url.query).get("format", [""])[0]
        if form == "raw" or RAW_TYPE in accept:
            self._bytes(self.server.get(cid), f"{cid}.raw", RAW_TYPE, body, str(cid) + ".raw")
        elif form == "car" or CAR_TYPE in accept:
            self._car(cid, body)
        elif is_folder(self.server.get, cid):
            self._folder(cid, url.path, body)
        else:
            self._file(cid, path, body)

    def _bytes(self, data: bytes, name: str, kind: str, body: bool, tag: str) -> None:
        extra = {"Cache_Control": FOREVER, "ETag": f'"{tag}"'}
        extra["Content_Disposition"] = f'attachment; filename="{name}"'
        self._head(HTTPStatus.OK, kind, len(data), **extra)
        if body:
            self.wfile.write(data)

    def _car(self, root: Cid, body: bool) -> None:
        blocks = walk(self.server.get, root)
        first = next(blocks)  # before the status line: an absent root is a 404
        name = f'attachment; filename="{root}.car"'
        self._head(
            HTTPStatus.OK,
            f"{CAR_TYPE}; version=1; order=dfs; dups=n",
            None,
            Content_Disposition=name,
            ETag=f'W/"{root}.car"',
        )
        if body:
            self.wfile.write(header(root))
            for cid, data in (first, *blocks):
                self.wfile.write(section(cid, data))

    def _folder(self, cid: Cid, path: str, body: bool) -> None:
        if not path.endswith("/"):
            self._head(HTTPStatus.MOVED_PERMANENTLY, "text/plain", 0, Location=quote(path) + "/")
            return
        rows = "".join(
            f'<li><a href="{quote(link.name)}">{escape(link.name)}</a></li>'
            for link in entries(self.server.get, cid)
        )
        page = f"<!doctype html><meta charset=utf-8><title>{cid}</title><ul>{rows}</ul>".encode()
        self._head(HTTPStatus.OK, "text/html; charset=utf-8", len(page), ETag=f'"{cid}.dir"')
        if body:
            self.wfile.write(page)

    def _file(self, cid: Cid, path: str, body: bool) -> None:
        size, tag = file_size(self.server.get, cid), f'"{cid}"'
        headers = {"Cache_Control": FOREVER, "ETag": tag, "Accept_Ranges": "bytes"}
        if self.headers.get("If-None-Match") == tag:
            self._head(HTTPStatus.NOT_MODIFIED, "text/plain", 0, **headers)
            return
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        asked = _asked_range(self.headers.get("Range"), size)
        if asked is None:
            self._head(HTTPStatus.OK, kind, size, **headers)
            start, end = 0, size
        elif asked[0] >= asked[1]:
            headers["Content_Range"] = f"bytes */{size}"
            self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, kind, 0, **headers)
            return
        else:
            start, end = asked
            headers["Content_Range"] = f"bytes {start}-{end - 1}/{size}"
            self._head(HTTPStatus.PARTIAL_CONTENT, kind, end - start, **headers)
        if body:
            for piece in stream(self.server.get, cid, start, end):
                self.wfile.write(piece)


def _asked_range(text: str | None, size: int) -> tuple[int, int] | None:
    """[start, end) that a Range header asks for; None to send everything."""
    match = _RANGE.fullmatch(text or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        return max(size - int(match[2]), 0), size
    end = int(match[2]) + 1 if match[2] else size
    return int(match[1]), min(end, size)
