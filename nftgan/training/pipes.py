"""The pipes of augmentation: which operations each name of `--augpipe` stands for."""

from __future__ import annotations

PIPES: dict[str, tuple[str, ...]] = {
    "art": ("xint", "scale", "aniso", "xfrac", "brightness", "contrast", "saturation"),
    "blit": ("xflip", "rotate90", "xint"),
    "geom": ("scale", "rotate", "aniso", "xfrac"),
    "color": ("brightness", "contrast", "lumaflip", "hue", "saturation"),
    "filter": ("imgfilter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
}
"""`art` leaves out what must never leak into an image that is sold: turned or mirrored pieces,
inverted and shifted colours. The others are the groups of Karras et al. 2020."""
PIPES["bg"] = PIPES["blit"] + PIPES["geom"]
PIPES["bgc"] = PIPES["bg"] + PIPES["color"]
PIPES["bgcf"] = PIPES["bgc"] + PIPES["filter"]
PIPES["bgcfn"] = PIPES["bgcf"] + PIPES["noise"]
PIPES["bgcfnc"] = PIPES["bgcfn"] + PIPES["cutout"]
