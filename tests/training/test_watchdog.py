import dataclasses

import numpy as np
import pytest

from nftgan.training import watchdog
from nftgan.training.state import fresh_state


@pytest.fixture
def look(configure):
    """look(statistics, images=..., p=..., **config changes) -> warnings as one text."""

    def warn(statistics, images=10**6, p=0.0, **changes):
        config = configure(**changes)
        state = fresh_state(config)
        state.images, state.ada.p = images, p
        return " ".join(watchdog.warnings(config, state, statistics))

    return warn


def test_a_healthy_run_has_no_warnings(look):
    assert look({"Loss/G": 1.2, "Signs/real": 0.6}) == ""


def test_divergence_is_named_with_the_way_back(look):
    said = look({"Loss/G": float("nan"), "Loss/D": 1.0})
    assert "diverges" in said
    assert "Loss/G" in said
    assert "--resume" in said


def test_memorising_is_reported_once_every_image_was_seen(look):
    assert "by heart" in look({"Signs/real": 0.98}, aug="none")
    assert look({"Signs/real": 0.98}, images=8) == ""


def test_augmentation_at_its_cap_says_that_more_training_will_not_help(look):
    assert "cap of 0.8" in look({}, aug="ada", p=0.8)
    assert look({}, aug="ada", p=0.79) == ""


def test_variety_counts_shapes_and_not_colours():
    rng = np.random.default_rng(0)
    different = rng.integers(0, 256, (32, 3, 32, 32)).astype(np.uint8)
    same = np.repeat(different[:1], 32, axis=0)
    tinted = np.clip(same * rng.uniform(0.5, 1.0, (32, 3, 1, 1)), 0, 255).astype(np.uint8)
    assert watchdog.diversity(different) == pytest.approx(1, abs=0.05)
    assert watchdog.diversity(same) == pytest.approx(0, abs=1e-6)
    assert watchdog.diversity(tinted) < 0.1
    assert watchdog.collapse_warning(0.9) is None
    assert "alike" in watchdog.collapse_warning(0.1)


def test_the_warnings_depend_on_the_chosen_augmentation(look, configure):
    hints = {aug: look({"Signs/real": 0.99}, aug=aug) for aug in ("none", "fixed", "ada")}
    assert len(set(hints.values())) == 3
    assert "--aug ada" in hints["none"]
    assert dataclasses.is_dataclass(configure())


def paintings(seed, count=48, side=32):
    """Images with a natural spectrum: smoothed noise."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((count, 3, side, side))
    place = np.fft.fftfreq(side)
    fall = 1 / (np.hypot(place[:, None], place[None, :]) + 1 / side)
    smooth = np.fft.ifft2(np.fft.fft2(noise) * fall).real
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def test_a_grid_that_all_fakes_share_is_a_peak_and_other_images_are_not():
    art, others = paintings(0), paintings(1)
    assert watchdog.pattern_peak(others, art) < watchdog.PATTERN / 1.5
    assert watchdog.pattern_warning(watchdog.pattern_peak(others, art)) is None
    x = np.arange(32)
    grid = 12 * (np.sin(x * np.pi / 2)[:, None] + np.sin(x * np.pi / 2)[None, :])
    marked = np.clip(others + grid, 0, 255).astype(np.uint8)
    peak = watchdog.pattern_peak(marked, art)
    assert peak > watchdog.PATTERN
    assert "pattern" in watchdog.pattern_warning(peak)


def test_blurred_fakes_are_no_pattern():
    art, others = paintings(0), paintings(1).astype(np.float64)
    blurred = sum(np.roll(others, n, axis=2) for n in (-1, 0, 1)) / 3
    blurred = sum(np.roll(blurred, n, axis=3) for n in (-1, 0, 1)) / 3
    assert watchdog.pattern_peak(blurred.astype(np.uint8), art) < watchdog.PATTERN


@pytest.mark.parametrize(
    ("art", "held", "fakes", "share"),
    [(2, 2, -2, 0), (2, -2, -2, 1), (2, 0, -2, 0.5), (0, 0, 0, 0)],
)
def test_overfitting_is_the_lead_that_unseen_art_does_not_have(art, held, fakes, share):
    assert watchdog.overfitting_heuristic(art, held, fakes) == pytest.approx(share)
    warning = watchdog.overfitting_warning(watchdog.overfitting_heuristic(art, held, fakes), "ada")
    assert (warning is not None) == (share > 0.6)
