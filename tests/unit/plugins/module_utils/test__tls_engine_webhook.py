"""When Telegram is told where to deliver, and what a run tells without doing anything."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _tls_engine
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import CHALLENGE, Found
from ansible_collections.planner.droplet.plugins.module_utils._telegram import (
    Bot,
    Outcome,
    Webhook,
    WebhookInfo,
)

from tests.unit.certificates import DAY, issue
from tests.unit.tls_bench import CA, NAMES, Bench, tls_bench

TOKEN, SECRET = "123456:ABC-def", "s3cret"
GOOD = issue(NAMES)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host with a bot, on which nothing else was done yet."""
    with tls_bench(tmp_path, monkeypatch) as made:
        made.changes = {"webhook_path": "/telegram/webhook", "telegram_api": "https://api.test"}
        made.file("secrets").mkdir()
        made.file("secrets/telegram_bot_token").write_text(f"{TOKEN}\n")
        made.file("secrets/telegram_webhook_secret").write_text(SECRET)
        yield made


@dataclass
class Telegram:
    """What it was asked for, and what it answers."""

    asked: list[tuple[Bot, Webhook, str]] = field(default_factory=list)
    problems: tuple[str, ...] = ()

    def keep_webhook(self, bot: Bot, wished: Webhook, fingerprint: str) -> Outcome:
        """Register what differs from what was registered last."""
        self.asked.append((bot, wished, fingerprint))
        now = f"print of {wished.url} {len(wished.certificate_pem)}"
        info = WebhookInfo(url=wished.url, pending_update_count=3)
        return Outcome(now != fingerprint, info, self.problems, now)


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Telegram:
    """Stand where the code under test talks to Telegram."""
    made = Telegram()
    monkeypatch.setattr(_tls_engine, "keep_webhook", made.keep_webhook)
    return made


class TestWebhook:
    """Only where Telegram would accept the certificate."""

    def test_not_before_the_certificate(self, bench: Bench, telegram: Telegram) -> None:
        """It waits for the CA; then it is registered, once, without uploading anything."""
        bench.started()
        bench.certbot.fails("Connection refused")
        report = bench.keep()
        assert report.notes == ["Telegram is told of the webhook once the certificate is there"]
        assert telegram.asked == []
        bench.certbot.issues(GOOD)
        report = bench.keep(retry=True)
        url = f"https://a.test:{bench.tls.port}/telegram/webhook"
        assert report.did[-1] == f"registered the webhook {url}"
        assert (report.problems, report.notes) == ([], [])
        assert telegram.asked == [
            (Bot(api="https://api.test", token=TOKEN), Webhook(url, SECRET), "")
        ]
        assert bench.keep().did == []
        assert telegram.asked[1][2] == f"print of {url} 0"

    # the certificate, the owner's own -> whether Telegram is told
    @pytest.mark.parametrize(
        "issuer, own, told",
        [("CA", False, True), ("(STAGING) E1", False, False), ("", True, True)],
        ids=["of a CA", "for trials", "own, self-signed"],
    )
    def test_what_telegram_accepts(
        self,
        bench: Bench,
        telegram: Telegram,
        issuer: str,
        own: bool,  # noqa: FBT001 - a table
        told: bool,  # noqa: FBT001
    ) -> None:
        """It verifies what is served as a browser does; what nobody signed is uploaded, the owner's own too."""
        pair = issue(NAMES, issuer=issuer)
        bench.issued(pair)
        bench.file("tls/own").mkdir(parents=True)
        bench.file("tls/own/own_certificate").write_text(pair.pem)
        report = bench.keep(own=own)
        assert bool(telegram.asked) == told
        assert bool(told and telegram.asked[0][1].certificate_pem) == own
        assert bool(report.notes) != told

    # the address, the port -> the URL
    @pytest.mark.parametrize(
        "address, port, url",
        [
            ("192.0.2.7", 443, "https://192.0.2.7/telegram/webhook"),
            ("192.0.2.7", 8443, "https://192.0.2.7:8443/telegram/webhook"),
            ("2001:db8::7", 443, "https://[2001:db8::7]/telegram/webhook"),
        ],
    )
    def test_without_a_domain(
        self, bench: Bench, telegram: Telegram, address: str, port: int, url: str
    ) -> None:
        """The self-signed certificate is uploaded, and never its key."""
        bench.keep(names=(), address=address, https_port=port)
        ((_, wished, _),) = telegram.asked
        assert wished.url == url
        assert wished.certificate_pem in bench.served_pem
        assert wished.certificate_pem.startswith("-----BEGIN CERTIFICATE-----")

    @pytest.mark.parametrize("name", ["telegram_bot_token", "telegram_webhook_secret"])
    def test_no_bot(self, bench: Bench, telegram: Telegram, name: str) -> None:
        """Without token or secret there is nothing to tell, and nothing is remembered."""
        bench.issued(GOOD)
        bench.keep()
        bench.file(f"secrets/{name}").write_text("\n")
        bench.keep()
        assert bench.engine().status()["webhook"] == {}
        bench.file(f"secrets/{name}").unlink()
        bench.keep()
        bench.keep(webhook_path="")
        assert len(telegram.asked) == 1

    def test_problems(self, bench: Bench, telegram: Telegram) -> None:
        """They are told, and kept for `status` without what identifies the secret."""
        bench.issued(GOOD)
        telegram.problems = ("Telegram cannot deliver",)
        assert bench.keep().problems == ["Telegram cannot deliver"]
        status = bench.engine().status()
        assert status["problem"] == "Telegram cannot deliver"
        assert status["webhook"]["problems"] == ["Telegram cannot deliver"]
        assert status["webhook"]["pending"] == 3
        assert "fingerprint" not in status["webhook"]
        assert TOKEN not in bench.text("tls/state.json")
        assert SECRET not in bench.text("tls/state.json")

    def test_nothing_is_served(self, bench: Bench, telegram: Telegram) -> None:
        """While nginx refuses, Telegram is not sent there."""
        bench.started()
        bench.issued(GOOD)
        bench.docker.failing = {"nginx -t": "unknown directive"}
        assert bench.keep().problems
        assert telegram.asked == []

    def test_a_wrong_address_of_the_api(self, bench: Bench) -> None:
        """The option is named; the rest of the run counts."""
        bench.issued(GOOD)
        report = bench.keep(telegram_api="api.telegram.org")
        assert report.problems[0].startswith("tls_telegram_api: ")
        assert bench.served_pem == GOOD.pem


class TestLook:
    """What a run would do."""

    def test_a_fresh_host(self, bench: Bench) -> None:
        """All of it, and nothing is written."""
        assert bench.engine().look() == {
            "subjects": list(NAMES),
            "due": "there is none yet",
            "waits_until": None,
            "makes_self_signed": True,
            "found": [],
            "token": "",
        }
        assert not bench.file("tls").exists()
        assert not bench.file("acme").exists()

    def test_nothing_to_do(self, bench: Bench) -> None:
        """Then no token is left, even if it is offered."""
        bench.issued(GOOD)
        bench.keep()
        seen = bench.engine().look(offer=True)
        assert (seen["due"], seen["makes_self_signed"], seen["token"]) == ("", False, "")
        assert not list(bench.file("acme").rglob("planner-*"))

    def test_a_token_is_offered(self, bench: Bench) -> None:
        """With what DNS says, for another machine to fetch; the next run takes it away."""
        bench.dns["www.a.test"] = Found("www.a.test", problem="it is not in DNS")
        seen = bench.engine().look(offer=True)
        assert seen["found"] == [
            {"name": "a.test", "addresses": ("127.0.0.1",), "problem": ""},
            {"name": "www.a.test", "addresses": (), "problem": "it is not in DNS"},
        ]
        token = bench.file(f"acme/{CHALLENGE}/{seen['token']}")
        assert token.read_text() == seen["token"]
        bench.keep()
        assert not token.exists()

    def test_the_ca_is_left_in_peace(self, bench: Bench) -> None:
        """Until when is told."""
        bench.started()
        bench.certbot.fails("Connection refused")
        bench.keep()
        assert bench.engine().look()["waits_until"] > time.time()

    def test_no_ca(self, bench: Bench) -> None:
        """An own certificate, or no name: nobody is asked."""
        assert bench.engine(own=True).look(offer=True)["due"] == ""
        assert bench.engine(names=()).look()["subjects"] == ["192.0.2.7"]


class TestStatus:
    """What can be seen."""

    def test_a_fresh_host(self, bench: Bench) -> None:
        """There is nothing yet."""
        status = bench.engine().status()
        assert (status["how"], status["served"], status["on_disk"]) == ("ca", None, None)
        assert (status["real"], status["next_due"], status["attempt"]) == (False, None, None)
        assert not bench.file("tls").exists()

    def test_a_certificate_of_a_ca(self, bench: Bench) -> None:
        """From whom, for whom, until when, and when the next one will come."""
        bench.issued(GOOD)
        bench.engine().serve()
        bench.start_nginx()
        status = bench.engine().status()
        facts: dict[str, Any] = status["served"]
        assert facts == status["on_disk"]
        assert facts["names"] == list(NAMES)
        assert (facts["issuer"], facts["self_signed"]) == ("Tests CA", False)
        assert facts["not_after"] == GOOD.certificate.not_after
        left = status["next_due"] - status["clock"]
        assert 59 * DAY < left < 61 * DAY
        assert (status["directory"], status["profile"]) == (CA, "classic")
        assert (status["due"], status["real"]) == ("", True)

    def test_the_file_is_damaged(self, bench: Bench) -> None:
        """It is said why."""
        bench.started()
        bench.file("tls/nginx/served.pem").write_text("garbage")
        status = bench.engine().status()
        assert status["on_disk_problem"] == "there is no certificate in it"
        assert status["served"]["self_signed"]

    # settings -> where certificates come from
    @pytest.mark.parametrize(
        "changes, how", [({"own": True}, "own"), ({"names": ()}, "self-signed"), ({}, "ca")]
    )
    def test_how(self, bench: Bench, changes: dict[str, Any], how: str) -> None:
        """From the owner, a CA, or nobody."""
        assert bench.engine(**changes).status()["how"] == how
