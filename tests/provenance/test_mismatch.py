"""What is said of an image that is not the promised one."""

from __future__ import annotations

import numpy as np
import pytest

from nftgan.alpha import premultiplied, straight
from nftgan.pixels import pixel_hash
from nftgan.provenance.mismatch import hidden, mismatch, other_kind

_RANDOM = np.random.default_rng(1).integers(1, 256, (6, 5, 4), dtype=np.uint8)
_RANDOM[:2, :, 3] = 0
CLEAR = straight(premultiplied(_RANDOM))
OPAQUE = np.dstack([_RANDOM[..., :3], np.full((6, 5), 255, np.uint8)])
HIDDEN = CLEAR.copy()
HIDDEN[:2, :, 0] = 9
HARD = np.zeros((6, 5, 4), np.uint8)
HARD[2:4] = (200, 100, 50, 255)
HARD_HIDDEN = HARD.copy()
HARD_HIDDEN[0] = (9, 9, 9, 0)


@pytest.mark.parametrize(
    ("image", "promised", "said"),
    [
        (premultiplied(CLEAR), CLEAR, "holds premultiplied colours"),
        (HIDDEN, CLEAR, "holds colours where nothing shows"),
        (HARD_HIDDEN, HARD, "holds colours where nothing shows"),
        (OPAQUE, OPAQUE[..., :3], "has an alpha channel"),
        (OPAQUE[..., :3], OPAQUE, "lacks the alpha channel"),
        (CLEAR[..., :3], CLEAR, "has other pixels"),
        (CLEAR, CLEAR[..., :3], "has other pixels"),
        (CLEAR[::-1].copy(), CLEAR, "has other pixels"),
    ],
)
def test_it_is_said_what_a_program_did_to_an_image(
    image: np.ndarray, promised: np.ndarray, said: str
) -> None:
    assert mismatch(np.ascontiguousarray(image), pixel_hash(promised)).startswith(said)


def test_an_image_is_of_the_kind_that_its_model_makes() -> None:
    assert other_kind(CLEAR, transparent=True) is None
    assert other_kind(OPAQUE[..., :3], transparent=False) is None
    assert "is opaque, and" in (other_kind(OPAQUE[..., :3], transparent=True) or "")
    assert "is transparent (RGBA), and" in (other_kind(OPAQUE, transparent=False) or "")


@pytest.mark.parametrize("image", [HIDDEN, HARD_HIDDEN])
def test_no_promise_makes_hidden_colours_right(image: np.ndarray) -> None:
    faint = CLEAR.copy()
    faint[3, 3] = (255, 128, 0, 1)
    assert hidden(CLEAR) is hidden(HARD) is hidden(OPAQUE) is hidden(OPAQUE[..., :3]) is None
    for one in (image, faint):
        assert "holds colours that its transparency hides" in (hidden(one) or "")
