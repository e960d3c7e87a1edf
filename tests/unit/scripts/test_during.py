"""The request loop that runs beside a release."""

import threading
from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.mark.parametrize("problem", [ConnectionResetError("reset by peer"), TimeoutError()])
def test_every_failure_counts(
    load_script: Callable[[str], ModuleType], problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that fails is counted and the first reasons are kept; the loop goes on."""
    during = load_script("scripts/during.py")
    monkeypatch.setattr(during, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(during, "MOST_REQUESTS", 10)
    turns = iter(range(10))

    def ask() -> None:
        if next(turns) % 2:
            raise problem

    count = during.Count()
    during.ask_until(threading.Event(), ask, count)
    assert (count.answered, count.failed, len(count.reasons)) == (5, 5, 3)
    assert "10 requests, 5 failed" in str(count)


def test_at_least_one_request(load_script: Callable[[str], ModuleType]) -> None:
    """A command that ends at once is still asked about: no requests would prove nothing."""
    during = load_script("scripts/during.py")
    count, stop = during.Count(), threading.Event()
    stop.set()
    during.ask_until(stop, lambda: None, count)
    assert count.answered == 1
