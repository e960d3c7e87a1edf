"""The part that asks the CA, alone, as one run after another."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import Attempt
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import Fetched
from ansible_collections.planner.droplet.plugins.module_utils._tls_obtain import Obtainer
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import TlsError
from ansible_collections.planner.droplet.plugins.module_utils._tls_state import State

from tests.unit.tls_bench import NAMES, Bench


def obtainer(bench: Bench, *outside: Fetched, **changes: Any) -> Obtainer:
    """The part that asks the CA, after a run that remembered something."""
    settings = bench.settings(**changes)
    state = State.load(settings.kept("state.json"))
    return Obtainer(settings, bench.certbot.certbot(), state, bench.lookup, outside)


def obtain(bench: Bench, *outside: Fetched, retry: bool = False, **changes: Any) -> str:
    """Have a certificate; the state is kept, whatever comes of it."""
    one = obtainer(bench, *outside, **changes)
    wish = one.wish(NAMES)
    assert wish
    try:
        return one.obtain(wish, retry=retry)
    finally:
        one.state.save()


def refused(bench: Bench, *outside: Fetched, retry: bool = False, **changes: Any) -> str:
    """Why there is none."""
    with pytest.raises(TlsError) as caught:
        obtain(bench, *outside, retry=retry, **changes)
    return str(caught.value)


def attempt(bench: Bench) -> Attempt:
    """What is remembered of a failure."""
    found = State.load(str(bench.file("tls/state.json"))).attempt
    assert found
    return found
