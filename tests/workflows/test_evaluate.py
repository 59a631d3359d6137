"""What is held out when a model is judged; `tests/cli/test_evaluate.py` judges some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nftgan.dataset.holdout import RULE
from nftgan.files import write_json
from nftgan.networks.sources import RUN_OPTIONS
from nftgan.workflows.evaluate import _holdout_of_run


@pytest.mark.parametrize("nonsense", [None, "much", [0.1], True, -0.1, 1, 10**400, float("nan")])
def test_a_share_that_cannot_be_is_not_written_down(tmp_path: Path, nonsense: Any) -> None:
    model = tmp_path / "model.safetensors"
    assert _holdout_of_run(model, {"holdout": nonsense, "holdout_rule": 1}) == (None, RULE)
    write_json(tmp_path / RUN_OPTIONS, {"holdout": 0.25})
    assert _holdout_of_run(model, {"holdout": nonsense}) == (0.25, 1)


def test_the_model_itself_comes_before_its_run(tmp_path: Path) -> None:
    write_json(tmp_path / RUN_OPTIONS, {"holdout": 0.25})
    said = {"holdout": 0.125, "holdout_rule": 2}
    assert _holdout_of_run(tmp_path, said) == (0.125, 2)
