# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Would the CA's challenge reach this machine? Asked before the CA is, because a failed validation counts against us.

A token is put where certbot will put its answer, and fetched the way the CA does: by each name's A and AAAA records,
over port 80. Who gets the token back has met this machine, whatever its addresses are.
"""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

CHALLENGE = ".well-known/acme-challenge"
PORT = 80
_WAITS_S = 10
_LONGEST = 4096
_MOVED = {301, 302, 303, 307, 308}

MET, ELSEWHERE, UNREACHABLE = "met", "elsewhere", "unreachable"
"""What a fetch found: the token; another answer; nobody."""


@dataclass(frozen=True)
class Found:
    """What DNS says about a name. ``problem`` is why it says nothing."""

    name: str
    addresses: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Fetched:
    """What came of fetching the token by one of a name's addresses."""

    name: str
    address: str
    result: str
    said: str = ""


Lookup = Callable[[str], Found]


def fetch(name: str, address: str, token: str, port: int = PORT) -> Fetched:
    """Fetch the token by one address, as a CA does, redirects included."""
    path = f"/{CHALLENGE}/{token}"
    host = f"[{name}]" if ":" in name else name
    connection = http.client.HTTPConnection(address, port, timeout=_WAITS_S)
    try:
        connection.request("GET", path, headers={"Host": host, "User-Agent": "planner-preflight"})
        answer = connection.getresponse()
        status, body = answer.status, answer.read(_LONGEST)
        target = answer.getheader("Location", "") if status in _MOVED else ""
        if target:
            status, body = _follow(f"http://{host}{path}", target, status)
    except (OSError, http.client.HTTPException) as error:
        return Fetched(name, address, UNREACHABLE, _words(error))
    finally:
        connection.close()
    if body.strip() == token.encode():
        return Fetched(name, address, MET)
    return Fetched(name, address, ELSEWHERE, f"HTTP status {status}")


def _follow(base: str, target: str, moved: int) -> tuple[int, bytes]:
    """Go where a redirect leads. Like a CA, without asking for a valid certificate there."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        url = urllib.parse.urljoin(base, target)
        if not url.startswith(("http://", "https://")):
            return moved, b""
        with urllib.request.urlopen(url, timeout=_WAITS_S, context=context) as answer:  # noqa: S310 - checked above
            return answer.status, answer.read(_LONGEST)
    except urllib.error.HTTPError as error:
        return error.code, b""
    except (ValueError, http.client.InvalidURL):  # where it leads is no URL
        return moved, b""


def fetch_all(found: Iterable[Found], token: str, port: int = PORT) -> list[Fetched]:
    """Fetch the token by every address of every name."""
    return [fetch(one.name, address, token, port) for one in found for address in one.addresses]


def problems(found: Sequence[Found], fetched: Sequence[Fetched], own: Sequence[str]) -> list[str]:
    """Say what would make the CA's validation fail for certain; empty where it may succeed.

    That this machine cannot reach itself proves nothing: its provider may not lead its own address back to it.
    """
    here = " or ".join(own) or "this machine's address"
    told = [
        f"{one.name}: {one.problem}. Do: add an A record to {here}" for one in found if one.problem
    ]
    told += [
        f"{one.name}: its {_record(one.address)} record leads to {one.address}, and there {one.said} answers instead "
        f"of this machine. Do: change that record to {here}, or remove it"
        for one in fetched
        if one.result == ELSEWHERE
    ]
    return told


def unreached(fetched: Sequence[Fetched]) -> list[str]:
    """Say what could not be reached from where it was fetched."""
    return [
        f"{one.name}: http://{one.address}:{PORT}/ cannot be reached ({one.said})"
        for one in fetched
        if one.result == UNREACHABLE
    ]


def half_reached(fetched: Sequence[Fetched]) -> list[str]:
    """Say which addresses of a name lead nowhere while another of it leads here: some visitors wait in vain."""
    met = {one.name for one in fetched if one.result == MET}
    return [
        f"{one.name}: its {_record(one.address)} record leads to {one.address}, where nothing answers ({one.said}). "
        "Do: remove that record; the product answers over IPv4 only"
        for one in fetched
        if one.result == UNREACHABLE and one.name in met
    ]


@contextmanager
def token_in(webroot: str) -> Iterator[str]:
    """Put a token where certbot will put its answer, and take it away again."""
    token = f"planner-{secrets.token_urlsafe(24)}"
    path = os.path.join(webroot, CHALLENGE, token)
    put_token(webroot, token)
    try:
        yield token
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def put_token(webroot: str, token: str) -> str:
    """Write a token's file, readable for nginx; return its path."""
    folder = os.path.join(webroot, CHALLENGE)
    mask = os.umask(0o022)
    try:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, token), "w", encoding="ascii") as file:
            file.write(token)
    finally:
        os.umask(mask)
    return os.path.join(folder, token)


def own_addresses() -> tuple[str, ...]:
    """Tell the addresses from which this machine would reach the internet; no packet is sent."""
    addresses = []
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((somewhere, 9))
                addresses.append(probe.getsockname()[0])
            except OSError:
                continue
    return tuple(addresses)


def _record(address: str) -> str:
    return "AAAA" if ":" in address else "A"


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_WAITS_S} s"
    return str(getattr(error, "strerror", "") or str(error) or type(error).__name__)


def from_dicts(found: Iterable[Mapping[str, object]]) -> list[Found]:
    """Read what another machine looked up."""
    return [
        Found(str(one["name"]), tuple(map(str, one["addresses"])))  # type: ignore[call-overload]
        for one in found
    ]
