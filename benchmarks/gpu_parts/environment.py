"""What the card is, and what it reaches where nothing of ours is in the way."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator

import torch

from gpu_parts.common import Bench, Row, noted


def rows(bench: Bench) -> Iterator[Row]:
    found: list[Row] = []
    with noted(found, "versions"):
        yield versions(bench)
    with noted(found, "copy"):
        yield {"what": "copy", "value": copy_rate(bench) / 1e9, "unit": "GB/s"}
    for name, dtype, tf32 in PRODUCTS:
        with noted(found, name):
            yield {
                "what": name,
                "value": product_rate(bench, dtype, tf32) / 1e12,
                "unit": "TFLOP/s",
            }
    with noted(found, "launch"):
        yield {"what": "launch", "value": launch_seconds(bench) * 1e6, "unit": "us"}
    with noted(found, "wait"):
        yield {"what": "launch and wait", "value": wait_seconds(bench) * 1e6, "unit": "us"}
    yield from found


PRODUCTS = (
    ("float16 product", torch.float16, False),
    ("bfloat16 product", torch.bfloat16, False),
    ("tf32 product", torch.float32, True),
    ("float32 product", torch.float32, False),
)


def versions(bench: Bench) -> Row:
    row: Row = {
        "what": "versions",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
    }
    try:
        import triton

        row["triton"] = triton.__version__
    except ImportError:
        row["triton"] = None
    if bench.on_gpu:
        facts = torch.cuda.get_device_properties(bench.device)
        row |= {
            "card": facts.name,
            "capability": f"{facts.major}.{facts.minor}",
            "memory_gb": round(facts.total_memory / 2**30, 1),
            "processors": facts.multi_processor_count,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        }
    return row


def copy_rate(bench: Bench) -> float:
    """Bytes a second, read and written, of a copy that no cache holds."""
    size = 1 << (22 if bench.tiny else 30)
    source = torch.zeros(size, dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    return 2 * size / bench.seconds(lambda: target.copy_(source))


def product_rate(bench: Bench, dtype: torch.dtype, tf32: bool) -> float:
    """Operations a second, a multiply-add being two, of a large matrix product."""
    side = 128 if bench.tiny else 8192
    a = torch.randn(side, side, device=bench.device).to(dtype)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        return 2 * side**3 / bench.seconds(lambda: a @ a)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def launch_seconds(bench: Bench) -> float:
    """Of the smallest operation, many in a row."""
    x = torch.zeros(8, device=bench.device)
    count = 2000
    for _ in range(100):
        x.add_(1)
    bench.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        x.add_(1)
    bench.synchronize()
    return (time.perf_counter() - start) / count


def wait_seconds(bench: Bench) -> float:
    """Of the smallest operation whose result the processor wants."""
    x = torch.zeros(8, device=bench.device)
    start = time.perf_counter()
    for _ in range(200):
        x.add_(1)[0].item()
    return (time.perf_counter() - start) / 200
