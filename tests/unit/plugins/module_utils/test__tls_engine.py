"""One run from beginning to end, on a host with a real TLS server and a certbot that is told what to do."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import Found
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    Certificate,
    read_pair,
)

from tests.unit.certbot_texts import challenges
from tests.unit.certificates import DAY, issue
from tests.unit.tls_bench import NAMES, RELOAD, Bench, tls_bench

GOOD = issue(NAMES)
OLD = issue(NAMES, begins=time.time() - 61 * DAY)
OBTAINED = "obtained a certificate for a.test, www.a.test: there is none yet"
PUT = "put the certificate for a.test, www.a.test in place"
PROMISED = "HSTS max-age=300"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host on which nothing was done yet."""
    with tls_bench(tmp_path, monkeypatch) as made:
        yield made


def seen(bench: Bench) -> Certificate:
    """What a client gets."""
    found = bench.served
    assert found is not None
    return found


def first(bench: Bench) -> None:
    """Bring the host to its first certificate of a CA."""
    landed = bench.engine().land()
    assert landed.did == ["put a self-signed certificate for a.test, www.a.test in place"]
    bench.start_nginx()
    assert seen(bench).self_signed
    bench.certbot.issues(GOOD)
    report = bench.keep()
    assert (report.problems, report.notes) == ([], [])
    assert report.did == [PUT, PROMISED, "nginx reloaded", OBTAINED]
    assert bench.docker.acted == RELOAD


def test_the_first_certificate(bench: Bench) -> None:
    """It is obtained, served and promised; `certbot renew` by hand would know when; a second run does nothing."""
    first(bench)
    assert bench.served == GOOD.certificate
    assert bench.tls.hsts
    assert bench.certbot.conf.read_text().startswith("renew_before_expiry = 30 days\n")
    again = bench.keep()
    assert (again.did, again.problems, bench.docker.acted) == ([], [], [])
    assert len(bench.certbot.calls) == 1


def test_a_renewal(bench: Bench) -> None:
    """The old one is served until the new one is."""
    bench.issued(OLD)
    bench.engine().land()
    bench.start_nginx()
    bench.certbot.issues(GOOD)
    report = bench.keep()
    assert report.problems == []
    assert report.did[-1].startswith("obtained a certificate for a.test, www.a.test: it ends ")
    assert bench.served == GOOD.certificate
    assert bench.text("tls/previous.pem") == OLD.pem


def test_the_ca_refuses(bench: Bench) -> None:
    """What is served stays; the reason is told and kept for `status`, and the CA left in peace until it is over."""
    bench.issued(OLD)
    bench.engine().land()
    bench.start_nginx()
    bench.certbot.fails(challenges(("a.test", "caa", "CAA record for a.test prevents issuance")))
    report = bench.keep()
    (problem,) = report.problems
    assert problem.startswith("No new certificate: a.test: a CAA record forbids this CA. Do: ")
    assert bench.served == OLD.certificate
    assert bench.engine().status()["problem"] == problem
    waiting = bench.keep()
    assert "at once with `planner-tls keep --retry`" in waiting.problems[0]
    assert len(bench.certbot.calls) == 2
    bench.certbot.issues(GOOD)
    assert bench.keep(retry=True).problems == []
    assert bench.served == GOOD.certificate
    status = bench.engine().status()
    assert (status["problem"], status["attempt"]) == ("", None)


def test_the_way_is_not_free(bench: Bench) -> None:
    """The CA is not asked; the self-signed one is served meanwhile, and the next run tries again by itself."""
    bench.started()
    bench.dns["www.a.test"] = Found("www.a.test", problem="it is not in DNS")
    report = bench.keep()
    assert "www.a.test: it is not in DNS" in report.problems[0]
    assert bench.certbot.calls == []
    assert seen(bench).self_signed
    bench.dns.clear()
    bench.certbot.issues(GOOD)
    assert bench.keep().problems == []


def test_nginx_does_not_run(bench: Bench) -> None:
    """Nobody would answer the challenge: the CA is not asked, unless it shall be whatever is known."""
    bench.engine().land()
    (problem,) = bench.keep().problems
    assert problem.startswith("No new certificate: nginx does not run, and it has to answer the CA")
    assert bench.certbot.calls == []
    bench.certbot.issues(GOOD)
    report = bench.keep(preflight=False)
    assert (report.problems, report.did) == ([], [PUT, PROMISED, OBTAINED])


def test_nginx_refuses_the_new_one(bench: Bench) -> None:
    """Its files are as before; the next run serves it without asking the CA again."""
    bench.issued(OLD)
    bench.engine().land()
    bench.start_nginx()
    bench.certbot.issues(GOOD)
    bench.docker.failing = {"nginx -t": "unknown directive"}
    bench.file("nginx/hsts.conf").write_text(
        'add_header Strict-Transport-Security "max-age=300" always;\n'
    )
    report = bench.keep()
    assert report.problems[0].startswith("nginx refuses to reload; it goes on with what it has")
    assert [one.partition(":")[0] for one in report.did] == [OBTAINED.partition(":")[0]]
    assert bench.served_pem == OLD.pem
    bench.docker.failing = {}
    assert bench.keep().did == [PUT, "nginx reloaded"]
    assert bench.served == GOOD.certificate


def test_a_problem_that_the_new_one_solves(bench: Bench) -> None:
    """What was wrong with the one before is not told any more."""
    bench.started()
    bench.certbot.issues(GOOD)
    bench.docker.failing = {"nginx -t": "unknown directive"}
    real = bench.docker.after

    def mended() -> None:
        real()
        if bench.certbot.calls:
            bench.docker.failing = {}

    bench.docker.after = mended
    bench.tls.context = None
    report = bench.keep()
    assert report.problems == []
    assert bench.served == GOOD.certificate


def test_names_change(bench: Bench) -> None:
    """One more: what is there serves until the CA has issued; another product: a self-signed one meanwhile."""
    first(bench)
    more = (*NAMES, "b.test")
    bench.certbot.fails("Connection refused")
    bench.keep(names=more)
    assert bench.served == GOOD.certificate
    bench.certbot.issues(issue(more))
    report = bench.keep(names=more, retry=True)
    assert report.did[-1].endswith(": its names change: +b.test")
    assert seen(bench).names == more
    bench.certbot.fails("Connection refused")
    bench.keep(names=("c.test",))
    assert (seen(bench).names, seen(bench).self_signed) == (("c.test",), True)
    assert not bench.tls.hsts, "nothing is promised for a name that has no certificate"
    bench.keep()
    assert seen(bench).names == more, "back again, the CA is not needed"


def test_what_certbot_keeps_is_damaged(bench: Bench) -> None:
    """What is served stays while certbot begins anew."""
    first(bench)
    bench.certbot.path("archive/planner/privkey1.pem").write_text("garbage")
    bench.certbot.fails("Connection refused")
    report = bench.keep()
    assert bench.served == GOOD.certificate
    assert "cannot be reached" in report.problems[0]
    newer = issue(NAMES)
    bench.certbot.issues(newer)
    bench.keep(retry=True)
    assert bench.served == newer.certificate


def test_the_state_is_garbage(bench: Bench) -> None:
    """Nothing is stuck."""
    bench.started()
    bench.file("tls/state.json").write_text('{"attempt": {"at": "never"}, "webhook": 5')
    bench.certbot.issues(GOOD)
    assert bench.keep().problems == []


def test_certbot_is_missing(bench: Bench) -> None:
    """What to do is said, and a certificate is served all the same."""
    bench.started()
    bench.certbot.program.unlink()
    assert bench.keep().problems == ["certbot is not installed. Do: run playbooks/site.yml"]
    assert bench.served == read_pair(bench.served_pem)
