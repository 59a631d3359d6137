import pytest

from nftgan.training.ada import AdaController


def controller(**changes):
    options = {"p": 0.0, "target": 0.6, "cap": 0.8, "ramp_images": 1000, "adaptive": True}
    return AdaController(**options | changes)


def loader(ada, sign, steps, start=1):
    for step in range(start, start + steps):
        ada.observe(sign * 32, 32)
        ada.adjust(step, 32)


def test_p_rises_by_the_images_seen_over_the_ramp():
    ada = controller()
    loader(ada, 0.9, 4)
    assert ada.p == pytest.approx(32 * 4 / 1000)
    assert ada.last_sign == pytest.approx(0.9)


def test_p_never_leaves_zero_to_the_cap():
    ada = controller()
    loader(ada, 1.0, 400)
    assert ada.p == 0.8
    loader(ada, -1.0, 400, start=401)
    assert ada.p == 0.0


def test_p_stays_where_the_sign_meets_the_target_or_augmentation_is_fixed():
    ada = controller(p=0.3, target=0.5)
    loader(ada, 0.5, 8)
    assert ada.p == 0.3
    fixed = controller(p=0.2, adaptive=False)
    loader(fixed, 1.0, 8)
    assert fixed.p == 0.2


def test_a_restored_controller_goes_on_in_the_middle_of_its_four_steps():
    one, two = controller(), controller()
    loader(one, 0.9, 8)
    loader(two, 0.9, 2)
    other = controller()
    other.restore(two.state())
    loader(other, 0.9, 6, start=3)
    assert other.state() == one.state()
