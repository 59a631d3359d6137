"""The page for markets is one file that asks nobody, and whose CID `verify` knows."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from nftgan.collection.live_link import known_pages
from nftgan.errors import UsageError
from nftgan.ipfs.importer import cid_of_bytes
from nftgan.networks.cost import RenderCost
from nftgan.site import live

AVATARS = Path(__file__).parents[2] / "collections" / "avatars"


def test_its_cid_is_among_those_that_verify_knows() -> None:
    """After a change of the page: python -m nftgan.site.live. Published CIDs are never removed."""
    assert cid_of_bytes(live.page()) in known_pages()


def test_it_runs_its_own_script_and_asks_its_own_folder_alone() -> None:
    text = live.page().decode()
    assert len(live.page()) < live.MAX_PAGE_BYTES
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for name, code in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert rules[name].split()[0] == f"'sha256-{digest}'"
    assert rules["connect-src"] == "'self'" and rules["default-src"] == "'none'"
    assert "http://" not in text and "https://" not in text


def test_a_model_that_nobody_would_wait_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = AVATARS / "model.safetensors"
    live.check_drawable(model)
    monkeypatch.setattr(live, "MAX_MODEL_BYTES", model.stat().st_size - 1)
    with pytest.raises(UsageError, match="MB at most"):
        live.check_drawable(model)
    monkeypatch.undo()
    monkeypatch.setattr(live, "render_cost", lambda _: RenderCost(10**12, 0, 0, 0))
    with pytest.raises(UsageError, match="50 seconds"):
        live.check_drawable(model)
