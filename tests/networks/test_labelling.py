"""A parent without labels goes on in networks with labels, and each label can be learnt."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.growing import inherited
from nftgan.networks.labelling import labelled
from tests.networks import small
from tests.networks.test_growing import heir, lived

LABELS = torch.eye(3)


def latents() -> torch.Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["t", "sg2"])
def test_a_generator_draws_its_parents_images_for_each_label(kind: str) -> None:
    config = small.GENERATORS[kind]
    parent = lived(build_generator(config, seed=1))
    child, found = heir(parent, dataclasses.replace(config, c_dim=3))
    torch.testing.assert_close(child(latents(), LABELS), parent(latents()), atol=1e-5, rtol=1e-4)
    assert not found.misshapen and found.words == (
        "at first every label is as no label to the parent",
    )


def test_a_discriminator_judges_as_its_parent_for_each_label_and_can_learn_them() -> None:
    parent = lived(build_discriminator(small.D, seed=1))
    child, _ = heir(parent, dataclasses.replace(small.D, c_dim=3))
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for label in (0, 2):
        labels = LABELS[[label] * 4]
        torch.testing.assert_close(child(images, labels), parent(images), atol=1e-4, rtol=1e-4)
    child.train().requires_grad_(True)
    child(images[:3], LABELS).sum().backward()
    assert (child.b4.out.weight.grad.abs().amax(dim=1) > 0).all()  # every row, each its own way
    assert child.b4.out.weight.grad.unique(dim=0).shape[0] == len(child.b4.out.weight)


def test_grown_and_labelled_at_once_still_begins_as_the_parent() -> None:
    parent = lived(build_generator(small.SG2, seed=1))
    child, found = heir(parent, dataclasses.replace(small.SG2, c_dim=3, img_resolution=32))
    plain, _ = heir(parent, dataclasses.replace(small.SG2, img_resolution=32))
    torch.testing.assert_close(child(latents(), LABELS), plain(latents()), atol=1e-5, rtol=1e-4)
    assert len(found.words) == 2


def test_other_changes_of_labels_make_nothing() -> None:
    def generator(classes: int) -> Any:
        return build_generator(dataclasses.replace(small.SG2, c_dim=classes), seed=1)

    for before, now in ((0, 0), (3, 0), (3, 4)):
        assert labelled(generator(before), generator(now)) == {}
    assert inherited(generator(3), generator(4)).words == ()
