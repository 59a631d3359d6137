import struct
import zlib

from nftgan.dataset.png_chunks import SIGNATURE, essential_png
from tests.png_chunks import chunk

HEADER = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 0, 0, 0, 0))
PIXELS = chunk(b"IDAT", zlib.compress(bytes(3))) + chunk(b"IEND")


def test_a_png_without_more_is_the_same_bytes() -> None:
    data = SIGNATURE + HEADER + PIXELS
    kept, facts = essential_png(data)
    assert kept is data and (facts.depth, facts.colour_type, facts.gamma) == (16, 0, None)


def test_what_no_pixel_needs_is_left_out() -> None:
    extra = chunk(b"tEXt", b"Title\0x") + chunk(b"tIME", bytes(7)) + chunk(b"pHYs", b"", wrong=True)
    trns = chunk(b"tRNS", b"\0\1")
    kept, _ = essential_png(SIGNATURE + HEADER + extra + trns + PIXELS + b"behind the end")
    assert kept == SIGNATURE + HEADER + trns + PIXELS


def test_the_colour_chunks_become_facts() -> None:
    profile = chunk(b"iCCP", b"name\0\0" + zlib.compress(b"profile"))
    places = chunk(b"cHRM", struct.pack(">8I", *(n * 1000 for n in range(8))))
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    others = chunk(b"cICP", bytes((12, 13, 0, 1))) + chunk(b"acTL", struct.pack(">II", 3, 0))
    _, facts = essential_png(SIGNATURE + HEADER + profile + places + gamma + others + PIXELS)
    assert facts.profile == b"profile" and facts.gamma == 1.0 and facts.frames == 3
    assert facts.cicp == (12, 13, 0, 1)
    assert facts.white_and_primaries is not None and facts.white_and_primaries[7] == 0.07


def test_the_orientation_is_kept_only_where_its_text_is_small() -> None:
    small = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")
    bomb = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(10 << 20)))
    kept, _ = essential_png(SIGNATURE + HEADER + small + bomb + PIXELS)
    assert kept == SIGNATURE + HEADER + small + PIXELS


def test_a_profile_that_is_damaged_is_noted() -> None:
    _, facts = essential_png(SIGNATURE + HEADER + chunk(b"iCCP", b"n\0\0junk") + PIXELS)
    assert facts.profile is None and "damaged" in facts.notes[0]


def test_a_file_cut_short_stays_for_the_decoder_to_refuse() -> None:
    data = (SIGNATURE + HEADER + PIXELS)[:-20]
    assert essential_png(data)[0] == data
