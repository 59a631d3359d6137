"""The state of a training run: what is averaged, and how fast."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from nftgan.training.state import update_ema


def test_the_average_keeps_beta_of_itself_and_takes_the_rest_of_the_generator() -> None:
    average, generator = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    with torch.no_grad():
        average.weight.fill_(1.0)
        generator.weight.fill_(5.0)
        generator.running_mean.fill_(7.0)
        update_ema(SimpleNamespace(g_ema=average, generator=generator), beta=0.75)
    assert average.weight.tolist() == [2.0, 2.0]  # 0.75 · 1 + 0.25 · 5
    assert generator.weight.tolist() == [5.0, 5.0]
    assert average.running_mean.tolist() == [7.0, 7.0]  # buffers are copied, not blended
