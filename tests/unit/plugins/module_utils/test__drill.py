"""The ladder of a drill: what could not be tried is never as good as what held."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drill import (
    ARCHIVE,
    FAILED,
    NOT_ASKED,
    PASSED,
    QUERY,
    ROWS,
    RUNGS,
    SCHEMA,
    UNVERIFIED,
    Rung,
    sentence,
    verdict,
)
from hypothesis import given
from hypothesis import strategies as st

OFF_SITE = "off-site"


def climbed(*outcomes: str) -> list[Rung]:
    """Climb as many rungs as there are outcomes."""
    return [
        Rung(name, outcome, 1.0, "" if outcome in {PASSED, NOT_ASKED} else "why")
        for name, outcome in zip(RUNGS, outcomes, strict=False)
    ]


ALL = (PASSED,) * len(RUNGS)
BUT_THE_QUERY = (*ALL[:-1], NOT_ASKED)
# the outcomes -> the verdict
TEST_VERDICTS: list[tuple[tuple[str, ...], str]] = [
    (ALL, PASSED),
    (BUT_THE_QUERY, PASSED),
    # Nothing was tried, or not all of it, although all that was tried held.
    ((), UNVERIFIED),
    *((ALL[:height], UNVERIFIED) for height in range(1, len(RUNGS))),
    # The last one could not be tried.
    *(((*ALL[:height], UNVERIFIED), UNVERIFIED) for height in range(len(RUNGS))),
    *(((*ALL[:height], FAILED), FAILED) for height in range(len(RUNGS))),
    # What is broken is broken, whatever else could not be tried.
    ((UNVERIFIED, FAILED), FAILED),
    ((FAILED, UNVERIFIED), FAILED),
    # Only the query is the owner's to leave out.
    ((NOT_ASKED,) * len(RUNGS), UNVERIFIED),
    ((*ALL[:2], NOT_ASKED, *ALL[3:]), UNVERIFIED),
    ((*ALL[:-1], "fine"), UNVERIFIED),
]


@pytest.mark.parametrize("outcomes, expected", TEST_VERDICTS)
def test_verdict(outcomes: tuple[str, ...], expected: str) -> None:
    """Only a ladder that was climbed to its top has passed."""
    assert verdict(climbed(*outcomes)) == expected


RUNG = st.builds(
    Rung, st.sampled_from(RUNGS), st.sampled_from([PASSED, FAILED, UNVERIFIED, NOT_ASKED])
)


@given(st.lists(RUNG, max_size=9))
def test_passed_means_everything_held(rungs: list[Rung]) -> None:
    """In whichever order and however often rungs were climbed."""
    judged = verdict(rungs)
    assert (judged == FAILED) == any(one.outcome == FAILED for one in rungs)
    if judged == PASSED:
        assert [one.name for one in rungs] == list(RUNGS)
        assert {one.outcome for one in rungs[:-1]} == {PASSED}
    assert (judged == PASSED) == sentence(rungs, 17, 1, OFF_SITE).startswith("Drill PASSED: ")


@given(st.permutations(RUNGS))
def test_in_order(names: list[str]) -> None:
    """A ladder that was climbed in another order is another ladder."""
    rungs = [Rung(name, PASSED) for name in names]
    assert (verdict(rungs) == PASSED) == (names == list(RUNGS))


# the outcomes, the backup's number -> the sentence
TEST_SENTENCES: list[tuple[tuple[str, ...], int, str]] = [
    (ALL, 17, "Drill PASSED: backup 17, from off-site, came back in 12 s, 7 of 7 checks held."),
    (
        BUT_THE_QUERY,
        17,
        (
            "Drill PASSED: backup 17, from off-site, came back in 12 s, 6 of 7 checks held; "
            "no query of the app is set (backup_drill_query)."
        ),
    ),
    ((PASSED, FAILED), 17, f"Drill FAILED: backup 17, from off-site, at '{SCHEMA}': why"),
    (
        (PASSED, PASSED, UNVERIFIED),
        17,
        f"Drill COULD NOT VERIFY: backup 17, from off-site, at '{ROWS}': why",
    ),
    (
        (UNVERIFIED,),
        0,
        f"Drill COULD NOT VERIFY: the newest backup, from off-site, at '{ARCHIVE}': why",
    ),
]


@pytest.mark.parametrize("outcomes, number, said", TEST_SENTENCES)
def test_sentence(outcomes: tuple[str, ...], number: int, said: str) -> None:
    """The verdict first; then how far it came, and why no further."""
    assert sentence(climbed(*outcomes), number, 12.4, OFF_SITE) == said


def test_cut_off() -> None:
    """A drill that was ended before its first rung says so, and so does one that was ended after its sixth."""
    assert sentence([], 0, 0, OFF_SITE).startswith("Drill COULD NOT VERIFY: the newest backup")
    said = sentence(climbed(*ALL[:-1]), 17, 9, OFF_SITE)
    assert said.startswith("Drill COULD NOT VERIFY: backup 17")
    assert QUERY not in said
