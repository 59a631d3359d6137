"""The next batch is decoded while a step computes: the same images, and no thread stays."""

import threading
import warnings

import numpy as np
import pytest
import torch

from nftgan.dataset import archive
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import encode_fast_png, write_dataset
from nftgan.errors import Cancelled, UsageError
from nftgan.metrics.kid import kid
from nftgan.networks.model_file import load_networks
from nftgan.training import loop
from nftgan.training.config import DatasetFacts
from nftgan.training.data_loader import DataLoader
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.loop import train
from nftgan.training.outputs import generate_samples
from nftgan.training.state import fresh_state
from tests.training.conftest import smallest

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
    loader.dataset.images(range(24))
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


@pytest.mark.parametrize(
    ("failure", "ends_as"), [(ValueError, ValueError), (KeyboardInterrupt, Cancelled)]
)
def test_no_thread_stays_when_a_step_fails(
    failure, ends_as, configure, tmp_path, monkeypatch, large
):
    seen = []

    def fail(*args, **kwargs):
        seen.extend(threads())
        raise failure

    monkeypatch.setattr(loop, "next_step", fail)
    with pytest.raises(ends_as):
        list(train(configure(), run_dir=tmp_path / "run"))
    assert len(seen) == 1


def test_no_thread_stays_when_nobody_wants_the_next_tick(configure, tmp_path, large):
    ticks = train(configure(), run_dir=tmp_path / "run")
    next(ticks)
    next(ticks)
    assert threads()
    ticks.close()


def uneven(path, labels):
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 16, 16, 3), dtype=np.uint8)
    write_dataset(path, list(images), labels=labels)
    return Dataset.open(path)


def test_fakes_have_classes_as_often_as_the_art(tmp_path):
    dataset = uneven(tmp_path / "uneven.zip", [0] * 265 + [7] * 15)  # classes 1 to 6 do not occur
    config = smallest(DatasetFacts.of(dataset), conditional=True)
    loader = DataLoader(config, dataset)
    for count in (60, 96, 400):  # of a sheet, of a score
        labels = loader.sample_conditions(range(count)).argmax(1).bincount(minlength=8)
        assert labels.sum() == count
        assert labels[1:7].sum() == 0
        assert abs(labels[7] - count * 15 / 280) <= 2
    team = torch.cat([loader.sample_conditions(range(rank, 400, 2)) for rank in (0, 1)])
    whole = loader.sample_conditions(range(400))
    assert torch.equal(team.sum(0), whole.sum(0))  # whoever makes a fake, its class is the same
    loader.close()


def test_fakes_of_an_uneven_set_are_scored_as_the_art_is_mixed(tmp_path):
    dataset = uneven(tmp_path / "uneven.zip", [0] * 530 + [1] * 30)
    loader = DataLoader(smallest(DatasetFacts.of(dataset), conditional=True, holdout=0.0), dataset)
    look = np.random.default_rng(1)

    def features(classes):  # of art, or of a network that draws each class as the art has it
        centre = np.eye(224)[np.asarray(classes)]
        drawn = centre + look.standard_normal((len(classes), 224)) / 30
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    art = features(dataset.labels(range(560)))
    mixed = kid(features(loader.sample_conditions(range(400)).argmax(1).numpy()), art)
    in_turn = kid(features(np.arange(400) % 2), art)
    assert abs(mixed.value) < 0.05 * in_turn.value
    loader.close()


def test_sheets_and_scores_are_drawn_with_these_classes(tmp_path, monkeypatch):
    dataset = uneven(tmp_path / "uneven.zip", [0] * 20 + [2] * 4)
    config = smallest(DatasetFacts.of(dataset), conditional=True)
    loader, state, seen = DataLoader(config, dataset), fresh_state(config), []
    monkeypatch.setattr(
        state, "g_ema", lambda z, c, **_: seen.append(c) or torch.zeros(len(z), 3, 16, 16)
    )
    assert generate_samples(loader, state, range(5, 17)).shape == (12, 3, 16, 16)
    assert torch.equal(torch.cat(seen), loader.sample_conditions(range(5, 17)))
    loader.close()


def test_fakes_of_a_set_with_vectors_get_vectors_of_the_art(tmp_path):
    vectors = np.random.default_rng(2).random((24, 2), dtype=np.float32)
    dataset = uneven(tmp_path / "vectors.zip", [list(map(float, one)) for one in vectors])
    loader = DataLoader(smallest(DatasetFacts.of(dataset), conditional=True), dataset)
    rows = loader.sample_conditions(range(40)).numpy()
    assert {tuple(row) for row in rows} <= {tuple(row) for row in vectors}
    assert len({tuple(row) for row in rows}) > 20
    loader.close()
