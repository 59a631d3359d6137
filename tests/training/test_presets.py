"""Which preset a data set gets when none is named."""

from nftgan.training.options import PRESET_NAMES
from nftgan.training.presets import PRESETS, default_preset


def test_the_preset_is_the_one_made_for_the_side():
    for name, preset in PRESETS.items():
        assert default_preset(preset.resolution, "cuda") == name
    assert default_preset(16, "cuda") == "tiny"
    assert default_preset(2048, "cuda:1") == "1024"


def test_the_presets_are_those_that_the_option_names():
    assert tuple(PRESETS) == PRESET_NAMES


def test_without_a_gpu_no_side_gets_networks_that_need_one():
    for side in (16, 32, 64, 128, 256, 1024, 2048):
        assert default_preset(side, "cpu") in ("tiny", "small")
