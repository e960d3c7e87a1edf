"""What certbot 4.0 prints when it fails, put together from what it really printed."""

CA = "https://ca.test/directory"
BEGIN = (
    "Saving debug log to /var/log/letsencrypt/letsencrypt.log\n"
    "Requesting a certificate for a.test\n"
)
END = (
    "Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile "
    "/var/log/letsencrypt/letsencrypt.log or re-run Certbot with -v for more details.\n"
)
TRACEBACK = """\
Traceback (most recent call last):
  File "/usr/bin/certbot", line 33, in <module>
    sys.exit(load_entry_point('certbot==4.0.0', 'console_scripts', 'certbot')())
             ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~^^
  File "/usr/lib/python3/dist-packages/urllib3/connection.py", line 704, in connect
    raise NewConnectionError("Connection refused, timed out, no space left on device")
"""
CHAIN = "\nDuring handling of the above exception, another exception occurred:\n\n"
DESCRIBED = {
    "accountDoesNotExist": "The request specified an account that does not exist",
    "badNonce": "The client sent an unacceptable anti-replay nonce",
    "caa": "Certification Authority Authorization (CAA) records forbid the CA from issuing a certificate",
    "malformed": "The request message was malformed",
    "rateLimited": "There were too many requests of a given type",
    "rejectedIdentifier": "The server will not issue certificates for the identifier",
    "serverInternal": "The server experienced an internal error",
    "unauthorized": "The client lacks sufficient authorization",
}


def challenges(*errors: tuple[str, str, str]) -> str:
    """Print that challenges failed; ``errors`` are name, type and detail."""
    listed = "\n".join(
        f"  Domain: {name}\n  Type:   {kind}\n  Detail: {detail}\n" for name, kind, detail in errors
    )
    return (
        f"{BEGIN}\nCertbot failed to authenticate some domains (authenticator: webroot). "
        f"The Certificate Authority reported these problems:\n{listed}\n"
        "Hint: The Certificate Authority failed to download the temporary challenge files created by "
        "Certbot. Ensure that the listed domains serve their content from the provided "
        f"--webroot-path/-w.\n\nExiting abnormally:\n{TRACEBACK}"
        f"certbot.errors.AuthorizationError: Some challenges have failed.\n{END}"
    )


def error(kind: str, detail: str) -> str:
    """Write an error of the CA as a traceback does."""
    return f"urn:ietf:params:acme:error:{kind} :: {DESCRIBED[kind]} :: {detail}"


def raised(*exceptions: str) -> str:
    """End with an exception, behind those that led to it."""
    parts = CHAIN.join(f"{TRACEBACK}{one}\n" for one in exceptions)
    return f"{BEGIN}Exiting abnormally:\n{parts}{END}"


def answered(kind: str, detail: str) -> str:
    """End because the CA answered a request with an error."""
    return raised(f"acme.messages.Error: {error(kind, detail)}")


def not_registered(kind: str, detail: str) -> str:
    """End because the CA makes no account."""
    what = "Unable to register an account with ACME server. Error returned by the ACME server"
    return raised(
        f"acme.messages.Error: {error(kind, detail)}", f"certbot.errors.Error: {what}: {detail}"
    )
