"""What is promised to browsers, what a full disk leaves, and who is asked for a certificate."""

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _tls_serve
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import TlsError

from tests.unit.certificates import DAY, issue
from tests.unit.tls_bench import NAMES, Bench, mode, tls_bench

GOOD = issue(NAMES)
NEWER = issue(NAMES)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host on which nothing was done yet."""
    with tls_bench(tmp_path, monkeypatch) as made:
        yield made


STAGING_CA = "(STAGING) Ersatz Edamame E1"


class TestPromise:
    """HSTS only where it works for visitors."""

    def test_never_for_a_self_signed_one(self, bench: Bench) -> None:
        """Visitors could not come back from it."""
        bench.started()
        bench.server().serve()
        assert not bench.file("nginx/hsts.conf").exists()

    # issuer, the owner's own -> whether browsers trust it
    @pytest.mark.parametrize(
        "issuer, own, real",
        [
            ("CA", False, True),
            ("CA", True, True),
            ("", False, False),
            ("", True, False),
            (STAGING_CA, False, False),
        ],
    )
    def test_real(self, bench: Bench, issuer: str, own: bool, real: bool) -> None:  # noqa: FBT001
        """Neither one of a CA for trials nor one that signs itself is meant for browsers."""
        assert bench.server(own=own).is_real(issue(NAMES, issuer=issuer).certificate) == real
        assert not bench.server(own=own).is_real(None)

    def test_it_follows_the_setting(self, bench: Bench) -> None:
        """Also back to 0, which has browsers forget it."""
        bench.issued(GOOD)
        bench.server().serve()
        for seconds in (600, 0):
            server = bench.server(hsts_max_age_s=seconds)
            server.serve()
            assert server.did == [f"HSTS max-age={seconds}"]
            promise = f'"max-age={seconds}"'
            assert bench.text("nginx/hsts.conf") == (
                f"add_header Strict-Transport-Security {promise} always;\n"
            )
            assert mode(bench.file("nginx/hsts.conf")) == 0o644

    def test_it_is_taken_away(self, bench: Bench) -> None:
        """Where a certificate for trials takes the place of a real one."""
        bench.issued(GOOD)
        bench.server().serve()
        bench.start_nginx()
        bench.issued(issue(NAMES, issuer=STAGING_CA))
        server = bench.server()
        server.serve()
        assert "HSTS off" in server.did
        assert bench.tls.hsts == ""
        assert not bench.file("nginx/hsts.conf").exists()

    def test_there_is_no_nginx_yet(self, bench: Bench) -> None:
        """Before the stack is there, nothing is promised."""
        bench.file("nginx").rmdir()
        bench.issued(GOOD)
        server = bench.server()
        server.serve()
        assert server.did == ["put the certificate for a.test, www.a.test in place"]


class TestFullDisk:
    """What cannot be written leaves everything as it is."""

    @pytest.mark.parametrize("name", ["self-signed.pem", "served.pem", "previous.pem", "hsts.conf"])
    def test_nothing_is_lost(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """What nginx reads is the old file or the new one, never half of one."""
        first = issue(NAMES, lasts=DAY) if name == "previous.pem" else None
        if first:
            bench.issued(first)
        if name != "self-signed.pem":
            bench.server().serve()
            bench.start_nginx()
            bench.issued(GOOD)
        before = bench.served_pem
        real = write_atomically

        def full(path: str, content: bytes, **how: Any) -> None:
            if path.endswith(name):
                raise OSError(errno.ENOSPC, "No space left on device")
            real(path, content, **how)

        monkeypatch.setattr(_tls_serve, "write_atomically", full)
        with pytest.raises(TlsError) as caught:
            bench.server(hsts_max_age_s=9).serve()
        assert re.fullmatch(
            rf".*/{name} cannot be written: No space left on device. What nginx serves stays as it is",
            str(caught.value),
        )
        assert bench.served_pem == (GOOD.pem if name == "hsts.conf" else before)


def test_a_name_is_asked_for(bench: Bench) -> None:
    """Nginx rejects a handshake without one; an address has none."""
    bench.started()
    asked: list[str | None] = []

    def note(_socket: object, name: str | None, _context: object) -> None:
        asked.append(name)

    assert bench.tls.context
    bench.tls.context.sni_callback = note
    assert bench.server().served()
    assert bench.server(names=()).served()
    assert asked == ["a.test", None]


def test_a_server_without_tls(bench: Bench) -> None:
    """Who answers in another language serves no certificate."""
    assert bench.server().served() is None


def test_own_certificate(bench: Bench) -> None:
    """It is read instead of what certbot keeps, even where that is newer."""
    bench.issued(NEWER)
    own = bench.file("tls/own/own_certificate")
    own.parent.mkdir(parents=True)
    own.write_text(f"{GOOD.chain}\n{GOOD.key}")
    assert bench.server(own=True).land().certificate == GOOD.certificate
    assert bench.server().land().certificate == NEWER.certificate


def test_what_it_did_is_kept(bench: Bench) -> None:
    """Of two runs of the same object, both."""
    server = bench.server()
    server.land()
    bench.issued(GOOD)
    server.land()
    assert len(server.did) == 2
