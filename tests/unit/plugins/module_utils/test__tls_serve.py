"""The best certificate is what nginx serves: a real TLS server stands where nginx is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _nginx, _tls_serve
from ansible_collections.planner.droplet.plugins.module_utils._certificate import read_pair
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import TlsError

from tests.unit.certificates import issue
from tests.unit.tls_bench import NAMES, RELOAD, Bench, mode, tls_bench

GOOD = issue(NAMES)
NEWER = issue(NAMES)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host on which nothing was done yet."""
    with tls_bench(tmp_path, monkeypatch) as made:
        yield made


class TestLand:
    """Before nginx starts."""

    def test_the_first_time(self, bench: Bench) -> None:
        """A self-signed certificate is there, for nginx' group alone; the rest is root's."""
        server = bench.server()
        found = server.land()
        assert found.certificate
        assert (found.certificate.self_signed, found.certificate.names) == (True, NAMES)
        assert read_pair(bench.served_pem) == found.certificate
        assert server.did == ["put a self-signed certificate for a.test, www.a.test in place"]
        served, folder = bench.file("tls/nginx/served.pem"), bench.file("tls/nginx")
        assert [mode(one) for one in (served, folder, bench.file("tls"), bench.file("acme"))] == [
            0o640,
            0o750,
            0o700,
            0o755,
        ]
        assert mode(bench.file("tls/self-signed.pem")) == 0o600
        if os.geteuid() == 0:
            assert (served.stat().st_uid, served.stat().st_gid) == (0, 10001)
            assert folder.stat().st_gid == 10001
            assert bench.file("tls").stat().st_gid == 0

    def test_again(self, bench: Bench) -> None:
        """Nothing is made or written; a mode that somebody changed is mended."""
        bench.server().land()
        written = bench.file("tls/nginx/served.pem").stat().st_ino
        bench.file("tls").chmod(0o777)
        server = bench.server()
        server.land()
        assert server.did == []
        assert bench.file("tls/nginx/served.pem").stat().st_ino == written
        assert mode(bench.file("tls")) == 0o700

    def test_without_names(self, bench: Bench) -> None:
        """It is for the address, and made anew when that changes."""
        assert (one := bench.server(names=()).land().certificate)
        assert one.names == ("192.0.2.7",)
        server = bench.server(names=(), address="2001:db8::7")
        assert (other := server.land().certificate)
        assert other.names == ("2001:db8::7",)
        assert server.did == ["put a self-signed certificate for 2001:db8::7 in place"]

    def test_neither_name_nor_address(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """The machine's own address is used; where there is none that is said."""
        monkeypatch.setattr(_tls_serve, "own_addresses", lambda: ("198.51.100.1", "2001:db8::1"))
        assert bench.server(names=(), address="").subjects == ("198.51.100.1",)
        monkeypatch.setattr(_tls_serve, "own_addresses", lambda: ())
        with pytest.raises(TlsError, match=r"has no address. Do: give droplet_domains"):
            bench.server(names=(), address="").land()

    def test_one_that_was_issued(self, bench: Bench) -> None:
        """It takes the place of the self-signed one, of which no copy is kept."""
        bench.server().land()
        bench.issued(GOOD)
        server = bench.server()
        assert server.land().certificate == GOOD.certificate
        assert server.did == ["put the certificate for a.test, www.a.test in place"]
        assert bench.served_pem == GOOD.pem
        assert not bench.file("tls/previous.pem").exists()

    def test_the_one_before_is_kept(self, bench: Bench) -> None:
        """It is served again when what certbot keeps becomes unreadable."""
        bench.issued(GOOD)
        bench.server().land()
        bench.issued(NEWER)
        bench.server().land()
        assert bench.served_pem == NEWER.pem
        assert bench.text("tls/previous.pem") == GOOD.pem
        assert mode(bench.file("tls/previous.pem")) == 0o600
        bench.certbot.path("archive/planner/privkey2.pem").unlink()
        bench.file("tls/nginx/served.pem").write_text("garbage")
        assert bench.server().land().certificate == GOOD.certificate
        assert bench.text("tls/previous.pem") == GOOD.pem, "garbage is not kept"

    def test_a_preview(self, bench: Bench) -> None:
        """What would be served can be told without writing anything."""
        assert bench.server().choose() is None
        bench.issued(GOOD)
        assert (chosen := bench.server().choose())
        assert chosen.certificate == GOOD.certificate
        assert not bench.file("tls").exists()


class TestServe:
    """While nginx runs."""

    def test_nginx_does_not_run(self, bench: Bench) -> None:
        """There is nobody to tell: the file is there when it starts."""
        bench.server().serve()
        assert bench.served_pem
        assert bench.docker.acted == []
        bench.start_nginx()
        bench.docker.one("nginx").running = False
        bench.issued(GOOD)
        bench.server().serve()
        assert bench.docker.acted == []

    def test_docker_does_not_answer(self, bench: Bench) -> None:
        """That is a problem, not a reason to believe that nginx does not run."""
        bench.docker.failing = {"ps": "Cannot connect to the Docker daemon"}
        with pytest.raises(TlsError, match="Docker does not answer: Cannot connect"):
            bench.server().serve()

    def test_a_new_certificate(self, bench: Bench) -> None:
        """One reload, and clients get it; a second run does nothing."""
        bench.started()
        bench.issued(GOOD)
        server = bench.server()
        assert server.serve().certificate == GOOD.certificate
        assert bench.served == GOOD.certificate == server.served()
        assert bench.docker.acted == RELOAD
        assert server.did == [
            "put the certificate for a.test, www.a.test in place",
            "HSTS max-age=300",
            "nginx reloaded",
        ]
        bench.docker.calls.clear()
        again = bench.server()
        again.serve()
        assert (bench.docker.acted, again.did) == ([], [])

    def test_nginx_has_not_noticed(self, bench: Bench) -> None:
        """A file that was switched before, but not taken, is taken now."""
        bench.started()
        bench.issued(GOOD)
        bench.file("tls/nginx/served.pem").write_text(GOOD.pem)
        server = bench.server()
        server.serve()
        assert bench.served == GOOD.certificate
        assert server.did == ["HSTS max-age=300", "nginx reloaded"]

    def test_nginx_refuses(self, bench: Bench) -> None:
        """It goes on with what it has, and so do its files: a restart finds a certificate that was served."""
        bench.started()
        before = bench.served_pem
        bench.issued(GOOD)
        bench.docker.failing = {"nginx -t": "cannot load certificate: no start line"}
        server = bench.server()
        with pytest.raises(TlsError) as caught:
            server.serve()
        assert str(caught.value) == (
            "nginx refuses to reload; it goes on with what it has. "
            "It says: cannot load certificate: no start line"
        )
        assert bench.served_pem == before
        assert mode(bench.file("tls/nginx/served.pem")) == 0o640
        assert bench.text("nginx/hsts.conf") == ""
        assert bench.served == read_pair(before)
        assert server.did == []
        bench.docker.failing = {}
        bench.server().serve()
        assert bench.served == GOOD.certificate
        assert "max-age=300" in bench.tls.hsts

    def test_nginx_refuses_another_promise(self, bench: Bench) -> None:
        """Then the old one is there again, and the next run tries it once more."""
        bench.issued(GOOD)
        bench.server().serve()
        bench.start_nginx()
        bench.docker.failing = {"nginx -t": "unknown directive"}
        with pytest.raises(TlsError):
            bench.server(hsts_max_age_s=600).serve()
        assert "max-age=300" in bench.text("nginx/hsts.conf")
        bench.docker.failing = {}
        server = bench.server(hsts_max_age_s=600)
        server.serve()
        assert server.did == ["HSTS max-age=600", "nginx reloaded"]
        assert "max-age=600" in bench.tls.hsts

    def test_garbage_is_not_put_back(self, bench: Bench) -> None:
        """Where what was there before could not be served, the new one stays."""
        bench.started()
        bench.issued(GOOD)
        bench.file("tls/nginx/served.pem").write_text("garbage")
        bench.docker.failing = {"nginx -t": "unknown directive"}
        with pytest.raises(TlsError):
            bench.server().serve()
        assert bench.served_pem == GOOD.pem

    def test_nginx_serves_something_else(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A reload that changes nothing is an error, with both serial numbers."""
        monkeypatch.setattr(_tls_serve, "TAKES_S", 0.3)
        bench.started()
        before = read_pair(bench.served_pem)
        bench.issued(GOOD)
        bench.tls.deaf = True
        with pytest.raises(TlsError) as caught:
            bench.server().serve()
        assert str(caught.value) == (
            f"nginx serves the certificate {before.serial} on port {bench.tls.port}, but its file has "
            f"{GOOD.certificate.serial}. Do: docker restart planner-nginx-1"
        )

    def test_nobody_serves(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nginx runs, but not there."""
        monkeypatch.setattr(_tls_serve, "TAKES_S", 0.3)
        bench.started()
        bench.tls.context = None
        bench.tls.deaf = True
        with pytest.raises(
            TlsError, match=r"Nothing answers over TLS on port \d+. Do: docker logs"
        ):
            bench.server().serve()

    def test_no_new_workers(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nginx that does not react is told with its last words."""
        monkeypatch.setattr(_nginx, "TAKES_S", 0.3)
        bench.started()
        bench.issued(GOOD)
        bench.docker.nginx.deaf = bench.tls.deaf = True
        with pytest.raises(TlsError, match=r"(?s)did not take its .*last words of planner-nginx-1"):
            bench.server().serve()

    def test_it_comes_a_little_later(self, bench: Bench) -> None:
        """Old workers may answer for a moment; that is waited for."""
        bench.started()
        bench.issued(GOOD)
        server = bench.server()
        answers = iter([server.served(), server.served(), GOOD.certificate])
        server.served = lambda: next(answers)  # type: ignore[method-assign]
        assert server.serve().certificate == GOOD.certificate
