"""init: a collection folder with an annotated nftgan.toml."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from nftgan.config import RecipeSection
from nftgan.errors import UsageError
from nftgan.files import write_text
from nftgan.project import CONFIG_NAME
from nftgan.synthesis.recipe import recipe_from_section

TEMPLATE = """\
# Settings of one collection. Every value may be changed until `nftgan deploy`.

[collection]
name = {name}
symbol = {symbol}             # up to 11 letters, shown by wallets
description = ""
piece_name = "{{name}} #{{id}}"   # {{name}}, {{id}} and {{seed}} are filled in
external_url = ""              # your own site, or empty; {{id}} is filled in per token
# animation_url = "files/{{id}}.mp4"   # films and pages in files/ are pinned with the collection
# banner_image = "files/banner.png"  # see docs/formats.md for more

[model]
path = ""                      # a .safetensors file, a run folder, or a URL with #sha256=...
publish = true                 # false: only who gets the model from you can prove an image

[recipe]
trunc = {trunc}                    # truncation psi: 1 full variety, 0.5 to 0.8 safer images
translate = [0.0, 0.0]         # in image widths and heights (StyleGAN3)
rotate = 0.0                   # degrees (StyleGAN3)
# The finish of each piece; "auto" follows the art.
pixel_grid = {pixel_grid}            # squares along a side of pixel art, 0 for none
palette = {palette}               # colours kept of each piece, 0 for all
colours = {colours}               # "art": only colours that the art has; "all": any
upscale = {upscale}               # how many times larger a piece is; "auto": to 1024 pixels
# Of the enlargement: "nearest" for pixel art, "contour" for flat art (plain colours with smooth,
# sharp borders), else "cubic"; "auto" follows the art.
filter = {filter}

[royalty]
percent = 5.0                  # ERC-2981: a wish that markets may ignore
receiver = ""                  # empty: the address that deploys
# [royalty.shares]             # several: a contract divides it; instead of receiver
# "0x…" = 60.0                 # percent of the royalty, 100 in all

[chain]
name = "embedded"              # embedded, anvil, sepolia, base-sepolia, ...
"""


@dataclass(frozen=True)
class RecipeDefaults:
    """First values of [recipe]."""

    trunc: float = 0.7
    pixel_grid: int | str = "auto"
    palette: int | str = "auto"
    colours: str = "auto"
    upscale: int | str = "auto"
    filter: str = "auto"


PLAIN_RECIPE = RecipeDefaults()


@dataclass(frozen=True)
class InitResult:
    """Where the settings are and whether this run wrote them."""

    folder: Path
    config: Path
    created: bool


def init(name: str, parent: str | Path, recipe: RecipeDefaults = PLAIN_RECIPE) -> InitResult:
    """`parent/NAME/nftgan.toml` exists; one that is there already is kept as it is.

    Raises UsageError for a name that cannot be a folder's, and for a recipe that cannot be.
    """
    section = RecipeSection(**asdict(recipe))
    recipe_from_section(section, model="sha256:" + "0" * 64, resolution=4)  # to be refused
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}", name) or name.endswith((".", " ")):
        raise UsageError(
            f"{name!r} cannot be a collection's folder name",
            hint="use up to 64 letters a to z, digits, spaces, dots, dashes and underscores;"
            " the name in nftgan.toml may have any letters",
        )
    folder = Path(parent) / name
    path = folder / CONFIG_NAME
    if path.exists():
        return InitResult(folder, path, created=False)
    symbol = re.sub(r"[^A-Z0-9]", "", name.upper())[:11] or "ART"
    # A JSON string is a TOML basic string too.
    words = {"name": json.dumps(name), "symbol": json.dumps(symbol)}
    write_text(
        path, TEMPLATE.format(**words, **{k: json.dumps(v) for k, v in asdict(recipe).items()})
    )
    return InitResult(folder, path, created=True)
