"""The GPU kernels of resampling and activation: interpreted, compiled, and run where a GPU is."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from nftgan.ops import bias_act, choices, gpu_planes, gpu_slopes, gpu_tiles, upfirdn2d
from nftgan.ops.upfirdn import reference
from tests.ops.interpreting import run_interpreted

TRITON = importlib.util.find_spec("triton")
needs_triton = pytest.mark.skipif(TRITON is None, reason="triton is missing: pip install triton")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


@needs_triton
@pytest.mark.slow
def test_interpreted_they_equal_the_definitions(tmp_path: Path) -> None:
    run_interpreted("interpreted_planes.py", tmp_path)


def compiled(name: str, capability: int, kind: str, constants: dict[str, Any]) -> Any:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from nftgan.ops import triton_planes

    kernel = getattr(triton_planes, name)
    warps = {"num_warps": constants.pop("num_warps", 4)}
    single = ("f_ptr", "scale_ptr", "noise_ptr", "strength_ptr", "bias_ptr", "sums_ptr", "u_ptr")
    single += ("gb_ptr", "gs_ptr")
    types = {one: f"*{kind}" for one in kernel.arg_names if one.endswith("_ptr")}
    types |= {one: "*fp32" for one in single if one in kernel.arg_names}
    types |= dict.fromkeys(["gain", "slope", "clamp"], "fp32")
    types |= dict.fromkeys(constants, "constexpr")
    signature = {one: types.get(one, "i32") for one in kernel.arg_names}
    source = ASTSource(kernel, signature, constants)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=warps)


@needs_triton
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("kind", ["fp16", "bf16", "fp32"])
@pytest.mark.parametrize("last", [False, True])
def test_they_compile_for_a_gpu(
    capability: int, kind: str, last: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    x = torch.ones(2, 40, 33, 33)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    tiles = gpu_tiles.tiles_of(x)
    act = gpu_slopes.Act(0.2, 1.4, 256.0)
    one = torch.ones(1)
    pointwise = gpu_slopes.constants_of_activation(tiles, act, one, one, one)
    sizes = {"PIXELS": tiles.block_p, "CHANNELS": tiles.block_c}
    back = {**pointwise, "SUMS": True}
    del back["BIAS"]
    r = gpu_planes.Resampling((2, 2), (1, 1), (2, 2), (66, 66), 4.0)
    for name, constants in {
        "resample_tile": gpu_planes.constants_of_resampling(r, torch.ones(4, 4), tiles),
        "activate_tile": pointwise,
        "apply_slopes_tile": back,
        "product_sums_tile": {"ONE": True, **sizes},
        "finish_gradients_tile": {"SAMPLES": 16, "TILES": 64, "CHANNELS": 4},
        "second_slopes_tile": {"MOVED": True, "SUMMED": True, "CLAMP": True, **sizes},
    }.items():
        made = compiled(name, capability, kind, dict(constants))
        assert f".target sm_{capability}" in made.asm["ptx"]
        assert made.asm["cubin"]


def test_on_a_processor_nothing_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_planes, "usable", lambda device: pytest.fail("asked"))
    x = torch.ones(1, 2, 8, 8)
    assert torch.equal(gpu_planes.formatted(x.half()), x.half())
    upfirdn2d(x, torch.ones(4, 4))
    bias_act(x, torch.ones(2), act="lrelu")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 2e-6), (torch.float16, 2e-3), (torch.bfloat16, 1.6e-2)],
)
def test_on_a_gpu_they_equal_the_definitions(
    dtype: torch.dtype, tolerance: float, last: bool
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 37, 45, 51, device="cuda", dtype=dtype)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    b, scale = torch.randn(37, device="cuda"), torch.rand(2, 37, device="cuda") + 0.5
    noise, strength = torch.randn(45, 51, device="cuda"), torch.tensor(0.3, device="cuda")
    f = torch.rand(4, 4).cuda()
    assert gpu_planes.takes(x)
    wide = x.double()
    v = wide * scale[:, :, None, None] + noise * strength + b[:, None, None]
    expected = (F.leaky_relu(v, 0.2) * 2**0.5).clamp(-2, 2)
    found = bias_act(x, b, act="lrelu", clamp=2, scale=scale, noise=noise, strength=strength)
    assert found.dtype == dtype and found.stride() == x.stride()
    assert (found - expected).abs().max() <= tolerance * 2
    for options in ({"up": 2, "padding": (2, 1, 2, 1), "gain": 4}, {"down": 2, "padding": 1}):
        expected = reference(wide, f.double(), **options)
        found = upfirdn2d(x, f, **options)
        assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def test_choices_hold_inside_their_block_alone() -> None:
    before = choices.current()
    with choices.using(choices.Choices(convolution=choices.GROUPED)):
        assert choices.current().convolution == choices.GROUPED
    assert choices.current() is before
