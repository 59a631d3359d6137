"""Imports point down one list, also inside functions; light packages never load torch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nftgan"
ROWS = [
    {"cli"},
    {"workflows"},
    {"studio", "site"},
    {"provenance"},
    {"collection"},
    {"training", "metrics", "synthesis"},
    {"networks", "dataset"},
    {"ops", "ipfs", "chain"},
    {
        "addresses",
        "alpha",
        "compiler",
        "connections",
        "errors",
        "config",
        "seeds",
        "files",
        "http",
        "junk",
        "links",
        "memory",
        "noted_art",
        "oklab",
        "page",
        "patience",
        "pixels",
        "plot",
        "plugins",
        "png",
        "progress",
        "project",
        "redaction",
        "terminal",
        "words",
    },
]
LEVEL = {name: level for level, row in enumerate(ROWS) for name in row}
FOUNDATION = ROWS[-1]
TORCH_FREE = ["config", "ipfs", "chain", "collection/manifest.py"]


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem in FOUNDATION)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def package_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "nftgan" and len(parts) > 1 else None


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down_the_list(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imported(path):
        other = package_of(name)
        if other is None or other == own or other not in LEVEL:
            continue
        both_foundation = {own, other} <= FOUNDATION
        assert LEVEL[other] > LEVEL[own] or both_foundation, f"{path.name} imports {name}"


def imports_of_modules() -> dict[str, set[str]]:
    """Every module with those of nftgan that it imports when it runs, also inside functions."""
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if path.stem not in ("__init__", "__main__")
    }
    found = {}
    for name, path in names.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]  # types alone are no import
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        places = {f"{node.module}.{one.name}" for node in nodes for one in node.names}
        places |= {str(node.module) for node in nodes}
        found[name] = (places & names.keys()) - {name}
    return found


def circles(imports: dict[str, set[str]]) -> set[str]:
    """The modules that are left when all that import nothing left are taken away, from each end."""
    left = dict(imports)
    while True:
        used = {other for others in left.values() for other in others}
        ends = {
            name for name, others in left.items() if name not in used or not others & left.keys()
        }
        if not ends:
            return set(left)
        left = {name: others - ends for name, others in left.items() if name not in ends}


def test_no_modules_import_each_other_also_inside_functions() -> None:
    """An import inside a function may save time; it must not hide a circle."""
    assert not circles(imports_of_modules())
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"b", "c"}


def imports_of_packages() -> dict[str, set[str]]:
    """Which package imports which, without the foundation."""
    found: dict[str, set[str]] = {name: set() for name in LEVEL if name not in FOUNDATION}
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own in found:
            others = {package_of(name) for name in imported(path)}
            found[own] |= {one for one in others if one in found and one != own}
    return found


def test_every_package_and_module_has_a_layer() -> None:
    found = {p.stem for p in PACKAGE.glob("*.py")} | {
        p.parent.name for p in PACKAGE.glob("*/__init__.py")
    }
    assert found - {"__init__", "__main__"} == set(LEVEL)


def test_contributors_are_told_these_layers() -> None:
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = re.findall(r"^\d\. (.*(?:\n   .*)*)", text, re.M)
    assert [set(re.findall(r"`(\w+)`", row)) for row in told] == ROWS


def test_the_drawing_of_imports_is_true() -> None:
    text = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = re.findall(r"^  (\w+) --> (\w+)$", text, re.M)
    there = imports_of_packages()
    assert {(a, b) for a, others in there.items() for b in others} >= set(drawn) != set()
    nearest: dict[str, set[str]] = {name: set() for name in there}
    for a, b in drawn:
        nearest[a].add(b)

    def below(name: str) -> set[str]:
        return nearest[name] | {far for near in nearest[name] for far in below(near)}

    for name, others in there.items():
        assert others <= below(name), f"docs/design.md: {name} imports {others - below(name)} too"


@pytest.mark.parametrize("place", TORCH_FREE)
def test_light_packages_never_name_torch(place: str) -> None:
    root = PACKAGE / place
    files = (
        [root] if root.suffix == ".py" else sorted(root.rglob("*.py")) or [root.with_suffix(".py")]
    )
    for path in filter(Path.exists, files):
        assert not any(n.split(".")[0] == "torch" for n in imported(path)), path


@pytest.mark.parametrize("command", [["--help"], ["mint", "--help"], ["--version"]])
def test_help_loads_neither_torch_nor_web3(command: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['nftgan', *sys.argv[1:]]\n"
        "from nftgan.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'web3', 'eth', 'numpy', 'PIL', 'jsonschema'} & set(sys.modules)\n"
        "raise SystemExit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_package_says_its_subject_in_its_first_line() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert text and text.splitlines()[0].strip(), path
