import getpass

import pytest

from nftgan.training import changes
from nftgan.training.changes import Change


def test_a_change_survives_json_and_says_what_when_and_by_whom():
    change = Change(4000, "ann", (("batch", 16, 32), ("glr", 0.0025, 0.001)))
    assert Change.from_json(change.to_json()) == change
    assert str(change) == "changed at 4 kimg by ann: batch 16 to 32, glr 0.0025 to 0.001"


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_system_without_a_name_for_its_user_is_no_error(error, monkeypatch):
    def nameless():
        raise error("uid not found: 1000")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert changes.who() == ""
    assert str(Change(0, "", (("gamma", 1, 2),))) == "changed at 0 kimg: gamma 1 to 2"
