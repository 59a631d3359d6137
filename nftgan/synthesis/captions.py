"""Short texts under the images of a contact sheet, in a small font of whole pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nftgan.alpha import over_board

LETTER = 11  # pixels: the height of Pillow's own bitmap font
_EDGE = 2  # white pixels above and below
_INK = 90
_CELL = 256  # pixels of a side; at twice that and more the letters grow with the image


def captioned(images: Sequence[np.ndarray], captions: Sequence[str]) -> list[np.ndarray]:
    """Each uint8 [H, W, 3] with its text under it, on white: all become equally higher.

    A text that is wider than the image is cut at its end. Letters that the font lacks are shown as
    question marks. RGBA [H, W, 4] lies over a checkerboard.
    """
    return [
        np.concatenate([over_board(image), _line(text, image.shape[1])])
        for image, text in zip(images, captions, strict=True)
    ]


def _line(text: str, width: int) -> np.ndarray:
    """uint8 [h, width, 3]: `text` in the middle of a white strip."""
    scale = max(1, width // _CELL)
    font = ImageFont.load_default_imagefont()
    text = text.encode("ascii", "replace").decode()
    while text and font.getlength(text) * scale > width:
        text = text[:-1]
    small = Image.new("L", (width // scale, LETTER + 2 * _EDGE), 255)
    left = (small.width - round(font.getlength(text))) // 2
    ImageDraw.Draw(small).text((left, _EDGE), text, fill=_INK, font=font)
    strip = np.asarray(small).repeat(scale, axis=0).repeat(scale, axis=1)
    wide = np.full((len(strip), width), 255, dtype=np.uint8)
    wide[:, : strip.shape[1]] = strip
    return wide[..., None].repeat(3, axis=2)
