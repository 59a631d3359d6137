"""What a provider means: wait, ask for less, or that it does not know the method."""

from __future__ import annotations

import pytest

from nftgan.chain.refusals import asks_for_less, is_busy, lacks_method

LARGE = [
    (
        -32600,
        "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.",
    ),
    (-32005, "query returned more than 10000 results"),
    (-32005, "query timeout exceeded"),
    (-32602, "block range is too wide"),
    (-32000, "exceed maximum block range: 5000"),
    (-32614, "eth_getLogs is limited to a 10,000 range"),
    (-32008, "response is too big"),
]


@pytest.mark.parametrize(("code", "words"), LARGE)
def test_a_query_that_is_too_large_is_never_taken_for_one_too_many(code: int, words: str) -> None:
    error = {"code": code, "message": words}
    assert asks_for_less(error) and not is_busy(error)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32000, "execution reverted"),
        (3, "execution reverted: rate limit of this sale"),
        (-32000, "insufficient funds for gas * price + value"),
        (-32000, "nonce too low"),
        (-32000, "exceeds block gas limit"),
        (-32601, "the method eth_feeHistory does not exist/is not available"),
    ],
)
def test_other_refusals_are_not_waited_out(code: int, words: str) -> None:
    assert not is_busy({"code": code, "message": words})


def test_an_error_without_words_or_code_is_read_all_the_same() -> None:
    assert is_busy({"code": -32005}) and is_busy({"message": "Rate Limit"})
    assert not is_busy({}) and not asks_for_less({"message": None})


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32601, "Method not found"),
        (-32600, "the method eth_feeHistory does not exist/is not available"),
        (-32000, "method eth_feeHistory is not whitelisted"),
        (-32004, "Method eth_feeHistory not supported"),
    ],
)
def test_a_method_that_a_node_lacks_is_known_by_code_or_words(code: int, words: str) -> None:
    assert lacks_method(code, words)
    assert not lacks_method(-32000, "header not found")
