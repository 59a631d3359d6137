"""The studio's server: on 127.0.0.1 only, at a free port, behind a fresh token."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nftgan.errors import UsageError
from nftgan.studio.access import Door
from nftgan.studio.app import application
from nftgan.studio.session import Studio

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 2
REQUEST_SECONDS = 30.0
"""A connection over which no whole request came by then is closed."""
MOST_CONNECTIONS = 200


class _Protocol(H11Protocol):
    """HTTP/1.1 that ends a connection which never asks anything; uvicorn waits for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(REQUEST_SECONDS, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class StudioServer:
    """Serves one `Studio`; `address` is for the artist alone, since it holds the token.

    port: 0 for a free one. Raises UsageError when the port cannot be had.
    """

    def __init__(self, studio: Studio, *, port: int = 0) -> None:
        self._studio = studio
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as exc:
            self._socket.close()
            raise UsageError(
                f"port {port} cannot be used: {(exc.strerror or str(exc)).lower()}",
                hint="leave --port away: a free one is found",
            ) from exc
        self._socket.listen(128)  # from here on a browser's request waits instead of failing
        self.port: int = self._socket.getsockname()[1]
        self._token = secrets.token_urlsafe(32)
        door = Door(application(studio), token=self._token, port=self.port)
        config = uvicorn.Config(
            door,
            log_level="warning",
            access_log=False,  # it would hold the token
            server_header=False,
            lifespan="off",
            ws="none",
            http=_Protocol,
            limit_concurrency=MOST_CONNECTIONS,
            loop="asyncio",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        studio.close = self.stop

    def __repr__(self) -> str:
        return f"<StudioServer on port {self.port}>"

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/?token={self._token}"

    def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Generate and answer until `stop`; `ready` is called when it may be opened.

        Raises KeyboardInterrupt after Ctrl-C, when nothing is at work any more.
        """
        with self._minding_ctrl_c() as asked:
            try:
                self._studio.gallery.start()
                ready()
                self._server.run(sockets=[self._socket])
            finally:
                self._socket.close()
                self._studio.gallery.close()
        if asked.is_set():
            raise KeyboardInterrupt

    @contextmanager
    def _minding_ctrl_c(self) -> Iterator[threading.Event]:
        """Ctrl-C is a wish here and no exception: one in the middle of an import, or of the
        arithmetic of the thread that generates, would leave locks behind that the thread then waits
        for.
        """
        asked = threading.Event()

        def ask(number: int, frame: FrameType | None) -> None:
            asked.set()
            self.stop()

        if threading.current_thread() is not threading.main_thread():
            yield asked
            return
        before = signal.signal(signal.SIGINT, ask)
        try:
            yield asked
        finally:
            signal.signal(signal.SIGINT, before)

    def stop(self) -> None:
        """End `serve` soon; from any thread."""
        self._server.should_exit = True

    def serve_in_thread(self) -> threading.Thread:
        """`serve` in a thread of its own, for notebooks and tests."""
        thread = threading.Thread(target=self.serve, name="studio server", daemon=True)
        thread.start()
        return thread
