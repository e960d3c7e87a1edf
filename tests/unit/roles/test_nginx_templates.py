"""nginx' files, rendered as in production for every size and several lists of domains, then asked."""

import re

import pytest

from tests.unit.roles.nginx_model import FOLDER, Answer, Config, Directive, tokens
from tests.unit.roles.stack_cases import Case, Files, Vars, cases, render

CANONICAL, WWW, OTHER = "example.com", "www.example.com", "planner.example.org"
LONGEST = ".".join(["x" * 63] * 3 + ["y" * 56, "test"])
MIXES: dict[str, Vars] = {
    "no domain": {},
    "one": {"droplet_domains": [CANONICAL]},
    "three": {"droplet_domains": [CANONICAL, OTHER, WWW]},
    "www first": {"droplet_domains": [WWW, CANONICAL]},
    "another port": {"droplet_domains": [CANONICAL, WWW], "stack_https_port": 8443},
    "no domain, 8443": {"stack_https_port": "8443"},
    "the longest": {"droplet_domains": [LONGEST]},
}
CASES = list(cases(MIXES, "no domain"))
SIZE = "s-1vcpu-1gb"
HSTS = 'add_header Strict-Transport-Security "max-age=1" always;'
SECURITY = {"X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"}


def nginx_files(files: Files, **more: str) -> Files:
    """What is in nginx' folder, and what the programs on the host may add to it."""
    found = {path.removeprefix("nginx/"): text for path, text in files.items() if "nginx/" in path}
    return found | {f"{name}.conf": text for name, text in more.items()}


@pytest.fixture(scope="module")
def rendered() -> dict[str, Files]:
    """All cases' files."""
    return render(CASES)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """One of the cases."""
    found: Case = request.param
    return found


@pytest.fixture
def files(rendered: dict[str, Files], case: Case) -> Files:
    """The case's files in nginx' folder."""
    return nginx_files(rendered[case.name])


def everything(block: tuple[Directive, ...]) -> list[Directive]:
    """All directives, however deep."""
    return [one for found in block for one in (found, *everything(found.block or ()))]


def test_each_line_ends(files: Files) -> None:
    """A directive whose end was forgotten would swallow the next one."""
    for name, text in files.items():
        for line in text.splitlines() if name.endswith(".conf") else ():
            if line.strip() and not line.strip().startswith("#"):
                assert line.endswith((";", "{", "}", "'")), f"{name}: {line}"


def test_processes_and_connections_are_the_plans(files: Files, case: Case) -> None:
    """They decide how much memory nginx can come to need."""
    words = tokens(files["nginx.conf"])
    planned = case.plan["services"]["nginx"]["settings"]
    for name in ("worker_processes", "worker_connections"):
        assert words.count(name) == 1
        assert words[words.index(name) + 1 :][:2] == [str(planned[name]), ";"]


# mix, port, Host, URI -> the answer
ASKED: list[tuple[str, str, str, str, Answer]] = [
    # Plain HTTP: to HTTPS under a name of the product, whatever was asked.
    ("one", "8080", CANONICAL, "/a?b=c", Answer("301", f"https://{CANONICAL}/a?b=c")),
    ("one", "8080", "EXAMPLE.com:80", "/", Answer("301", f"https://{CANONICAL}/")),
    ("one", "8080", "evil.test", "/a", Answer("301", f"https://{CANONICAL}/a")),
    ("one", "8080", "203.0.113.9", "/a", Answer("301", f"https://{CANONICAL}/a")),
    ("one", "8080", "", "/a", Answer("301", f"https://{CANONICAL}/a")),
    ("three", "8080", WWW, "/a", Answer("301", f"https://{WWW}/a")),
    ("three", "8080", OTHER, "/a", Answer("301", f"https://{OTHER}/a")),
    ("no domain", "8080", "203.0.113.9", "/a", Answer("301", "https://203.0.113.9/a")),
    ("no domain", "8080", "", "/a", Answer("400")),
    ("another port", "8080", WWW, "/a", Answer("301", f"https://{WWW}:8443/a")),
    ("no domain, 8443", "8080", "203.0.113.9:80", "/", Answer("301", "https://203.0.113.9:8443/")),
    # The product.
    ("one", "8443", CANONICAL, "/a", Answer("proxy")),
    ("three", "8443", OTHER, "/a", Answer("proxy")),
    ("no domain", "8443", "203.0.113.9", "/a", Answer("proxy")),
    ("the longest", "8443", LONGEST, "/", Answer("proxy")),
    # The canonical name's counterpart.
    ("three", "8443", WWW, "/a?b", Answer("301", f"https://{CANONICAL}/a?b")),
    ("www first", "8443", CANONICAL, "/a", Answer("301", f"https://{WWW}/a")),
    ("www first", "8443", WWW, "/a", Answer("proxy")),
    ("another port", "8443", WWW, "/a", Answer("301", f"https://{CANONICAL}:8443/a")),
    # A name that is not listed.
    ("one", "8443", WWW, "/", Answer("no handshake")),
]


@pytest.mark.parametrize("mix, port, host, uri, answer", ASKED)
def test_asked(
    rendered: dict[str, Files], mix: str, port: str, host: str, uri: str, *, answer: Answer
) -> None:
    """Plain HTTP leads to HTTPS, and over HTTPS each name gets what it is for."""
    config = Config(nginx_files(rendered[f"{SIZE}, {mix}"]))
    assert config.asked(port, host, uri) == answer


# mix, the handshake's name, the request's -> what is done
HANDSHAKES = [
    ("one", "", CANONICAL, "no handshake"),
    ("one", "evil.test", CANONICAL, "no handshake"),
    ("one", "", "203.0.113.9", "no handshake"),
    ("one", CANONICAL, "evil.test", "421"),
    ("three", WWW, OTHER, "proxy"),
    ("no domain", "", "203.0.113.9", "proxy"),
    ("no domain", "anything.test", "203.0.113.9", "proxy"),
]


@pytest.mark.parametrize("mix, shaken, host, does", HANDSHAKES)
def test_handshakes(
    rendered: dict[str, Files], mix: str, shaken: str, host: str, *, does: str
) -> None:
    """Another name, or none, sees no certificate; one that shook hands for ours gets no other's page."""
    config = Config(nginx_files(rendered[f"{SIZE}, {mix}"]))
    assert config.asked("8443", host, "/", shaken).does == does


@pytest.mark.parametrize("host", [CANONICAL, "evil.test", "203.0.113.9"])
def test_a_cas_challenge(files: Files, host: str) -> None:
    """Over plain HTTP, under any name, a challenge is a file of certbot's and nothing else."""
    config, path = Config(files), "/.well-known/acme-challenge/token"
    assert config.asked("8080", host, path) == Answer("file", f"/etc/planner-acme{path}")
    (place,) = [one for one in config.servers("8080")[0].all("location") if "^~" in one.words]
    assert place.words_of("try_files") == ("$uri", "=404")
    assert place.words_of("default_type") == ("text/plain",)


def test_only_the_container_itself_asks_whether_nginx_lives(files: Files) -> None:
    """What answers comes after allow and deny, unlike a return."""
    config = Config(files)
    assert config.asked("8080", "127.0.0.1", "/nginx-alive") == Answer("stub_status")
    (place,) = [
        one for one in config.servers("8080")[0].all("location") if one.words[-1] == "/nginx-alive"
    ]
    rules = [(one.name, one.words) for one in place.block or () if one.name in {"allow", "deny"}]
    assert rules == [("allow", ("127.0.0.1",)), ("deny", ("all",))]


def test_tls_is_mozillas_intermediate(files: Files) -> None:
    """TLS 1.2 and 1.3, forward secrecy and authenticated ciphers only, curves OpenSSL 3.0 knows."""
    http = Config(files).http
    assert set(http.words_of("ssl_protocols")) == {"TLSv1.2", "TLSv1.3"}
    ciphers = http.words_of("ssl_ciphers")[0].split(":")
    assert len(ciphers) == len(set(ciphers)) == 6
    for cipher in ciphers:
        assert re.fullmatch(
            r"ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)", cipher
        )
    assert http.words_of("ssl_ecdh_curve") == ("X25519:prime256v1:secp384r1",)
    assert http.words_of("ssl_prefer_server_ciphers") == ("off",)
    # Only a shared cache has nginx renew the keys of its tickets.
    assert http.words_of("ssl_session_tickets") == ("on",)
    assert http.words_of("ssl_session_cache")[0].startswith("shared:")


def test_certificate_and_key_are_one_file(files: Files) -> None:
    """Two would for a moment be of two certificates; no server has others."""
    found = everything(Config(files).http.block or ())
    names = [one for one in found if one.name.startswith("ssl_certificate")]
    assert {one.name for one in names} == {"ssl_certificate", "ssl_certificate_key"}
    assert {one.words for one in names} == {("/etc/planner-tls/served.pem",)}
    assert len(names) == 2


def test_all_names_speak_http_2(files: Files) -> None:
    """Each server that shakes hands offers it, and none on plain HTTP."""
    config = Config(files)
    for server in config.servers("8443"):
        assert (server.words_of("http2") == ("on",)) is not bool(server.all("ssl_reject_handshake"))
        assert all("ssl" in one.words for one in server.all("listen"))
    assert [one.words_of("http2") for one in config.servers("8080")] == [()]


@pytest.mark.parametrize("hsts", [False, True])
@pytest.mark.parametrize("path", ["/", "/holding.html"])
def test_security_headers(files: Files, case: Case, hsts: bool, path: str) -> None:  # noqa: FBT001
    """Every answer over HTTPS has each of them once, HSTS exactly where the program wrote its file."""
    config = Config(files | ({"hsts.conf": HSTS} if hsts else {}))
    for host in case.variables.get("droplet_domains") or ["203.0.113.9"]:
        names = [name for name, _ in config.asked("8443", host, path).headers]
        assert len(names) == len(set(names))
        assert set(names) >= SECURITY
        assert ("Strict-Transport-Security" in names) is hsts
    plain = config.asked("8080", CANONICAL, "/").headers
    assert [name for name, _ in plain] == ["X-Content-Type-Options"], "HSTS means nothing in HTTP"


# header -> the backend's headers that silence it, what it says otherwise
SILENCED = {
    "X-Content-Type-Options": ("$upstream_http_x_content_type_options", "nosniff"),
    "Referrer-Policy": ("$upstream_http_referrer_policy", "strict-origin-when-cross-origin"),
    "X-Frame-Options": (
        "$upstream_http_x_frame_options$upstream_http_content_security_policy",
        "DENY",
    ),
}


@pytest.mark.parametrize("header", SILENCED)
def test_the_backends_word_counts(rendered: dict[str, Files], header: str) -> None:
    """A header comes from a map that is empty, so that none is sent, once the backend sends its own."""
    config = Config(nginx_files(rendered[f"{SIZE}, one"]))
    sent = dict(config.asked("8443", CANONICAL, "/").headers)[header]
    (found,) = [one for one in config.http.all("map") if one.words[1] == sent]
    source, value = SILENCED[header]
    assert found.words[0] == source
    assert [(one.name, one.words) for one in found.block or ()] == [('""', (value,))]


def test_the_backend_behind_https(files: Files, case: Case) -> None:
    """It is told the visitor's address and HTTPS; its HSTS and its banner go no further."""
    found = everything(Config(files).http.block or ())
    passed = {one.words[0]: one.words[1] for one in found if one.name == "proxy_set_header"}
    assert passed["X-Forwarded-For"] == "$remote_addr"
    assert passed["X-Forwarded-Proto"] == "https"
    hidden = {one.words[0] for one in found if one.name == "proxy_hide_header"}
    assert hidden == {"Strict-Transport-Security", "X-Powered-By"}
    (redirect,) = [one.words for one in found if one.name == "proxy_redirect"]
    port = ":8443" if case.variables.get("stack_https_port") else ""
    assert redirect == ("http://$host/", f"https://$host{port}/")


def test_what_releases_write_is_read(rendered: dict[str, Files]) -> None:
    """live.conf, once it is there, names the container that serves."""
    files = nginx_files(
        rendered[f"{SIZE}, one"], live="set $backend http://planner-backend-2:8000;"
    )
    (place,) = [
        one
        for one in Config(files).server("8443", CANONICAL).all("location")
        if one.words == ("/",)
    ]
    assert [one.words[1] for one in place.all("set")] == [
        "http://backend:8000",
        "http://planner-backend-2:8000",
    ]


def test_every_path_is_mounted(files: Files) -> None:
    """What nginx reads is in its folder, the certificate's or certbot's, or in its memory file system."""
    for one in everything(Config(files).http.block or ()):
        for word in one.words:
            path = word.strip("'\"")
            if path.startswith("/") and one.name not in {"location", "error_page"}:
                allowed = (FOLDER, "/etc/planner", "/tmp/", "/dev/std")  # noqa: S108
                assert path.startswith(allowed), f"{one.name} {path}"
