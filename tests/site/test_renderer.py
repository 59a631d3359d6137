"""The renderer in WebAssembly paints what Python paints, to the last bit, and refuses the rest."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.files import canonical_json, sha256_file, sha256_hex
from nftgan.networks.architecture import StyleGAN2Config, StyleGAN3Config, to_json
from nftgan.networks.sampling import latent
from nftgan.networks.sources import base_model
from nftgan.oklab import oklab
from nftgan.pixels import pixel_hash
from nftgan.site import renderer
from nftgan.synthesis.effects import probe_image
from nftgan.synthesis.finish import apply_finish, to_colours
from nftgan.synthesis.latent import Latent
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish
from tests.site.drawing import NO_NODE, NODE, Drawing
from tests.site.models import COLOURS, configs, looks, saved
from tests.studio.browser import BROWSER, NO_BROWSER
from tests.synthesis.colour_lists import BAD_COLOURS
from tests.synthesis.flat_art import flat_picture

needs_node = [pytest.mark.node, pytest.mark.skipif(NODE is None, reason=NO_NODE)]
JS = Path(renderer.__file__).parent / "js"


def in_node(code: str) -> Any:
    """What `code`, a module, prints as JSON."""
    command = [NODE or "node", "--input-type=module", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=JS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def module(name: str) -> str:
    return json.dumps((JS / f"{name}.mjs").as_uri())


# ---- what is shipped


def test_the_note_names_the_source_and_the_kernels_that_ship() -> None:
    note = json.loads(renderer.NOTE.read_text(encoding="utf-8"))
    assert note["source"] == f"sha256:{sha256_file(renderer.SOURCE)}"
    assert note["kernels"] == f"sha256:{sha256_file(renderer.KERNELS)}"


def test_the_kernels_are_what_their_source_compiles_to() -> None:
    named = json.loads(renderer.NOTE.read_text(encoding="utf-8"))["compiler"]
    if renderer.compiler() != named:
        pytest.skip(f"needs the compiler: pip install {named.replace(' ', '==')}")
    assert renderer.compile_kernels() == renderer.KERNELS.read_bytes()


def test_the_script_asks_for_nothing_from_outside() -> None:
    text = renderer.script()
    assert "import " not in text.replace("important ", "")
    for word in ("fetch(", "XMLHttpRequest", "importScripts", "eval(", "https://"):
        assert word not in text.replace("{ eval: true, execArgv: [] }", ""), word
    assert len(text) < 160_000


# ---- in Node


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawing]:
    with Drawing(tmp_path_factory.mktemp("drawing")) as drawing:
        yield drawing


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A model's file by its name in `configs`, made when it is asked for."""
    folder = tmp_path_factory.mktemp("models")

    def file(name: str) -> Path:
        path = folder / f"{name}.safetensors"
        return path if path.exists() else saved(configs()[name], path)

    return file


class TestInNode:
    pytestmark = needs_node

    @pytest.mark.parametrize("name", list(configs()))
    def test_every_kind_of_model_is_painted_as_in_python(
        self, drawing: Drawing, files: Callable[[str], Path], name: str
    ) -> None:
        model = load_model(files(name))
        said = drawing.load(files(name))
        assert said["identity"] == model.identity
        for number, look in enumerate(looks(configs()[name])[number_of(name) :: 2]):
            recipe = model.recipe(**look)
            wanted = model.render_checked(3 + number, recipe)
            pixels, said = drawing.draw(recipe.to_json(), 3 + number)
            assert np.array_equal(pixels, wanted.image)
            assert said["hash"] == pixel_hash(wanted.image)
            assert abs(said["margin"] - wanted.margin) < 1e-11
            assert said["safe"] is wanted.safe
            assert (
                said["last"]["done"]
                == said["steps"]
                == said["last"]["total"] - (0 if configs()[name].kind == "stylegan2" else 1)
            )

    @pytest.mark.parametrize(
        "options", [{"workers": 1}, {"workers": 3, "shared": True}, {"workers": 3, "shared": False}]
    )
    def test_the_number_of_workers_and_how_they_speak_change_nothing(
        self, tmp_path: Path, files: Callable[[str], Path], options: dict[str, Any]
    ) -> None:
        with Drawing(tmp_path, **options) as drawing:
            assert drawing.started == {"shared": False, **options}
            for path in (base_model(), files("StyleGAN2")):
                model = load_model(path)
                drawing.load(path)
                recipe = model.recipe(truncation_psi=0.7)
                assert np.array_equal(drawing.draw(recipe.to_json(), 5)[0], model.render(5, recipe))

    def test_a_float16_file_is_the_same_model_as_its_float32_copy(
        self, drawing: Drawing, tmp_path: Path
    ) -> None:
        path = saved(configs()["StyleGAN2"], tmp_path / "half.safetensors", dtype="float16")
        model = load_model(path)
        assert drawing.load(path)["identity"] == model.identity
        recipe = model.recipe()
        assert np.array_equal(drawing.draw(recipe.to_json(), 1)[0], model.render(1, recipe))

    def test_a_preview_is_near_and_does_not_call_itself_safe(self, drawing: Drawing) -> None:
        drawing.load(base_model())
        recipe = load_model(base_model()).recipe(truncation_psi=0.7).to_json()
        exact, _ = drawing.draw(recipe, 4)
        quick, said = drawing.draw(recipe, 4, precision="f32")
        assert np.abs(exact.astype(int) - quick).max() <= 1
        assert said["safe"] is False

    def test_a_morph_begins_and_ends_at_its_pieces(self, drawing: Drawing) -> None:
        drawing.load(base_model())
        recipe = load_model(base_model()).recipe(truncation_psi=0.7).to_json()
        ends = [drawing.draw(recipe, seed)[0] for seed in (4, 9)]
        steps = [
            drawing.draw(recipe, 0, **{"from": 4, "to": 9, "t": t, "precision": "f64"})[0]
            for t in (0, 0.5, 1)
        ]
        assert np.array_equal(steps[0], ends[0]) and np.array_equal(steps[2], ends[1])
        assert not any(np.array_equal(steps[1], end) for end in ends)

    @pytest.mark.parametrize("seed", [0, 1, 42, 2**31, 2**32 - 1])
    def test_the_latents_are_those_of_numpy(self, seed: int) -> None:
        kernels = json.dumps(str(renderer.KERNELS))
        code = (
            "import fs from 'node:fs';"
            f"const m = new WebAssembly.Module(fs.readFileSync({kernels}));"
            "const e = new WebAssembly.Instance(m).exports;"
            f"const at = e.__heap_base.value; e.memory.grow(1); e.normals({seed}, 1001, at);"
            "console.log(JSON.stringify([...new Float64Array(e.memory.buffer, at, 1001)]))"
        )
        # NumPy's logarithm may differ in the last bit.
        assert np.abs(np.array(in_node(code)) - latent(seed, 1001)[0]).max() < 2e-15

    def test_oklab_and_what_is_nearest_in_it_are_those_of_python(self) -> None:
        random = np.random.default_rng(3)
        every = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(-1, 3)
        rgb = np.concatenate([every, random.integers(0, 256, (4000, 3), dtype=np.uint8)])
        code = (
            f"import {{ oklab }} from {module('oklab')};"
            f"import {{ applyFinish }} from {module('finish')};"
            f"const rgb = {rgb.tolist()}; const pixels = Uint8Array.from(rgb.flat());"
            f"const finish = {{ grid: 0, palette: 0, upscale: 1, colours: {json.dumps(COLOURS)} }};"
            "const done = applyFinish({ pixels, width: rgb.length, height: 1 }, finish).pixels;"
            "console.log(JSON.stringify([rgb.map(oklab), [...done]]))"
        )
        values, done = in_node(code)
        assert np.array_equal(values, oklab(rgb))
        assert np.array_equal(np.array(done).reshape(1, -1, 3), to_colours(rgb[None], COLOURS))

    @pytest.mark.parametrize("name", ["drawn", "soft", "noise", "one colour"])
    def test_plain_colours_with_smooth_borders_are_those_of_python(self, name: str) -> None:
        noise = np.random.default_rng(5).integers(0, 256, (13, 13, 3), dtype=np.uint8)
        plain = np.full((4, 4, 3), 9, dtype=np.uint8)
        pictures = {"drawn": flat_picture(), "soft": probe_image(), "noise": noise}
        picture = pictures.get(name, plain)
        finishes = [Finish(0, 0, 5, "contour"), Finish(0, 4, 2, "contour", colours=COLOURS)]
        size = {"width": len(picture), "height": len(picture)}
        code = (
            f"import {{ applyFinish }} from {module('finish')};"
            f"const pixels = Uint8Array.from({picture.reshape(-1).tolist()});"
            f"const finishes = {json.dumps([finish.to_json() for finish in finishes])};"
            f"const picture = {{ pixels, ...{json.dumps(size)} }};"
            "const done = finishes.map((finish) => [...applyFinish(picture, finish).pixels]);"
            "console.log(JSON.stringify(done))"
        )
        for finish, done in zip(finishes, in_node(code), strict=True):
            wanted = apply_finish(picture, finish)
            assert np.array_equal(np.array(done).reshape(wanted.shape), wanted)

    def test_the_defaults_of_an_architecture_are_those_of_python(self) -> None:
        code = f"import {{ DEFAULTS }} from {module('architecture')};"
        known = in_node(code + "console.log(JSON.stringify(DEFAULTS))")
        for name, make in (("stylegan3", StyleGAN3Config), ("stylegan2", StyleGAN2Config)):
            assert known[name] == {**to_json(make(32)), "img_resolution": None}

    @pytest.mark.parametrize(
        "value",
        [
            {"b": 1, "a": [0.1, 1e21, 1e-7, -0.0, 256.0, None, True], "é": "\u2028\n\x7f😀"},
            {"\ufb33": 1, "\U0001f600": 2, "\r": 3, "1": 4, "\x80": 5},
        ],
    )
    def test_json_is_canonical(self, value: Any) -> None:
        code = f"import {{ canonicalJson }} from {module('json')};"
        code += f"console.log(JSON.stringify(canonicalJson({json.dumps(value)})))"
        assert in_node(code).encode() == canonical_json(value)

    def test_hashes_are_those_of_the_standard_for_every_length_and_cut(self) -> None:
        code = (
            f"import {{ Sha256 }} from {module('sha256')};"
            "const b = Uint8Array.from({ length: 200 }, (_, k) => (k * 7) & 255);"
            "console.log(JSON.stringify(Array.from({ length: 200 }, (_, n) =>"
            "new Sha256().update(b.subarray(0, n >> 1)).update(b.subarray(n >> 1, n)).hex())))"
        )
        data = bytes(k * 7 & 255 for k in range(200))
        assert in_node(code) == [sha256_hex(data[:n]) for n in range(200)]

    def test_a_cancelled_drawing_leaves_the_renderer_usable(self, tmp_path: Path) -> None:
        path = saved(configs(64)["T"], tmp_path / "m.safetensors")
        recipe = load_model(path).recipe().to_json()
        script = tmp_path / "renderer.js"
        script.write_text(renderer.script(), encoding="utf-8")
        for shared in ("true", "false"):
            code = (
                "import fs from 'node:fs'; import { createRequire } from 'node:module';"
                f"const r = createRequire('/')({json.dumps(str(script))});"
                f"const d = await r.Renderer.create({{ workers: 2, shared: {shared} }});"
                f"await d.load(fs.readFileSync({json.dumps(str(path))}));"
                f"const recipe = {json.dumps(recipe)}; const stop = new AbortController();"
                "const first = d.render({ recipe, seed: 1, signal: stop.signal,"
                "  onProgress: ({ done }) => done === 3 && stop.abort() }).catch((e) => e.kind);"
                "const second = d.render({ recipe, seed: 2 });"
                "const gone = d.render({ recipe, seed: 2, signal: AbortSignal.abort() });"
                "const said = [await first, (await second).hash, await gone.catch((e) => e.kind)];"
                "d.close(); said.push(await d.render({ recipe, seed: 1 }).catch((e) => e.kind));"
                "console.log(JSON.stringify(said))"
            )
            wanted = pixel_hash(load_model(path).render(2))
            assert in_node(code) == ["cancelled", wanted, "cancelled", "broken"]


def number_of(name: str) -> int:
    """0 or 1: models take turns with the looks, so that each look is painted by some."""
    return list(configs()).index(name) % 2


# ---- what is refused


def header_of(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def written(path: Path, header: Any, data: bytes) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def _with(key: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        header[key] = {**header[key], **changes}

    return change


def _described(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        document = json.loads(header["__metadata__"]["nftgan"])
        document["generator"].update(changes)
        header["__metadata__"]["nftgan"] = json.dumps(document)

    return change


BIAS = "G.mapping.fc0.bias"
FORGED: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
    ("overlap", _with(BIAS, data_offsets=[0, 512]), "overlap or leave gaps"),
    ("negative", _with(BIAS, data_offsets=[-512, 0]), "the shape or place"),
    ("huge", _with(BIAS, shape=[2**41]), "the shape or place"),
    ("product", _with(BIAS, shape=[2**39, 2**39, 2**39]), "for another shape"),
    ("fraction", _with(BIAS, shape=[128.5]), "the shape or place"),
    ("type", _with(BIAS, dtype="I64"), "is not float16 or float32"),
    ("prototype", _with(BIAS, dtype="toString"), "is not float16 or float32"),
    ("more", lambda h: h.update({BIAS + "<b>": h.pop(BIAS)}), "which it should not have"),
    ("stranger", lambda h: h.update({"X": h.pop(BIAS)}), "belongs to no network"),
    ("no metadata", lambda h: h.pop("__metadata__"), "not a model of nftgan"),
    ("list", lambda h: h.update({"__metadata__": []}), "its metadata is not a table"),
    ("kind", _described(kind="gan\n\x1b[31m"), 'unknown network kind "gan\\n\\u001b[31m"'),
    ("key", _described(weights=1), 'unknown key "weights"'),
    ("resolution", _described(img_resolution=2**20), "not a power of two"),
    ("channels", _described(channel_max=1e9), "is not between"),
    ("text", _described(z_dim="32"), "is not between"),
    ("shapes", _described(w_dim=64), "instead of"),
]


@pytest.mark.node
@pytest.mark.skipif(NODE is None, reason=NO_NODE)
class TestRefused:
    @pytest.mark.parametrize(("forge", "said"), [f[1:] for f in FORGED], ids=[f[0] for f in FORGED])
    def test_a_forged_model_is_refused_in_a_sentence(
        self, drawing: Drawing, tmp_path: Path, forge: Callable[[Any], Any], said: str
    ) -> None:
        header, data = header_of(base_model())
        forge(header)
        answer = drawing.load(written(tmp_path / "forged", header, data))
        assert answer.get("kind") == "model" and said in answer["error"], answer

    @pytest.mark.parametrize(
        "bytes_", [b"", b"\xff" * 64, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 4) + b"{}"]
    )
    def test_a_file_that_is_none_is_refused(
        self, drawing: Drawing, tmp_path: Path, bytes_: bytes
    ) -> None:
        path = tmp_path / "torn"
        path.write_bytes(bytes_)
        assert drawing.load(path)["kind"] == "model"

    def test_a_model_cut_short_or_with_a_number_that_is_none_is_refused(
        self, drawing: Drawing, tmp_path: Path
    ) -> None:
        header, data = header_of(base_model())
        at = header[BIAS]["data_offsets"][0]
        infinite = data[:at] + struct.pack("<f", float("inf")) + data[at + 4 :]
        for changed in (data[:-4], data + b"0000", infinite):
            assert drawing.load(written(tmp_path / "m", header, changed))["kind"] == "model"

    def test_one_changed_weight_is_another_model(self, drawing: Drawing, tmp_path: Path) -> None:
        header, data = header_of(base_model())
        changed = written(tmp_path / "m", header, data[:-1] + bytes([data[-1] ^ 1]))
        model = load_model(base_model())
        assert drawing.load(changed)["identity"] != model.identity
        said = drawing.ask(recipe=model.recipe().to_json(), seed=1)
        assert said["kind"] == "recipe" and "was made for the model" in said["error"]

    @pytest.mark.parametrize(
        "change",
        [
            {"nftgan": 2},
            {"renderer": "f64-2"},
            {"trunc": None},
            {"trunc": 1e9},
            {"rotate": "0"},
            {"translate": [0]},
            {"translate": [0, 101]},
            {"cutoff": 1.5},
            {"cutoff": 99},
            {"class": 0},
            {"size": [33, 33]},
            {"size": [32, -1]},
            {"finish": {"grid": 8}},
            {"finish": {"grid": 64, "palette": 0, "upscale": 1}, "size": [64, 64]},
            {"finish": {"grid": 0, "palette": 1, "upscale": 1}},
            {"finish": {"grid": 0, "palette": 0, "upscale": 1, "filter": "contour"}},
            {
                "finish": {"grid": 0, "palette": 0, "upscale": 2, "filter": "lanczos"},
                "size": [64] * 2,
            },
            {"finish": {"grid": 0, "palette": 65, "upscale": 2, "filter": "contour"}},
            *(
                {"finish": {"grid": 0, "palette": 9, "upscale": 1, "colours": wrong}}
                for wrong in BAD_COLOURS
            ),
            {"more": 1},
            {"__proto__": {"trunc": 1}, "constructor": 1},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_a_recipe_that_python_refuses_is_refused(
        self, drawing: Drawing, change: dict[str, Any]
    ) -> None:
        drawing.load(base_model())
        recipe = {**load_model(base_model()).recipe().to_json(), **change}
        said = drawing.ask(recipe=recipe, seed=1)
        assert said.get("kind") == "recipe", said

    def test_the_contour_of_a_transparent_picture_is_refused(
        self, drawing: Drawing, files: Callable[[str], Path]
    ) -> None:
        drawing.load(files("transparent"))
        recipe = load_model(files("transparent")).recipe().to_json()
        finish = {"grid": 0, "palette": 0, "upscale": 2, "filter": "contour"}
        said = drawing.ask(recipe={**recipe, "finish": finish, "size": [64, 64]}, seed=1)
        assert said.get("kind") == "recipe" and "takes opaque pictures" in said["error"]

    @pytest.mark.parametrize("name", ["T", "StyleGAN2"])
    def test_a_stored_latent_is_painted_as_in_python(
        self, drawing: Drawing, files: Callable[[str], Path], name: str
    ) -> None:
        model = load_model(files(name))
        drawing.load(files(name))
        ws = model.ws([3, 4])
        for rows in (ws[0], np.concatenate([ws[0][:3], ws[1][3:]])):
            own = Latent(rows)
            recipe = model.recipe(trunc=0.6).with_latents([own, Latent(ws[1])])
            wanted = model.render_checked(own.number, recipe)
            said = recipe.to_json()
            pixels, found = drawing.draw(said, own.number, latent=own.to_json())
            assert np.array_equal(pixels, wanted.image)
            assert abs(found["margin"] - wanted.margin) < 1e-11
            plain, _ = drawing.draw(said, 3)  # beside it a seed is a seed
            assert np.array_equal(plain, model.render(3, recipe))
        other = Latent(ws[1]).to_json()
        for job, words in (
            ({"seed": own.number}, "only the metadata of its piece has"),
            ({"seed": own.number, "latent": other}, "not the one that the recipe names"),
            ({"seed": 3, "latent": other}, "none that the recipe names"),
            ({"seed": own.number, "latent": {**other, "values": "*"}}, "not those of its shape"),
            ({"from": 3, "to": own.number, "t": 0.5}, "only the metadata of its piece has"),
        ):
            assert words in drawing.ask(recipe=said, **job)["error"]
        for latents in ([], [own.hash, own.hash], ["x"], said["latents"][::-1]):
            refused = drawing.ask(recipe={**said, "latents": latents}, seed=3)
            assert refused["kind"] == "recipe", refused

    @pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", None])
    def test_a_seed_that_is_none_is_refused(self, drawing: Drawing, seed: Any) -> None:
        drawing.load(base_model())
        said = drawing.ask(recipe=load_model(base_model()).recipe().to_json(), seed=seed)
        assert said["kind"] == "seed"


# ---- in a browser

PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="
default-src 'none'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:">
<title>draw</title><link rel="icon" href="data:,">
<script src="renderer.js"></script>"""
DRAW = """async ({ model, recipe, seed, workers }) => {
  const bytes = Uint8Array.from(atob(model), (letter) => letter.charCodeAt(0));
  const renderer = await nftganRenderer.Renderer.create({ workers });
  await renderer.load(bytes);
  const steps = [];
  const onProgress = ({ done }) => steps.push(done);
  const picture = await renderer.render({ recipe, seed, onProgress });
  const image = nftganRenderer.toImageData(picture);
  const shared = renderer.shared;
  renderer.close();
  return { hash: picture.hash, steps, shared, alpha: image.data[3], red: image.data[0] };
}"""


@contextmanager
def isolating(folder: Path) -> Iterator[str]:
    """The address of a server whose pages may share memory with their workers."""

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            super().end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)
@pytest.mark.parametrize("isolated", [False, True], ids=["from disk", "isolated"])
def test_chromium_paints_the_same(tmp_path: Path, isolated: bool) -> None:
    from playwright.sync_api import Page, sync_playwright

    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "renderer.js").write_text(renderer.script(), encoding="utf-8")

    model = load_model(base_model())
    recipe = model.recipe(truncation_psi=0.7, translate=(0.1, 0.0))
    with sync_playwright() as playwright, isolating(tmp_path) as served:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page: Page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(served if isolated else (tmp_path / "index.html").as_uri())
        job = {
            "model": base64.b64encode(base_model().read_bytes()).decode(),
            "recipe": recipe.to_json(),
            "seed": 7,
            "workers": 2,
        }
        answer = page.evaluate(DRAW, job)
        browser.close()
    image = model.render(7, recipe)
    assert answer["hash"] == pixel_hash(image)
    assert answer["shared"] is isolated
    assert (answer["red"], answer["alpha"]) == (int(image[0, 0, 0]), 255)
    assert answer["steps"] == sorted(answer["steps"]) and answer["steps"]
    assert said == []
