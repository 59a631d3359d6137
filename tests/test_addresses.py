from __future__ import annotations

import socket
from typing import Any

import pytest

from nftgan.addresses import is_inside, is_loopback

HERE = ["127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST.", "bafy.ipfs.localhost"]
HERE += ["::ffff:127.0.0.1"]


@pytest.mark.parametrize("host", HERE)
def test_names_and_addresses_of_this_machine_are_known(host: str) -> None:
    assert is_loopback(host)
    assert is_inside(host)


@pytest.mark.parametrize("host", ["", None, "example.org", "localhost.example.org", "10.0.0.1"])
def test_other_hosts_are_not_this_machine(host: str | None) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "192.168.1.9", "172.16.0.1", "169.254.169.254", "fe80::1%eth0", "fd00::1"],
)
def test_a_name_that_leads_into_the_network_here_is_inside(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer: list[Any] = [(0, 0, 0, "", ("93.184.215.14", 0)), (0, 0, 0, "", (address, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answer)
    assert is_inside("rebinding.example")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answer[:1])
    assert not is_inside("public.example")


def test_a_name_that_does_not_resolve_is_left_to_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> Any:
        raise OSError("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert not is_inside("nowhere.example")
