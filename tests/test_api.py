"""The public names: sorted, complete, each where the table says, and none costs anything early."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import nftgan
from nftgan import errors

ROOT = Path(__file__).parent.parent


def test_the_public_names_are_sorted_and_each_is_there() -> None:
    assert nftgan.__all__ == sorted(nftgan.__all__)
    assert len(set(nftgan.__all__)) == len(nftgan.__all__)
    for name in nftgan.__all__:
        assert getattr(nftgan, name) is not None
    assert set(nftgan.__all__) <= set(dir(nftgan))


def test_what_type_checkers_see_is_what_is_imported() -> None:
    tree = ast.parse((ROOT / "nftgan" / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        (alias.asname or alias.name): (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nftgan.")
        for alias in node.names
    }
    assert seen == nftgan._PLACES
    assert {*seen, "__version__"} == set(nftgan.__all__)


def test_every_public_thing_is_documented() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name, (module, own) in nftgan._PLACES.items():
        assert f"::: {module}.{own}\n" in page, name
        assert inspect.getdoc(getattr(nftgan, name)), name


def test_the_whole_error_family_is_public() -> None:
    family = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.NftganError)
    }
    assert family <= set(nftgan.__all__)


def test_no_public_name_is_hidden_by_a_module_of_the_package() -> None:
    """`import nftgan.NAME` anywhere would put the module in the place of the function."""
    modules = {path.stem for path in (ROOT / "nftgan").iterdir()}
    assert not modules & (set(nftgan.__all__) - {"__version__"})


@pytest.mark.parametrize("use", ["nftgan.__version__", "nftgan.UsageError", "nftgan.open_project"])
def test_a_name_loads_only_what_it_needs(use: str) -> None:
    code = (
        f"import sys, nftgan; {use}\n"
        "heavy = {'torch', 'web3', 'eth', 'numpy', 'PIL', 'typer'} & set(sys.modules)\n"
        "raise SystemExit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Colour'"):
        _ = nftgan.Colour  # type: ignore[attr-defined]
