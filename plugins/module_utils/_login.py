# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Which account and port may lead into a Droplet, and how to say that none does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

SSH_PORT = 22


@dataclass(frozen=True)
class Way:
    """An account and the port of its server, as ssh is told."""

    user: str
    port: int

    def __str__(self) -> str:
        """Render as people write it."""
        return f"{self.user}, port {self.port}"


def ways(admin: str, server_port: int, user: str, port: int | None) -> tuple[Way, ...]:
    """List the ways to try, the likeliest first: the admin's, which is all there is after the first run.

    ``user`` and ``port`` are the inventory's. Its port may be a forwarded one, so the server's own counts only where it
    was changed.
    """
    ports = [] if server_port == SSH_PORT and port else [server_port]
    ports.append(port or SSH_PORT)
    return tuple(dict.fromkeys(Way(name, number) for name in (admin, user) for number in ports))


def no_way(host: str, tried: Iterable[tuple[Way, str]]) -> str:
    """Say which ways were tried, and in ssh's words why each is closed."""
    lines = [f"Nobody is let into {host} by your key:"]
    lines += [f"  {way}: {last_words(why)}" for way, why in tried]
    lines.append(
        "Do: look at the address, ansible_user, ansible_port and the key in your inventory. A Droplet that answers "
        "nothing any more opens through DigitalOcean's recovery console: docs/hardening.md says how to get back in."
    )
    return "\n".join(lines)


# The server drops whoever failed too often before it looks at a key (sshd's PerSourcePenalties).
SILENT = ("kex_exchange_identification", "Not allowed at this time")
# No server there: a machine that boots, a server that restarts, or a port that nobody uses yet.
UNREACHABLE = ("Connection refused", "timed out", "No route to host", "Connection reset")


def judged(said: str) -> bool:
    """Tell whether the server answered with a verdict, which trying again would not change."""
    return not any(words in said for words in SILENT + UNREACHABLE)


def worth_waiting(said: Collection[str]) -> bool:
    """Tell whether trying again may help: a server that is silent for now, or none that answers at all."""
    return any(words in one for one in said for words in SILENT) or not any(map(judged, said))


def last_words(text: str) -> str:
    """Return the last line that says something: ssh's own reason comes after its warnings."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no answer"


def parse_connection(ssh_connection: str) -> dict[str, str | int]:
    """Read ``$SSH_CONNECTION``: client address, client port, server address, server port."""
    fields = ssh_connection.split()
    if len(fields) != 4:  # as sshd(8) says
        return {}
    return {"client": fields[0], "host_port": int(fields[3])}
