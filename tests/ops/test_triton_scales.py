"""The GPU kernels of weight normalisation and demodulation: interpreted, and compiled for cards."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.ops.interpreting import run_interpreted

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is missing: pip install triton"
)
TILES = {"INPUTS": 64, "OUTPUTS": 32}
CONSTANTS: dict[str, dict[str, Any]] = {
    "normalize_weights_tile": {"INPUTS": 64, "TAPS": 16},
    "demodulate_tile": {"NORMALIZE": False, "GAIN": True, **TILES},
    "weights_gradient_tile": {
        "NORMALIZE": False,
        "WEIGHTS": True,
        "SCALES": True,
        "INPUTS": 64,
        "TAPS": 16,
    },
    "scale_gradient_tile": {"INPUT": True, "SCALES": True, **TILES},
    "styles_gradient_tile": {"NORMALIZE": False, "SCALES": True, **TILES},
    "magnitude_tile": {"SCALE": True, "BLOCK": 2048},
    "finish_sums_tile": {"ONE": True, "ROWS": 32, "CHANNELS": 32},
}


@needs_triton
@pytest.mark.slow
def test_interpreted_they_equal_the_definition(tmp_path: Path) -> None:
    run_interpreted("interpreted_scales.py", tmp_path)


@needs_triton
@pytest.mark.parametrize("capability", [75, 80, 90])
@pytest.mark.parametrize("name", CONSTANTS)
def test_they_compile_for_a_gpu(
    name: str, capability: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from nftgan.ops import triton_scales

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernel, constants = getattr(triton_scales, name), CONSTANTS[name]
    types = {one: "*fp32" for one in kernel.arg_names if one.endswith("_ptr")}
    types |= dict.fromkeys(set(types) & {"y_ptr", "gy_ptr"}, "*fp16")
    types |= dict.fromkeys(["tiny", "least", "share", "beta"], "fp32")
    types |= dict.fromkeys(constants, "constexpr")
    signature = {one: types.get(one, "i32") for one in kernel.arg_names}
    made = triton.compile(
        ASTSource(kernel, signature, dict(constants)), target=GPUTarget("cuda", capability, 32)
    )
    assert f".target sm_{capability}" in made.asm["ptx"] and made.asm["cubin"]
