"""The native kernels of the networks: compiled once per machine, never required."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nftgan.compiler import FAILURES, compiled, reason, switched_off

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-std=c++17", "-fPIC")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None, after one log line with the reason.

    Their folder must be ours: code that another user could have put there is never loaded.
    """
    if switched_off("native kernels are"):
        return None
    try:
        return _load(compiled("nftgan.ops", FLAGS, openmp=True))
    except FAILURES as exc:
        log.warning("native kernels are not used, PyTorch is: %s", reason(exc))
        return None


def routine(name: str, like: Tensor) -> Any:
    """The library's routine of this name for the dtype of `like`, float32 or float64."""
    return getattr(library(), f"nftgan_{name}_f{8 * like.element_size()}")


def address(tensor: Tensor | None) -> ctypes.c_void_p | None:
    """Where its first value lies, for a call of the library; the caller keeps it alive."""
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())


def _load(path: Path) -> ctypes.CDLL:
    import torch  # noqa: F401  (its OpenMP runtime must be the one that the kernels join)

    return ctypes.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_LOCAL)
