"""What a person writes in nftgan.toml, as frozen dataclasses; an unknown key is an error."""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from nftgan.errors import UsageError

C = TypeVar("C")


@dataclass(frozen=True)
class CollectionSection:
    """[collection]: the words that collectors read."""

    name: str = "Untitled"
    symbol: str = "ART"  # up to 11 letters, shown by wallets
    description: str = ""
    piece_name: str = "{name} #{id}"  # {name}, {id}, {seed} and traits are filled in
    external_url: str = ""  # empty: none
    animation_url: str = ""  # {id}, {seed} are filled in; empty: none; files/NAME is pinned too
    image: str = ""  # of the collection: files/NAME or a URL; empty: the first piece
    banner_image: str = ""  # the same, wide
    featured_image: str = ""  # the same, where markets show a few collections
    background_color: str = ""  # six hex digits, behind pieces that do not fill their frame
    collaborators: tuple[str, ...] = ()  # addresses that markets may let edit the page
    traits: tuple[str, ...] = ()  # of plugins, measured beside the usual ones
    display: dict[str, str] = field(default_factory=dict)  # tag → number, boost_number, date, …


@dataclass(frozen=True)
class ModelSection:
    """[model]: the generator that makes the images."""

    path: str = ""  # a .safetensors file, a run folder or a URL with #sha256=; relative to the toml
    publish: bool = True  # false: it is not pinned; only who gets it from you can make images


@dataclass(frozen=True)
class RecipeSection:
    """[recipe]: everything but the seed that decides the pixels."""

    trunc: float = 1.0  # truncation psi: 1 is the full variety, 0.5 to 0.8 safer images
    cutoff: int | None = None  # only the first layers are truncated
    label: int | None = None  # class index of a conditional model
    condition: tuple[float, ...] = ()  # instead of a class, for a model trained with vectors
    translate: tuple[float, float] = (0.0, 0.0)  # in image widths and heights
    rotate: float = 0.0  # degrees
    pixel_grid: int | str = "auto"  # side of the pixel-art grid; 0: none
    palette: int | str = "auto"  # colours kept of each piece; 0: all
    colours: str = "auto"  # of the pieces: art (only colours that the art has) or all
    upscale: int | str = "auto"  # enlargement; auto: to 1024 pixels
    filter: str = "auto"  # of the enlargement: nearest, cubic or contour
    effect: str = ""  # of a plugin, before the enlargement: "name" or "name=4"


@dataclass(frozen=True)
class RoyaltySection:
    """[royalty]: ERC-2981 information; markets may ignore it."""

    percent: float = 0.0  # 0 to 10
    receiver: str = ""  # empty: the address that deploys
    shares: dict[str, float] = field(default_factory=dict)  # address → percent of the royalty


@dataclass(frozen=True)
class ChainSection:
    """[chain]: where the collection lives."""

    name: str = "embedded"  # embedded, anvil, sepolia, ...


@dataclass(frozen=True)
class ProjectConfig:
    """One nftgan.toml."""

    collection: CollectionSection = field(default_factory=CollectionSection)
    model: ModelSection = field(default_factory=ModelSection)
    recipe: RecipeSection = field(default_factory=RecipeSection)
    royalty: RoyaltySection = field(default_factory=RoyaltySection)
    chain: ChainSection = field(default_factory=ChainSection)


def from_mapping(cls: type[C], values: Mapping[str, Any], where: str) -> C:
    """A dataclass `cls` built from plain data; UsageError names a wrong key or type."""
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(names)}"
            raise UsageError(f"{where}: unknown key {key!r}", hint=hint)
        arguments[key] = _coerce(hints[key], value, f"{where}: {key}")
    return cls(**arguments)


def _coerce(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be a table, not {value!r}")
        return from_mapping(hint, value, where)
    if get_origin(hint) is dict:
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be a table, not {value!r}")
        kind = get_args(hint)[1]
        return {str(key): _coerce(kind, item, f"{where}.{key}") for key, item in value.items()}
    if get_origin(hint) is tuple:
        return _coerce_list(get_args(hint), value, where)
    kinds = get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    for kind in kinds:
        if type(value) is kind:
            return value
    wanted = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
    raise UsageError(f"{where} must be {wanted}, not {value!r}")


def _coerce_list(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """`value` as a tuple of these types, or of any length where the last of them is ..."""
    endless, whole = kinds[-1] is Ellipsis, isinstance(value, (list, tuple))
    if endless and whole:
        return tuple(_coerce(kinds[0], item, where) for item in value)
    if not whole or len(value) != len(kinds):
        what = "a list" if endless else f"a list of {len(kinds)} numbers"
        raise UsageError(f"{where} must be {what}, not {value!r}")
    return tuple(_coerce(kind, item, where) for kind, item in zip(kinds, value, strict=True))


def read_config(path: Path) -> ProjectConfig:
    """The collection's settings; UsageError names the file, the key and the problem."""
    try:
        values = read_toml(path)
    except FileNotFoundError as exc:
        raise UsageError(f"{path} does not exist", hint="nftgan init NAME") from exc
    return from_mapping(ProjectConfig, values, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises UsageError when it is none, and OSError."""
    try:
        result: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return result
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} is not valid TOML: {exc}") from exc
