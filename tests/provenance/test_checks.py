"""A token passes when nothing failed and nothing was left out; notes neither prove nor break."""

from __future__ import annotations

from nftgan.provenance.checks import CheckLog, TokenReport


def report(*calls: str) -> TokenReport:
    log = CheckLog()
    for call in calls:
        match call:
            case "pass":
                log.check(f"a{len(log.checks)}", True, "yes", "no")
            case "fail":
                log.fail(f"b{len(log.checks)}", "wrong")
            case "note":
                log.note(f"c{len(log.checks)}", "nobody can prove it")
            case "skip":
                log.skip("not asked", f"d{len(log.checks)}")
    return TokenReport(0, 1, tuple(log.checks))


def test_only_passes_and_notes_make_a_proof() -> None:
    assert report("pass", "pass").passed
    assert report("pass", "note").passed
    assert not report("pass", "skip").passed
    assert not report("pass", "fail").passed


def test_what_failed_and_what_was_skipped_are_told_apart() -> None:
    both = report("pass", "fail", "skip", "note")
    assert [check.found for check in both.failed] == ["wrong"]
    assert [check.found for check in both.skipped] == ["not asked"]


def test_a_check_that_was_made_is_not_recorded_as_skipped_too() -> None:
    log = CheckLog()
    assert log.check("seed", False, "yes", "no") is False
    log.skip("later", "seed", "image")
    assert [(check.name, check.verdict) for check in log.checks] == [
        ("seed", "broken"),
        ("image", "unchecked"),
    ]
