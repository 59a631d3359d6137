"""Opinions are on disk before they are believed, and no writer loses another one's."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nftgan.collection.ratings import Rating, append_rating, read_ratings
from nftgan.errors import UsageError
from nftgan.studio.opinions import Opinions

WRITER = """
import sys
from pathlib import Path
from nftgan.collection.ratings import Rating, append_rating
for n in range(60):
    append_rating(Path(sys.argv[1]), Rating(1000 + n, "m", stars=n % 6))
"""


def test_what_is_said_is_in_the_file_before_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    opinions = Opinions(path, "m")
    assert opinions.say(7, {"stars": 4}) == {"stars": 4}
    assert path.read_text() == '{"model": "m", "seed": 7, "stars": 4}\n'
    assert opinions.say(7, {"picked": True}) == {"stars": 4, "picked": True}
    assert opinions.picked() == (7,)


def test_what_was_said_can_be_taken_back(tmp_path: Path) -> None:
    opinions = Opinions(tmp_path / "ratings.jsonl", "m")
    opinions.say(7, {"picked": True, "stars": 4, "name": "Ada"})
    assert opinions.say(7, {"picked": None, "name": None}) == {"stars": 4}
    assert opinions.picked() == ()
    again = Opinions(tmp_path / "ratings.jsonl", "m")
    assert again.news(0)[1] == {7: {"stars": 4}}


def test_another_program_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    one, other = Opinions(path, "m"), Opinions(path, "m")
    one.say(1, {"stars": 1})
    number, _ = other.news(0)
    append_rating(path, Rating(2, "m", picked=True))
    append_rating(path, Rating(3, "another model", picked=True))
    after, news = other.news(number)
    assert news == {2: {"picked": True}} and after > number
    assert other.news(after) == (after, {})


def test_a_file_that_was_put_back_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    opinions = Opinions(path, "m")
    opinions.say(1, {"stars": 1})
    backup = path.read_bytes()
    opinions.say(2, {"stars": 2})
    number, _ = opinions.news(0)
    path.unlink()
    path.write_bytes(backup)
    assert opinions.news(number)[1] == {1: {"stars": 1}, 2: {}}


def test_threads_and_a_second_process_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    tabs = [Opinions(path, "m"), Opinions(path, "m")]
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])

    def click(tab: Opinions, first: int) -> None:
        for n in range(60):
            tab.say(first + n, {"stars": n % 6})

    threads = [
        threading.Thread(target=click, args=(tab, 100 * (i + 1))) for i, tab in enumerate(tabs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert process.wait(60) == 0
    found = read_ratings(path, model="m")
    expected = {first + n: n % 6 for first in (100, 200, 1000) for n in range(60)}
    assert {seed: rating.stars for seed, rating in found.items()} == expected
    assert {s: said["stars"] for s, said in tabs[0].news(0)[1].items()} == expected


@pytest.mark.parametrize("said", [{}, {"seed": 1}, {"cleared": []}, {"stars": 9}, {"name": ""}])
def test_nonsense_leaves_no_line(tmp_path: Path, said: dict[str, object]) -> None:
    opinions = Opinions(tmp_path / "ratings.jsonl", "m")
    with pytest.raises(UsageError):
        opinions.say(1, said)
    assert not (tmp_path / "ratings.jsonl").exists()


def test_picks_of_an_earlier_network_are_counted_until_this_one_has_some(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    before = Opinions(path, "m10")
    for seed in (3, 4, 5):
        before.say(seed, {"picked": True})
    before.say(4, {"picked": None})
    before.say(9, {"stars": 5})
    assert before.picked_elsewhere() == 0
    after = Opinions(path, "m20")
    assert after.picked() == () and after.picked_elsewhere() == 2
    after.say(8, {"picked": True})
    assert after.picked_elsewhere() == 0
