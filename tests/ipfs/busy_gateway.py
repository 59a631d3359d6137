"""A gateway on loopback that is busy, late or gone when a test says so, and notes what is asked."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from http import HTTPStatus

from nftgan.ipfs.gateway import Gateway, Handler
from nftgan.ipfs.reader import BlockGetter


class BusyGateway(Gateway):
    """`fault(number)` of a request, from 1: "" for none, "429:1" (Retry-After), "504", "cut"."""

    def __init__(self, get: BlockGetter, fault: Callable[[int], str] = lambda number: "") -> None:
        super().__init__(get)
        self.RequestHandlerClass = BusyHandler
        self.fault, self.asked = fault, list[str]()
        self.cars = True  # whether it gives them
        self.car_bytes: int | None = None  # after so many a CAR is cut


class BusyHandler(Handler):
    server: BusyGateway

    def _answer(self, *, body: bool) -> None:
        self.server.asked.append(self.path)
        kind, _, detail = self.server.fault(len(self.server.asked)).partition(":")
        is_car = "format=car" in self.path
        if kind == "cut":
            self._cut()
        elif kind:
            self._status(int(kind), {"Retry-After": detail} if detail else {})
        elif is_car and not self.server.cars:
            self._status(HTTPStatus.NOT_ACCEPTABLE, {})
        else:
            self._left = self.server.car_bytes if is_car else None
            super()._answer(body=body)

    def _piece(self, data: bytes) -> None:
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise ConnectionResetError
        super()._piece(data)

    def _status(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _cut(self) -> None:
        linger = struct.pack("ii", 1, 0)  # close with RST
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True
