"""A loopback gateway over a block source: paths, raw blocks and CARs, with ranges and ETags."""

from __future__ import annotations

import logging
import mimetypes
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from nftgan.errors import CheckFailed, NftganError, UsageError
from nftgan.ipfs.car import header, section
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import (
    BlockDamaged,
    BlockGetter,
    NotFound,
    entries,
    file_size,
    is_folder,
    resolve,
    stream,
    verified,
    walk,
)
from nftgan.page import document
from nftgan.words import counted

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
RAW_TYPE, CAR_TYPE = "application/vnd.ipld.raw", "application/vnd.ipld.car"
FOREVER = "public, max-age=29030400, immutable"
FORMATS = {"raw": RAW_TYPE, "car": CAR_TYPE}
SCOPES = ("all", "entity", "block")
IDENTITY_CID = "bafkqaaa"
"""The CID that holds its own bytes, none: clients ask for it to see whether this is a gateway."""

ASKED_HEADERS = "Accept, Content-Type, If-None-Match, If-Range, Range, User-Agent, X-Requested-With"
TOLD_HEADERS = "Accept-Ranges, Content-Length, Content-Range, ETag, X-Ipfs-Path"
"""What pages of other origins may send and read (CORS)."""

IDLE_SECONDS = 60.0
"""A connection over which nothing comes for so long is closed."""
MOST_CONNECTIONS = 128
"""Each has a thread; more wait in the listening socket until one ends."""

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


class Gateway(ThreadingHTTPServer):
    """Serves /ipfs/CID/path on 127.0.0.1; nothing else can be asked of it."""

    daemon_threads = True

    def __init__(self, get: BlockGetter, port: int = 0) -> None:
        self.get = verified(get)
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__((LOOPBACK, port), Handler)
        except OSError as exc:
            raise UsageError(
                f"port {port} on {LOOPBACK} cannot be used: {exc.strerror}",
                hint="choose another one with --port",
            ) from exc

    def process_request(self, request: Any, client_address: Any) -> None:
        self._places.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started, so none will give the place back
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request: GET or HEAD of a path, a raw block or a CAR."""

    server: Gateway
    timeout = IDLE_SECONDS
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the headers' acknowledgement
    server_version = "nftgan"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_OPTIONS(self) -> None:
        """What a page of another origin may ask (the preflight of CORS)."""
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
        self.send_header("Access-Control-Allow-Headers", ASKED_HEADERS)
        self.send_header("Access-Control-Max-Age", "86400")
        if self.headers.get("Access-Control-Request-Private-Network") == "true":
            self.send_header("Access-Control-Allow-Private-Network", "true")
        self.end_headers()

    def end_headers(self) -> None:
        # Blocks prove themselves and nothing here can be changed: any page may read them.
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Expose-Headers", TOLD_HEADERS)
        self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        log.info(format, *args)

    def _answer(self, *, body: bool) -> None:
        self._begun = False
        try:
            self._serve(body=body)
        except NotFound as exc:
            self._fail(HTTPStatus.NOT_FOUND, exc, body)
        except UsageError as exc:
            self._fail(HTTPStatus.BAD_REQUEST, exc, body)
        except BlockDamaged as exc:
            self._fail(HTTPStatus.BAD_GATEWAY, exc, body)
        except CheckFailed as exc:
            self._fail(HTTPStatus.NOT_FOUND, exc, body)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _fail(self, status: HTTPStatus, error: NftganError, body: bool) -> None:
        if self._begun:  # too late for a status: a body that ends early is the only way to tell
            log.error("%s: %s", self.path, error.message)
            self.close_connection = True
            return
        data = (error.message + "\n").encode()
        self._head(status, "text/plain; charset=utf-8", len(data))
        if body:
            self.wfile.write(data)

    def _head(self, status: int, kind: str, size: int | None, **headers: str) -> None:
        """Without a size the body is chunked."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if size is not None:
            self.send_header("Content-Length", str(size))
        elif self.request_version == "HTTP/1.0":
            self.close_connection = True
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self._begun = True

    def _unchanged(self, headers: dict[str, str]) -> bool:
        """Whether the client has it already, and then was told so."""
        asked = self.headers.get("If-None-Match") or ""
        tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
        if asked.strip() != "*" and headers["ETag"].removeprefix("W/") not in tags:
            return False
        self.send_response(HTTPStatus.NOT_MODIFIED)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        return True

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
        path = parts[3] if len(parts) > 3 else ""
        form = self._format(parse_qs(url.query).get("format", [""])[0])
        if parts[2] == IDENTITY_CID and not path and form == "raw":
            self._raw(IDENTITY_CID, b"", url.path, body)
            return
        path_blocks: list[tuple[Cid, bytes]] = []
        cid = resolve(_noting(self.server.get, path_blocks), Cid.parse(parts[2]), path)
        if form == "raw":
            self._raw(str(cid), self.server.get(cid), url.path, body)
        elif form == "car":
            self._car(cid, path_blocks, parse_qs(url.query), body)
        elif is_folder(self.server.get, cid):
            self._folder(cid, url.path, body)
        else:
            query = parse_qs(url.query)
            called = _file_name(query.get("filename", [""])[0])
            saved = query.get("download", [""])[0] == "true"
            self._file(cid, path, url.path, body, called=called, saved=saved)

    def _format(self, asked: str) -> str:
        """raw, car, or nothing for the file itself. Raises UsageError for what is not served."""
        if asked and asked not in FORMATS:
            raise UsageError(f"the format {asked[:40]!r} is not served here, only raw and car")
        wanted = _accepted(self.headers.get("Accept") or "")
        return asked or next((name for name, kind in FORMATS.items() if kind in wanted), "")

    def _raw(self, cid: str, data: bytes, path: str, body: bool) -> None:
        headers = {"Cache_Control": FOREVER, "ETag": f'"{cid}.raw"', "X_Ipfs_Path": path}
        headers["Content_Disposition"] = f'attachment; filename="{cid}.bin"'
        if self._unchanged(headers):
            return
        self._head(HTTPStatus.OK, RAW_TYPE, len(data), **headers)
        if body:
            self.wfile.write(data)

    def _car(
        self,
        root: Cid,
        path_blocks: list[tuple[Cid, bytes]],
        query: dict[str, list[str]],
        body: bool,
    ) -> None:
        """The blocks that prove the path, then those that `dag-scope` asks for, each once."""
        scope = query.get("dag-scope", ["all"])[0]
        if scope not in SCOPES:
            raise UsageError(f"the dag-scope {scope[:40]!r} is not one of {', '.join(SCOPES)}")
        blocks = _scoped(self.server.get, root, scope)
        first = next(blocks)  # before the status line: an absent root is a 404
        headers = {"Cache_Control": FOREVER, "ETag": f'W/"{root}.{scope}.car"'}
        headers["Content_Disposition"] = f'attachment; filename="{root}.car"'
        if self._unchanged(headers):
            return
        kind = f"{CAR_TYPE}; version=1; order=dfs; dups=n"
        self._head(HTTPStatus.OK, kind, None, **headers)
        if not body:
            return
        self._piece(header(root))
        sent: set[Cid] = set()
        for cid, data in chain(path_blocks, [first], blocks):
            if cid not in sent:
                sent.add(cid)
                self._piece(section(cid, data))
        if self.request_version != "HTTP/1.0":
            self.wfile.write(b"0\r\n\r\n")

    def _piece(self, data: bytes) -> None:
        if self.request_version == "HTTP/1.0":
            self.wfile.write(data)
        else:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _folder(self, cid: Cid, path: str, body: bool) -> None:
        if not path.endswith("/"):
            self._head(HTTPStatus.MOVED_PERMANENTLY, "text/plain", 0, Location=path + "/")
            return
        with suppress(NotFound):
            index = resolve(self.server.get, cid, "index.html")
            self._file(index, "index.html", path, body)
            return
        headers = {"ETag": f'"{cid}.dir"', "X_Ipfs_Path": path}
        if self._unchanged(headers):
            return
        names = [(quote(link.name), link.name) for link in entries(self.server.get, cid)]
        page = document(
            "folder.html",
            title=str(cid),
            sheets=("document.css",),
            count=counted(len(names), "entry", "entries"),
            cid=str(cid),
            names=names,
        ).encode()
        self._head(HTTPStatus.OK, "text/html; charset=utf-8", len(page), **headers)
        if body:
            self.wfile.write(page)

    def _file(
        self, cid: Cid, name: str, path: str, body: bool, *, called: str = "", saved: bool = False
    ) -> None:
        """`called`: the name that the client asked for; `saved`: to be kept and not shown."""
        size, tag = file_size(self.server.get, cid), f'"{cid}"'
        headers = {"Cache_Control": FOREVER, "ETag": tag, "Accept_Ranges": "bytes"}
        headers["X_Ipfs_Path"] = path
        if called or saved:
            how = "attachment" if saved else "inline"
            plain = called.encode("ascii", "replace").decode().replace("?", "_")
            more = f"; filename=\"{plain}\"; filename*=UTF-8''{quote(called)}" if called else ""
            headers["Content_Disposition"] = how + more
        if self._unchanged(headers):
            return
        kind = mimetypes.guess_type(called or name)[0] or "application/octet-stream"
        wanted = self.headers.get("If-Range", tag) == tag  # else the client's part is of another
        asked = _asked_range(self.headers.get("Range"), size) if wanted else None
        start, end = asked or (0, size)
        if asked is None:
            status = HTTPStatus.OK
        elif start >= end:
            headers["Content_Range"] = f"bytes */{size}"
            self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, kind, 0, **headers)
            return
        else:
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content_Range"] = f"bytes {start}-{end - 1}/{size}"
        pieces = stream(self.server.get, cid, start, end)
        first = next(pieces, b"") if body else b""  # before the status line: it may be damaged
        self._head(status, kind, end - start, **headers)
        if body:
            for piece in chain([first], pieces):
                self.wfile.write(piece)


def _noting(get: BlockGetter, path_blocks: list[tuple[Cid, bytes]]) -> BlockGetter:
    """`get` that notes what was read."""

    def read(cid: Cid) -> bytes:
        data = get(cid)
        path_blocks.append((cid, data))
        return data

    return read


def _scoped(get: BlockGetter, cid: Cid, scope: str) -> Iterator[tuple[Cid, bytes]]:
    """The blocks of a DAG that a scope of the trustless gateway's specification names."""
    if scope == "all" or (scope == "entity" and not is_folder(get, cid)):
        yield from walk(get, cid)
        return
    yield cid, get(cid)
    if scope == "entity":
        seen: list[tuple[Cid, bytes]] = []
        for _ in entries(_noting(get, seen), cid):  # a sharded folder is all its shards
            yield from seen
            seen.clear()
        yield from seen


def _accepted(header: str) -> set[str]:
    """The media types that an Accept header wants (RFC 9110, section 12.5.1): not those of q=0."""
    wanted = set()
    for part in header.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        if not any(re.fullmatch(r"q\s*=\s*0(\.0{0,3})?", one) for one in parameters):
            wanted.add(kind)
    return wanted


def _file_name(text: str) -> str:
    """What a client may be told to call a file: no path, no control character, nothing quoted."""
    name = text.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable() and letter != '"')[:255]


def _asked_range(text: str | None, size: int) -> tuple[int, int] | None:
    """[start, end) that a Range header asks for; None to send everything."""
    match = _RANGE.fullmatch(text or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] and match[2] and int(match[2]) < int(match[1]):
        return None  # not a range at all
    if match[1] == "":
        return max(size - int(match[2]), 0), size
    end = int(match[2]) + 1 if match[2] else size
    return int(match[1]), min(end, size)
