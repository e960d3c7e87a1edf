"""What fails between this machine and the CA, or on this machine."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import LOCAL, NETWORK
from ansible_collections.planner.droplet.plugins.module_utils._acme_failure import explain

from tests.unit.certbot_texts import BEGIN, CA, END, raised

NOW = 1_795_000_000.0  # 2026-11-18 11:06:40 UTC
POOL = "HTTPSConnectionPool(host='ca.test', port=443): Max retries exceeded with url: /directory"
TLS = (
    f"requests.exceptions.SSLError: {POOL} (Caused by SSLError(SSLCertVerificationError(1, '[SSL: "
)
UNTRUSTED = f"{TLS}CERTIFICATE_VERIFY_FAILED] certificate verify failed"
LATER = "If it lasts: see the CA's status page"
CLOCK = (
    f"the certificate of {CA} is not valid at this time. "
    "This machine's clock says 2026-11-18 11:06 UTC. Do: timedatectl"
)
NO_DIRECTORY = f"{CA} is no ACME directory. Do: correct tls_acme_directory"
NO_DNS = f"{CA} is not found in DNS. Do: check this machine's DNS: resolvectl"
RESOLVED = "Failed to resolve 'ca.test' ([Errno -2] Name or service not known)"

# the exception -> the reason
TEST_NETWORK: list[tuple[str, str]] = [
    ("acme.errors.ClientError: <Response [503]>", f"{CA} is in trouble. {LATER}"),
    ("acme.errors.TimeoutError", f"{CA} is in trouble. {LATER}"),
    ("acme.errors.ClientError: <Response [404]>", NO_DIRECTORY),
    ("acme.errors.ClientError: Unexpected response Content-Type: text/html", NO_DIRECTORY),
    ("acme.errors.ClientError: <Response [403]>", "certbot failed: <Response [403]>"),
    (
        f"{UNTRUSTED}: unable to get local issuer certificate (_ssl.c:1029)')))",
        f"{CA} is not trusted. Do: give its CA in tls_acme_ca, if it is a CA of your own",
    ),
    (f"{UNTRUSTED}: certificate is not yet valid (_ssl.c:1029)')))", CLOCK),
    (f"{UNTRUSTED}: certificate has expired (_ssl.c:1029)')))", CLOCK),
    (f"requests.exceptions.ConnectionError: {POOL} ({RESOLVED})", NO_DNS),
    (
        f"requests.exceptions.ConnectionError: {POOL} (Temporary failure in name resolution)",
        NO_DNS,
    ),
    (
        "certbot.errors.CertStorageError: archive directory exists for planner",
        "certbot failed: archive directory exists for planner",
    ),
    ("ValueError: first line\nsecond line", "certbot failed: first line second line"),
]


@pytest.mark.parametrize("exception, reason", TEST_NETWORK)
def test_network(exception: str, reason: str) -> None:
    """What the last exception says counts, not the code that its traceback shows."""
    failure = explain(raised("OSError: [Errno 1] not this one", exception), CA, NOW)
    assert (failure.kind, failure.reason) == (NETWORK, reason)
    assert failure.retry_after_s is None


TEST_UNREACHABLE = [
    "ValueError: Requesting ca.test/directory: Connection refused",
    "ValueError: Requesting ca.test/directory: No route to host",
    "ValueError: Requesting ca.test/directory: Network is unreachable",
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='ca.test'): Read timed out.",
    f"requests.exceptions.ConnectTimeout: {POOL} (Caused by ConnectTimeoutError('timed out'))",
    "requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote'))",
    "requests.exceptions.ConnectionError: (104, 'Connection reset by peer')",
]


@pytest.mark.parametrize("exception", TEST_UNREACHABLE)
def test_unreachable(exception: str) -> None:
    """Nobody answers: it is nobody's fault here, and tried again soon."""
    failure = explain(raised("OSError: [Errno 1] not this one", exception), CA, NOW)
    assert failure.kind == NETWORK
    assert failure.reason == f"{CA} cannot be reached. {LATER}"


READ_ONLY = "[Errno 30] Read-only file system: '/var/log/letsencrypt/.certbot.lock'"
LOCKED = "another certbot runs. It is tried again"
# what certbot printed -> the reason
TEST_LOCAL: list[tuple[str, str, str]] = [
    (
        "full",
        raised(*["OSError: [Errno 28] No space left on device"] * 2),
        "the disk is full. Do: free some, see `df -h / /etc/letsencrypt`",
    ),
    (
        "read-only",
        raised(
            f"OSError: {READ_ONLY}",
            f"certbot.errors.Error: The following error was encountered:\n{READ_ONLY}\n"
            "Either run as root, or set --config-dir, --work-dir, and --logs-dir.",
        ),
        "certbot cannot write below /etc/letsencrypt. Do: mend that file system",
    ),
    (
        "locked",
        raised("certbot.errors.LockError: Another instance of Certbot is already running."),
        LOCKED,
    ),
    (
        "locked, told before there is a log",
        f"Another instance of Certbot is already running.\n{END}",
        LOCKED,
    ),
]


@pytest.mark.parametrize(
    "output, reason", [row[1:] for row in TEST_LOCAL], ids=[row[0] for row in TEST_LOCAL]
)
def test_local(output: str, reason: str) -> None:
    """A fault of this machine says nothing about the CA."""
    failure = explain(output, CA, NOW)
    assert (failure.kind, failure.reason) == (LOCAL, reason)


# what certbot printed -> the reason
TEST_WITHOUT_EXCEPTION = [
    ("certbot timed out after 600 s", f"{CA} did not issue it in time. {LATER}"),
    (
        "certbot: error: unrecognized arguments: --x\n",
        "certbot failed: error: unrecognized arguments: --x",
    ),
    (BEGIN + END, "certbot failed: it said nothing"),
    ("", "certbot failed: it said nothing"),
]


@pytest.mark.parametrize("output, reason", TEST_WITHOUT_EXCEPTION)
def test_without_an_exception(output: str, reason: str) -> None:
    """What is understood is said; of the rest the last lines, without those that help nobody."""
    failure = explain(output, CA, NOW)
    assert (failure.kind, failure.reason) == (NETWORK, reason)
