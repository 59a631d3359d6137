import pytest

from nftgan.training import schedule


def test_auto_gamma_gives_the_recommended_starts_of_both_papers():
    # StyleGAN3's recommendations at batch 32, and StyleGAN2-ADA's rule.
    for side, gamma in ((128, 0.5), (256, 2.0), (512, 8.0), (1024, 32.0)):
        assert schedule.auto_gamma("stylegan3-t", side, 32) == pytest.approx(gamma, rel=0.03)
    assert schedule.auto_gamma("stylegan2", 1024, 32) == pytest.approx(6.5536, rel=1e-3)


def test_the_average_forgets_half_in_its_half_life():
    beta = schedule.ema_beta(32, 10_000, 10**9, 0.05)
    assert beta ** (10_000 / 32) == pytest.approx(0.5)


def test_the_average_starts_short_and_is_never_shorter_without_rampup():
    assert schedule.ema_beta(32, 10_000, 0, 0.05) == 0.0
    early = schedule.ema_beta(32, 10_000, 2000, 0.05)
    assert early == pytest.approx(0.5 ** (32 / 100))
    assert schedule.ema_beta(32, 10_000, 0, 0.0) == pytest.approx(0.5 ** (32 / 10_000))


def test_lazy_adam_shrinks_rate_and_betas_together():
    rate, (first, second) = schedule.lazy_adam(0.002, 16)
    assert rate == pytest.approx(0.002 * 16 / 17)
    assert (first, second) == (0.0, pytest.approx(0.99 ** (16 / 17)))
    assert schedule.lazy_adam(0.002, None) == (0.002, (0.0, 0.99))


def test_blur_fades_to_nothing_and_its_taps_sum_to_one():
    assert schedule.blur_sigma(10, 1000, 0) == 10
    assert schedule.blur_sigma(10, 1000, 500) == 5
    assert schedule.blur_sigma(10, 1000, 2000) == 0
    assert schedule.blur_taps(0.3) == [1.0]
    taps = schedule.blur_taps(0.5)
    assert taps == pytest.approx([1 / 18, 16 / 18, 1 / 18])
    assert len(schedule.blur_taps(10.0)) == 61
