"""Names of colours as an eye would say them: the nearest of some hundred known ones in OKLab.

Several examples stand for one name, since a name covers a region and not a ball around one point.
Most are the medians of a public survey in which people named colours on a screen (Munroe 2010,
https://xkcd.com/color/rgb.txt, CC0); pale and greyish ones are added where it has few. Distance is
that of Ottosson's OKLab (2020) with hue and chroma counted twice against lightness: what is pale
blue is still blue to an eye, and hardly ever grey.
"""

from __future__ import annotations

import numpy as np

from nftgan.oklab import oklab

EXAMPLES: dict[str, str] = {
    "Black": "000000 0c0c0e 1a1a1c",
    "Charcoal": "343837 42424a 363737",
    "Grey": "929591 808084 6b6b6e 7d7f7c",
    "Silver": "c5c9c7 c0c0c4 d8dcd6 adadb0",
    "White": "ffffff f8f8f6 f0f0f0",
    "Ivory": "ffffe4 f7f2e6 faf3e8 ffffcb",
    "Cream": "ffffc2 fff1c8 ffffb0",
    "Beige": "e6daa6 ead9bd",
    "Sand": "e2ca76 dcc79a",
    "Tan": "d1b26f c8a878 be9a6a af884a",
    "Taupe": "b9a281 a08d78 ac9362",
    "Brown": "653700 7a4c2a ad8150 8a6240 7f5112",
    "Chocolate": "3d1c02 411900 341c02 4a2c1c",
    "Rust": "a83c09 b04e0f a9561e c45508",
    "Red": "e50000 d62828 ff000d fe2f4a c44240 d9544d",
    "Crimson": "8c000f b00028 be0119 980002",
    "Maroon": "650021 6e1824 7b0323 4a0100",
    "Brick": "8f1402 a03623 9e3623",
    "Coral": "fc5a50 f47a64 ff6163",
    "Salmon": "ff796c e9967a fe7b7c fea993 ffb7a0",
    "Rose": "cf6275 c0737a d0455e be5c78 d58a94",
    "Pink": "ff81c0 ffa4c2 f7879a ff6cb5 ffbacd",
    "Hot pink": "ff028d ff4fa0 fe01b1",
    "Pale pink": "ffd1df fbdfe0 ffe0e8 f4d4d8",
    "Magenta": "c20078 d432a8 cb0162 9b1e78",
    "Fuchsia": "ed0dd9 f03ce0 fb5ffc",
    "Orchid": "c875c4 da86d0 efc0fe",
    "Mauve": "ae7181 a87a90 874c62 c292a1",
    "Plum": "580f41 7b3a63 6e2a5a 910951",
    "Aubergine": "380835 3d0734 2c1030",
    "Orange": "f97306 ffa500 ff8c1a fd8d49 fe420f",
    "Amber": "feb308 ffa62b fcb001",
    "Apricot": "fdaa48 ffb16d f5b070",
    "Peach": "ffb07c ffd8b1 fad0b0 fde0cc",
    "Yellow": "ffff14 f8dc3c fffd01 fac205",
    "Lemon": "fffe7a ffff84 fdf39a fdff52",
    "Gold": "dbb40c d5b60a f5bf03",
    "Mustard": "ceb301 bf9005 c9a81e b59410",
    "Olive": "6e750e 667e2c 8f9805 4b5d16 373e02",
    "Khaki": "aaa662 c2b678 a8a878",
    "Chartreuse": "c1f80a cdfd02 d0e429",
    "Lime": "aaff32 89fe05 9cdc3c 7ef046",
    "Pistachio": "c0fa8b b9e08c d2f0b0",
    "Green": "15b01a 008000 2e9642 5cac2d 39ad48 4cc04a",
    "Emerald": "01a049 028f1e 1ea86c 0cb577",
    "Forest": "06470c 1c4c2c 0b5509 154406 2f5f30",
    "Moss": "658b38 769958 6d8a4a 5b7a3a",
    "Sage": "87ae73 a3b899 9cb88c b4c4a8",
    "Mint": "9ffeb0 a8e6c4 8fffa8 b2fba5 cfeedd 80f9ad",
    "Teal": "029386 188282 24867c 2a9d8f 5f9e8f",
    "Petrol": "005f6a 014d4e 05696b 1c4a52",
    "Turquoise": "06c2ac 40d0c0 13eac9 04d8b2 7bf2da",
    "Cyan": "00ffff 40d2e2 41fdfe 30c4d8",
    "Ice": "d6fffa d4ffff dcecfa e4f0fa c6d8f6 d6e4f0 d7fffe",
    "Sky": "82cafc 95d0fc 92c0f0 a2cffe b1d1fc",
    "Azure": "069af3 2a8ee8 3d9fe0",
    "Blue": "0343df 2c56ce 0165fc 0504aa 3a6ed8",
    "Cobalt": "1e488f 030aa7 2242c7 3b638c",
    "Navy": "01153e 000080 1a205c 001146 010440 223060",
    "Slate": "516572 5b7c99 6b7c85 59656d 7f93a8",
    "Periwinkle": "8e82fe 8f99fb c1c6fc a5aef0 b6bcf4 8f8ce7 d0d8fc",
    "Indigo": "380282 4b2a8c 3a18b1 2a1a6a",
    "Violet": "9a0eea 8a4be0 ad0afd 5d06e9",
    "Purple": "7e1e9c 7c3aac 35063e 672d8a bf77f6 8756a8 a00498",
    "Lavender": "c79fef c4acec dfc5fe cea2fd e4dcf4 bebbdd d8ccf0",
}
"""Name → sRGB of its examples, in hex."""

FIRST_EXAMPLES: dict[str, str] = {
    "Black": "0c0c0e",
    "Charcoal": "424246",
    "Grey": "808080",
    "Silver": "c0c0c4",
    "White": "f8f8f6",
    "Red": "d62828",
    "Maroon": "6e1824",
    "Coral": "f47a64",
    "Orange": "f08c1e",
    "Brown": "7a4c2a",
    "Tan": "ceac82",
    "Peach": "fad0b0",
    "Yellow": "f8dc3c",
    "Olive": "7e7e2c",
    "Lime": "9cdc3c",
    "Green": "2e9642",
    "Forest": "1c4c2c",
    "Mint": "a8e6c4",
    "Teal": "188282",
    "Cyan": "40d2e2",
    "Sky": "92c0f0",
    "Blue": "2c56ce",
    "Navy": "1a205c",
    "Purple": "7c3aac",
    "Lavender": "c4acec",
    "Magenta": "d432a8",
    "Pink": "faa4c2",
}
"""The names of version 1, which collections of that time keep for ever."""

NAMES, FIRST_NAMES = tuple(EXAMPLES), tuple(FIRST_EXAMPLES)
_CHROMA_WEIGHT = 4  # of squares


def _anchors(examples: dict[str, str]) -> list[tuple[int, np.ndarray]]:
    return [
        (number, oklab(np.array(list(bytes.fromhex(text)), dtype=np.uint8)))
        for number, words in enumerate(examples.values())
        for text in words.split()
    ]


_ANCHORS = {1: _anchors(FIRST_EXAMPLES), 2: _anchors(EXAMPLES)}


def colour_names(pixels: np.ndarray, version: int = 2) -> np.ndarray:
    """uint8 [..., 3] → int64 [...]: index into NAMES, or FIRST_NAMES for version 1.

    In integer arithmetic throughout, so that every machine says the same.
    """
    wide = pixels.reshape(-1, 3).astype(np.int64)
    packed = (wide[:, 0] << 16) | (wide[:, 1] << 8) | wide[:, 2]
    distinct, index = np.unique(packed, return_inverse=True)
    rgb = np.stack([distinct >> 16, (distinct >> 8) & 255, distinct & 255], axis=1)
    lab = oklab(rgb.astype(np.uint8))
    nearest = np.zeros(len(lab), dtype=np.int64)
    least = np.full(len(lab), np.iinfo(np.int64).max)
    for number, anchor in _ANCHORS[version]:
        square = (lab - anchor) ** 2
        distance = square[:, 0] + _CHROMA_WEIGHT * (square[:, 1] + square[:, 2])
        closer = distance < least
        nearest[closer], least[closer] = number, distance[closer]
    result: np.ndarray = nearest[index.reshape(-1)].reshape(pixels.shape[:-1])
    return result
