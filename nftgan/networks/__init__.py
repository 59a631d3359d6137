"""Generators, discriminators and their files."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nftgan.networks.builders import build_discriminator, build_generator
    from nftgan.networks.protocols import Discriminator, Generator

__all__ = ["Discriminator", "Generator", "build_discriminator", "build_generator"]


def __getattr__(name: str) -> Any:
    """torch loads when a network is asked for: configs and model headers do without it."""
    if name in __all__:
        from nftgan.networks import builders

        return getattr(builders, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
