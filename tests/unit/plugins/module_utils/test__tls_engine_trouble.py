"""A full disk, and certificates of the owner's that are good or not."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import (
    _certbot,
    _tls_obtain,
    _tls_state,
)
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically

from tests.unit.certbot_texts import raised
from tests.unit.certificates import issue
from tests.unit.tls_bench import NAMES, Bench, tls_bench

GOOD = issue(NAMES)
PUT = "put the certificate for a.test, www.a.test in place"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host on which nothing was done yet."""
    with tls_bench(tmp_path, monkeypatch) as made:
        yield made


class TestFullDisk:
    """A full disk is told in its own words, whatever else cannot be done."""

    def refuse(self, bench: Bench, module: Any, name: str) -> None:
        """Have files of that name not be written."""

        def full(path: str, content: bytes, **how: Any) -> None:
            if path.endswith(name):
                raise OSError(errno.ENOSPC, "No space left on device", path)
            write_atomically(path, content, **how)

        bench.monkeypatch.setattr(module, "write_atomically", full)

    def test_certbot_finds_none(self, bench: Bench) -> None:
        """It says so itself."""
        bench.started()
        bench.certbot.fails(raised("OSError: [Errno 28] No space left on device"))
        assert "the disk is full. Do: free some" in bench.keep().problems[0]

    def test_the_state(self, bench: Bench) -> None:
        """The reason of the failure is told beside it."""
        bench.started()
        self.refuse(bench, _tls_state, "state.json")
        bench.certbot.fails("Connection refused")
        refused, unwritten = bench.keep().problems
        assert "cannot be reached" in refused
        assert unwritten.startswith(f"{bench.file('tls/state.json')} cannot be written: No space")

    def test_certbots_settings(self, bench: Bench) -> None:
        """The certificate is served all the same."""
        bench.started()
        bench.certbot.issues(GOOD)
        self.refuse(bench, _certbot, "planner.conf")
        (problem,) = bench.keep().problems
        assert problem.startswith("certbot's own settings cannot be written: ")
        assert bench.served == GOOD.certificate

    def test_the_token(self, bench: Bench) -> None:
        """The CA is not asked."""
        bench.started()
        bench.file("acme").rmdir()
        bench.file("acme").write_text("")
        bench.monkeypatch.setattr(_tls_obtain, "fetch_all", lambda *_words: [])
        engine = bench.engine()
        bench.monkeypatch.setattr(engine.server, "serve", engine.server.choose)
        (problem,) = engine.keep().problems
        assert problem.startswith("No new certificate: [Errno ")
        assert bench.certbot.calls == []


class TestOwn:
    """A certificate of the owner's."""

    def give(self, bench: Bench, text: str) -> None:
        """Put it where the role does."""
        file = bench.file("tls/own/own_certificate")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def test_it_is_served(self, bench: Bench) -> None:
        """Instead of the CA's, which is not asked any more; and without it the CA's again."""
        bench.issued(GOOD)
        bench.engine().serve()
        bench.start_nginx()
        own = issue(NAMES, issuer="Another")
        self.give(bench, f"{own.chain}\n{own.key}")
        report = bench.keep(own=True)
        assert (report.problems, report.did) == ([], [PUT, "nginx reloaded"])
        assert bench.served == own.certificate
        assert bench.keep().did == [PUT, "nginx reloaded"]
        assert bench.served == GOOD.certificate
        assert len(bench.certbot.calls) == 1

    # what is there -> what is told; whether it is served
    @pytest.mark.parametrize(
        "text, why, served",
        [
            ("", " is not served: there is no certificate in it", False),
            (GOOD.chain, " is not served: there is no private key in it", False),
            (
                issue(["b.test"]).pem,
                " is not served: is for b.test, not for a.test, www.a.test",
                False,
            ),
            (issue(["a.test"]).pem, ": is for a.test, not for www.a.test", True),
            (issue(NAMES, begins=1_700_000_000).pem, ": ended on 2024-02-12", True),
        ],
        ids=["empty", "without key", "for others", "not for all", "ended"],
    )
    def test_it_is_bad(self, bench: Bench, text: str, why: str, served: bool) -> None:  # noqa: FBT001
        """It is told in every run; what can be served is, the rest replaced by a self-signed one."""
        bench.started()
        self.give(bench, text or "garbage")
        for _ in range(2):
            (problem,) = bench.keep(own=True).problems
            assert problem.startswith(f"tls_own_certificate{why}")
            assert problem.endswith(". Do: give a good one, with its key and its chain")
        found = bench.served
        assert found is not None
        assert found.self_signed != served
        assert bench.certbot.calls == []

    def test_it_is_missing(self, bench: Bench) -> None:
        """Somebody removed the file."""
        bench.started()
        (problem,) = bench.keep(own=True).problems
        assert "tls/own/own_certificate is missing" in problem

    def test_it_signs_itself(self, bench: Bench) -> None:
        """The owner wants it so; nothing is promised to browsers."""
        bench.started()
        own = issue(NAMES, issuer="")
        self.give(bench, own.pem)
        assert bench.keep(own=True).problems == []
        assert bench.served == own.certificate
        assert not bench.tls.hsts
