"""Feature distances and equivariance measures."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nftgan.metrics.evaluation import Evaluator, evaluate
    from nftgan.metrics.reference import references

__all__ = ["Evaluator", "evaluate", "references"]


def __getattr__(name: str) -> Any:
    """torch loads when something is measured, not before."""
    if name == "references":
        from nftgan.metrics.reference import references

        return references
    if name in __all__:
        from nftgan.metrics import evaluation

        return getattr(evaluation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
