"""A run that starts from a model keeps its networks, and says what it does not keep."""

import dataclasses

import pytest

from nftgan.errors import UsageError
from nftgan.networks.sources import base_model
from nftgan.training.parent import architecture_options
from nftgan.training.resolving import resolve, resolve_options
from tests.training.facts import facts_of


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cbase": 4096}, "--cbase 4096 cannot be: the model to start from has cbase 1024"),
        ({"cmax": 128}, "--cmax 128 cannot be"),
        ({"map_depth": 8}, "--map-depth 8 cannot be: the model to start from has map-depth 2"),
        ({"z_dim": 64}, "z_dim 64 cannot be"),
        ({"num_layers": 14}, "num_layers 14 cannot be"),
        ({"cfg": "stylegan2"}, "--cfg stylegan2 cannot be: the model to start from is a styl"),
        ({"freezed": 99}, "freezed must be between 0 and 10"),
    ],
)
def test_an_option_that_contradicts_the_model_to_start_from_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        resolve(facts_of(32), resume=str(base_model(32)), **options)


def test_an_option_that_says_what_the_model_to_start_from_has_is_fine():
    found = resolve_options(facts_of(32), resume=str(base_model(32)), cbase=1024, map_depth=2)
    assert found.config.generator.channel_base == 1024
    assert found.notes == ()
    with pytest.raises(UsageError, match="num_layers 5 cannot be: the model to start from is a"):
        resolve(facts_of(16), resume=str(base_model(16)), num_layers=5)


def test_the_channels_of_a_stylegan3_r_are_told_as_they_are_asked_for():
    config = resolve(facts_of(32), cfg="stylegan3-r", cbase=512)
    assert config.generator.channel_base == 1024
    assert architecture_options(config.generator, config.discriminator)["cbase"] == 512


def test_it_is_said_what_is_not_taken_over():
    base = str(base_model(32))
    grey = resolve_options(dataclasses.replace(facts_of(32), channels=1), resume=base, cbase=4096)
    assert grey.config.generator.channel_base == 4096
    (said,) = grey.notes
    assert "draws in colour, the art is in grey: the networks are new" in said
    labelled = resolve_options(facts_of(32, label_count=3, classes=("a", "b", "c")), resume=base)
    assert labelled.notes == (
        "the model to start from knows no labels: what learns the 3 of the art is new",
    )
    (said,) = resolve_options(facts_of(32), resume=base, preset="small").notes
    assert "not of preset small" in said


@pytest.mark.parametrize(
    ("parent", "side", "words"),
    [
        (16, 64, "draws 16 pixels: it is grown to 64"),
        (32, 64, "draws 32 pixels: it is grown to 64"),
        (32, 16, "draws 32 pixels: it is shrunk to 16"),
    ],
)
def test_a_model_of_another_size_keeps_its_architecture_at_the_size_of_the_art(parent, side, words):
    source = str(base_model(parent))
    found = resolve_options(facts_of(side), resume=source, preset="small")
    theirs = resolve(facts_of(parent), resume=source)
    assert found.notes[0] == f"the model to start from {words}"
    assert found.config.parent == theirs.parent and found.config.gamma != theirs.gamma
    assert found.config.generator == dataclasses.replace(theirs.generator, img_resolution=side)
    assert found.config.discriminator == dataclasses.replace(
        theirs.discriminator, img_resolution=side
    )
    with pytest.raises(UsageError, match="--cbase 4096 cannot be: the model to start from has"):
        resolve(facts_of(side), resume=source, cbase=4096)
