"""Option types that several verbs share, and how their text becomes values."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.errors import UsageError

Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="A .safetensors or .pkl file, a run folder, a URL with #sha256=, or 'base'.",
        show_default=False,
    ),
]
Seeds = Annotated[
    str,
    typer.Option("--seeds", metavar="SEEDS", help="Such as 0-63 or 0-9,42 (both ends included)."),
]
Places = Annotated[
    str,
    typer.Option(
        "--seeds",
        metavar="SEEDS",
        help="Such as 0-63 or 0-9,me.npz: also latents of project, or a folder/.",
    ),
]
Trunc = Annotated[
    float,
    typer.Option("--trunc", metavar="PSI", help="Truncation psi: 1 full variety, 0 the mean."),
]
Cutoff = Annotated[
    int | None,
    typer.Option(
        "--cutoff", metavar="N", help="Truncate the first N layers only.", show_default=False
    ),
]
Label = Annotated[
    int | None,
    typer.Option("--class", metavar="N", help="Class of a conditional model.", show_default=False),
]
Condition = Annotated[
    str,
    typer.Option(
        "--condition",
        metavar="N,N",
        help="The numbers that a model trained with vectors is told.",
        show_default=False,
    ),
]
Translate = Annotated[
    str,
    typer.Option("--translate", metavar="X,Y", help="Shift in image widths, heights (StyleGAN3)."),
]
Rotate = Annotated[float, typer.Option("--rotate", metavar="DEG", help="Turn (StyleGAN3).")]
PixelGrid = Annotated[
    int,
    typer.Option("--pixel-grid", metavar="N", help="Pixel-art finish: side of the grid; 0: none."),
]
Palette = Annotated[
    int, typer.Option("--palette", metavar="N", help="Pixel-art finish: colours kept; 0: all.")
]
Colours = Annotated[
    str, typer.Option("--colours", help="art: only colours that the art has; all: any.")
]
ColoursOrAuto = Annotated[
    str,
    typer.Option(
        "--colours", help="art: only colours that the art has; all: any; auto follows the art."
    ),
]
Upscale = Annotated[
    int, typer.Option("--upscale", metavar="N", help="How many times larger the images are.")
]
Filter = Annotated[
    str,
    typer.Option(
        "--filter",
        help="Of the enlargement: nearest, cubic for smooth art, contour for flat art.",
    ),
]
Effect = Annotated[
    str,
    typer.Option(
        "--effect",
        metavar="NAME[=N]",
        help="Of a plugin, before the enlargement.",
        show_default=False,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="DEVICE", help="cpu or cuda; else what is there.", show_default=False
    ),
]
ExactDevice = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="cpu or cuda: the pixels are equal.")
]
Gpus = Annotated[
    int,
    typer.Option(
        min=1, help="Processes that share the work, one per GPU; torchrun for several machines."
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="PATH", help="Where the result goes.")
]
ChainName = Annotated[
    str | None,
    typer.Option(
        "--chain",
        metavar="NAME",
        help="embedded, anvil, sepolia, hoodi, base-sepolia, ...; else the collection's.",
        show_default=False,
    ),
]
ChainId = Annotated[
    int | None,
    typer.Option(
        "--chain-id",
        metavar="N",
        help="Any EVM chain by its number, with --rpc.",
        show_default=False,
    ),
]
Rpc = Annotated[
    list[str] | None,
    typer.Option(
        "--rpc",
        metavar="URL",
        help="Your own node, or several in order; else NFTGAN_RPC_URL, then ETH_RPC_URL.",
        show_default=False,
    ),
]
Mainnet = Annotated[
    bool, typer.Option("--mainnet", help="Allow a chain where money is real.", show_default=False)
]


def start_group(processes: int) -> None:
    """Start this command anew in so many processes, and leave with their exit code.

    Returns where one is enough, and in a process that was started so.
    """
    from nftgan.training.launch import launch, world_size

    if processes > 1 and world_size() == 1:
        raise SystemExit(launch(sys.argv[1:], processes))


def parse_pair(text: str) -> tuple[float, float]:
    """ "X,Y" as two numbers; UsageError when it is not."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{text!r} is not X,Y", hint="write --translate 0.1,-0.2") from None
    return x, y


def parse_condition(text: str) -> tuple[float, ...] | None:
    """ "0.3,1,0" as numbers; None for nothing, UsageError for anything else."""
    if not text:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"{text[:80]!r} are no numbers with commas between", hint="write --condition 0.3,1,0"
        ) from None


def in_art_colours(colours: str) -> bool:
    """Whether --colours asks for those of the art; UsageError for a word that it does not know."""
    if colours not in ("art", "all"):
        raise UsageError(f"--colours is art or all, not {colours[:80]!r}")
    return colours == "art"


def in_art_colours_or_auto(colours: str) -> bool | None:
    """The same where --colours may be auto; None then."""
    if colours not in ("auto", "art", "all"):
        raise UsageError(f"--colours is auto, art or all, not {colours[:80]!r}")
    return None if colours == "auto" else in_art_colours(colours)


def finish_of(pixel_grid: int, palette: int, upscale: int, filter: str, effect: str) -> Any:
    """The `Finish` that these options ask for; None where they ask for nothing."""
    from nftgan.synthesis.effects import named_effect
    from nftgan.synthesis.recipe import Finish

    finish = Finish(pixel_grid, palette, upscale, filter, named_effect(effect))
    return None if finish.does_nothing else finish
