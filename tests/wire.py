"""Where the network is for tests of redirects: no socket is opened, every request is noted."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter


class Wire:
    """Each address in `ways` redirects to its value; any other answers with `body`."""

    def __init__(self, ways: Mapping[str, str], body: bytes = b"block") -> None:
        self.ways, self.body, self.asked = dict(ways), body, list[str]()

    def send(self, request: requests.PreparedRequest) -> requests.Response:
        url = str(request.url)
        self.asked.append(url)
        there = self.ways.get(url)
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(b"" if there else self.body),
            headers={"Location": there} if there else {},
            status=302 if there else 200,
            preload_content=False,
        )
        return HTTPAdapter().build_response(request, raw)


def wire(monkeypatch: pytest.MonkeyPatch, ways: Mapping[str, str], body: bytes = b"block") -> Wire:
    """From now on whatever requests sends ends here."""
    made = Wire(ways, body)

    def send(adapter: HTTPAdapter, request: requests.PreparedRequest, **_: Any) -> Any:
        return made.send(request)

    monkeypatch.setattr(HTTPAdapter, "send", send)
    return made
