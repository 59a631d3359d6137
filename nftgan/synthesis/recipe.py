"""The recipe: everything but the seed that decides the pixels of a piece, as canonical JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from nftgan.config import RecipeSection
from nftgan.errors import UsageError
from nftgan.files import canonical_json, sha256_hex
from nftgan.noted_art import NO_PIXEL_ART, PixelArt, are_colours
from nftgan.synthesis.effects import NamedEffect, named_effect
from nftgan.synthesis.latent import MAX_LATENTS, Latent, NamedLatent

VERSION = 1
RENDERER = "f64-1"
MAX_SIDE = 16384
FILTERS = ("nearest", "cubic", "contour")
COLOURS = ("auto", "art", "all")
"""Of a piece; "auto" is "art" where there is a palette and the model knows them."""
WALL = 1024  # pixels that a finished image has at least, unless said otherwise
MAX_CONDITION = 1_000_000  # the largest number that a model is told
MAX_CONDITIONS = 512  # numbers of one vector
MAX_SMOOTH = 64  # times: beyond, the sums of the smooth filters could leave 64 bits
MAX_PLAIN = 64  # colours that the contour filter may be told to find
IDENTITY = re.compile(r"sha256:[0-9a-f]{64}")
UNKNOWN_COLOURS = "the model does not say which colours its art has"
_KEYS = (  # all required
    "nftgan",
    "model",
    "trunc",
    "cutoff",
    "class",
    "translate",
    "rotate",
    "renderer",
    "size",
)


@dataclass(frozen=True)
class Finish:
    """The pixel-art finish (see `nftgan.synthesis.finish`)."""

    grid: int = 0  # side of the pixel-art grid; 0: the image keeps its pixels
    palette: int = 0  # colours kept; 0: all
    upscale: int = 1  # how many times larger
    filter: str = "nearest"  # of the enlargement: nearest, cubic, or contour for flat art
    effect: NamedEffect | None = None  # of a plugin, before the enlargement
    colours: str = ""  # the only ones a piece may have, six hex digits each, rising; empty: any

    def __post_init__(self) -> None:
        if self.filter not in FILTERS:
            raise UsageError(
                f"finish: no filter {self.filter!r:.80} is known here",
                hint=f"{', '.join(FILTERS)}; of a recipe that a newer nftgan wrote: update",
            )
        if self.upscale == 1:
            object.__setattr__(self, "filter", "nearest")  # one way to say it, so one hash
        most = 256 if self.filter == "nearest" else MAX_SMOOTH
        most_colours = MAX_PLAIN if self.filter == "contour" else 256
        for name, value, least, greatest in (
            ("grid", self.grid, 0, 4096),
            ("palette", self.palette, 0, most_colours),
            ("upscale", self.upscale, 1, most),
        ):
            if type(value) is not int or not least <= value <= greatest:
                raise UsageError(
                    f"finish: {name} must be from {least} to {greatest}, not {value!r}"
                )
        if self.palette == 1:
            raise UsageError("finish: a palette of 1 colour is an empty image", hint="2 to 256")
        if self.colours != "" and not are_colours(self.colours):
            raise UsageError(
                "finish: colours must be 2 to 256 times six small hex digits, each once and rising"
            )

    @property
    def without_enlargement(self) -> Finish:
        """The same but for the enlargement, and so for colours that only contour finds in it."""
        if self.filter == "contour":
            return replace(self, upscale=1, palette=0, colours="")
        return replace(self, upscale=1)

    @property
    def does_nothing(self) -> bool:
        plain = self.grid == 0 and self.palette == 0 and self.upscale == 1
        return plain and self.effect is None and not self.colours

    def to_json(self) -> dict[str, Any]:
        """Plain data; `filter` is left out where it is nearest, as recipes had it first.

        So are `effect` and `colours` where there are none.
        """
        document = asdict(self)
        if self.filter == "nearest":
            del document["filter"]
        if self.effect is None:
            del document["effect"]
        if not self.colours:
            del document["colours"]
        return document

    @classmethod
    def from_json(cls, raw: Any, where: str) -> Finish:
        """The finish that `raw` holds; UsageError for a missing, unknown or wrong key."""
        keys = {"grid", "palette", "upscale"}
        if not isinstance(raw, Mapping) or set(raw) - {"filter", "effect", "colours"} != keys:
            raise UsageError(f"{where}: finish must hold grid, palette and upscale")
        added = {}
        if "effect" in raw:
            added = {"effect": NamedEffect.from_json(raw["effect"], where)}
        finish = cls(**{**raw, **added})
        if "filter" in raw and finish.filter == "nearest":
            # Else the same pixels would have two hashes.
            raise UsageError(f"{where}: finish must leave out filter where it is nearest")
        if "colours" in raw and finish.colours == "":
            raise UsageError(f"{where}: finish must leave out colours where there are none")
        return finish

    def size(self, resolution: int) -> int:
        """Pixels a side of a finished image that was `resolution` wide."""
        return (self.grid or resolution) * self.upscale


@dataclass(frozen=True)
class Recipe:
    """What turns a seed into pixels; `class_idx` is "class" in JSON.

    `latents` are pieces whose styles are stored instead of drawn from a seed; the number of each
    stands where others have their seed. Truncation, class and condition have no effect on them.
    Raises UsageError for values that no image can have.
    """

    model: str  # identity, "sha256:…"
    size: tuple[int, int]  # width and height of the finished image, pixels
    trunc: float = 1.0  # truncation psi
    cutoff: int | None = None  # layers that are truncated; None: all
    class_idx: int | None = None  # class index of a conditional model
    translate: tuple[float, float] = (0.0, 0.0)  # in image widths and heights
    rotate: float = 0.0  # degrees
    finish: Finish | None = None
    renderer: str = RENDERER
    nftgan: int = VERSION
    latents: tuple[NamedLatent, ...] = ()  # by hash
    condition: tuple[float, ...] | None = None  # what a model trained with vectors is told

    def __post_init__(self) -> None:
        if self.nftgan != VERSION:
            raise UsageError(
                f"recipe version {self.nftgan!r} is not known here",
                hint="a newer nftgan wrote it: pip install -U nftgan",
            )
        if self.renderer != RENDERER:
            raise UsageError(
                f"renderer {self.renderer!r} is not known here, only {RENDERER}",
                hint="a newer nftgan wrote it: pip install -U nftgan",
            )
        if not isinstance(self.model, str) or not IDENTITY.fullmatch(self.model):
            raise UsageError(f"recipe: model must be sha256: and 64 hex digits, not {self.model!r}")
        _check_int("cutoff", self.cutoff, 0, 10_000)
        _check_int("class", self.class_idx, 0, 1_000_000)
        for side in self.size:
            _check_int("size", side, 1, MAX_SIDE)
        # + 0.0 turns the negative zero, which has the same meaning, into the positive one.
        set_ = object.__setattr__
        set_(self, "trunc", _finite("trunc", self.trunc, 100) + 0.0)
        set_(self, "rotate", _finite("rotate", self.rotate, 36_000) + 0.0)
        x, y = (_finite("translate", value, 100) + 0.0 for value in self.translate)
        set_(self, "translate", (x, y))
        set_(self, "latents", _checked(self.latents))
        if self.condition is not None:
            set_(self, "condition", _condition(self.condition, self.class_idx))
        if self.finish is not None and self.finish.does_nothing:
            set_(self, "finish", None)  # one way to say "no finish", so one hash
        if self.finish is not None and self.finish.grid:
            side = self.finish.size(0)
            if self.size != (side, side):
                raise UsageError(
                    f"recipe: size {list(self.size)} is not what the finish gives, {[side, side]}"
                )

    def to_json(self) -> dict[str, Any]:
        """Plain data; `finish`, `latents` and `condition` are left out where there are none.

        Of latents only the hashes: the values stand in the metadata of their piece.
        """
        document: dict[str, Any] = {
            "nftgan": self.nftgan,
            "model": self.model,
            "trunc": self.trunc,
            "cutoff": self.cutoff,
            "class": self.class_idx,
            "translate": list(self.translate),
            "rotate": self.rotate,
            "renderer": self.renderer,
            "size": list(self.size),
        }
        if self.finish is not None:
            document["finish"] = self.finish.to_json()
        if self.latents:
            document["latents"] = [one.hash for one in self.latents]
        if self.condition is not None:
            document["condition"] = list(self.condition)
        return document

    @classmethod
    def from_json(cls, document: Any, where: str = "recipe") -> Recipe:
        """The recipe that `document` holds; UsageError for a missing, unknown or wrong key.

        A key that is not known here could change the pixels, so it is never skipped.
        """
        _check_keys(document, where)
        finish = None
        if (raw := document.get("finish")) is not None:
            finish = Finish.from_json(raw, where)
        hashes = document.get("latents", ["sha256:"])
        if not isinstance(hashes, list) or not hashes or not all(map(_is_text, hashes)):
            raise UsageError(f"{where}: latents must be a list of hashes, or left out")
        if "condition" in document and not isinstance(document["condition"], (list, tuple)):
            raise UsageError(f"{where}: condition must be a list of numbers, or left out")
        for key in ("translate", "size"):
            if not isinstance(document[key], (list, tuple)) or len(document[key]) != 2:
                raise UsageError(f"{where}: {key} must be a list of 2 numbers")
        try:
            recipe = cls(
                model=document["model"],
                size=tuple(document["size"]),
                trunc=document["trunc"],
                cutoff=document["cutoff"],
                class_idx=document["class"],
                translate=tuple(document["translate"]),
                rotate=document["rotate"],
                finish=finish,
                renderer=document["renderer"],
                latents=tuple(map(NamedLatent, document.get("latents", ()))),
                condition=tuple(document["condition"]) if "condition" in document else None,
            )
            if recipe.latents and [one.hash for one in recipe.latents] != hashes:
                raise UsageError("the latents are not in the order of their hashes")
            return recipe
        except UsageError as exc:
            raise UsageError(f"{where}: {exc.message}", hint=exc.hint) from exc
        except OverflowError:  # whole numbers of JSON have no end
            raise UsageError(f"{where}: a number is out of range") from None

    @classmethod
    def of_token(cls, own: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """The recipe of a token, with its latent's values where it has one.

        own: the block `nftgan` of its metadata. Raises UsageError where seed, recipe and latent do
        not fit together.
        """
        recipe = cls.from_json(own["recipe"], where)
        named = recipe.named_latent(own["seed"])
        if "latent" not in own:
            if named is not None:
                raise UsageError(f"{where}: the latent that the recipe names is missing")
            return recipe
        latent = Latent.from_json(own["latent"], f"{where}: latent")
        if named is None or named.hash != latent.hash:
            raise UsageError(f"{where}: the latent is none that the recipe names")
        return recipe.holding([latent])

    def named_latent(self, seed: int) -> NamedLatent | None:
        """The latent that `seed` is the number of; None: an image is drawn from `seed` itself."""
        return self._by_number.get(seed)

    @cached_property
    def _by_number(self) -> dict[int, NamedLatent]:
        # Asked for each of up to a million pieces.
        return {one.number: one for one in self.latents}

    def latent_of(self, seed: int) -> Latent | None:
        """Its values; UsageError where only their hash is known."""
        named = self.named_latent(seed)
        if named is None:
            return None
        if named.latent is None:
            raise UsageError(
                f"{seed} is no seed here: it stands for a stored latent",
                hint="its values are in the metadata of the piece, under nftgan.latent",
            )
        return named.latent

    def holding(self, latents: Iterable[Latent]) -> Recipe:
        """The same recipe, by the same hash, with the values of those it names among `latents`."""
        known = {latent.hash: latent for latent in latents}
        found = (NamedLatent(one.hash, known.get(one.hash, one.latent)) for one in self.latents)
        return replace(self, latents=tuple(found))

    @property
    def stored(self) -> list[dict[str, Any]]:
        """The known values of its latents as plain data, which `holding_json` takes."""
        return [one.latent.to_json() for one in self.latents if one.latent is not None]

    def holding_json(self, latents: Iterable[Any], where: str = "recipe") -> Recipe:
        """As `holding`, of what `stored` gave. Raises UsageError."""
        return self.holding(Latent.from_json(one, f"{where}: latent") for one in latents)

    def with_latents(self, latents: Iterable[Latent]) -> Recipe:
        """The recipe whose latents are exactly these."""
        return replace(self, latents=tuple(NamedLatent(one.hash, one) for one in set(latents)))

    def keeping(self, seeds: Iterable[int]) -> Recipe:
        """The recipe without the latents whose numbers are not among `seeds`."""
        kept = set(seeds)
        return replace(self, latents=tuple(one for one in self.latents if one.number in kept))

    @property
    def hash(self) -> str:
        """ "sha256:…" of the canonical JSON (RFC 8785)."""
        return "sha256:" + sha256_hex(canonical_json(self.to_json()))


def finish_from_section(section: RecipeSection, resolution: int, art: PixelArt) -> Finish:
    """The finish that [recipe] asks for; "auto" follows the art and enlarges to `WALL` pixels.

    Pixel art comes back to its own grid, with as many colours as an image of the art, each one that
    the art has, and is enlarged in equal squares; other art keeps its pixels and is enlarged by the
    contour filter where it is flat, else by the cubic one.
    """
    drawn = 0 if art.grid == 0 or resolution % art.grid or resolution == art.grid else art.grid
    grid = _number("pixel_grid", section.pixel_grid, drawn)
    palette = _number("palette", section.palette, art.colours)
    kind = section.filter
    if kind == "auto":
        smooth = "contour" if art.flat else "cubic"
        kind = "nearest" if grid or palette or art.grid else smooth
    side = grid or resolution
    enough = 1 if side >= WALL // 2 else min(-(-WALL // side), MAX_SMOOTH)
    times = _number("upscale", section.upscale, enough)
    if kind == "contour" and section.palette == "auto":
        palette = min(palette, MAX_PLAIN)
    colours = _colours(section.colours, art, bool(palette))
    return Finish(grid, palette, times, kind, named_effect(section.effect), colours)


def _colours(wish: str, art: PixelArt, few: bool) -> str:
    """few: whether a piece keeps a palette; one that keeps all its colours moves none by itself."""
    if wish not in COLOURS:
        raise UsageError(f"[recipe] colours must be {', '.join(COLOURS)}, not {wish!r:.80}")
    if wish == "art" and not art.art_colours:
        raise UsageError(
            UNKNOWN_COLOURS,
            hint='colours = "all"; or prepare the art again, if it is pixel art, and train',
        )
    return art.art_colours if wish == "art" or (wish == "auto" and few) else ""


def _number(name: str, value: int | str, automatic: int) -> int:
    if value == "auto":
        return automatic
    if isinstance(value, str):
        raise UsageError(f'[recipe] {name} must be a number or "auto", not {value!r}')
    return value


def recipe_from_section(
    section: RecipeSection, *, model: str, resolution: int, art: PixelArt = NO_PIXEL_ART
) -> Recipe:
    """The recipe that [recipe] of nftgan.toml asks of a model `resolution` pixels wide."""
    finish = finish_from_section(section, resolution, art)
    side = finish.size(resolution)
    return Recipe(
        model=model,
        size=(side, side),
        trunc=section.trunc,
        cutoff=section.cutoff,
        class_idx=section.label,
        translate=section.translate,
        rotate=section.rotate,
        finish=finish,
        condition=section.condition or None,
    )


def _condition(numbers: Iterable[float], class_idx: int | None) -> tuple[float, ...]:
    found = tuple(_finite("condition", one, MAX_CONDITION) + 0.0 for one in numbers)
    if class_idx is not None:
        raise UsageError("give either a class or conditions")
    if not 1 <= len(found) <= MAX_CONDITIONS:
        raise UsageError(f"condition must be 1 to {MAX_CONDITIONS} numbers, not {len(found)}")
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _checked(latents: Iterable[NamedLatent]) -> tuple[NamedLatent, ...]:
    """By hash, each once. Raises UsageError."""
    found = tuple(sorted(latents, key=lambda one: one.hash))
    if len(found) > MAX_LATENTS:
        raise UsageError(f"{len(found)} latents are more than {MAX_LATENTS}, the most of a recipe")
    for one in found:
        if not IDENTITY.fullmatch(one.hash):
            raise UsageError(f"a latent must be sha256: and 64 hex digits, not {one.hash[:80]!r}")
        if one.latent is not None and one.latent.hash != one.hash:
            raise UsageError(f"the latent {one.hash[:19]}… has other values")
    if len({one.number for one in found}) != len(found):
        raise UsageError("two latents share a number", hint="leave one of them out")
    return found


def _check_keys(document: Any, where: str) -> None:
    if not isinstance(document, Mapping):
        raise UsageError(f"{where} must be a JSON object, not {type(document).__name__}")
    if document.get("nftgan") != VERSION or isinstance(document.get("nftgan"), bool):
        raise UsageError(
            f"{where}: version {document.get('nftgan')!r} is not known here",
            hint="a newer nftgan wrote it: pip install -U nftgan",
        )
    if unknown := set(document) - {*_KEYS, "finish", "latents", "condition"}:
        raise UsageError(f"{where}: unknown key {sorted(map(str, unknown))[0]!r}")
    if missing := set(_KEYS) - set(document):
        raise UsageError(f"{where}: {sorted(missing)[0]!r} is missing")


def _check_int(name: str, value: Any, least: int, most: int) -> None:
    if value is None and name != "size":
        return
    if type(value) is not int or not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least} to {most}, not {value!r}")


def _finite(name: str, value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"{name} must be a number, not {value!r}")
    if abs(value) > most:
        raise UsageError(f"{name} must be from {-most} to {most}, not {value!r}")
    return float(value)
