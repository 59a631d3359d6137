"""A folder of art in, a provable on-chain collection out, and any token back to its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nftgan.synthesis.model import Model, load_model

__version__ = "0.1.0"
__all__ = ["Model", "__version__", "load_model"]


def __getattr__(name: str) -> Any:
    """Load torch only when a model is asked for, so that `import nftgan` stays fast."""
    if name in {"Model", "load_model"}:
        from nftgan.synthesis import model

        return getattr(model, name)
    raise AttributeError(f"module 'nftgan' has no attribute {name!r}")
