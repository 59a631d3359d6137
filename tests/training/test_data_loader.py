"""The next batch is decoded while a step computes: the same images, and no thread stays."""

import threading
import warnings

import numpy as np
import pytest
import torch

from nftgan.dataset import archive
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import encode_fast_png
from nftgan.errors import UsageError
from nftgan.networks.model_file import load_networks
from nftgan.training import loop
from nftgan.training.data_loader import DataLoader
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.loop import train

POSITIONS = [0, 4, 8, 12, 16, 20]


def threads():
    return {one for one in threading.enumerate() if one.name.startswith("nftgan images")}


@pytest.fixture(autouse=True)
def no_thread_stays():
    assert not threads()
    yield
    assert not threads()


@pytest.fixture
def large(monkeypatch):
    """Every data set is too large to stay in memory."""
    monkeypatch.setattr(archive, "CACHE_BYTES", 0)


@pytest.fixture
def loader_of(art):
    """loader_of(config, distributed) -> a loader that is closed after the test."""
    feeds = []

    def made(config, distributed=SINGLE_PROCESS):
        feeds.append(DataLoader(config, Dataset.open(art), distributed))
        return feeds[-1]

    yield made
    for loader in feeds:
        loader.close()


def same(ones, others):
    return all(
        torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
        for one, other in zip(ones, others, strict=True)
    )


@pytest.mark.parametrize("distributed", [SINGLE_PROCESS, Distributed(1, 2)])
def test_batches_in_a_row_are_those_of_each_position_alone(
    distributed, configure, loader_of, large
):
    config = configure(conditional=True, mirror=True, kimg=0.04)

    def batches(*positions):
        loader = loader_of(config, distributed)
        return [loader.batch(position) for position in positions]

    alone = [batches(position)[0] for position in POSITIONS]
    assert same(batches(*POSITIONS), alone)
    assert same(batches(*POSITIONS[::-1]), alone[::-1])
    assert same(batches(4, 4, 12), [alone[1], alone[1], alone[3]])


def test_reading_ahead_happens_in_a_thread_and_not_beyond_the_end(configure, loader_of, large):
    loader = loader_of(configure(kimg=0.012))
    readers = []
    read = loader.dataset.images

    def images(indices):
        readers.append((threading.current_thread() is threading.main_thread(), len(indices)))
        return read(indices)

    loader.dataset.images = images
    loader.batch(0)
    assert len(threads()) == 1
    loader.batch(4)
    loader.batch(8)
    assert readers.count((True, 4)) == 1
    assert readers.count((False, 1)) == 8
    assert len(readers) == 9


def test_images_that_are_in_memory_need_no_thread(configure, loader_of):
    loader = loader_of(configure())
    assert loader.dataset.are_decoded(range(24))
    for position in POSITIONS:
        loader.batch(position)
    assert not threads()


def test_a_broken_image_is_an_error_of_the_step_that_needs_it(configure, loader_of, large):
    loader = loader_of(configure())
    broken = loader.dataset.names[loader._choice(4).indices[2]]
    read, small = loader.dataset._files.read, encode_fast_png(np.zeros((4, 4, 3), np.uint8))
    loader.dataset._files.read = lambda name: small if name == broken else read(name)
    loader.batch(0)
    with pytest.raises(UsageError) as ahead:
        loader.batch(4)
    with pytest.raises(UsageError) as plain:
        loader.dataset.images(loader._choice(4).indices)
    assert ahead.value.message == plain.value.message
    assert f"{broken} is 4x4" in ahead.value.message


def test_closing_does_not_wait_for_the_whole_batch(configure, loader_of, large):
    loader = loader_of(configure())
    read, begun, done = loader.dataset.images, threading.Event(), []

    def images(indices):
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            assert loader._ahead._closed.wait(60)
            done.append(indices)
        return read(indices)

    loader.dataset.images = images
    loader.batch(0)
    assert begun.wait(60)
    loader.close()
    assert len(done) == 1


def test_a_run_that_reads_ahead_makes_the_same_model(configure, tmp_path, monkeypatch):
    config = configure(mirror=True)
    assert len(list(train(config, run_dir=tmp_path / "kept"))) == 4
    monkeypatch.setattr(archive, "CACHE_BYTES", 0)
    filters = warnings.filters[:]
    for _ in train(config, run_dir=tmp_path / "read"):
        pass
    assert warnings.filters == filters
    assert load_networks(tmp_path / "read").identity == load_networks(tmp_path / "kept").identity


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_no_thread_stays_when_a_step_fails(failure, configure, tmp_path, monkeypatch, large):
    seen = []

    def fail(*args, **kwargs):
        seen.extend(threads())
        raise failure

    monkeypatch.setattr(loop, "train_step", fail)
    with pytest.raises(failure):
        list(train(configure(), run_dir=tmp_path / "run"))
    assert len(seen) == 1


def test_no_thread_stays_when_nobody_wants_the_next_tick(configure, tmp_path, large):
    ticks = train(configure(), run_dir=tmp_path / "run")
    next(ticks)
    next(ticks)
    assert threads()
    ticks.close()
