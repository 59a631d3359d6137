"""A device that is not there is refused before anything is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.pack import write_dataset


@pytest.mark.parametrize("device", ["cuda", "gpu"])
def test_training_on_a_device_that_is_not_there_is_one_sentence(
    device: str, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", pixels, labels=None)
    command = ["train", "art.zip", "-o", "runs", "--device", device, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "nftgan", *command],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "NFTGAN_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["error"]["hint"].startswith("use")
    assert not (tmp_path / "runs").exists()
