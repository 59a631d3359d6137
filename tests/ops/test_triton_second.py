"""The GPU kernels of demodulation's second derivative compile for cards; `interpreted_scales.py`
interprets them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is missing: pip install triton"
)
TILES = {"INPUTS": 64, "OUTPUTS": 32}
CONSTANTS: dict[str, dict[str, Any]] = {
    "move_scales_tile": {"NORMALIZE": False, "SCALES": True, **TILES},
    "moved_gradient_tile": {"INPUT": True, "SCALES": True, **TILES},
    "moved_styles_tile": {"NORMALIZE": False, "SCALES": True, **TILES},
    "moved_weights_tile": {"NORMALIZE": False, "INPUTS": 64, "TAPS": 16},
}


@needs_triton
@pytest.mark.parametrize("capability", [75, 90])
@pytest.mark.parametrize("name", CONSTANTS)
def test_they_compile_for_a_gpu(
    name: str, capability: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from nftgan.ops import triton_second

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernel, constants = getattr(triton_second, name), CONSTANTS[name]
    types = {one: "*fp32" for one in kernel.arg_names if one.endswith("_ptr")}
    types |= dict.fromkeys(["tiny", "least"], "fp32")
    types |= dict.fromkeys(constants, "constexpr")
    signature = {one: types.get(one, "i32") for one in kernel.arg_names}
    made = triton.compile(
        ASTSource(kernel, signature, dict(constants)), target=GPUTarget("cuda", capability, 32)
    )
    assert f".target sm_{capability}" in made.asm["ptx"] and made.asm["cubin"]
