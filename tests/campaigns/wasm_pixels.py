"""Hundreds of pieces of many models, painted in WebAssembly, in Python and by the NumPy renderer.

    python -m tests.campaigns.wasm_pixels [--pieces 48] [--golden FOLDER] [--no-browser] [--firefox]

--pieces: of each small model; models of 64 pixels paint a third. WebAssembly paints each piece in
Node with two workers that share memory, and in Chromium, from disk, with three that send messages;
with --firefox in Firefox instead.
--golden adds the published files (.pkl) of a folder.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.networks.model_file import open_model, write_model
from nftgan.networks.sources import base_model
from nftgan.pixels import pixel_hash
from nftgan.site.renderer import script
from nftgan.synthesis.canonical import rounding_margin
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.model import load_model
from tests.site.drawing import Drawing
from tests.site.firefox import Firefox
from tests.site.models import LOOKS, MOVED, configs, saved
from tests.studio.browser import BROWSER
from tests.synthesis import numpy_renderer as second
from tests.synthesis.filled import kinds

PAGE = """<!doctype html><meta charset="utf-8"><title>draw</title>
<script src="renderer.js"></script>
<script>
let renderer;
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
async function load(model) {
  renderer ??= await nftganRenderer.Renderer.create({ workers: 3 });
  return (await renderer.load(bytes(model))).identity;
}
async function draw(recipe, seed) {
  const picture = await renderer.render({ recipe, seed });
  return [picture.hash, btoa(String.fromCharCode(...picture.pixels))];
}
</script>"""
Paint = Callable[[dict[str, Any], int], np.ndarray]


def models(folder: Path, golden: Path | None) -> Iterator[tuple[str, Path]]:
    """Name and file of each model."""
    yield "base", base_model()
    for name, config in configs().items():
        yield name, saved(config, folder / f"{name}.safetensors")
    for name, config in kinds(64).items():
        yield f"{name}-64", saved(config, folder / f"{name}-64.safetensors")
    for path in sorted(golden.glob("*.pkl")) if golden else []:
        if "canary" not in path.stem:
            target = folder / f"{path.stem}.safetensors"
            write_model(target, open_model(path))
            yield f"published {path.stem}", target


@contextmanager
def chromium(folder: Path) -> Iterator[tuple[Callable[[Path], str], Paint]]:
    """What loads a model in a page from disk, and what draws there."""
    from playwright.sync_api import sync_playwright

    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    (folder / "renderer.js").write_text(script(), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((folder / "index.html").as_uri())

        def load(path: Path) -> str:
            text = base64.b64encode(path.read_bytes()).decode()
            said: str = page.evaluate("load", text)
            return said

        def draw(recipe: dict[str, Any], seed: int) -> np.ndarray:
            named, text = page.evaluate("([recipe, seed]) => draw(recipe, seed)", [recipe, seed])
            flat = np.frombuffer(base64.b64decode(text), np.uint8)
            image = flat.reshape(*recipe["size"], -1)
            assert pixel_hash(image) == named
            return image

        yield load, draw
        browser.close()


@contextmanager
def firefox(folder: Path) -> Iterator[tuple[Callable[[Path], str], Paint]]:
    """The same in Firefox."""
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    (folder / "renderer.js").write_text(script(), encoding="utf-8")
    with Firefox() as tab:
        print(tab.goto((folder / "index.html").as_uri()), file=sys.stderr)

        def load(path: Path) -> str:
            text = base64.b64encode(path.read_bytes()).decode()
            return str(tab.evaluate("(model) => load(model)", text))

        def draw(recipe: dict[str, Any], seed: int) -> np.ndarray:
            named, text = tab.evaluate("(recipe, seed) => draw(recipe, seed)", recipe, seed)
            flat = np.frombuffer(base64.b64decode(text), np.uint8)
            image = flat.reshape(*recipe["size"], -1)
            assert pixel_hash(image) == named
            return image

        yield load, draw


def compare(pieces: int, golden: Path | None, *, browser: str) -> dict[str, Any]:
    """browser: "chromium", "firefox" or "" for none."""
    total = {"pieces": 0, "values": 0, "python": 0, "numpy": 0, "browser": 0}
    furthest = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Drawing(folder, workers=2, shared=True) as node:
            if browser:
                with (firefox if browser == "firefox" else chromium)(folder) as page:
                    rows = list(_rows(folder, pieces, golden, node, page))
            else:
                rows = list(_rows(folder, pieces, golden, node, None))
    for row in rows:
        for key in total:
            total[key] += row[key]
        furthest = max(furthest, row["margins_differ_by"])
    return {"models": rows, **total, "margins_differ_by": furthest}


def _rows(
    folder: Path, pieces: int, golden: Path | None, node: Drawing, page: Any
) -> Iterator[dict[str, Any]]:
    for name, path in models(folder, golden):
        model, opened = load_model(path), second.load(path)
        config = model.generator.config
        identities = {model.identity, node.load(path)["identity"]}
        if page:
            identities.add(page[0](path))
        assert identities == {model.identity}, f"{name}: identities differ"
        row: dict[str, Any] = {"model": name, "pieces": 0, "values": 0, "margins_differ_by": 0.0}
        row |= {"python": 0, "numpy": 0, "browser": 0}  # differing values
        looks = LOOKS if config.kind == "stylegan2" else LOOKS + MOVED
        for number in range(math.ceil(pieces / (3 if config.img_resolution > 32 else 1))):
            look = dict(looks[number % len(looks)])
            if config.c_dim:
                look["label"] = number % config.c_dim
            recipe, seed = model.recipe(**look), number * 97_003_111 % 2**32
            document = recipe.to_json()
            ours = model.render_checked(seed, recipe)
            levels = second.levels_of(*opened, seed, document)
            theirs = apply_finish(second.pixels(levels), recipe.finish)
            drawn, said = node.draw(document, seed)
            row["pieces"] += 1
            row["values"] += drawn.size
            row["python"] += int((drawn != ours.image).sum())
            row["numpy"] += int((drawn != theirs).sum())
            if page:
                row["browser"] += int((page[1](document, seed) != drawn).sum())
            by = max(abs(said["margin"] - m) for m in (ours.margin, rounding_margin(levels)))
            row["margins_differ_by"] = max(row["margins_differ_by"], by)
        print(json.dumps(row), file=sys.stderr, flush=True)
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=48)
    parser.add_argument("--golden", type=Path)
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--firefox", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    browser = "chromium" if BROWSER is not None and not arguments.no_browser else ""
    browser = "firefox" if arguments.firefox else browser
    result = compare(arguments.pieces, arguments.golden, browser=browser)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"{result['pieces']} pieces of {len(result['models'])} models, {result['values']:,}"
            f" values: {result['python']} differ from Python, {result['numpy']} from NumPy;"
            f" {result['browser']} between Node and the browser"
            f" ({browser or 'not run'}). Margins differ by at most"
            f" {result['margins_differ_by']:.1e} grey levels."
        )
    raise SystemExit(3 if result["python"] + result["numpy"] + result["browser"] else 0)


if __name__ == "__main__":
    main()
