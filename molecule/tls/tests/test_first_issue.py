"""After the first run of the playbook: what clients get, what an auditor says, and that nothing is asked again."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import CA, NAMES

# testssl's own marks; what is below LOW is information.
GRAVE = {"MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"}
WAIVED = {
    "cert_revocation": "Pebble's certificates name no CRL, Let's Encrypt's do",
    "engine_problem": "the auditor's own OpenSSL has no GOST ciphers to try",
}
# All that the grade needs, and all weaknesses. What fifty clients would choose is no finding, and takes longest.
SECTIONS = [
    *("--protocols", "--std", "--server-preference", "--fs"),
    *("--server-defaults", "--headers", "--vulnerable"),
]
# On a busy machine its client is gone before the server's ticket has come.
RESUMPTION = {"sessionresumption_ticket", "sessionresumption_ID"}
# In the auditor's container.
AUDIT, TRUSTED = "/run/testssl.json", "/run/root.pem"


def test_served_certificate(droplet, outside) -> None:
    """A client that trusts the CA reaches the product by its name; the certificate is the CA's, with an EC key."""
    assert outside.request("/health/ready").status == 200
    certificate = droplet.served()
    assert droplet.names() == set(NAMES)
    assert "Pebble" in certificate.issuer.rfc4514_string()
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert droplet.serial() == droplet.issued()


def test_plain_http(plain, outside) -> None:
    """Plain HTTP serves nothing but challenges, and sends each visitor to the same page over HTTPS."""
    answer = plain.request("/tasks?page=2")
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAMES[0]}/tasks?page=2")
    missing = plain.request("/.well-known/acme-challenge/no-such-token")
    assert missing.status == 404
    www = type(outside)(outside.address, NAMES[1], outside.cafile).request("/tasks?page=2")
    assert (www.status, www.headers["Location"]) == (301, f"https://{NAMES[0]}/tasks?page=2")


@pytest.mark.parametrize("name", ["other.test", None])
def test_unknown_name(outside, name) -> None:
    """Whoever asks for another name, or for none, learns nothing of the certificate."""
    context = ssl.create_default_context(cafile=outside.cafile)
    context.check_hostname = False
    with (
        closing(socket.create_connection((outside.address, 443), 30)) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"),
    ):
        context.wrap_socket(plain, server_hostname=name)


def test_headers(outside) -> None:
    """HSTS and the other security headers are there once, and no answer names a version."""
    headers = outside.request("/health/ready").headers
    assert headers["Strict-Transport-Security"] == "max-age=15552000"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Server"] == "nginx"
    assert "X-Powered-By" not in headers


def test_http2(outside) -> None:
    """HTTP/2 is negotiated."""
    context = ssl.create_default_context(cafile=outside.cafile)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        closing(socket.create_connection((outside.address, 443), 30)) as plain,
        context.wrap_socket(plain, server_hostname=outside.name) as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"


def test_key_is_kept(host) -> None:
    """Only root and the group of nginx read the key; nobody else even enters its folder."""
    served = host.file("/opt/planner/tls/nginx/served.pem")
    assert (served.user, served.gid, served.mode) == ("root", 10001, 0o640)
    assert host.file("/opt/planner/tls").mode == 0o700
    assert host.run("sudo -u nobody cat /opt/planner/tls/nginx/served.pem").rc != 0


def audit(outside, *sections: str) -> dict[str, dict[str, str]]:
    """Have testssl.sh in another container look at the Droplet; return by its name what it found and is not waived."""
    subprocess.run(
        ["docker", "exec", "-i", "planner-bench-acme", "sh", "-c", f"cat >{TRUSTED}"],
        input=Path(outside.cafile).read_bytes(),
        check=True,
    )
    quiet = ["--quiet", "--color", "0", "--warnings", "off", "--add-ca", TRUSTED]
    file = ["--overwrite", "--jsonfile", AUDIT, "--ip", outside.address]
    inside = ["docker", "exec", "planner-bench-acme"]
    command = [*inside, "testssl", *quiet, *file, *sections, NAMES[0]]
    subprocess.run(command, capture_output=True, check=False, timeout=580)
    found = subprocess.run([*inside, "cat", AUDIT], capture_output=True, text=True, check=True)
    return {one["id"]: one for one in json.loads(found.stdout) if one["id"] not in WAIVED}


def test_testssl(outside) -> None:
    """An auditor in another container gives A+, and finds nothing above LOW."""
    findings = audit(outside, *SECTIONS)
    for _ in range(10):
        # A check that it could not make has to be made.
        missing = {name for name, one in findings.items() if one["severity"] == "WARN"}
        if not missing:
            break
        findings |= audit(outside, *(["--server-defaults"] if missing <= RESUMPTION else SECTIONS))
    assert findings["overall_grade"]["finding"] == "A+", [
        one for name, one in findings.items() if "grade" in name
    ]
    assert [one for one in findings.values() if one["severity"] in GRAVE] == []


def test_nothing_is_asked_again(droplet, playbook) -> None:
    """A further run of the program or of the playbook asks the CA for nothing."""
    serial = droplet.serial()
    ran = droplet.timer()
    assert (ran.code, ran.said) == (0, "")
    again = playbook("site", "--tags", "tls")
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout
    assert droplet.serial() == droplet.issued() == serial


def test_timer(host) -> None:
    """The timer of certbot runs the program, in the maintenance slice."""
    shown = host.check_output("systemctl show certbot.service -p ExecStart -p Slice")
    assert "planner-tls keep" in shown
    assert "certbot -q renew" not in shown
    assert "Slice=planner-maintenance.slice" in shown
    timer = host.check_output("systemctl show certbot.timer -p ActiveState -p TimersCalendar")
    assert "ActiveState=active" in timer
    assert "*:00/30" in timer


def test_status(playbook) -> None:
    """The state of the machine shows the certificate, and has nothing to complain of."""
    shown = playbook("status")
    assert shown.returncode == 0, shown.stdout
    assert NAMES[0] in shown.stdout
    assert CA not in shown.stderr
