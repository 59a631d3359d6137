import pytest

from nftgan import memory
from nftgan.errors import UsageError
from nftgan.memory import check_memory, free_memory


def test_free_memory_is_told_in_bytes_where_the_system_says_it():
    free = free_memory()
    assert free is None or 10**6 < free < 10**15


def test_what_needs_more_than_is_free_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 10**9)
    check_memory(10**9, "9 frames", hint="fewer")
    with pytest.raises(UsageError, match=r"9 frames need 2\.0 GB of memory, and 1\.0 GB") as caught:
        check_memory(2 * 10**9, "9 frames", hint="fewer")
    assert caught.value.hint == "fewer"
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    check_memory(10**15, "9 frames", hint="fewer")
