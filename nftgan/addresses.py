"""Which hosts are this machine or its network: what may be asked unencrypted, and never by others.

One rule for all that speaks HTTP: without encryption only this machine is asked, no proxy stands
between us and it, and a stranger's redirect never leads to it or into its network.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import SplitResult


def is_loopback(host: str | None) -> bool:
    """Whether `host`, a name or an IP address, is this machine by its form alone (no DNS)."""
    name = (host or "").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        return _unmapped(name).is_loopback
    except ValueError:
        return False


def is_inside(host: str | None) -> bool:
    """Whether `host` is, or resolves to, an address that is not on the public internet."""
    if not host or is_loopback(host):
        return True
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return not all(map(is_public, found))


def is_public(address: str) -> bool:
    """Whether an IP address, as the system writes it, is one of the public internet."""
    found = _unmapped(address.split("%")[0])
    return found.is_global and not found.is_multicast


def encrypted_or_here(parts: SplitResult) -> bool:
    """Whether an address is https, or http to this machine: what a secret may be sent to."""
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def redirect_refusal(
    origin: str | None, there: SplitResult, inside: Callable[[str | None], bool] = is_inside
) -> str | None:
    """Why an answer of the host `origin` may not send us `there`; None when it may.

    inside: how to tell. A server on this machine may send us to itself, as Kubo does; any other
    only to public https.
    """
    if is_loopback(origin) and is_loopback(there.hostname) and encrypted_or_here(there):
        return None
    if there.scheme != "https":
        return "to an address that is not https"
    if inside(there.hostname):
        return "to this machine or its network"
    return None


def _unmapped(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address, an IPv4 one where IPv6 only wraps it (::ffff:127.0.0.1)."""
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address
