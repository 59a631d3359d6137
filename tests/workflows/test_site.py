"""The collector's page as a visitor meets it: browse, draw again, and find what was changed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import pytest
import requests

from nftgan.chain.rpc import Connection
from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.gateway import Gateway
from nftgan.png import read_png
from nftgan.project import Project
from nftgan.site.server import SiteServer
from nftgan.workflows.pin import embedded_store, pin
from nftgan.workflows.publishing import ChainChoice, open_chain
from nftgan.workflows.site import serve as serve_site
from nftgan.workflows.site import site
from tests.studio.browser import BROWSER, NO_BROWSER, PATIENCE_MS

AVATARS = Path(__file__).parents[2] / "collections" / "avatars"
in_browser = pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "in" / "a subfolder"
    site(Project(AVATARS), folder)
    return folder


MANIFEST = json.loads((AVATARS / "collection.json").read_text(encoding="utf-8"))
SIDE = MANIFEST["recipe"]["size"][0]
PIXELS = """(place) => {
  const canvas = document.querySelector(place);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const parts = [];
  for (let at = 0; at < data.length; at += 8192)
    parts.push(String.fromCharCode(...data.subarray(at, at + 8192)));
  return btoa(parts.join(""));
}"""


# ---- the files


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_collection_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    site(Project(AVATARS), tmp_path / "again")
    assert contents(made) == contents(tmp_path / "again")
    own = [p for p in made.iterdir() if p.is_file() and p.suffix != ".safetensors"]
    assert sum(p.stat().st_size for p in own) < 300_000


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    project = Project(tmp_path / "avatars")
    shutil.copytree(AVATARS, project.root)
    document = json.loads(project.manifest_path.read_text(encoding="utf-8"))
    document["collection"]["name"] = "</script><img src=x onerror=alert(1)>"
    document["collection"]["description"] = '"><script>alert(2)</script>'
    project.manifest_path.write_text(json.dumps(document), encoding="utf-8")
    site(project, tmp_path / "site", disk=False)
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "<img" not in text and text.count("<script") == 2
    assert not (tmp_path / "site" / "disk").exists()


def test_images_that_changed_are_refused(tmp_path: Path) -> None:
    project = Project(tmp_path / "avatars")
    shutil.copytree(AVATARS, project.root)
    shutil.copy(project.images / "1.png", project.images / "0.png")
    with pytest.raises(CheckFailed, match="images"):
        site(project, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_the_collection_itself_is_no_place_for_the_site(tmp_path: Path) -> None:
    project = Project(tmp_path / "avatars")
    shutil.copytree(AVATARS, project.root)
    for folder in (project.root, project.images, project.images / "site"):
        with pytest.raises(UsageError):
            site(project, folder)


def test_a_site_in_the_collection_refers_to_its_files(tmp_path: Path) -> None:
    project = Project(tmp_path / "avatars")
    shutil.copytree(AVATARS, project.root, ignore=shutil.ignore_patterns("site"))
    site(project, project.root / "site", in_place=True)
    made = contents(project.root / "site")
    assert not [name for name in made if name.startswith(("images", "metadata", "disk", "model"))]
    assert sum(map(len, made.values())) < 400_000
    # The one that ships: its code may be of another day, what it promises may not.
    for name in ("collection.js", "folder.json"):
        assert (AVATARS / "site" / name).read_bytes() == made[name], (
            "nftgan site -C collections/avatars -o collections/avatars/site --in-place"
        )
    for elsewhere in (tmp_path / "site", project.root / "deep" / "site"):
        with pytest.raises(UsageError, match="directly in"):
            site(project, elsewhere, in_place=True)


def test_a_preview_in_the_collection_serves_nothing_else_of_it(tmp_path: Path) -> None:
    (tmp_path / "sales").mkdir()
    (tmp_path / "sales" / "1.secret").write_text("0x1234", encoding="utf-8")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(b"png")
    (tmp_path / "site").mkdir()
    server = serve_site(tmp_path / "site", in_place=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = server.url.removesuffix("site/")
    assert requests.get(root + "images/0.png", timeout=20).content == b"png"
    for path in ("sales/1.secret", "images/../sales/1.secret", "images/%2e%2e/sales/1.secret", ""):
        found = requests.Request("GET", root).prepare()
        found.url = root + path
        assert requests.Session().send(found, timeout=20).status_code == 404
    server.shutdown()
    server.server_close()


# ---- the page


class Visit:
    """A tab with the site, from a loopback server unless it is opened from disk."""

    def __init__(self, browser: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1200, "height": 800})
        self.page.set_default_timeout(PATIENCE_MS)
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text))

    def open(self, address: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(address)

    def draw(self) -> dict[str, str]:
        """Link to verdict, after Draw it again."""
        self.page.click("#draw")
        self.page.wait_for_selector("#verdict.holds, #verdict.broken, #verdict.unchecked")
        return self.verdicts("#drawn")

    def verdicts(self, place: str) -> dict[str, str]:
        found = self.page.locator(f"{place} li").all()
        return {one.get_attribute("data-link"): one.get_attribute("class") for one in found}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    made = Visit(browser)
    yield made
    made.page.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    servers = []

    def start(folder: Path) -> str:
        server = SiteServer(folder)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.url

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.browser
@in_browser
def test_every_link_holds_from_disk_and_from_a_subfolder(
    visit: Visit, made: Path, serve: Callable[[Path], str]
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    served = serve(made.parents[1]) + "in/a%20subfolder/index.html"
    shipped = SiteServer(AVATARS, 0, ("site", "images", "metadata", "model.safetensors"))
    threading.Thread(target=shipped.serve_forever, daemon=True).start()
    for address in ((made / "index.html").as_uri(), served, shipped.url):
        visit.open(f"{address}#/3")
        assert set(visit.draw().values()) == {"holds"}
        assert "Identical" in visit.page.inner_text("#verdict")
        assert visit.page.locator("#canvas").count() == 1
        assert visit.faults == []
    shipped.shutdown()
    shipped.server_close()
    for view in ("3", "", "morph?from=3"):
        visit.open(f"{served}#/{view}")
        visit.page.wait_for_selector("#wall .plate, #draw, #morph-canvas")
        found = Axe().run(visit.page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


@pytest.mark.browser
@in_browser
def test_a_drawing_is_cancelled_and_begun_again(
    visit: Visit, made: Path, serve: Callable[[Path], str]
) -> None:
    page, held = visit.page, []
    page.route("**/model.safetensors", lambda route: held.append(route))
    visit.open(serve(made) + "#/3")
    page.click("#draw")
    page.wait_for_selector('#drawn [data-link="image"].holds')
    page.click("#cancel")
    page.wait_for_selector("#verdict:has-text('Cancelled')")
    assert page.is_hidden("#drawn") and page.is_enabled("#draw")
    page.unroute("**/model.safetensors")
    assert set(visit.draw().values()) == {"holds"}


@pytest.mark.browser
@in_browser
def test_a_morph_ends_in_the_pieces(visit: Visit, made: Path) -> None:
    page = visit.page
    visit.open((made / "index.html").as_uri() + "#/morph?from=3&to=7")
    seen = {}
    for at in (0, 50, 100):
        page.fill("#between", str(at))
        page.wait_for_selector(f"#morph-caption:has-text('{100 - at} % avatars #3')")
        drawn = page.evaluate(PIXELS, "#morph-canvas")
        drawn = np.frombuffer(base64.b64decode(drawn), np.uint8)
        seen[at] = drawn.reshape(SIDE, SIDE, 4)[..., :3].astype(int)
    for at, piece in ((0, 3), (100, 7)):
        image = read_png(AVATARS / "images" / f"{piece}.png").astype(int)
        assert np.abs(seen[at] - image).max() <= 1  # float32 may round a value to its neighbour
    assert (seen[50] != seen[0]).any() and (seen[50] != seen[100]).any()


# ---- the contract


@contextmanager
def node() -> Iterator[str]:
    """The address of a JSON-RPC node that shows the embedded chain to pages."""
    opened: list[Connection] = []  # by the thread that asks it

    class Handler(BaseHTTPRequestHandler):
        def _head(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "content-type")
            self.end_headers()

        def do_OPTIONS(self) -> None:
            self._head(204)

        def do_POST(self) -> None:
            opened[:] = opened or [open_chain(ChainChoice("embedded"))]
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = opened[0].w3.provider.make_request(job["method"], job["params"])  # type: ignore[attr-defined]
            self._head(200)
            self.wfile.write(json.dumps({**said, "id": job["id"]}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.browser
@in_browser
def test_the_contract_is_asked_and_what_it_contradicts_is_named(
    published: Project, answer: Callable[..., Any], visit: Visit, tmp_path: Path
) -> None:
    answer("mint", "-C", str(published.root), "--force", "--allow-copies", "--tokens", "0-1")
    site(published, tmp_path / "site")
    page = visit.page
    with node() as address:
        for token, broken in ((1, set()), (2, {"token", "seed"})):
            visit.open((tmp_path / "site" / "index.html").as_uri() + f"#/{token}")
            assert set(visit.draw().values()) == {"holds"}
            page.locator("#asking summary").click()
            page.fill("#node", "ftp://node.example")
            page.click("#ask")
            page.wait_for_selector("#asked-verdict:has-text('https://')")
            page.fill("#node", address)
            page.click("#ask")
            page.wait_for_selector("#asked-verdict.holds, #asked-verdict.broken")
            found = visit.verdicts("#asked")
            assert {n for n, v in found.items() if v != "holds"} == broken
            assert page.inner_text("#asked-verdict").startswith("The link" if broken else "Proven")
        page.fill("#contract", "0x" + "11" * 20)
        page.click("#ask")
        page.wait_for_selector('#asked [data-link="contract code"].broken')
        assert visit.verdicts("#asked")["model"] == "unchecked"


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def change_model(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def change_image(folder: Path) -> None:
    shutil.copy(folder / "images" / "4.png", folder / "images" / "3.png")


def change_seed(folder: Path) -> None:
    seed = MANIFEST["tokens"][3]["seed"]
    changed(folder / "metadata" / "3.json", f'"seed":{seed}', f'"seed":{seed + 1}')


def change_metadata(folder: Path) -> None:
    changed(folder / "metadata" / "3.json", "avatars #3", "avatars #4")


def change_recipe(folder: Path) -> None:
    """No page can follow it, so nothing is known of it: neither a lie nor proven."""
    effect = '"effect":{"name":"n","package":"p","value":0,"version":1},'
    changed(folder / "metadata" / "3.json", '"finish":{', f'"finish":{{{effect}')


def change_folder(folder: Path) -> None:
    (block,) = json.loads((folder / "folder.json").read_text(encoding="utf-8"))
    data = bytearray(base64.b64decode(block))
    data[-1] ^= 1
    other = base64.b64encode(bytes(data)).decode()
    (folder / "folder.json").write_text(json.dumps([other]), encoding="utf-8")


def change_proof(folder: Path) -> None:
    """The pixel hash of another piece: this one's proof no longer leads to the root."""
    path = folder / "collection.js"
    text = path.read_text(encoding="utf-8")
    facts = json.loads(text.removeprefix("nftganCollection = ").rstrip().rstrip(";"))
    pixels = facts["pieces"][7][2]
    changed(path, pixels, ("0" if pixels[0] != "0" else "1") + pixels[1:])


@pytest.mark.browser
@in_browser
@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (change_model, {"model"}),
        (change_image, {"image"}),
        (change_seed, {"metadata", "seed", "pixels", "merkle proof"}),
        (change_metadata, {"metadata"}),
        (change_recipe, {"metadata"}),
        (change_folder, {"metadata"}),
        (change_proof, {"merkle proof"}),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_was_changed_is_named(
    visit: Visit,
    made: Path,
    tmp_path: Path,
    serve: Callable[[Path], str],
    change: Callable[[Path], None],
    broken: set[str],
) -> None:
    shutil.copytree(made, tmp_path / "site", ignore=shutil.ignore_patterns("disk"))
    change(tmp_path / "site")
    visit.open(serve(tmp_path / "site") + "#/3")
    found = visit.draw()
    assert {name for name, verdict in found.items() if verdict == "broken"} == broken
    assert "is broken" in visit.page.inner_text("#verdict")


@pytest.mark.browser
@in_browser
def test_networks_that_no_page_can_run_are_unchecked_and_no_lie(
    visit: Visit, made: Path, tmp_path: Path, serve: Callable[[Path], str]
) -> None:
    shutil.copytree(made, tmp_path / "site", ignore=shutil.ignore_patterns("disk"))
    changed(tmp_path / "site" / "collection.js", "{", '{"foreign":"stylegan1",')
    visit.open(serve(tmp_path / "site") + "#/3")
    assert visit.page.get_by_text("Morph into another piece").count() == 0
    found = visit.draw()
    assert found["model"] == found["pixels"] == "unchecked"
    assert "broken" not in found.values()
    assert "nftgan verify can" in visit.page.inner_text("#drawn [data-link='model']")


@contextmanager
def gateway(change: Callable[[bytes], bytes] = bytes) -> Iterator[str]:
    """A gateway over what is pinned here; `change` is done to every block that it serves."""
    get = embedded_store().get
    server = Gateway(get, 0)
    handler = server.RequestHandlerClass

    class Changed(handler):  # type: ignore[misc, valid-type]
        def setup(self) -> None:
            super().setup()
            write = self.wfile.write
            self.wfile.write = lambda data: write(change(bytes(data)))

    server.RequestHandlerClass = Changed
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.browser
@in_browser
def test_a_piece_is_read_by_its_cids_from_a_gateway_that_nobody_trusts(
    visit: Visit,
    made: Path,
    tmp_path: Path,
    serve: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    shutil.copytree(AVATARS, tmp_path / "avatars")
    pin(Project(tmp_path / "avatars"))
    shutil.copytree(made, tmp_path / "site", ignore=shutil.ignore_patterns("disk"))
    for name in ("metadata", "images", "model.safetensors", "folder.json"):
        path = tmp_path / "site" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    page, address = visit.page, serve(tmp_path / "site") + "#/3"

    def draw_from(place: str) -> dict[str, str]:
        visit.open(address)
        page.locator(".reading summary").click()
        page.fill("#gateway", place)
        return visit.draw()

    with gateway() as place:
        assert set(draw_from(place + "/ipfs/").values()) == {"holds"}
        assert "every block was hashed" in page.inner_text('#drawn [data-link="image"]')
    with gateway(lambda data: data.replace(b'"seed":', b'"sead":')) as liar:
        found = draw_from(liar)
        assert found["metadata"] == "unchecked" and "holds" not in found.values()
        assert "another block was given" in page.inner_text('#drawn [data-link="metadata"]')
    assert draw_from("http://example.com") == {}
    assert "https://" in page.inner_text("#verdict")


def values(trait: str, among: set[str] | None = None) -> Counter[str]:
    """How often each value of a trait occurs, of pieces with one of these backgrounds."""
    found: Counter[str] = Counter()
    for token in MANIFEST["tokens"]:
        own = {one["trait_type"]: one["value"] for one in token["attributes"]}
        if among is None or own["Background"] in among:
            found[own[trait]] += 1
    return found


@pytest.mark.browser
@in_browser
def test_a_visitor_filters_searches_and_goes_by_keyboard(visit: Visit, made: Path) -> None:
    page = visit.page
    visit.open((made / "index.html").as_uri())
    backgrounds = values("Background")
    (first, many), (second, more) = backgrounds.most_common(2)

    def facet(name: str, value: str) -> None:
        group = page.locator(f'.facet:has(summary:has-text("{name}"))')
        group.evaluate("(one) => { one.open = true; }")
        group.locator(f'.value:has(bdi:text-is("{value}")) input').check()

    facet("Background", first)
    assert page.inner_text("#shown") == f"{many} of 12 pieces, {round(many / 12 * 100)} %"
    facet("Background", second)  # of one trait: either
    assert page.inner_text("#shown").startswith(f"{many + more} of 12")
    warmths = values("Warmth", among={first, second})
    warmth, fewer = warmths.most_common()[-1]
    facet("Warmth", warmth)  # of several traits: all
    assert page.inner_text("#shown").startswith(f"{fewer} of 12") and fewer < many + more
    address = page.url
    assert f"t.Background={quote_plus(first)}" in address
    visit.open(address)
    assert page.inner_text("#shown").split()[0] == str(fewer)  # the address holds it all
    page.click("#clear")
    page.select_option("#sort", "rank")
    assert "rank 1" in page.locator(".plate").first.inner_text().replace("\n", " ")
    page.keyboard.press("Escape")
    page.locator("#shown").click()
    page.keyboard.press("/")
    page.keyboard.type("#3")
    assert page.inner_text("#shown").split()[0] == "1"
    page.click("#clear")
    page.keyboard.press("Tab")
    page.locator(".plate").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#draw")
    second = page.inner_text("#piece-title")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"#piece-title:not(:text-is('{second}'))")
    page.keyboard.press("Escape")
    page.wait_for_selector("#wall .plate")
    assert "sort=rank" in page.url
    assert visit.faults == []


@pytest.mark.browser
@in_browser
def test_ten_thousand_pieces_put_only_those_in_sight_into_the_page(
    visit: Visit, made: Path, tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path / "site", ignore=shutil.ignore_patterns("disk"))
    path = tmp_path / "site" / "collection.js"
    facts = json.loads(path.read_text().removeprefix("nftganCollection = ").rstrip().rstrip(";"))
    facts["pieces"] = [[f"piece {n}", *facts["pieces"][n % 12][1:]] for n in range(10_000)]
    path.write_text("nftganCollection = " + json.dumps(facts), encoding="utf-8")
    visit.open((tmp_path / "site" / "index.html").as_uri())
    assert visit.page.inner_text("#shown") == "10,000 pieces"
    for _ in range(5):
        visit.page.locator(".plate").last.focus()
        visit.page.keyboard.press("ArrowDown")
    assert visit.page.locator(".plate").count() < 80
    visit.page.keyboard.press("End")
    assert "piece 9999" in visit.page.locator(".plate").last.inner_text()
    assert visit.page.locator(".plate").count() < 80


@pytest.mark.browser
@in_browser
def test_texts_of_the_collection_are_never_markup(visit: Visit, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "site")
    path = tmp_path / "site" / "collection.js"
    text = path.read_text(encoding="utf-8")
    hostile = "<img src=x onerror=alert(1)>"
    value = MANIFEST["tokens"][3]["attributes"][0]["value"]
    text = re.sub(r'"avatars #3"', json.dumps(hostile), text)
    path.write_text(text.replace(json.dumps(value), json.dumps(hostile)), encoding="utf-8")
    visit.open((tmp_path / "site" / "index.html").as_uri() + "#/3")
    assert visit.page.inner_text("#piece-title") == hostile
    assert visit.page.locator('img[src="x"]').count() == 0
