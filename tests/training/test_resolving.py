"""A few options become one complete config, or a sentence that says which cannot be."""

import dataclasses

import pytest

from nftgan.errors import UsageError
from nftgan.networks.architecture import StyleGAN1Config
from nftgan.networks.builders import build_generator
from nftgan.networks.model_file import save_model
from nftgan.networks.sources import base_model
from nftgan.training.presets import PRESETS
from nftgan.training.resolving import resolve, resolve_options
from tests.training.facts import facts_of


def test_without_a_gpu_only_networks_that_a_processor_can_train_are_taken():
    sides = {32: "tiny", 64: "small", 128: "tiny", 256: "tiny", 1024: "tiny"}
    for side, name in sides.items():
        config = resolve(facts_of(side), device="cpu")
        assert config.preset == name
        assert config.generator.channel_base <= 2048
    assert resolve(facts_of(256), preset="256", device="cpu").preset == "256"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("cfg", ["stylegan3-t", "stylegan3-r", "stylegan2"])
def test_every_preset_fits_every_configuration(preset, cfg):
    config = resolve(facts_of(PRESETS[preset].resolution), preset=preset, cfg=cfg)
    assert config.generator.kind == config.cfg == cfg
    assert config.batch % config.micro_batch == 0


def test_an_option_wins_over_the_preset_and_the_preset_over_the_default():
    config = resolve(facts_of(32), preset="tiny", batch=8, glr=0.001)
    assert (config.batch, config.glr, config.dlr) == (8, 0.001, 0.0025)
    assert config.generator.num_layers == PRESETS["tiny"].num_layers
    assert resolve(facts_of(32), preset="tiny", batch=None).batch == PRESETS["tiny"].batch


def test_the_published_defaults_of_each_configuration():
    big = resolve(facts_of(256), preset="256", cfg="stylegan3-t")
    assert (big.glr, big.dlr, big.ema_images, big.r1_interval) == (0.0025, 0.002, 10_000, 16)
    assert big.generator.magnitude_ema_beta == pytest.approx(0.99889, abs=1e-5)
    assert (big.style_mixing, big.pl_weight, big.blur_sigma) == (0.0, 0.0, 0.0)
    turning = resolve(facts_of(256), preset="256", cfg="stylegan3-r")
    assert turning.generator.channel_base == 2 * big.generator.channel_base
    assert (turning.generator.conv_kernel, turning.generator.use_radial_filters) == (1, True)
    assert (turning.blur_sigma, turning.blur_fade_images) == (10.0, 200_000)
    assert turning.discriminator.channel_base == big.discriminator.channel_base
    skip = resolve(facts_of(256), preset="256", cfg="stylegan2")
    assert (skip.style_mixing, skip.pl_weight, skip.pl_interval, skip.glr) == (0.9, 2.0, 4, 0.002)
    assert skip.generator.mapping_layers == 8


def test_augmentation_is_adaptive_safe_for_art_and_capped():
    config = resolve(facts_of(64))
    assert (config.aug, config.augpipe, config.aug_target, config.aug_cap) == (
        "ada",
        "art",
        0.6,
        0.8,
    )
    assert config.aug_p == 0.0
    assert resolve(facts_of(64), aug="fixed").aug_p == 0.2


def test_labels_are_used_unless_declined():
    assert resolve(facts_of(32, label_count=5)).generator.c_dim == 5
    assert resolve(facts_of(32, label_count=5)).discriminator.c_dim == 5
    assert resolve(facts_of(32, label_count=5), conditional=False).generator.c_dim == 0
    with pytest.raises(UsageError, match="no labels"):
        resolve(facts_of(32), conditional=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"preset": "tinny"}, "did you mean tiny"),
        ({"cfg": "stylegan3"}, "did you mean stylegan3-"),
        ({"augpipe": "bgcg"}, "did you mean bgc"),
        ({"aug": "adda"}, "did you mean ada"),
        ({"gama": 2}, "did you mean gamma"),
    ],
)
def test_a_misspelt_choice_is_refused_with_the_nearest(options, words):
    with pytest.raises(UsageError) as caught:
        resolve(facts_of(32), **options)
    assert words in caught.value.hint


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 0}, "batch must be above zero, not 0"),
        ({"kimg": -1}, "kimg must be above zero, not -1"),
        ({"glr": float("nan")}, "glr must be above zero, not nan"),
        ({"gamma": -1.0}, "gamma must be zero or above, not -1.0"),
        ({"aug_p": 1.5}, "aug_p must be between 0 and 1, not 1.5"),
        ({"batch": 6}, "batch 6 is not a multiple of mbstd_group 4"),
        ({"batch": 16, "micro_batch": 12}, "micro_batch 12 must divide batch 16"),
    ],
)
def test_a_number_that_cannot_be_is_named(options, words):
    with pytest.raises(UsageError, match=words):
        resolve(facts_of(32), **options)


def test_a_side_that_is_no_power_of_two_is_refused_with_the_cure():
    with pytest.raises(UsageError, match="48 pixels wide") as caught:
        resolve(facts_of(48))
    assert "prepare" in caught.value.hint


def test_the_original_stylegan_is_opened_but_not_trained(tmp_path):
    model = tmp_path / "first.safetensors"
    save_model(model, generator=build_generator(StyleGAN1Config(32, channel_max=4)), meta={})
    for asked in ({"cfg": "stylegan1"}, {"resume": str(model)}):
        with pytest.raises(UsageError, match="stylegan1 are opened and rendered, but not trained"):
            resolve(facts_of(32), **asked)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": "autoencoders"}, "no start is called 'autoencoders'"),
        ({"start": "autoencoder:"}, "start autoencoder:: what follows the colon is no number"),
        ({"start": "autoencoder:4k"}, "what follows the colon is no number"),
        ({"start": "autoencoder:0"}, "the number in start autoencoder:0 must be above zero"),
        ({"start": "autoencoder:nan"}, "must be above zero"),
        ({"start": "autoencoder:20", "kimg": 20}, "takes 20 kimg, and the run is to end at 20"),
        ({"start": "autoencoder", "kimg": 5}, "takes 8 kimg, and the run is to end at 5"),
        ({"start": "autoencoder", "resume": "BASE"}, "as an autoencoder or from a model, not"),
    ],
)
def test_a_start_that_cannot_be_is_refused_in_words(options, words):
    if "resume" in options:
        options = options | {"resume": str(base_model(32))}
    with pytest.raises(UsageError, match=words):
        resolve(facts_of(32), **options)


def test_a_start_has_a_length_and_a_note_and_does_not_blur_what_d_sees():
    found = resolve_options(facts_of(32), start="autoencoder:4", cfg="stylegan3-r")
    assert found.config.start_images == 4000 and found.config.blur_sigma == 0
    (said,) = found.notes
    assert said.startswith("the first 4 kimg: as an autoencoder, the last fifth")
    assert resolve(facts_of(32), start="autoencoder").start_images == 8000
    assert resolve(facts_of(32)).start_images == 0
    longer = resolve(facts_of(32), start="autoencoder", kimg=400)
    assert longer.decisive() == resolve(facts_of(32), start="autoencoder").decisive()


def test_a_start_of_the_usual_length_is_the_same_run_whether_the_length_is_said_or_not():
    usual = resolve(facts_of(32), start="autoencoder").decisive()
    for said in ("autoencoder:8", "autoencoder:8.0"):
        assert resolve(facts_of(32), start=said).decisive() == usual
    assert resolve(facts_of(32), start="autoencoder:7").decisive() != usual
    assert resolve(facts_of(32)).decisive() != usual


def test_the_shortest_run_has_one_image():
    config = resolve(facts_of(32), kimg=0.0001, tick=0.0001)
    assert (config.total_images, config.tick_images) == (1, 1)


def test_transparent_art_is_told_what_will_not_take_it() -> None:
    plan = resolve_options(dataclasses.replace(facts_of(32), channels=4))
    assert any("only the filter contour" in note for note in plan.notes)
    assert not any("transparent" in note for note in resolve_options(facts_of(32)).notes)
