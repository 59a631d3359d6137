"""A transparent piece has the same proof as an opaque one; another form of it is none."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.alpha import over, premultiplied
from nftgan.pixels import pixel_hash
from nftgan.png import encode_png
from nftgan.synthesis.recipe import Finish
from tests.provenance.stage import TINY, Document, Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(
        tmp_path_factory.mktemp("stage"),
        config=replace(TINY, img_channels=4),
        finish=Finish(upscale=2, filter="cubic"),
    )


def test_every_link_of_it_is_proven_and_it_is_made_again(stage: Stage) -> None:
    verifier = stage.verifier(measuring=True)
    for token in range(len(stage.seeds)):
        report = verifier.verify(token)
        assert all(check.passed for check in report.links), report.links
    assert set(verifier.measures) == {0, 1, 2, 3}
    image = verifier.regenerate(1).image
    assert image.shape == (32, 32, 4) and pixel_hash(image) == stage.pixels[1]
    assert image[..., 3].min() < 255


def _palette(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).quantize(8, Image.Quantize.FASTOCTREE).save(buffer, "PNG")
    return buffer.getvalue()


def _in_mode(mode: str) -> Callable[[np.ndarray], bytes]:
    def save(image: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).convert(mode).save(buffer, "PNG")
        return buffer.getvalue()

    return save


def _by_pillow(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lambda image: encode_png(premultiplied(image)), "holds premultiplied colours"),
        (lambda image: encode_png(over(image)), "other pixels than its metadata promises"),
        (lambda image: encode_png(np.ascontiguousarray(image[..., :3])), "other pixels"),
        (_palette, "marks colours as transparent"),
        (_in_mode("LA"), "is not a plain RGB or RGBA image"),
        (_by_pillow, "holds more than its pixels"),
    ],
)
def test_another_file_of_it_is_refused_in_a_sentence(
    stage: Stage, forge: Callable[[np.ndarray], bytes], said: str
) -> None:
    link = stage.image(forge(stage.images[1]))
    uri = stage.changed(lambda document: document.update(image=link))
    (image,) = (one for one in stage.verifier(uri).verify(1).links if one.name == "image")
    assert image.failed and said in image.found, image.found


def test_an_opaque_image_of_a_model_that_makes_transparent_ones_is_no_proof(stage: Stage) -> None:
    shown = over(stage.images[1])
    link = stage.image(encode_png(shown))

    def forge(document: Document) -> None:
        document.update(image=link)
        document["nftgan"].update(pixels=pixel_hash(shown))

    report = stage.verifier(stage.changed(forge)).verify(1)
    failed = {one.name: one.found for one in report.failed}
    assert {"image", "pixels", "merkle proof"} <= set(failed)
    assert "is opaque, and the model makes transparent images" in failed["image"]


def test_a_transparent_image_of_a_model_that_makes_opaque_ones_is_no_proof(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    whole = np.dstack([stage.images[1], np.full((16, 16), 255, np.uint8)])
    link = stage.image(encode_png(whole))

    def forge(document: Document) -> None:
        document.update(image=link)
        document["nftgan"].update(pixels=pixel_hash(whole))

    failed = {one.name: one.found for one in stage.verifier(stage.changed(forge)).verify(1).failed}
    assert "is transparent (RGBA), and the model makes opaque images" in failed["image"]
    lost = stage.changed(lambda document: document.update(image=link))
    failed = {one.name: one.found for one in stage.verifier(lost).verify(1).failed}
    assert "has an alpha channel, and its metadata promises none" in failed["image"]
