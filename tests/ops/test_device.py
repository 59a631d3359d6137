"""The device that is asked for is there, or one sentence says what to do."""

from __future__ import annotations

import pytest
import torch

from nftgan.errors import UsageError
from nftgan.ops.device import current_device, device_named, devices_named, sent


@pytest.fixture
def cuda_devices(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    return monkeypatch


def test_without_a_gpu_the_processor_is_the_best_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_named(None) == device_named("cpu") == "cpu"
    with pytest.raises(UsageError, match="finds no CUDA device") as caught:
        device_named("cuda")
    assert "--device cpu" in str(caught.value.hint)


@pytest.mark.usefixtures("cuda_devices")
def test_with_gpus_one_can_be_chosen() -> None:
    assert device_named(None) == "cuda"
    assert device_named("cuda:1") == "cuda:1"
    with pytest.raises(UsageError, match="there is no cuda:2"):
        device_named("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "mps"])
@pytest.mark.usefixtures("cuda_devices")
def test_what_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no device"):
        device_named(name)


def test_on_the_processor_nothing_is_copied() -> None:
    x = torch.ones(3)
    assert sent(x, torch.device("cpu")) is x


@pytest.mark.usefixtures("cuda_devices")
def test_every_visible_gpu_is_meant_where_none_is_named() -> None:
    assert devices_named(None) == devices_named("cuda") == ("cuda:0", "cuda:1")
    assert devices_named("cuda:1") == ("cuda:1",) and devices_named("cpu") == ("cpu",)


def test_nothing_is_chosen_for_a_processor() -> None:
    with current_device(torch.device("cpu")):
        assert torch.ones(1).device.type == "cpu"
