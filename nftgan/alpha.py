"""Transparency in whole numbers: straight and premultiplied colours, and an image over a colour.

A file holds straight colours, as PNG wants them; networks see and make premultiplied ones, where a
transparent pixel has one value (0, 0, 0, 0) and averages are those of what a person sees.
"""

from __future__ import annotations

import numpy as np

RGB = tuple[int, int, int]
LOOKED_AT_OVER: RGB = (128, 128, 128)
"""Behind a transparent image wherever it is measured or compared as if it were opaque."""
SHOWS = 128
"""Alpha from which on a pixel shows, wherever it is one that does or one that does not."""
BOARD: tuple[RGB, RGB] = ((255, 255, 255), (204, 204, 204))
"""The two greys of the checkerboard that shows to a person where nothing is."""


def premultiplied(image: np.ndarray) -> np.ndarray:
    """uint8 [..., 4] of straight RGBA: each colour times alpha / 255, rounded; alpha as it is."""
    colour, alpha = image[..., :3].astype(np.uint16), image[..., 3:]
    result = np.empty_like(image)
    # 255 is odd, so that no quotient lies in the middle between two whole numbers.
    result[..., :3] = (colour * alpha + 127) // 255
    result[..., 3:] = alpha
    return result


def straight(image: np.ndarray) -> np.ndarray:
    """uint8 [..., 4] of premultiplied RGBA: floor((255 c + floor(a / 2)) / a), at most 255.

    (0, 0, 0, 0) where alpha is 0. A colour above its alpha, which no image has but a network may
    make, counts as alpha. `premultiplied` of the result is the image again.
    """
    alpha = image[..., 3:].astype(np.int64)
    colour = np.minimum(image[..., :3], alpha)
    result = np.empty_like(image)
    result[..., :3] = (255 * colour + alpha // 2) // np.maximum(alpha, 1)
    result[..., 3:] = alpha
    return result


def cleared(image: np.ndarray) -> np.ndarray:
    """Straight uint8 [..., 4] with (0, 0, 0, 0) wherever alpha is 0: no hidden colour is left."""
    result: np.ndarray = np.where(image[..., 3:] == 0, np.uint8(0), image)
    return result


def over(image: np.ndarray, colour: RGB = LOOKED_AT_OVER) -> np.ndarray:
    """uint8 [..., 3]: straight RGBA uint8 [..., 4] over a colour, rounded. RGB or grey stays."""
    if image.ndim < 3 or image.shape[-1] != 4:
        return image
    return _blended(image, np.array(colour, np.uint32))


def seen(images: np.ndarray) -> np.ndarray:
    """uint8 [N, 3, H, W] over LOOKED_AT_OVER of premultiplied uint8 [N, 4, H, W], as networks have
    them; others as they are.
    """
    if images.shape[1] != 4:
        return images
    alpha = images[:, 3:].astype(np.uint16)
    below = np.array(LOOKED_AT_OVER, np.uint16)[:, None, None]
    mixed = images[:, :3] + (below * (255 - alpha) + 127) // 255
    result: np.ndarray = np.minimum(mixed, 255).astype(np.uint8)
    return result


def looked_at(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3]: straight RGBA uint8 [H, W, 4] over LOOKED_AT_OVER, exactly as `seen` of what
    networks see of it. RGB or grey stays.
    """
    if image.ndim < 3 or image.shape[-1] != 4:
        return image
    whole = seen(premultiplied(image).transpose(2, 0, 1)[None])[0]
    return np.ascontiguousarray(whole.transpose(1, 2, 0))


def over_board(image: np.ndarray, cell: int = 8) -> np.ndarray:
    """uint8 [H, W, 3]: straight RGBA uint8 [H, W, 4] over a checkerboard. RGB or grey stays.

    cell: pixels of a side of its squares.
    """
    if image.ndim < 3 or image.shape[-1] != 4:
        return image
    rows, columns = (np.arange(size) // cell for size in image.shape[:2])
    odd = (rows[:, None] + columns) % 2
    return _blended(image, np.array(BOARD, np.uint32)[odd])


def _blended(image: np.ndarray, below: np.ndarray) -> np.ndarray:
    alpha = image[..., 3:].astype(np.uint32)
    mixed = image[..., :3] * alpha + below * (255 - alpha)
    result: np.ndarray = ((mixed + 127) // 255).astype(np.uint8)
    return result
