"""Commands whose work two processes share: one start of the pair for all of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nftgan.collection.manifest import load_manifest
from nftgan.dataset.pack import write_dataset
from nftgan.networks.sources import base_model
from nftgan.project import Project
from nftgan.synthesis.model import load_model
from nftgan.workflows import render as subject
from nftgan.workflows.init import init
from nftgan.workflows.render import NOTES, render
from tests.workflows.pairs import pair
from tests.workflows.test_render import unrendered


def files(project: Project) -> dict[str, bytes]:
    paths = [project.manifest_path, *project.images.iterdir(), *project.metadata.iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def test_two_processes_give_what_one_gives_and_a_killed_one_costs_one_image(
    published: Project,
    tmp_path: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[..., Any],
) -> None:
    alone, both, killed = (unrendered(published, tmp_path / n) for n in ("alone", "both", "killed"))
    assert (render(alone).rendered, render(alone).skipped) == (3, 3)
    told = answer("metadata", "-C", str(alone.root))
    where = ("-C", str(published.root))
    for verb in (["pin"], ["mint", "--yes"]):
        answer(*verb, *where)
    proof = answer("verify", "--all", *where)
    art = tmp_path / "art.zip"
    write_dataset(art, list(load_model(base_model()).generate(range(1000, 1024))), labels=None)
    judge = ("evaluate", str(art), "-m", "base", "--images", "40", "--device", "cpu")
    judge = (*judge, "--metrics", "kid,copies,swd")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    figures = answer(*judge)
    choose = ("--auto", "2", "-m", "base", "--seeds", "0-29", "--dataset", str(art))
    chosen = answer("curate", "-C", str(init("birds", tmp_path / "c1").folder), *choose)
    torch.set_num_threads(threads)
    shutil.rmtree(published.root.parent / "home" / "cache" / "features")
    folder, made, once = tmp_path / "pair", list[int](), subject._render_one

    def patient(*arguments: Any) -> Any:
        """The main process makes nothing more until the other has died, in the second run."""
        made.append(arguments[2])
        if len(set(made)) < len(made) or (folder / "first").exists():
            deadline = time.monotonic() + 100
            while not (folder / "second").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
        return once(*arguments)

    monkeypatch.setattr(subject, "_render_one", patient)
    commands = [
        ["render", "-C", str(both.root)],
        ["metadata", "-C", str(both.root)],
        ["verify", "--all", *where],
        judge,
        ["curate", "-C", str(init("birds", tmp_path / "c2").folder), *choose],
        ["die", "render", "-C", str(killed.root)],
    ]
    (code, document), measured, proven, judged, picked, (died, refused) = pair(
        folder, commands, capsys
    )
    assert proven == (0, {"ok": True, "result": proof})
    assert len(proof["tokens"]) == 3
    assert (folder / "code-2").read_text() == "0"
    assert judged == (0, {"ok": True, "result": figures})
    assert picked[0] == 0 and picked[1]["result"].pop("manifest") != chosen.pop("manifest")
    assert picked[1]["result"] == chosen and len(chosen["seeds"]) == 2
    both_manifests = [tmp_path / c / "birds" / "collection.json" for c in ("c1", "c2")]
    assert len({path.read_bytes() for path in both_manifests}) == 1
    assert not (published.root.parent / "home" / "curate").exists() or not list(
        (published.root.parent / "home" / "curate").iterdir()
    )
    assert code == 0 and document["result"]["rendered"] == 3 and document["result"]["kept"] == 0
    assert measured == (0, {"ok": True, "result": told | {"folder": str(both.metadata)}})
    assert files(both) == files(alone)
    assert not (both.root / NOTES).exists()

    assert died == 6 and refused["error"]["kind"] == "partly_done"
    assert "another process" in refused["error"]["message"]
    pixels = [piece.pixels is not None for piece in load_manifest(killed).pieces]
    assert sum(pixels) == 2, "what the dead process had made is known, too"
    assert not list(killed.images.glob(".*"))
    monkeypatch.setattr(subject, "_render_one", once)
    again = render(killed)
    assert (again.rendered, again.skipped) == (1, 2)
    assert answer("metadata", "-C", str(killed.root)) == told | {"folder": str(killed.metadata)}
    assert files(killed) == files(alone)
