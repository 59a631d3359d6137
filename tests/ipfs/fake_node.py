"""A node on loopback that speaks the few RPC calls we use, and fails in the ways asked for."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from nftgan.errors import CheckFailed
from nftgan.ipfs.cid import Cid, base58, read_varint
from nftgan.ipfs.reader import walk

Fault = str


class FakeNode(ThreadingHTTPServer):
    """Blocks and pins in memory; `faults[command]` are used up one a request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blocks: dict[Cid, bytes] = {}
        self.pinned: set[Cid] = set()
        self.faults: dict[str, list[Fault]] = {}
        self.lose: set[Cid] = set()  # accepted, answered 200, and not kept
        self.corrupt: set[Cid] = set()  # kept with one bit flipped
        self.asked: list[tuple[str, dict[str, list[str]], str | None]] = []
        self.received_bytes = 0
        self.strict = False  # whether it looks for the blocks of what it pins
        self.counts = False  # whether it answers with the number of blocks, as Kubo can

    def take(self, car: bytes) -> tuple[list[Cid], int]:
        """Keep the blocks of a CAR; its roots and how many blocks."""
        size, at = read_varint(car, 0)
        roots, end, count = _roots(car[at : at + size]), at + size, 0
        while end < len(car):
            size, at = read_varint(car, end)
            cid, data = Cid.from_bytes(car, at)
            end, count = at + size, count + 1
            self.keep(cid, car[data:end])
        return roots, count

    def keep(self, cid: Cid, content: bytes) -> None:
        """Keep one block, badly where the test says so."""
        if cid in self.corrupt:
            content = bytes([content[0] ^ 1]) + content[1:]
        if cid not in self.lose:
            self.blocks[cid] = content

    def lacks(self, root: Cid) -> str:
        """Why it cannot pin, or nothing."""
        try:
            for _ in walk(self.blocks.__getitem__, root):
                pass
        except (KeyError, CheckFailed) as exc:
            return f"block was not found locally: {exc}"
        return ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that we cut on purpose are no news."""


@contextmanager
def running(node: FakeNode) -> Iterator[FakeNode]:
    thread = threading.Thread(target=node.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield node
    finally:
        node.shutdown()
        thread.join()
        node.server_close()


class Handler(BaseHTTPRequestHandler):
    server: FakeNode
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        command = url.path.removeprefix("/api/v0/")
        options = parse_qs(url.query)
        self.server.asked.append((command, options, self.headers.get("Authorization")))
        faults = self.server.faults.get(command)
        fault = faults.pop(0) if faults else ""
        if fault == "talks while it reads":  # as a node that answers for each file does
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            return None
        if fault == "cut while sending":
            self.rfile.read(1000)
            return self._cut()
        body = self._body()
        self.server.received_bytes += len(body)
        if fault:
            return self._fail(fault)
        answer = getattr(self, "do_" + command.replace("/", "_"))
        answer(options, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    # ---- failures

    def _cut(self) -> None:
        linger = struct.pack("ii", 1, 0)  # close with RST
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def _fail(self, fault: Fault) -> None:
        kind, _, detail = fault.partition(":")
        if kind == "cut":
            self._cut()
        elif kind == "stall":
            time.sleep(float(detail))
            self._cut()
        elif kind == "empty":
            self._send(200, b"")
        elif kind == "half":
            self._send(200, b'{"Root":{"Ci')
        elif kind == "cut answer":
            self._send(200, b'{"Root":', claim=1000)
            self._cut()
        elif kind == "refuse":
            self._refuse(detail)
        elif kind.startswith("answer"):  # with a document of the test's own
            self._send(int(kind[7:] or 200), detail.encode())
        elif kind == "stream error":  # what Kubo does when it fails after the status line
            self.send_response(200)
            self.send_header("Trailer", "X-Stream-Error")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"0\r\nX-Stream-Error: unexpected EOF\r\n\r\n")
        else:  # a status of some proxy, with Retry-After
            self._send(int(kind), b"<html>no</html>", retry=detail)

    def _refuse(self, message: str) -> None:
        text = json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode()
        self._send(500, text)

    def _send(self, status: int, data: bytes, claim: int | None = None, retry: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) if claim is None else claim))
        if retry:
            self.send_header("Retry-After", retry)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    # ---- commands

    def do_version(self, options: dict[str, list[str]], body: bytes) -> None:
        self._send(200, b'{"Version":"0.43.0"}')

    def do_dag_import(self, options: dict[str, list[str]], body: bytes) -> None:
        node, start = self.server, body.index(b"\r\n\r\n") + 4
        roots, count = node.take(body[start : body.rindex(b"\r\n--", 0, len(body) - 4)])
        lines = []
        if options["pin-roots"] == ["true"]:
            for root in roots:
                if node.strict and (why := node.lacks(root)):
                    link = {"Cid": {"/": str(root)}, "PinErrorMsg": why}
                    lines.append(json.dumps({"Root": link}))
                    continue
                node.pinned.add(root)
                # As js-ipfs does it: CIDv1 in base58.
                text = "z" + base58(root.to_bytes()) if root.version else str(root)
                lines.append(json.dumps({"Root": {"Cid": {"/": text}, "PinErrorMsg": ""}}))
        if node.counts:
            lines.append(json.dumps({"Stats": {"BlockCount": count}}))
        self._send(200, "\n".join(lines).encode())

    def do_pin_ls(self, options: dict[str, list[str]], body: bytes) -> None:
        cid = Cid.parse(options["arg"][0])
        if cid not in self.server.pinned:
            return self._refuse(f"path '{cid}' is not pinned")
        self._send(200, json.dumps({"Keys": {str(cid): {"Type": "recursive"}}}).encode())

    def do_pin_rm(self, options: dict[str, list[str]], body: bytes) -> None:
        cid = Cid.parse(options["arg"][0])
        if cid not in self.server.pinned:
            return self._refuse("not pinned or pinned indirectly")
        self.server.pinned.remove(cid)
        self._send(200, json.dumps({"Pins": [str(cid)]}).encode())

    def do_block_get(self, options: dict[str, list[str]], body: bytes) -> None:
        block = self.server.blocks.get(Cid.parse(options["arg"][0]))
        if block is None:
            return self._refuse("block was not found locally (offline): ipld: could not find")
        self._send(200, block)


def _roots(head: bytes) -> list[Cid]:
    roots, at = [], 0
    while (at := head.find(b"\xd8\x2a\x58", at)) >= 0:
        roots.append(Cid.from_bytes(head, at + 5)[0])
        at += 5
    return roots
