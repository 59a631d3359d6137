"""A preview of a site on this machine: its files on 127.0.0.1, and nothing else."""

from __future__ import annotations

import logging
import os
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    server_version = "nftgan"
    sys_version = ""
    extensions_map = {  # noqa: RUF012 - as the base class has it
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".safetensors": "application/octet-stream",
    }

    def end_headers(self) -> None:
        # With these two a page may share memory with its workers, which draws faster.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def send_head(self) -> Any:
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host not in {LOOPBACK, "localhost"}:  # a foreign name for this machine: DNS rebinding
            self.send_error(HTTPStatus.BAD_REQUEST, "this host is not served here")
            return None
        only = self.server.only  # type: ignore[attr-defined]
        name = Path(self.translate_path(self.path)).relative_to(self.directory).parts[:1]
        if only and name and name[0] not in only:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: Any) -> None:
        log.info(format, *args)


class SiteServer(ThreadingHTTPServer):
    """Serves `folder` on 127.0.0.1. Raises UsageError when the port is taken."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0, only: tuple[str, ...] = ()) -> None:
        """only: names in `folder` that are served, the first of them as the site; else all."""
        self.only = only
        try:
            super().__init__((LOOPBACK, port), partial(_Handler, directory=str(folder)))
        except OSError as exc:
            raise UsageError(
                f"port {port} on {LOOPBACK} cannot be used: {exc.strerror}",
                hint="choose another one with --port",
            ) from exc

    @property
    def url(self) -> str:
        site = f"{self.only[0]}/" if self.only else ""
        return f"http://{LOOPBACK}:{self.server_address[1]}/{site}"
