"""Mistyped commands: one sentence in our words, and what to type."""

from __future__ import annotations

import pytest

from nftgan.cli.main import app
from nftgan.cli.mistakes import usage_error


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("trian", "there is no verb trian", "did you mean train? Else nftgan --help"),
        ("sale opne", "there is no verb opne", "did you mean open? Else nftgan sale --help"),
        ("train --kimg abc x -o y", "--kimg should be a number", "nftgan train --help"),
        ("train --seed 1.5 x -o y", "--seed should be a whole number", "nftgan train --help"),
        ("train --gpus 0 x -o y", "--gpus should be 1 or more", "nftgan train --help"),
        ("curate --port 99999", "--port should be 65535 or less", "nftgan curate --help"),
        ("prepare x", "--output is missing", "nftgan prepare --help"),
        ("train -o y", "DATASET is missing", "nftgan train --help"),
        ("burn x", "TOKEN should be a whole number", "nftgan burn --help"),
        ("train x -o", "-o needs a value", "nftgan --help"),
        ("curate --same=3", "--same takes no value", "nftgan --help"),
    ],
    ids=str,
)
def test_a_mistake_is_said_in_our_words_with_what_to_type(
    words: str, message: str, hint: str
) -> None:
    with pytest.raises(Exception) as caught:  # a class that Typer vendors
        app(words.split(), prog_name="nftgan", standalone_mode=False)
    found = usage_error(caught.value)
    assert found is not None
    assert (found.message, found.hint) == (message, hint)


def test_an_option_that_is_nearly_right_names_those_that_are() -> None:
    with pytest.raises(Exception) as caught:
        app(["train", "x", "-o", "y", "--kim", "5"], standalone_mode=False)
    found = usage_error(caught.value)
    assert found is not None
    assert found.message.startswith("there is no option --kim") and "--kimg" in found.message


def test_errors_of_others_are_left_to_them() -> None:
    assert usage_error(ValueError("no")) is None
