"""Who may talk to the studio: this machine's browser with the token, and nobody else.

The server listens on 127.0.0.1, where every page of the web and every user of the machine can
knock. So each request must

- name this server as its Host: a page whose name was rebound to 127.0.0.1 says its own name;
- come from a page of this server where it says where it comes from (Origin, Sec-Fetch-Site), and
  must say so when it changes anything: another site's form or script is refused;
- carry the token: once in the address that the terminal shows, then as a cookie that scripts
  cannot read and that no other site's request carries.

No answer may be framed, sniffed, stored or run with a script from elsewhere.
"""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nftgan.page import BASE, render

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
# The one thing that the door gives to everybody: the page that it closes with is styled by it.
SHEET = f"/static/{BASE}"


class Door:
    """The ASGI application `app` behind the checks above."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        # Cookies know no ports: two studios must not overwrite each other's.
        self.cookie = f"nftgan-studio-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # no websockets here
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, sealed)

    def _answer(self, scope: Scope) -> Response | None:
        """What the door itself says; None lets the request in."""
        headers = Headers(scope=scope)
        if reason := self._foreign(scope["method"], headers):
            return JSONResponse({"error": reason}, 403)
        if scope["path"] == "/" and scope["method"] == "GET":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
            if given is not None:
                return self._enter(given)
        if scope["path"] == SHEET and scope["method"] == "GET":
            return None
        if not self._knows(headers):
            if scope["path"] == "/":
                return _closed()
            return JSONResponse({"error": "the key is missing: open the address again"}, 403)
        return None

    def _foreign(self, method: str, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return "this is not the host that was asked for"
        origins = headers.getlist("origin")
        own = f"http://{hosts[0].lower()}"
        if any(origin.lower() != own for origin in origins):
            return "the request comes from another site"
        changes = method not in ("GET", "HEAD")
        if changes and not origins:
            return "a change must say where it comes from"
        site = headers.get("sec-fetch-site")
        opened = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if site not in (None, "same-origin", "none") and not opened:
            return "the request comes from another site"
        return None

    def _enter(self, given: list[str]) -> Response:
        if len(given) != 1 or not self._same(given[0]):
            return _closed()
        # A redirect would belong to the site that opened the address, and a strict cookie would
        # not be sent along; a page that moves on by itself is this server's own.
        page = HTMLResponse(render("enter.html", url="/"))
        page.set_cookie(self.cookie, self._token, httponly=True, samesite="strict", path="/")
        return page

    def _knows(self, headers: Headers) -> bool:
        for text in headers.getlist("cookie"):
            try:
                morsel = SimpleCookie(text).get(self.cookie)
            except CookieError:
                continue
            if morsel is not None and self._same(morsel.value):
                return True
        return False

    def _same(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _closed() -> Response:
    return HTMLResponse(render("studio-closed.html"), 403)
