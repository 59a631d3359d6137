"""The pipes of augmentation: which operations each name of `--augpipe` stands for."""

from __future__ import annotations

from nftgan import plugins

GROUP = "nftgan.augmentations"
BLIT = ("xflip", "rotate90", "xint")
GEOM = ("scale", "rotate", "aniso", "xfrac")
COLOR = ("brightness", "contrast", "lumaflip", "hue", "saturation")
FILTER = ("imgfilter",)
NOISE = ("noise",)
CUTOUT = ("cutout",)
ART = ("xint", "scale", "aniso", "xfrac", "brightness", "contrast", "saturation")
"""It leaves out what must never leak into an image that is sold: turned or mirrored pieces,
inverted and shifted colours. The others are the groups of Karras et al. 2020."""
BG = BLIT + GEOM
BGC = BG + COLOR
BGCF = BGC + FILTER
BGCFN = BGCF + NOISE
BGCFNC = BGCFN + CUTOUT
OPERATIONS = frozenset(BGCFNC)

PIPES: dict[str, tuple[str, ...]] = {
    "art": ART,
    "blit": BLIT,
    "geom": GEOM,
    "color": COLOR,
    "filter": FILTER,
    "noise": NOISE,
    "cutout": CUTOUT,
    "bg": BG,
    "bgc": BGC,
    "bgcf": BGCF,
    "bgcfn": BGCFN,
    "bgcfnc": BGCFNC,
}
plugins.register(GROUP, {name: f"nftgan.training.pipes:{name.upper()}" for name in PIPES})
