"""The pipes are those of the paper, and one that is safe for art."""

import itertools

from nftgan.training.pipes import PIPES


def test_the_groups_of_the_paper_nest():
    order = ("blit", "bg", "bgc", "bgcf", "bgcfn", "bgcfnc")
    for smaller, larger in itertools.pairwise(order):
        assert set(PIPES[smaller]) < set(PIPES[larger])


def test_the_pipe_for_art_turns_mirrors_and_recolours_nothing():
    leaking = {"xflip", "rotate90", "rotate", "lumaflip", "hue", "noise", "cutout", "imgfilter"}
    assert not leaking & set(PIPES["art"])
