"""Why an image file has not the promised pixels, in words, where that can be told."""

from __future__ import annotations

import numpy as np

from nftgan.alpha import cleared, premultiplied, straight
from nftgan.pixels import pixel_hash


def mismatch(image: np.ndarray, promised: str) -> str:
    """What is wrong with uint8 [H, W, 3 or 4], whose hash is not `promised`: "has other pixels …".

    Programs that save transparent images multiply colours by alpha, or leave alpha out.
    """
    if image.shape[2] == 3:
        whole = np.concatenate([image, np.full_like(image[..., :1], 255)], axis=2)
        if pixel_hash(whole) == promised:
            return "lacks the alpha channel that its metadata promises"
    elif pixel_hash(cleared(image)) == promised:
        return "holds colours where nothing shows, and its metadata promises none"
    elif pixel_hash(straight(image)) == promised:
        return "holds premultiplied colours, and its metadata promises straight ones"
    elif image[..., 3].min() == 255 and pixel_hash(image[..., :3]) == promised:
        return "has an alpha channel, and its metadata promises none"
    return "has other pixels than its metadata promises"


def hidden(image: np.ndarray) -> str | None:
    """What is wrong with uint8 [H, W, 3 or 4], whoever promises it, that no finish makes; or None.

    Colours that alpha hides could be another image to a program that leaves alpha out.
    """
    if image.shape[2] == 3 or np.array_equal(straight(premultiplied(image)), image):
        return None
    return "holds colours that its transparency hides, which no model draws"


def other_kind(image: np.ndarray, *, transparent: bool) -> str | None:
    """What is wrong with an image beside a model that makes `transparent` ones; None: nothing."""
    if (image.shape[2] == 4) == transparent:
        return None
    if transparent:
        return "is opaque, and the model makes transparent images (RGBA)"
    return "is transparent (RGBA), and the model makes opaque images"
