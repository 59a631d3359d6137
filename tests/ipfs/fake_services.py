"""Pinata, a Pinning Service and their gateway on loopback, as their documents describe them."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from nftgan.errors import CheckFailed
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import file_size, resolve, stream
from tests.ipfs.fake_node import FakeNode, Handler

TOKEN = "eyJ-a-token-that-nobody-may-see"


class FakeServices(FakeNode):
    """All of them in one server; `faults[command]` are used up one a request."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = ServiceHandler
        self.paid = True  # Pinata pins by CID
        self.only_pins = False  # the gateway serves what was pinned, and what is below it by path
        self.trustless = True  # whether the gateway gives raw blocks
        self.keeps_cid = True  # else the CAR is stored as a file like any other
        self.files: dict[str, Cid] = {}  # of Pinata, by id
        self.uploads: dict[str, Upload] = {}
        self.network: dict[Cid, bytes] = {}  # what a Pinning Service can fetch
        self.pins: dict[str, dict[str, Any]] = {}
        self.states = ["queued", "pinning", "pinned"]  # one more with each look
        self.clock = 0

    def count(self, command: str) -> int:
        return sum(asked == command for asked, _, _ in self.asked)

    def store(self, car: bytes) -> str:
        """A file of Pinata; its CID."""
        roots, _ = self.take(car)
        cid = roots[0] if self.keeps_cid else Cid.of(car, 0x55)
        self.files[f"file-{len(self.files)}"] = cid
        return str(cid)


class Upload:
    """One of TUS."""

    def __init__(self, size: int, metadata: dict[str, str]) -> None:
        self.size, self.metadata, self.data = size, metadata, bytearray()
        self.cid = ""


ROUTES = [
    ("POST", r"/v3/files", "upload"),
    ("HEAD", r"/v3/files/(tus-\d+)", "tus state"),
    ("PATCH", r"/v3/files/(tus-\d+)", "tus patch"),
    ("GET", r"/v3/files/public", "files"),
    ("POST", r"/v3/files/public/pin_by_cid", "pin by cid"),
    ("DELETE", r"/v3/files/public/([^/]+)", "remove file"),
    ("GET", r"/psa/pins", "pins"),
    ("POST", r"/psa/pins", "pin"),
    ("GET", r"/psa/pins/([^/]+)", "pin state"),
    ("POST", r"/psa/pins/([^/]+)", "replace pin"),
    ("DELETE", r"/psa/pins/([^/]+)", "unpin"),
    ("GET", r"/ipfs/(.+)", "gateway"),
]


class ServiceHandler(Handler):
    server: FakeServices

    def _route(self, path: str) -> tuple[str, re.Match[str] | None]:
        for method, pattern, command in ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, path)):
                return command, found
        return "", None

    def handle_any(self) -> None:
        url = urlsplit(self.path)
        command, found = self._route(url.path)
        if found is None:
            return self._send(404, b"{}")
        if command == "upload" and self.headers.get("Upload-Length"):
            command = "tus start"
        options = parse_qs(url.query)
        self.server.asked.append((command, options, self.headers.get("Authorization")))
        faults = self.server.faults.get(command)
        fault = faults.pop(0) if faults else ""
        if command != "gateway" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._body()
            return self._send(401, json.dumps({"error": {"reason": "UNAUTHORIZED"}}).encode())
        if command == "tus patch":
            return self.tus_patch(found[1], fault)
        body = self._body()
        if command != "pin by cid":  # of content
            self.server.received_bytes += len(body)
        if fault.startswith("done, then "):  # it acts, and the answer is lost
            getattr(self, command.replace(" ", "_"))(*found.groups(), options=options, body=body)
            return None
        if fault:
            return self._fail(fault)
        getattr(self, command.replace(" ", "_"))(*found.groups(), options=options, body=body)

    do_GET = do_POST = do_PATCH = do_HEAD = do_DELETE = handle_any

    def _json(self, status: int, document: object) -> None:
        self._send(status, json.dumps(document).encode())

    def _empty(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", "0")
        self.end_headers()

    # ---- Pinata

    def upload(self, *, options: dict[str, list[str]], body: bytes) -> None:
        fields = dict(re.findall(rb'name="(\w+)"\r\n\r\n(.*?)\r\n', body))
        assert fields[b"network"] == b"public" and fields[b"car"] == b"true"
        start = body.index(b"vnd.ipld.car\r\n\r\n") + len(b"vnd.ipld.car\r\n\r\n")
        boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
        car = body[start : body.index(b"\r\n--" + boundary, start)]
        cid = self.server.store(car)
        self._json(200, {"data": {"id": "x", "cid": cid, "size": len(car), "name": "n"}})

    def tus_start(self, *, options: dict[str, list[str]], body: bytes) -> None:
        pairs = (word.split(" ") for word in self.headers["Upload-Metadata"].split(","))
        metadata = {key: base64.b64decode(value).decode() for key, value in pairs}
        assert metadata["network"] == "public" and metadata["car"] == "true"
        name = f"tus-{len(self.server.uploads)}"
        self.server.uploads[name] = Upload(int(self.headers["Upload-Length"]), metadata)
        self._empty(201, Location=f"{self.server.url}/v3/files/{name}")

    def tus_state(self, name: str, *, options: dict[str, list[str]], body: bytes) -> None:
        if (upload := self.server.uploads.get(name)) is None:
            return self._empty(404)
        self._empty(200, Upload_Offset=len(upload.data), Upload_Length=upload.size)

    def tus_patch(self, name: str, fault: str) -> None:
        """A fault "cut after:N" or "stall after:N" keeps N bytes of the body."""
        kind, _, detail = fault.partition(":")
        upload = self.server.uploads.get(name)
        if upload is None:
            return self._empty(404)
        if int(self.headers["Upload-Offset"]) != len(upload.data):
            self.close_connection = True
            return self._empty(409)
        left = int(self.headers["Content-Length"])
        if kind in {"cut after", "stall after"}:
            upload.data += self.rfile.read(int(detail))
            self.server.received_bytes += int(detail)
            if kind == "stall after":
                time.sleep(1.0)
            return self._cut()
        body = self.rfile.read(left)
        self.server.received_bytes += len(body)
        if fault and not fault.startswith("done, then "):
            return self._fail(fault)
        upload.data += body
        if len(upload.data) < upload.size:
            return self._empty(204, Upload_Offset=len(upload.data))
        upload.cid = self.server.store(bytes(upload.data))
        if fault:
            return self._cut()
        self._empty(204, Upload_Offset=len(upload.data), upload_cid=upload.cid)

    def _list(self, cid: str | None) -> list[dict[str, object]]:
        files = self.server.files.items()
        return [{"id": key, "cid": str(own)} for key, own in files if cid in {None, str(own)}]

    def files(self, *, options: dict[str, list[str]], body: bytes) -> None:
        found = self._list(options.get("cid", [None])[0])
        self._json(200, {"data": {"files": found, "next_page_token": ""}})

    def pin_by_cid(self, *, options: dict[str, list[str]], body: bytes) -> None:
        if not self.server.paid:
            return self._json(403, {"error": {"code": "FORBIDDEN", "message": "not in your plan"}})
        cid = Cid.parse(json.loads(body)["cid"])
        assert cid in self.server.blocks, "the CAR is there before its folders are pinned"
        self.server.files[f"file-{len(self.server.files)}"] = cid
        self._json(200, {"data": {"id": "x", "cid": str(cid), "status": "retrieving"}})

    def remove_file(self, name: str, *, options: dict[str, list[str]], body: bytes) -> None:
        self.server.files.pop(name, None)
        self._json(200, {"data": None})

    # ---- Pinning Service API

    def pins(self, *, options: dict[str, list[str]], body: bytes) -> None:
        wanted = options["cid"][0].split(",")
        states = options.get("status", ["pinned"])[0].split(",")
        before = options.get("before", ["9"])[0]
        found = [
            record
            for record in sorted(self.server.pins.values(), key=lambda r: r["created"])[::-1]
            if record["pin"]["cid"] in wanted
            and record["status"] in states
            and record["created"] < before
        ]
        limit = min(int(options.get("limit", ["10"])[0]), 10)  # less than asked for is allowed
        self._json(200, {"count": len(found), "results": found[:limit]})

    def pin(self, *, options: dict[str, list[str]], body: bytes) -> None:
        pin = json.loads(body)
        Cid.parse(pin["cid"])
        assert len(pin["name"]) <= 255 and len(pin["origins"]) <= 20
        server = self.server
        server.clock += 1
        name = f"request-{server.clock}"
        server.pins[name] = {
            "requestid": name,
            "status": server.states[0],
            "created": f"2026-01-01T00:00:{server.clock:06}Z",
            "pin": pin,
            "delegates": ["/dnsaddr/example.com"],
            "info": {"status_details": "looking for the blocks"},
        }
        self._json(202, server.pins[name])

    def replace_pin(self, name: str, *, options: dict[str, list[str]], body: bytes) -> None:
        del self.server.pins[name]
        self.pin(options=options, body=body)

    def pin_state(self, name: str, *, options: dict[str, list[str]], body: bytes) -> None:
        server = self.server
        record = server.pins.get(name)
        if record is None:
            return self._json(404, {"error": {"reason": "NOT_FOUND"}})
        step = server.states.index(record["status"])
        if record["status"] in server.states[:-1]:
            record["status"] = server.states[step + 1]
        if record["status"] == "pinned":
            for cid, content in server.network.items():
                server.keep(cid, content)
        self._json(200, record)

    def unpin(self, name: str, *, options: dict[str, list[str]], body: bytes) -> None:
        self._empty(202 if self.server.pins.pop(name, None) else 404)

    # ---- gateway

    def gateway(self, path: str, *, options: dict[str, list[str]], body: bytes) -> None:
        name, _, rest = unquote(path).partition("/")
        if name == "bafkqaaa":
            return self._typed(b"", self.server.trustless)
        cid, get = Cid.parse(name), self._block
        if self.server.only_pins and cid not in self.server.files.values():
            text = "The owner of this gateway does not have this content pinned"
            return self._json(403, {"error": {"code": "HTTP_FORBIDDEN", "message": text}})
        try:
            if self.server.trustless and options.get("format") == ["raw"]:
                return self._typed(get(cid), True)
            cid = resolve(get, cid, rest)
            return self._typed(b"".join(stream(get, cid, 0, file_size(get, cid))), False)
        except (CheckFailed, KeyError):
            self._send(404, b"<html>no link</html>")

    def _block(self, cid: Cid) -> bytes:
        return self.server.blocks[cid]

    def _typed(self, data: bytes, raw: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.ipld.raw" if raw else "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
