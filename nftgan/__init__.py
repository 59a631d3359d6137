"""A folder of art in, a provable on-chain collection out, and any token back to its pixels.

What `__all__` names is the public Python API (docs/python.md); every other module and name may
change in any release. A name is imported when it is first used, so that `import nftgan` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nftgan.chain.minting import MintOutcome, MintPlan
    from nftgan.collection.inspection import Refusal
    from nftgan.dataset.prepare import PrepareReport, prepare
    from nftgan.dataset.prepare_options import PrepareOptions
    from nftgan.errors import (
        Cancelled,
        CheckFailed,
        CredentialError,
        MissingStepError,
        NftganError,
        PartlyDone,
        ServiceError,
        UsageError,
    )
    from nftgan.pixels import pixel_hash
    from nftgan.progress import NullProgress, Progress
    from nftgan.project import Project
    from nftgan.project import find_project as open_project
    from nftgan.provenance.checks import Check, TokenReport
    from nftgan.synthesis.canonical import Rendered
    from nftgan.synthesis.grid import ImageGrid
    from nftgan.synthesis.mixing import Mix
    from nftgan.synthesis.model import Model, RecipeOptions, load_model
    from nftgan.synthesis.projection import Projection
    from nftgan.synthesis.projection import project as project_image
    from nftgan.synthesis.recipe import Finish, Recipe
    from nftgan.synthesis.walk import Walk, interpolate
    from nftgan.training.tick import Tick
    from nftgan.workflows.calls import TrainResult, VerifyResult, deploy, mint, train, verify
    from nftgan.workflows.curate import CurateResult, curate
    from nftgan.workflows.deploy import DeployPlan, DeployResult
    from nftgan.workflows.evaluate import EvaluateResult, evaluate
    from nftgan.workflows.init import InitResult, init
    from nftgan.workflows.metadata import MetadataResult, metadata
    from nftgan.workflows.owners import OwnersResult, owners
    from nftgan.workflows.pin import Pinned, pin
    from nftgan.workflows.publishing import ChainChoice
    from nftgan.workflows.render import RenderResult, render
    from nftgan.workflows.verify import Regenerated, regenerate

__version__ = "0.1.0"
__all__ = [
    "Cancelled",
    "ChainChoice",
    "Check",
    "CheckFailed",
    "CredentialError",
    "CurateResult",
    "DeployPlan",
    "DeployResult",
    "EvaluateResult",
    "Finish",
    "ImageGrid",
    "InitResult",
    "MetadataResult",
    "MintOutcome",
    "MintPlan",
    "MissingStepError",
    "Mix",
    "Model",
    "NftganError",
    "NullProgress",
    "OwnersResult",
    "PartlyDone",
    "Pinned",
    "PrepareOptions",
    "PrepareReport",
    "Progress",
    "Project",
    "Projection",
    "Recipe",
    "RecipeOptions",
    "Refusal",
    "Regenerated",
    "RenderResult",
    "Rendered",
    "ServiceError",
    "Tick",
    "TokenReport",
    "TrainResult",
    "UsageError",
    "VerifyResult",
    "Walk",
    "__version__",
    "curate",
    "deploy",
    "evaluate",
    "init",
    "interpolate",
    "load_model",
    "metadata",
    "mint",
    "open_project",
    "owners",
    "pin",
    "pixel_hash",
    "prepare",
    "project_image",
    "regenerate",
    "render",
    "train",
    "verify",
]

_HOMES = {
    "chain.minting": "MintOutcome MintPlan",
    "collection.inspection": "Refusal",
    "dataset.prepare": "PrepareReport prepare",
    "dataset.prepare_options": "PrepareOptions",
    "errors": "Cancelled CheckFailed CredentialError MissingStepError NftganError PartlyDone"
    " ServiceError UsageError",
    "pixels": "pixel_hash",
    "progress": "NullProgress Progress",
    "project": "Project open_project=find_project",
    "provenance.checks": "Check TokenReport",
    "synthesis.canonical": "Rendered",
    "synthesis.grid": "ImageGrid",
    "synthesis.mixing": "Mix",
    "synthesis.model": "Model RecipeOptions load_model",
    "synthesis.projection": "Projection project_image=project",
    "synthesis.recipe": "Finish Recipe",
    "synthesis.walk": "Walk interpolate",
    "training.tick": "Tick",
    "workflows.calls": "TrainResult VerifyResult deploy mint train verify",
    "workflows.curate": "CurateResult curate",
    "workflows.deploy": "DeployPlan DeployResult",
    "workflows.evaluate": "EvaluateResult evaluate",
    "workflows.init": "InitResult init",
    "workflows.metadata": "MetadataResult metadata",
    "workflows.owners": "OwnersResult owners",
    "workflows.pin": "Pinned pin",
    "workflows.publishing": "ChainChoice",
    "workflows.render": "RenderResult render",
    "workflows.verify": "Regenerated regenerate",
}
"""Where each public name is defined: module of nftgan to names, or public name=name there."""


def _places() -> dict[str, tuple[str, str]]:
    places = {}
    for module, names in _HOMES.items():
        for word in names.split():
            public, _, own = word.partition("=")
            places[public] = f"nftgan.{module}", own or public
    return places


_PLACES = _places()


def __getattr__(name: str) -> Any:
    """The public `name`, imported now."""
    if name not in _PLACES:
        raise AttributeError(f"module 'nftgan' has no attribute {name!r}")
    module, own = _PLACES[name]
    value = getattr(import_module(module), own)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
