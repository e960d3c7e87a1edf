"""How a refusal reads."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._problems import (
    PlanError,
    Problem,
    closest,
)


@pytest.mark.parametrize(
    "value, text",
    [
        (64, "a.b = 64: is small. Do: raise it."),
        ("x", "a.b = 'x': is small. Do: raise it."),
        (0, "a.b = 0: is small. Do: raise it."),
        (None, "a.b: is small. Do: raise it."),
    ],
)
def test_a_problem_is_one_sentence_and_a_way_out(value: object, text: str) -> None:
    """Path, value, reason and remedy stand in one line; a value that is not there is left out."""
    assert str(Problem("a.b", value, "is small", "raise it")) == text


def test_an_error_numbers_its_problems() -> None:
    """All problems are in the message, numbered, proposals after them."""
    one, two = (Problem(path, 1, "is wrong", "mend it") for path in ("a", "b"))
    error = PlanError([one, two], ["this fits"])
    assert str(error).splitlines() == [f"1. {one}", f"2. {two}", "=> this fits"]
    assert (error.problems, error.proposals) == ((one, two), ("this fits",))


@pytest.mark.parametrize(
    "name, answer",
    [
        ("postgre", "write 'postgres'"),
        ("mysql-server", "use one of nginx, postgres"),
        (3, "use one of nginx, postgres"),
        ("", "use one of nginx, postgres"),
    ],
)
def test_closest(name: object, answer: str) -> None:
    """A slip gets its spelling, anything else the list; a YAML key may be a number."""
    assert closest(name, {"postgres", "nginx"}) == answer
