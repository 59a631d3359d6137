"""How smoothly the gallery of 10,000 pieces scrolls in Chromium: times between animation frames.

    python -m benchmarks.gallery [--pieces 10000] [--seconds 5] [--size 1200x800] [--json]

The site of collections/avatars is made with each piece many times over, and every piece has an
image file of its own. The page is scrolled a little at every frame, and in a second run a screen at
a time. Headless Chromium draws on the processor: a busy machine shows in the worst times first.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

AVATARS = Path(__file__).parents[1] / "collections" / "avatars"
SCROLL = """({ seconds, step }) => new Promise((done) => {
  const scroller = document.getElementById("wall-scroller");
  const times = [];
  let [last, most] = [null, 0];
  const frame = (now) => {
    if (last !== null) times.push(now - last);
    last = now;
    most = Math.max(most, document.querySelectorAll(".plate").length);
    scroller.scrollTop += step;
    const end = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1;
    const all = times.reduce((sum, one) => sum + one, 0);
    if (end || all > seconds * 1000) done({ times, most, scrolled: scroller.scrollTop });
    else requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""


def make_site(folder: Path, count: int) -> None:
    """A site of `count` pieces."""
    from nftgan.project import Project
    from nftgan.workflows.site import site

    site(Project(AVATARS), folder, disk=False)
    path = folder / "collection.js"
    facts = json.loads(path.read_text().removeprefix("nftganCollection = ").rstrip().rstrip(";"))
    own = facts["pieces"]
    facts["pieces"] = [[f"piece {n}", *own[n % len(own)][1:]] for n in range(count)]
    path.write_text("nftganCollection = " + json.dumps(facts) + ";\n", encoding="utf-8")
    images = [(folder / "images" / f"{n}.png").read_bytes() for n in range(len(own))]
    for n in range(len(own), count):
        (folder / "images" / f"{n}.png").write_bytes(images[n % len(own)])


def measure(count: int, seconds: float, size: tuple[int, int]) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    from nftgan.site.server import SiteServer
    from tests.studio.browser import BROWSER

    rows = {}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name) / "site"
        make_site(folder, count)
        server = SiteServer(folder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for what, step in (("wheel", 60), ("screens", size[1])):
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.goto(server.url)
            page.wait_for_selector(".plate")
            found = page.evaluate(SCROLL, {"seconds": seconds, "step": step})
            rows[what] = summary(found)
            page.close()
        browser.close()
        server.shutdown()
    return {"pieces": count, "load": round(os.getloadavg()[0], 1), **rows}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Median, 95th percentile and worst time between frames in ms, and what follows of them."""
    times = sorted(found["times"])
    median, most = times[len(times) // 2], times[-1]
    return {
        "frames": len(times),
        "frames_a_second": round(1000 * len(times) / sum(times), 1),
        "median_ms": round(median, 1),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))], 1),
        "worst_ms": round(most, 1),
        "late": sum(one > 25 for one in times),
        "tiles_in_page": found["most"],
        "scrolled_px": round(found["scrolled"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--size", default="1200x800")
    parser.add_argument("--json", action="store_true", help="always; for benchmarks/record.py")
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    print(json.dumps(measure(arguments.pieces, arguments.seconds, (width, height)), indent=2))


if __name__ == "__main__":
    main()
