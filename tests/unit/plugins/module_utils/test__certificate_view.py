"""What the program of a host prints, as the state of the machine reads it."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import Failure, Wish, failed
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import Found
from ansible_collections.planner.droplet.plugins.module_utils._certbot import Certbot
from ansible_collections.planner.droplet.plugins.module_utils._certificate import make_self_signed
from ansible_collections.planner.droplet.plugins.module_utils._certificate_view import (
    moment,
    plain,
    texts,
    view_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_engine import Engine
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._tls_state import State

NOW = 1_800_000_000.0
NAMES = ("planner.example", "www.planner.example")


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def told(tmp_path: Path, closed_port: int) -> dict[str, Any]:
    """What the program itself prints of a machine whose first attempt failed."""
    settings = Settings(str(tmp_path), NAMES, https_port=closed_port)
    (tmp_path / "tls/nginx").mkdir(parents=True)
    (tmp_path / "tls/nginx/served.pem").write_text(make_self_signed(NAMES, NOW))
    wish = Wish(NAMES, settings.directory, settings.profile)
    state = State(settings.kept("state.json"))
    state.attempt = failed(None, wish, Failure("refused", "it cannot connect"), NOW)
    state.webhook = {"url": "https://x/", "fingerprint": "f1n9e7", "problems": [], "pending": 2}
    state.problem = "No new certificate: it cannot connect"
    state.save()
    engine = Engine(settings, Found)
    certbot = Certbot(str(tmp_path / "letsencrypt"))
    engine.server.certbot = engine.obtainer.certbot = certbot
    return dict(json.loads(json.dumps(engine.status())))


def test_what_the_program_prints(told: dict[str, Any]) -> None:
    """Every field arrives, the attempt too, whose wish is the one that the rest describes."""
    view = view_of({**told, "clock": NOW + 60})
    assert view
    assert (view.how, view.subjects, view.named) == ("ca", NAMES, True)
    assert view.served is None
    assert view.shown is view.on_disk
    assert view.on_disk
    assert (view.on_disk.names, view.on_disk.self_signed) == (NAMES, True)
    assert view.on_disk.not_before < NOW < view.on_disk.not_after
    assert view.attempt
    assert (view.attempt.reason, view.waits_until) == ("it cannot connect", NOW + 3600)
    assert view.hook
    assert (view.hook.url, view.hook.pending, view.hook.problems) == ("https://x/", 2, ())
    assert view.complaint == "No new certificate: it cannot connect"


def test_no_secret_is_printed(told: dict[str, Any]) -> None:
    """Neither the key beside the certificate nor the webhook's fingerprint leaves the host."""
    text = json.dumps(told)
    assert "PRIVATE" not in text
    assert "f1n9e7" not in text


def test_wrong_clock(told: dict[str, Any]) -> None:
    """An attempt of the future keeps nobody waiting."""
    view = view_of({**told, "clock": NOW - 60})
    assert view
    assert view.attempt
    assert view.waits_until is None


@pytest.mark.parametrize("clock", [None, "now", -1.0, float("nan"), True])
def test_no_time(told: dict[str, Any], clock: object) -> None:
    """Without the host's time nothing can be judged."""
    assert view_of({**told, "clock": clock}) is None


@pytest.mark.parametrize(
    "given_",
    [None, "x", {}, {"not_before": 1}, {"not_before": 1, "not_after": "2"}, {"not_after": 2.0}],
)
def test_no_certificate(told: dict[str, Any], given_: object) -> None:
    """What has no times is none."""
    view = view_of({**told, "on_disk": given_})
    assert view
    assert view.shown is None
    assert not view.same


@pytest.mark.parametrize("changes", [{"serial": "1"}, {"issuer": "another CA"}])
def test_same(told: dict[str, Any], changes: dict[str, str]) -> None:
    """A serial number is one CA's; both must be the same."""
    one = told["on_disk"]
    assert view_of({**told, "served": dict(one)}).same  # type: ignore[union-attr]
    assert not view_of({**told, "served": {**one, **changes}}).same  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "attempt",
    [
        {"wish": "another"},
        {"at": None},
        {"retry_at": "soon"},
        {"failures": 0},
        {"failures": True},
    ],
)
def test_no_attempt(told: dict[str, Any], attempt: dict[str, Any]) -> None:
    """One for something else, or a damaged one, counts as none."""
    view = view_of({**told, "attempt": {**told["attempt"], **attempt}})
    assert view
    assert view.attempt is None


@pytest.mark.parametrize("webhook", [None, {}, [], "x"])
def test_no_webhook(told: dict[str, Any], webhook: object) -> None:
    """Nothing was registered."""
    view = view_of({**told, "webhook": webhook})
    assert view
    assert view.hook is None


def test_plain() -> None:
    """One line, without what steers a terminal or turns the writing around."""
    assert plain(" a\n\tb\x1b[31m\u202e c ") == "a b[31m c"


def test_texts() -> None:
    """Only texts of a list; a text is no list of letters."""
    assert texts(["a", 1, None, "b"]) == ("a", "b")
    assert texts("ab") == texts(None) == texts({"a": 1}) == ()


@pytest.mark.parametrize("seconds, text", [(NOW, "2027-01-15 08:00 UTC"), (1e30, "?"), (None, "?")])
def test_moment(seconds: float | None, text: str) -> None:
    """A time that no calendar has is a question mark."""
    assert moment(seconds) == text
