import numpy as np

from nftgan.training.randomness import DataOrder, RngStream, rng_for


def test_a_stream_depends_on_every_part_of_its_name_and_on_nothing_else():
    names = [
        (seed, step, rng_stream, part)
        for seed in (0, 1)
        for step in (0, 1)
        for rng_stream in (RngStream.G_MAIN, RngStream.D_MAIN)
        for part in (0, 1)
    ]
    first = {rng_for(*name).random() for name in names}
    assert len(first) == len(names)
    assert first == {rng_for(*name).random() for name in reversed(names)}


def test_an_epoch_shows_each_image_once_and_epochs_differ():
    order = DataOrder(0, 10, mirror=False)
    first, flipped = order.batch(0, 10)
    second, _ = order.batch(10, 10)
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)
    assert not flipped.any()


def test_mirrored_epochs_show_each_image_both_ways():
    indices, flipped = DataOrder(3, 5, mirror=True).batch(0, 10)
    seen = set(zip(indices.tolist(), flipped.tolist(), strict=True))
    assert seen == {(index, flip) for index in range(5) for flip in (False, True)}


def test_a_batch_depends_only_on_its_position():
    straight = DataOrder(1, 7, mirror=True)
    run = np.concatenate([straight.batch(n, 4)[0] for n in range(0, 40, 4)])
    resumed = DataOrder(1, 7, mirror=True).batch(20, 20)[0]
    np.testing.assert_array_equal(run[20:], resumed)
