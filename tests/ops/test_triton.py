"""The GPU kernel: interpreted, compiled for two architectures, and run where a GPU is."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from nftgan.networks.architecture import StyleGAN3Config
from nftgan.networks.stylegan3 import SynthesisNetwork, plan_layers
from nftgan.ops import filtered_lrelu, fused, gpu
from nftgan.ops.filtered_lrelu import reference
from nftgan.ops.filters import design_lowpass
from tests.ops.interpreting import run_interpreted

TRITON = importlib.util.find_spec("triton")
needs_triton = pytest.mark.skipif(TRITON is None, reason="triton is missing: pip install triton")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


@needs_triton
def test_interpreted_it_equals_the_definition(tmp_path: Path) -> None:
    run_interpreted("interpreted.py", tmp_path)


def compiled(
    capability: int, mode: int, up: int, down: int, kind: str, radial: bool, scaled: bool = True
) -> tuple[int, dict[str, int]]:
    """Bytes of shared memory; REG, STACK and LOCAL of a thread as NVIDIA's tools count them."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from nftgan.ops import banded

    x = torch.ones(1, 1, 90, 90, dtype=torch.float32 if kind == "fp32" else torch.float16)
    fu, fd = torch.ones(6 * up), torch.ones(6 * down)
    if radial:
        layer = plan_layers(StyleGAN3Config(256))[11]
        found = design_lowpass(
            12, cutoff=layer.cutoff, half_width=layer.half_width, rate=2 * layer.rate, radial=True
        )
        assert found is not None
        fd = found
    p = gpu._planned(x, fu, fd, up, down, (11, 10, 11, 10), 1.0, 0.2, 256.0)
    assert p is not None
    if mode == fused.APPLY_SIGNS:
        p = p.adjoint()
    scales = (scaled, scaled)
    constants = gpu.constants_of(p, kind != "fp32", mode != fused.APPLY_SIGNS, mode, scales)
    options = {name: constants.pop(name) for name in ("num_warps", "num_stages")}
    kernel = banded.filtered_lrelu_tile
    types = {"x_ptr": f"*{kind}", "y_ptr": f"*{kind}", "signs_ptr": "*u8", "b_ptr": "*fp32"}
    types |= dict.fromkeys(["gain", "slope", "clamp"], "fp32")
    types |= dict.fromkeys(["before_ptr", "after_ptr"], "*fp32")
    types |= {name: f"*{kind}" for name in kernel.arg_names if "_filter_" in name}
    missing = {fused.FORWARD: ["signs_ptr"], fused.APPLY_SIGNS: ["b_ptr"]}.get(mode, [])
    missing = [*missing, *([] if scaled else ["before_ptr", "after_ptr"])]
    constants |= dict.fromkeys(missing)  # as a launch passes them
    types |= dict.fromkeys(constants, "constexpr")
    signature = {name: types.get(name, "i32") for name in kernel.arg_names}
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(kernel.arg_names)
        if name.endswith("_ptr") and name not in missing
    }
    made = triton.compile(
        ASTSource(kernel, signature, constants, aligned),
        target=GPUTarget("cuda", capability, 32),
        options=options,
    )
    return made.metadata.shared, _usage(made.asm["cubin"])


def _usage(cubin: bytes) -> dict[str, int]:
    assert TRITON is not None and TRITON.origin is not None
    tool = Path(TRITON.origin).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    folder = Path(os.environ["TRITON_CACHE_DIR"])
    (folder / "k.cubin").write_bytes(cubin)
    told = subprocess.run(
        [tool, "-res-usage", folder / "k.cubin"], capture_output=True, text=True, check=True
    )
    return {name: int(value) for name, value in re.findall(r"([A-Z]+):(\d+)", told.stdout)}


@needs_triton
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize(
    ("mode", "up", "down", "kind", "radial"),
    [
        (fused.FORWARD, 2, 2, "fp16", False),
        (fused.FORWARD_SAVE_SIGNS, 4, 2, "fp16", False),
        (fused.FORWARD_SAVE_SIGNS, 2, 2, "bf16", False),
        (fused.FORWARD_SAVE_SIGNS, 2, 2, "fp16", True),
        (fused.APPLY_SIGNS, 2, 2, "fp16", True),
        (fused.APPLY_SIGNS, 4, 2, "fp16", False),
        (fused.FORWARD_SAVE_SIGNS, 2, 2, "fp32", True),
        (fused.FORWARD_SAVE_SIGNS, 2, 2, "fp32", False),
        (fused.APPLY_SIGNS, 4, 2, "fp32", False),
    ],
)
def test_it_compiles_to_code_that_fits_a_gpu(
    capability: int,
    mode: int,
    up: int,
    down: int,
    kind: str,
    radial: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    shared, usage = compiled(capability, mode, up, down, kind, radial)
    if kind == "fp32":  # the layers that use it are small; any card from 8.0 on has 99 KiB
        assert shared <= (96 if radial else 48) << 10
    else:
        assert shared <= (24 if radial else 12) << 10
        assert usage["STACK"] + usage["LOCAL"] <= 32  # nothing to speak of is spilt


def test_without_triton_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "nftgan.ops.banded", raising=False)
    monkeypatch.delattr(sys.modules["nftgan.ops"], "banded", raising=False)
    gpu.kernel.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert gpu.kernel() is None
            assert gpu.kernel() is None
    finally:
        gpu.kernel.cache_clear()
    assert len(caplog.records) == 1


def test_the_switch_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NFTGAN_KERNELS", "off")
    gpu.kernel.cache_clear()
    try:
        assert gpu.kernel() is None
    finally:
        gpu.kernel.cache_clear()


def test_a_device_that_cannot_run_it_gets_pytorch_and_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gpu, "kernel", lambda: sys)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    gpu.usable.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert not gpu.usable(torch.device("cpu"))
            assert not gpu.usable(torch.device("cpu"))
    finally:
        gpu.usable.cache_clear()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "(7, 5)" in caplog.text


def test_it_takes_what_it_can_and_leaves_the_rest_to_pytorch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "usable", lambda device: True)
    x, f = torch.ones(1, 1, 20, 20), torch.ones(12)

    def taken(x: torch.Tensor = x, f: Any = f, up: int = 2, down: int = 2, **more: float) -> bool:
        options = {"gain": 1.0, "slope": 0.2, **more}
        pads = (11, 10, 11, 10)
        return gpu.plan(x, f, f, up, down, pads, clamp=None, **options) is not None

    assert taken() and taken(x.half()) and taken(x.bfloat16()) and taken(f=None)
    assert not taken(x.double())
    assert not taken(up=3) and not taken(down=3)
    assert not taken(f=torch.ones(31)) and not taken(f=torch.eye(12))
    assert not taken(gain=-1.0) and not taken(slope=-0.2) and not taken(slope=1.5)


@pytest.mark.parametrize("size", [64, 256, 1024])
@pytest.mark.parametrize("radial", [False, True])
def test_it_takes_every_layer_of_the_published_generators(
    size: int, radial: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "usable", lambda device: True)
    kernel = 1 if radial else 3
    config = StyleGAN3Config(
        size, channel_max=1, w_dim=1, use_radial_filters=radial, conv_kernel=kernel
    )
    synthesis = SynthesisNetwork(config)
    ranks = set()
    side = synthesis.input.size
    for name in synthesis.layer_names:
        layer: Any = getattr(synthesis, name)
        wide = side + layer.weight.shape[-1] - 1
        kind = torch.float16 if layer.fp16 else torch.float32
        x = torch.ones(1, 1, wide, wide, dtype=kind)
        fu, fd, rates = layer.up_filter, layer.down_filter, (layer.up, layer.down)
        planned = gpu.plan(x, fu, fd, *rates, layer.padding, 1.0, 0.2, layer.conv_clamp)
        side = int(name.split("_")[1])
        assert planned is not None and (planned.x.out, planned.y.out) == (side, side)
        ranks.add(planned.down_filter.x.shape[0])
    assert max(ranks) <= 4 if radial else ranks == {1}


def test_a_plan_is_kept_while_its_filters_stay_what_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "usable", lambda device: True)
    monkeypatch.setattr(gpu, "_plans", {})
    x, f = torch.ones(1, 1, 20, 20), torch.ones(4)

    def plan(x: torch.Tensor = x) -> fused.KernelPlan:
        found = gpu.plan(x, f, f, 2, 2, (3, 3, 3, 3), 1.0, 0.2, None)
        assert found is not None
        return found

    first = plan()
    assert plan() is first
    assert plan(torch.ones(2, 3, 20, 20)) is first  # as many planes as there are
    assert plan(torch.ones(1, 1, 21, 20)) is not first
    f.mul_(2)
    assert plan() is not first
    assert plan().down_filter.x.flatten().tolist() == [2.0] * 4


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 2e-6), (torch.float16, 3e-3), (torch.bfloat16, 3e-2)],
)
@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 2), (4, 2), (2, 4)])
def test_on_a_gpu_it_equals_the_definition(
    dtype: torch.dtype, tolerance: float, up: int, down: int
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 90, 77, device="cuda", dtype=dtype)
    b = torch.randn(5, device="cuda")
    fu, fd = ((torch.rand(6 * n) / (3 * n)).to(dtype).float().cuda() for n in (up, down))
    options = (up, down, (9, 8, 10, 7), math.sqrt(2), 0.2, 0.9)
    assert gpu.plan(x, fu, fd, *options) is not None
    expected_x = x.double().requires_grad_()
    found_x = x.clone().requires_grad_()
    expected = reference(expected_x, fu, fd, b.to(dtype).double(), *options)
    found = filtered_lrelu(found_x, fu, fd, b, *options)
    assert found.dtype == dtype
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()
    v = torch.randn_like(expected).to(dtype)
    (expected_g,) = torch.autograd.grad((expected * v).sum(), expected_x)
    (found_g,) = torch.autograd.grad((found * v).sum(), found_x)
    # In half precision a sample may round to the other side of zero.
    share = (found_g - expected_g).norm() / expected_g.norm()
    assert share <= (1e-6 if dtype == torch.float32 else 0.1)
