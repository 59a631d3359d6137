"""Changes: several seeds at once, and the order of the pieces."""

from __future__ import annotations

from tests.studio.conftest import Serve
from tests.studio.test_finishing import finish


def test_one_word_on_several_seeds_is_all_or_nothing(serve: Serve) -> None:
    served = serve(range(8))
    said = served.post("/api/opinion", {"seeds": [1, 4, 6], "picked": True})["opinions"]
    assert said == {str(seed): {"picked": True} for seed in (1, 4, 6)}
    served.post("/api/opinion", {"seeds": [2, 3], "stars": 9}, expect=400)
    assert served.studio.opinions.of(2) is None
    assert served.studio.opinions.picked() == (1, 4, 6)


def test_pieces_keep_the_order_that_they_were_put_into(serve: Serve) -> None:
    served = serve(range(8))
    served.post("/api/opinion", {"seeds": [1, 4, 6], "picked": True})
    served.post("/api/order", {"seeds": [6, 1, 4]})
    assert served.studio.opinions.picked() == (6, 1, 4)
    served.post("/api/opinion", {"seed": 2, "picked": True})  # a new one comes last
    assert [one["seed"] for one in served.get("/api/tray")["pieces"]] == [6, 1, 4, 2]
    assert finish(served, kept=(1, 2, 4, 6))["state"] == "done"
    assert served.written[-1] == (6, 1, 4, 2)
