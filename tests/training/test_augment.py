import json
import math

import numpy as np
import pytest
import torch

from nftgan.training import augment, wavelets
from nftgan.training.geometry import GEOMETRIC
from nftgan.training.pipes import PIPES
from nftgan.training.recolouring import COLOUR
from nftgan.training.warp import sample_bilinear
from tests import reference

OPERATIONS = GEOMETRIC + COLOUR

pytestmark = pytest.mark.filterwarnings("error")


def full(name, value, count):
    """One number for the whole batch as the array that `draw` would give."""
    if name in ("xint", "xfrac"):
        return np.full((count, 2), value)
    return np.full(count, value)


def close(images, expected, tolerance=1e-5):
    np.testing.assert_allclose(images.numpy(), expected, rtol=0, atol=tolerance)


def test_each_operation_and_their_order_agree_with_the_published_pipe():
    data = reference.numbers("ops_augment")
    images = torch.from_numpy(data["x"])
    cases = json.loads(str(data["meta_json"]))["cases"]
    assert len(cases) == 30
    for case, values in cases.items():
        drawn = {name: full(name, value, len(images)) for name, value in values.items()}
        close(augment.apply(images, drawn), data[case])


def percentile(name, u):
    gauss = float(torch.erfinv(torch.tensor(2 * u - 1, dtype=torch.float64)))
    return {
        "xflip": math.floor(2 * u),
        "rotate90": math.floor(4 * u),
        "xint": (2 * u - 1) * 0.125,
        "scale": 2 ** (0.2 * gauss),
        "rotate": (2 * u - 1) * math.pi,
        "aniso": 2 ** (0.2 * gauss),
        "xfrac": 0.125 * gauss,
        "brightness": 0.2 * gauss,
        "contrast": 2 ** (0.5 * gauss),
        "lumaflip": math.floor(2 * u),
        "hue": (2 * u - 1) * math.pi,
        "saturation": 2**gauss,
    }[name]


@pytest.mark.parametrize("u", [0.3, 0.8])
def test_vectors_of_every_operation_at_two_percentiles(u):
    data = reference.numbers("augment_vectors")
    images = torch.from_numpy(data["in"])
    groups = {name: (name,) for name in OPERATIONS if name != "rotate_after"}
    for group, names in (groups | {"geom": PIPES["geom"], "bgc": PIPES["bgc"]}).items():
        drawn = {name: full(name, percentile(name, u), len(images)) for name in names}
        close(augment.apply(images, drawn), data[f"{group}/{u}"])
    factors = np.full(
        (len(images), 4), 2 ** float(torch.erfinv(torch.tensor(2 * u - 1, dtype=torch.float64)))
    )
    filtered = augment.filter_bands(images, augment.band_gains(factors))
    close(filtered, data[f"imgfilter/{u}"])


def test_the_filters_are_the_published_ones():
    data = reference.numbers("augment_vectors")
    np.testing.assert_allclose(wavelets.SYM6_LOW, data["Hz_geom"], atol=1e-7)
    np.testing.assert_allclose(wavelets.FILTER_BANK, data["Hz_fbank"], atol=1e-7)


def test_the_four_bands_add_up_to_the_image():
    identity = np.zeros(43)
    identity[21] = 1
    np.testing.assert_allclose(wavelets.FILTER_BANK.sum(axis=0), identity, atol=1e-12)
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(augment.filter_bands(images, np.ones((2, 4))), images)


def test_identity_values_leave_all_but_the_resampling_alone():
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.randn(3, 3, 4, 4), size=32, mode="bicubic")
    values = augment.sample_params(np.random.default_rng(0), PIPES["bgcfnc"], 3, 1e-12)
    out = augment.apply(smooth, values, noise=torch.randn(3, 3, 32, 32))
    torch.testing.assert_close(out, smooth, atol=0.02, rtol=0)


def test_no_probability_is_no_change_and_the_same_stream_the_same_images():
    images = torch.randn(4, 3, 16, 16)
    pipe = augment.Augment("bgcfnc")
    assert pipe(images, 0.0, np.random.default_rng(1)) is images
    once = pipe(images, 0.7, np.random.default_rng(1))
    again = pipe(images, 0.7, np.random.default_rng(1))
    other = pipe(images, 0.7, np.random.default_rng(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_operations_are_applied_as_often_as_p_says():
    values = augment.sample_params(np.random.default_rng(0), PIPES["bgcfnc"], 20_000, 0.3)
    for name in ("xint", "scale", "aniso", "brightness", "contrast", "hue", "saturation", "noise"):
        identity = 1 if name in ("scale", "aniso", "contrast", "saturation") else 0
        changed = (values[name] != identity).reshape(20_000, -1).any(axis=1).mean()
        assert changed == pytest.approx(0.3, abs=0.02), name
    assert (values["xflip"] == 1).mean() == pytest.approx(0.15, abs=0.02)
    turned = (values["rotate"] != 0) | (values["rotate_after"] != 0)
    assert turned.mean() == pytest.approx(0.3, abs=0.02)
    assert (values["cutout"][:, 2] > 0).mean() == pytest.approx(0.3, abs=0.02)


def test_the_art_pipe_neither_turns_mirrors_nor_inverts():
    forbidden = {"xflip", "rotate90", "rotate", "lumaflip", "hue"}
    assert not forbidden & set(PIPES["art"])
    assert forbidden < set(PIPES["bgc"])


def test_cutout_blanks_a_quarter_and_nothing_else():
    images = torch.ones(2, 1, 16, 16)
    out = augment.cut_out(images, np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 0.0]]))
    assert out[0].sum() == 16 * 16 - 8 * 8
    assert out[0, 0, 4:12, 4:12].abs().sum() == 0
    assert torch.equal(out[1], images[1])


def test_grey_images_take_the_mean_of_the_colour_matrix():
    values = {"brightness": np.array([0.25]), "contrast": np.array([2.0]), "hue": np.array([1.0])}
    out = augment.apply(torch.full((1, 1, 4, 4), 0.5), values)
    torch.testing.assert_close(out, torch.full((1, 1, 4, 4), (0.5 + 0.25) * 2))


def test_sampling_can_be_differentiated_twice():
    torch.manual_seed(0)
    images = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    grid = (torch.rand(1, 3, 3, 2, dtype=torch.float64) - 0.5) * 2.2
    assert torch.autograd.gradcheck(lambda x: sample_bilinear(x, grid), images)
    assert torch.autograd.gradgradcheck(lambda x: sample_bilinear(x, grid).square(), images)


def test_the_whole_pipe_can_be_differentiated_twice():
    torch.manual_seed(0)
    images = torch.randn(1, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    values = augment.sample_params(np.random.default_rng(3), PIPES["bgcfnc"], 1, 1.0)
    noise = torch.randn(1, 3, 8, 8, dtype=torch.float64)

    def critic(x):
        return augment.apply(x, values, noise=noise).pow(3).sum()

    (gradient,) = torch.autograd.grad(critic(images), images, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), images)
    step = 1e-6
    direction = torch.randn_like(images)

    def squared(x):
        (slope,) = torch.autograd.grad(critic(x), x)
        return slope.square().sum()

    up = squared((images + step * direction).detach().requires_grad_(True))
    down = squared((images - step * direction).detach().requires_grad_(True))
    torch.testing.assert_close(
        (second * direction).sum(), (up - down) / (2 * step), rtol=1e-5, atol=0
    )
