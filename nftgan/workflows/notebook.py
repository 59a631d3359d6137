"""What a notebook shows: sheets while training goes on, candidates to click on, pieces, a report.

Jupyter, Colab and Kaggle alike. IPython and ipywidgets belong to the notebook, not to this
package, and are loaded where they are needed.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nftgan.errors import MissingStepError, NftganError
from nftgan.files import read_json, write_json
from nftgan.png import encode_png, read_png
from nftgan.project import find_project
from nftgan.seeds import format_seeds

_SEED = re.compile(r"seed(\d+)\.png")
_SHEET = re.compile(r"fakes(\d{6})\.png")
_REPORT_HEIGHT = 720  # pixels


def newest_sheet(runs: Path) -> Path | None:
    """The last sheet of samples of the newest run in `runs` that has one."""
    for run in sorted(runs.glob("[0-9]*-*"), reverse=True):
        sheets = sorted(path for path in run.iterdir() if _SHEET.fullmatch(path.name))
        if sheets:
            return sheets[-1]
    return None


def watch_sheets(runs: Path, *, every_seconds: float = 10) -> Callable[[], None]:
    """Show the newest sheet in this cell, and each later one in its place while others run.

    The function that comes back ends it.
    """
    from IPython.display import Image, display

    handle: Any = display({"text/plain": "samples appear here"}, raw=True, display_id=True)
    over = threading.Event()
    shown: list[Path] = []

    def look() -> None:
        newest = newest_sheet(runs) if runs.is_dir() else None
        if newest is not None and shown[-1:] != [newest]:
            shown.append(newest)
            handle.update(Image(data=newest.read_bytes()))

    def follow() -> None:
        while not over.wait(every_seconds):
            look()

    look()
    threading.Thread(target=follow, daemon=True).start()

    def end() -> None:
        over.set()
        look()

    return end


class Picker:
    """Candidates to click on; what is picked is kept in a file, in the order of the clicks."""

    def __init__(self, folder: Path, kept: Path, *, page: int = 24) -> None:
        """folder: of `nftgan generate`. Raises MissingStepError without candidates."""
        named = {int(m[1]): p for p in sorted(folder.glob("*.png")) if (m := _SEED.match(p.name))}
        if not named:
            raise MissingStepError(f"{folder} holds no candidates", hint="nftgan generate")
        self._images = dict(sorted(named.items()))
        self._kept, self._page, self._first = kept, page, 0
        self.seeds: tuple[int, ...] = tuple(self._before())

    def _before(self) -> list[int]:
        try:
            given = read_json(self._kept)
        except (NftganError, OSError):
            return []
        return [one for one in given if one in self._images] if isinstance(given, list) else []

    def toggle(self, seed: int) -> bool:
        """Pick a seed, or take it back; whether it is picked now."""
        now = seed not in self.seeds
        left = tuple(one for one in self.seeds if one != seed)
        self.seeds = (*left, seed) if now else left
        write_json(self._kept, list(self.seeds))
        return now

    def options(self, pieces: int, seeds: str) -> str:
        """Options of `nftgan curate`: these seeds, else its own choice of `pieces`."""
        if self.seeds:
            return f"--pick {format_seeds(self.seeds)}"
        return f"--auto {pieces} --seeds {seeds}"

    def show(self) -> None:
        """The grid; without ipywidgets a sentence that says how to name seeds instead."""
        from IPython.display import display

        try:
            import ipywidgets as widgets
        except ImportError:
            display(
                {"text/plain": "no ipywidgets here: write the seeds you like into PICK above"},
                raw=True,
            )
            return
        said, grid = widgets.HTML(), widgets.Box(layout={"flex_flow": "row wrap"})
        back, on = widgets.Button(description="◀ back"), widgets.Button(description="more ▶")

        def say() -> None:
            chosen = html.escape(format_seeds(self.seeds)) if self.seeds else "none yet"
            said.value = f"<b>{len(self.seeds)} picked</b>: {chosen}"

        def tile(seed: int) -> Any:
            image = widgets.Image(
                value=self._images[seed].read_bytes(),
                layout={"width": "128px", "height": "128px"},
            )
            button = widgets.ToggleButton(
                value=seed in self.seeds, description=f"seed {seed}", layout={"width": "128px"}
            )
            button.button_style = "success" if seed in self.seeds else ""

            def clicked(change: Any) -> None:
                if change["new"] != (seed in self.seeds):
                    self.toggle(seed)
                button.button_style = "success" if seed in self.seeds else ""
                say()

            button.observe(clicked, names="value")
            return widgets.VBox([image, button], layout={"margin": "4px"})

        def turn(by: int) -> None:
            last = (len(self._images) - 1) // self._page * self._page
            self._first = min(max(self._first + by, 0), last)
            seeds = list(self._images)[self._first : self._first + self._page]
            grid.children = [tile(seed) for seed in seeds]

        back.on_click(lambda _: turn(-self._page))
        on.on_click(lambda _: turn(self._page))
        turn(0)
        say()
        display(widgets.VBox([said, grid, widgets.HBox([back, on])]))


def pieces_sheet(collection: Path, *, columns: int = 6) -> bytes:
    """A PNG of all pieces of a collection, in the order of their numbers."""
    from nftgan.synthesis.generate import contact_sheet

    images = find_project(collection).images
    paths = sorted(images.glob("*.png"), key=lambda path: int(path.stem))
    return encode_png(contact_sheet([_small(read_png(path)) for path in paths], columns, gap=8))


def _small(image: Any) -> Any:
    """Every n-th pixel, so that a piece is at most 256 high: exact for enlarged pixel art."""
    step = -(-len(image) // 256)
    return image[step // 2 :: step, step // 2 :: step]


def inline_page(path: Path) -> str:
    """HTML that shows a page of its own, such as a report, inside a cell; it runs no script."""
    page = html.escape(path.read_text(encoding="utf-8"), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="" style="width: 100%; height: {_REPORT_HEIGHT}px;'
        ' border: 1px solid #ccc"></iframe>'
    )


def gpu_line() -> str:
    """What trains here, in a sentence for people."""
    import torch

    if not torch.cuda.is_available():
        return (
            "no GPU: Runtime, Change runtime type (Kaggle: Settings, Accelerator). Everything runs"
            " without one too, and training takes many times longer"
        )
    about = torch.cuda.get_device_properties(0)
    return f"GPU: {about.name}, {about.total_memory / 2**30:.0f} GiB"


def already_fixed(collection: Path) -> bool:
    """Whether the pieces are on a chain, so that no others can be chosen."""
    return bool(sorted((collection / "deployments").glob("*.json")))
