"""A run folder as one self-contained HTML page: its facts, curves, sheets and warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nftgan import files
from nftgan.errors import UsageError
from nftgan.page import escape, inline_image, page, row, svg, svg_text
from nftgan.training.config import OPTIONS_FILE
from nftgan.training.outputs import STATS_FILE, read_statistics

CHARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Losses: neither should run away", ("Loss/G", "Loss/D")),
    ("Scores: what D thinks of the art and of the fakes", ("Scores/real", "Scores/fake")),
    ("Sign of D on the art: near 1 it knows them by heart", ("Signs/real",)),
    ("Augmentation probability", ("augment_p",)),
    ("Gradient penalty and path length", ("Loss/r1", "Loss/path_length")),
    ("Variety of the fakes, as a share of the art's", ("Variety",)),
    ("KID against the art, with that of the art itself", ("KID", "KID/floor")),
    ("Strongest regular pattern: above 16 look at the sheet", ("Pattern",)),
    ("Share of D's judgement that is memory", ("Overfitting",)),
    ("Seconds per thousand images", ("seconds_per_kimg",)),
)
COLOURS = ("#2563eb", "#d97706")
WIDTH, HEIGHT, MARGIN = 460, 160, 38
SHEETS = 4  # shown, evenly spread, the newest always

STYLE = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem;
  color: #1f2937; background: #fff; }}
table {{ border-collapse: collapse; }} td {{ padding: .1rem 1rem .1rem 0; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
figure {{ display: inline-block; margin: 0 .5rem 1rem 0; max-width: 100%; }}
figcaption {{ color: #4b5563; }}
img {{ max-width: 100%; image-rendering: pixelated; width: 460px; }}
svg {{ max-width: 100%; }} svg text {{ fill: currentColor; }}
.warning {{ border-left: 4px solid #d97706; padding-left: .8rem; }}
{"".join(f".curve{n} {{ color: {colour}; }}" for n, colour in enumerate(COLOURS))}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e5e7eb; background: #15171c; }} figcaption {{ color: #9ca3af; }}
}}
"""


def write_report(run_dir: Path, path: Path | None = None) -> Path:
    """Write the page (by default report.html in the run folder) and return where it is.

    The page needs no network and no other file. UsageError when `run_dir` holds no run.
    """
    path = path or run_dir / "report.html"
    files.write_text(path, render(run_dir))
    return path


def render(run_dir: Path) -> str:
    """The page as text."""
    if not (run_dir / OPTIONS_FILE).exists():
        raise UsageError(f"{run_dir} is not a run folder", hint="nftgan train makes one")
    options = files.read_json(run_dir / OPTIONS_FILE)
    stats = run_dir / STATS_FILE
    lines = read_statistics(stats) if stats.exists() else []
    charts = [chart(title, names, lines) for title, names in CHARTS]
    title = escape(run_dir.resolve().name)
    shown = "\n".join(text for text in charts if text) or "<p>No tick yet.</p>"
    body = (
        f"<h1>{title}</h1>",
        f"<table>{''.join(row(*fact) for fact in _facts(options, lines))}</table>",
        _warnings(lines),
        f"<h2>Curves</h2>\n{shown}",
        "<h2>Sheets</h2>",
        *(_figure(sheet) for sheet in _sheets(run_dir)),
    )
    return page(run_dir.resolve().name, STYLE, "\n".join(body))


def chart(title: str, names: tuple[str, ...], lines: list[dict[str, Any]]) -> str:
    """Curves over kimg as inline SVG; nothing when fewer than two points are known."""
    curves = []
    for number, name in enumerate(names):
        points = [
            (line["images"] / 1000, float(line[name]))
            for line in lines
            if isinstance(line.get(name), int | float)
        ]
        if len(points) > 1:
            curves.append((name, number, points))
    if not curves:
        return ""
    xs = [x for *_, points in curves for x, _ in points]
    ys = [y for *_, points in curves for _, y in points]
    left, right = min(xs), max(xs)
    low, high = min(*ys, 0.0), max(*ys, low_span(ys))

    def place(x: float, y: float) -> str:
        across = MARGIN + (x - left) / ((right - left) or 1) * (WIDTH - MARGIN - 8)
        down = 8 + (high - y) / ((high - low) or 1) * (HEIGHT - 34)
        return f"{across:.1f},{down:.1f}"

    floor = HEIGHT - 26
    parts = [
        f'<line x1="{MARGIN}" y1="{floor}" x2="{WIDTH - 8}" y2="{floor}" stroke="#9ca3af"/>',
        svg_text(MARGIN - 4, 14, f"{high:.3g}", "end"),
        svg_text(MARGIN - 4, floor + 4, f"{low:.3g}", "end"),
        svg_text(MARGIN, HEIGHT - 8, f"{left:g} kimg", "start"),
        svg_text(WIDTH - 8, HEIGHT - 8, f"{right:g} kimg", "end"),
    ]
    for name, number, points in curves:
        path = " ".join(place(x, y) for x, y in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[number]}"'
            f' stroke-width="1.5"><title>{escape(name)}</title></polyline>'
        )
    legend = ", ".join(
        f'<span class="curve{number}">{escape(name)}</span>' for name, number, _ in curves
    )
    drawing = svg(title, parts, width=WIDTH, height=HEIGHT)
    return f"<figure>{drawing}<figcaption>{escape(title)} ({legend})</figcaption></figure>"


def low_span(values: list[float]) -> float:
    """A little above the lowest value, so that a flat curve still has an axis."""
    return min(values) + 1e-9


def _facts(options: dict[str, Any], lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    dataset = options["dataset"]
    last = lines[-1] if lines else {"images": 0, "seconds": 0.0}
    facts = [
        ("Data set", f"{dataset['name']}, {dataset['images']:,} images of "
         f"{dataset['resolution']} pixels"),
        ("Fingerprint", dataset["fingerprint"]),
        ("Networks", f"{options['cfg']}, preset {options['preset'] or 'none'}"),
        ("Trained", f"{last['images'] / 1000:g} of {options['total_images'] / 1000:g} kimg in "
         f"{last['seconds'] / 3600:.1f} hours"),
        ("Batch, gamma, seed", f"{options['batch']}, {options['gamma']:g}, {options['seed']}"),
        ("Augmentation", f"{options['aug']}, {options['augpipe']}"),
    ]  # fmt: skip
    if options["parent"]:
        facts.append(("Fine-tuned from", options["parent"]["identity"]))
    return facts


def _warnings(lines: list[dict[str, Any]]) -> str:
    found = []
    for line in lines:
        for warning in line.get("warnings", []):
            found.append(f"<p class=warning>{line['images'] / 1000:g} kimg: {escape(warning)}")
    return "\n".join(found[-5:])


def _sheets(run_dir: Path) -> list[Path]:
    """The art, then some of the sample sheets, the first and the newest among them."""
    made = sorted(run_dir.glob("fakes*.png"))
    if len(made) > SHEETS:
        made = [made[round(n * (len(made) - 1) / (SHEETS - 1))] for n in range(SHEETS)]
    return [path for path in (run_dir / "reals.png", *made) if path.exists()]


def _figure(path: Path) -> str:
    image = inline_image(path.read_bytes(), path.stem)
    return f"<figure>{image}<figcaption>{escape(path.name)}</figcaption></figure>"
