import pytest

from nftgan.training import batches


@pytest.mark.parametrize(("count", "group", "micro"), [(8, 2, 4), (16, 4, 8), (12, 4, 4)])
def test_micro_batches_keep_the_groups_of_the_minibatch_deviation(configure, count, group, micro):
    config = configure(batch=count, micro_batch=micro, mbstd_group=group)
    parts = [part.tolist() for part in batches.micro_batches(config, count)]
    assert sorted(n for part in parts for n in part) == list(range(count))

    def groups(samples):
        number = len(samples) // group
        return {frozenset(samples[n::number]) for n in range(number)}

    assert set().union(*(groups(part) for part in parts)) == groups(list(range(count)))
