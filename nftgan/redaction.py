"""Secrets that this process has read, taken out of every text that a person or a log may see.

Whoever reads a token, a password or an address with a key calls `remember`; whoever shows a text
that may quote a stranger calls `redact`. A service can echo a secret whole, in another encoding or
in parts: so every run of WINDOW characters of it is looked for, as it is and in the encodings of
HTTP (percent, Base64, hexadecimal).
"""

from __future__ import annotations

import base64
import threading
from urllib.parse import quote, quote_plus

MIN_SECRET_CHARACTERS = 8
WINDOW = 8
"""Characters of a secret that may not be seen in a row; shorter parts say little and would match
ordinary words."""
MIN_DISTINCT = 3
"""Different characters of such a run: `00000000` of a key tells nothing, and addresses hold it."""
REDACTED = "(secret)"

_windows: set[str] = set()
_lock = threading.Lock()


def remember(*secrets: str) -> None:
    """From now on no run of eight characters of these is shown; shorter secrets are ignored."""
    with _lock:
        for secret in secrets:
            if len(secret) >= MIN_SECRET_CHARACTERS:
                for form in _forms(secret):
                    form = form.lower()
                    windows = (form[i : i + WINDOW] for i in range(len(form) - WINDOW + 1))
                    _windows.update(w for w in windows if len(set(w)) >= MIN_DISTINCT)


def redact(text: str) -> str:
    """`text` without any part of a remembered secret."""
    if not _windows:
        return text
    low = text.lower()
    if len(low) != len(text):  # a few letters grow when lowered; then positions do not agree
        low = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    pieces, shown, position = [], 0, 0
    while position <= len(low) - WINDOW:
        if low[position : position + WINDOW] not in _windows:
            position += 1
            continue
        end = position + WINDOW
        while end < len(low) and low[end - WINDOW + 1 : end + 1] in _windows:
            end += 1
        pieces += [text[shown:position], REDACTED]
        shown = position = end
    return "".join([*pieces, text[shown:]])


def _forms(secret: str) -> set[str]:
    data = secret.encode("utf-8", "surrogatepass")
    forms = {secret, quote(data, safe=""), quote_plus(data), data.hex()}
    for lead in range(3):  # Base64 of a longer text shows one of three phases of the secret
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(lead) + data).decode()
            # The first and the last letters also hold bits of what stands beside the secret.
            forms.add(text[(0, 2, 3)[lead] :].rstrip("=")[: -1 if (lead + len(data)) % 3 else None])
    return forms
