"""Action ``certificate``: fetches the challenge from the controller, from real servers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.planner.droplet.plugins.action import certificate
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import (
    CHALLENGE,
    fetch_all,
)

from tests.unit.web_server import web_server

Result = dict[str, Any]
TOKEN = "planner-1"
DONE = {"changed": True, "did": ["obtained a certificate"], "notes": []}


def probe(*addresses: str) -> Result:
    """What the module answers where a certificate is due."""
    found = [{"name": "a.test", "addresses": list(addresses), "problem": ""}]
    return {"changed": False, "did": [], "probe": {"found": found, "token": TOKEN}}


class Host:
    """The module on the host: what it answers, and what it was called with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have nothing to say."""
        self.monkeypatch = monkeypatch
        self.answers: list[Result] = []
        self.calls: list[Result] = []

    def module(self, **how: Any) -> Result:
        """Answer in place of the module."""
        assert how["module_name"] == "planner.droplet.certificate"
        assert how["task_vars"] == {"inventory_hostname": "web"}
        self.calls.append(how["module_args"])
        return self.answers.pop(0)

    def run(self, *answers: Result, **arguments: Any) -> Result:
        """Run the action as a task of a play does."""
        self.answers = list(answers)
        context, task, loader = PlayContext(), Task(), DataLoader()
        task.args = {"settings": {}, **arguments}
        action = certificate.ActionModule(
            task=task,
            connection=connection_loader.get("local", context),
            play_context=context,
            loader=loader,
            templar=Templar(loader=loader),
            shared_loader_obj=None,
        )
        self.monkeypatch.setattr(action, "_execute_module", self.module)
        result: Result = action.run(task_vars={"inventory_hostname": "web"})
        assert self.answers == []
        return result


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """A controller that has IPv4 only."""
    monkeypatch.setattr(certificate, "own_addresses", lambda: ("192.0.2.1",))
    return Host(monkeypatch)


@pytest.fixture
def on_port(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have challenges fetched from another port than 80."""
    return lambda port: monkeypatch.setattr(certificate, "fetch_all", partial(fetch_all, port=port))


def test_nothing_is_due(host: Host) -> None:
    """The module is called once, as the task says, and its answer is the result."""
    result = host.run(DONE, retry_now=True)
    assert {name: result[name] for name in DONE} == DONE
    assert host.calls == [{"settings": {}, "retry_now": True}]


def test_a_preview(host: Host) -> None:
    """It goes the same way; the module never asks for a probe then."""
    assert certificate.ActionModule._supports_check_mode
    assert certificate.ActionModule.TRANSFERS_FILES is False
    assert host.run(DONE)["did"] == DONE["did"]


def test_the_way_round(host: Host, on_port: Callable[[int], None]) -> None:
    """What the module asks for is fetched, and the module called again with what was seen; only that answer counts."""
    with web_server({f"/{CHALLENGE}/{TOKEN}": (200, {}, TOKEN.encode())}) as port:
        on_port(port)
        result = host.run(probe("127.0.0.1", "127.0.0.9"), DONE, lock_wait_s=7)
    assert result["did"] == DONE["did"]
    assert "probe" not in result
    met, unreachable = host.calls[1].pop("outside")
    assert met == {"name": "a.test", "address": "127.0.0.1", "result": "met", "said": ""}
    assert (unreachable["address"], unreachable["result"]) == ("127.0.0.9", "unreachable")
    assert host.calls[0] == host.calls[1] == {"settings": {}, "lock_wait_s": 7}


def test_somebody_else_answers(host: Host, on_port: Callable[[int], None]) -> None:
    """It is left to the host to say so."""
    with web_server({}) as port:
        on_port(port)
        host.run(probe("127.0.0.1"), {"failed": True, "msg": "no"})
    (seen,) = host.calls[1]["outside"]
    assert (seen["result"], seen["said"]) == ("elsewhere", "HTTP status 404")


# addresses of the controller -> of which kinds the host hears
@pytest.mark.parametrize(
    "own, heard",
    [
        (("192.0.2.1",), ["127.0.0.1"]),
        (("192.0.2.1", "2001:db8::1"), ["127.0.0.1", "::1"]),
        (("2001:db8::1",), ["127.0.0.1", "::1"]),
        ((), ["127.0.0.1"]),
    ],
)
def test_ipv6(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    on_port: Callable[[int], None],
    own: tuple[str, ...],
    heard: list[str],
) -> None:
    """A controller that has none itself says nothing about it."""
    monkeypatch.setattr(certificate, "own_addresses", lambda: own)
    with web_server({}) as port:
        on_port(port)
        host.run(probe("127.0.0.1", "::1"), DONE)
    assert [one["address"] for one in host.calls[1]["outside"]] == heard


def test_nothing_can_be_said(host: Host) -> None:
    """The host is told so, and does not ask again."""
    host.run(probe("::1"), DONE)
    assert host.calls[1]["outside"] == []


@pytest.mark.parametrize("answers", [1, 2])
def test_it_fails(host: Host, on_port: Callable[[int], None], answers: int) -> None:
    """At once or after the probe: the module's failure is the task's, with what was done."""
    failed = {"failed": True, "msg": "the CA refuses", "did": ["put it in place"], "changed": True}
    with web_server({}) as port:
        on_port(port)
        result = host.run(*[probe("127.0.0.1"), failed][2 - answers :])
    assert {name: result[name] for name in failed} == failed
