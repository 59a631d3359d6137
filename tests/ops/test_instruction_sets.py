"""The kernels as other processors compile them: narrower vectors, the same numbers."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from nftgan.ops.kernels import library

SCRIPT = """
import sys
from nftgan.ops import kernels
kernels.FLAGS = ("-O1", "-march=" + sys.argv[1], "-std=c++17", "-fPIC")
import torch, torch.nn.functional as F
from nftgan.ops import bias_act, filtered_lrelu, fused, native_activation, winograd
from nftgan.ops.filtered_lrelu import reference

def check(found, expected, tolerance):
    size = expected.abs().max()
    assert (found - expected).abs().max() <= tolerance * size, (found - expected).abs().max() / size

torch.manual_seed(0)
fused.DOUBLE_FROM = winograd.DOUBLE_FROM = 0
taps = torch.hann_window(14, periodic=False)[1:-1] / 6.5
for dtype, tolerance in ((torch.float32, 2e-6), (torch.float64, 1e-14)):
    x, b = torch.randn(2, 11, 19, 21, dtype=dtype, requires_grad=True), torch.randn(11, dtype=dtype)
    options = (taps, taps, b, 2, 2, (9, 9, 9, 9), 1.5, 0.2, 0.8)
    ours, slow = filtered_lrelu(x, *options), reference(x, *options)
    check(ours, slow, tolerance)
    v = torch.randn_like(slow)
    gradients = [torch.autograd.grad((y * v).sum(), x)[0] for y in (ours, slow)]
    check(*gradients, tolerance)
    x[0, 0, 9, 9].detach().fill_(float("nan"))
    assert filtered_lrelu(x.detach(), *options).isnan().any()
    x, weight = torch.randn(2, 17, 13, 22, dtype=dtype), torch.randn(11, 17, 3, 3, dtype=dtype)
    found = winograd.convolve(x, winograd.transformed(weight), padding=2)
    check(found, F.conv2d(x, weight, padding=2), 10 * tolerance)
    found = winograd.weight_gradient(x, found, padding=2)
    y = F.conv2d(x, weight, padding=2)
    check(found, torch.nn.grad.conv2d_weight(x, weight.shape, y, padding=2), 10 * tolerance)
    given = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in ((2, 11, 19, 21), 11)]
    native_activation.FEW, ways = 0, []
    for _ in range(2):  # natively, and then as PyTorch does it
        y = bias_act(*given, act="lrelu", clamp=0.8)
        ways.append([y.detach(), *torch.autograd.grad(y.square().sum(), given)])
        native_activation.FEW = 1 << 30
    for found, expected in zip(*ways, strict=True):
        check(found, expected, tolerance)
print("checked")
"""


@pytest.mark.skipif(library() is None, reason="no C++ compiler is installed")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="another family of processors")
@pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3", "native"])
@pytest.mark.slow
def test_every_width_of_vector_gives_the_same(processor: str, tmp_path: Path) -> None:
    cpuinfo = Path("/proc/cpuinfo")
    if processor == "x86-64-v3" and not (cpuinfo.exists() and "avx2" in cpuinfo.read_text()):
        pytest.skip("this processor has no AVX2")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, processor],
        env={"PATH": "/usr/bin:/bin", "NFTGAN_KERNEL_CACHE": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "checked\n", done.stderr
