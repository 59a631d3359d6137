"""Questions by rank, then in order; cancelled ones are left out by the queue and the server."""

from __future__ import annotations

import http.client
import threading

from nftgan.studio.queue import Questions, Rank
from tests.studio.conftest import Serve
from tests.studio.test_gallery import until


def test_the_stage_comes_first_then_each_in_its_turn() -> None:
    questions, said = Questions(), list[str]()
    for name, rank in (
        ("tile", Rank.PAGE),
        ("slider", Rank.STAGE),
        ("art", Rank.PAGE),
        ("next", Rank.STAGE),
    ):
        questions.put(lambda name=name: said.append(name), rank)  # type: ignore[misc]
    while (answer := questions.take()) is not None:
        answer()
    assert said == ["slider", "next", "tile", "art"]


def test_what_nobody_waits_for_is_left_out_and_an_error_is_the_answer() -> None:
    questions = Questions()
    gone = questions.put(lambda: 1, Rank.STAGE)
    bad = questions.put(lambda: 1 // 0, Rank.PAGE)
    assert gone.cancel()
    answer = questions.take()
    assert answer is not None
    answer()
    assert isinstance(bad.exception(0), ZeroDivisionError)
    assert questions.take() is None


def test_a_page_that_went_elsewhere_takes_its_questions_along(serve: Serve) -> None:
    served = serve(range(4))
    gallery = served.studio.gallery
    until(lambda: gallery.counts == (4, 4))
    go, begun = threading.Event(), threading.Event()

    def long() -> bool:
        begun.set()
        return go.wait(60)

    busy = gallery.ask(long)
    assert begun.wait(60)
    page = http.client.HTTPConnection("127.0.0.1", served.server.port, timeout=30)
    host = {"Host": f"127.0.0.1:{served.server.port}", "Cookie": served.cookie}
    page.request("GET", "/api/piece/2", headers=host)
    waiting = gallery._questions._heap
    until(lambda: len(waiting) == 1)
    left = waiting[0].answer
    page.close()
    until(left.cancelled)
    go.set()
    assert busy.result(60)
    assert served.get("/api/piece/2")["seed"] == 2
