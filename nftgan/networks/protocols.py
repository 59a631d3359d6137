"""What training, rendering and metrics ask of a generator and a discriminator, of any family.

Both are torch modules; a class satisfies a protocol by having its members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import Parameter
    from typing_extensions import Self

    from nftgan.networks.architecture import DiscriminatorConfig
    from nftgan.networks.families import GeneratorConfig


class Network(Protocol):
    """The members of `torch.nn.Module` that are used."""

    def parameters(self) -> Iterator[Parameter]: ...

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]: ...

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]: ...

    def buffers(self) -> Iterator[Tensor]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any: ...

    def to(self, device: str | torch.device) -> Self: ...

    def double(self) -> Self: ...

    def train(self, mode: bool = True) -> Self: ...

    def eval(self) -> Self: ...

    def requires_grad_(self, requires_grad: bool = True) -> Self: ...


class MappingNetwork(Protocol):
    """Latents to the styles of all layers."""

    def __call__(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> Tensor:
        """z [N, z_dim], one-hot c [N, c_dim] or None → ws [N, num_ws, w_dim]."""
        ...


class SynthesisNetwork(Protocol):
    """Styles to an image."""

    recompute: bool  # activations in the backward pass, instead of keeping them

    def __call__(
        self,
        ws: Tensor,
        update_emas: bool = False,
        noise_mode: str = "const",
        force_fp32: bool = False,
        generator: torch.Generator | None = None,
        transform: Tensor | None = None,
    ) -> Tensor:
        """ws [N, num_ws, w_dim] → image [N, C, R, R], about [-1, 1].

        transform [3, 3]: the inverse of the move that one wants to see; only where the generator is
        `movable`. None: none, or the one that a published model holds.
        """
        ...


class Generator(Network, Protocol):
    """z (and a class) to an image."""

    z_dim: int
    c_dim: int  # classes; 0 is unconditional
    w_dim: int
    num_ws: int
    img_resolution: int  # pixels a side
    img_channels: int

    @property
    def config(self) -> GeneratorConfig: ...

    @property
    def movable(self) -> bool:
        """Whether the synthesis takes a transform."""
        ...

    @property
    def mapping(self) -> MappingNetwork: ...

    @property
    def synthesis(self) -> SynthesisNetwork: ...

    def __call__(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
        noise_mode: str = "const",
        force_fp32: bool = False,
        generator: torch.Generator | None = None,
        transform: Tensor | None = None,
    ) -> Tensor:
        """z [N, z_dim], one-hot c [N, c_dim] or None → image [N, C, R, R], about [-1, 1]."""
        ...


class Discriminator(Network, Protocol):
    """An image (and its class) to a logit."""

    recompute: bool

    @property
    def config(self) -> DiscriminatorConfig: ...

    def __call__(self, img: Tensor, c: Tensor | None = None) -> Tensor:
        """img [N, C, R, R] about [-1, 1], one-hot c [N, c_dim] or None → logits [N, 1]."""
        ...
