# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the role ``tls`` wishes, as its program on the host reads it from ``settings.json``."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass, fields

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
STAGING_MARK = "(STAGING)"
"""In the name of every CA that signs there."""
PROGRAM_FOLDER = "tls"
SETTINGS_FILE = f"{PROGRAM_FOLDER}/settings.json"


class TlsError(RuntimeError):
    """Something is not as wished; the message is for the owner. What was served before still is."""


@dataclass(frozen=True)
class Settings:
    """The wish. The options of the role ``tls`` say what each of them means."""

    project_dir: str = "/opt/planner"
    names: tuple[str, ...] = ()
    address: str = ""
    own: bool = False
    directory: str = LETS_ENCRYPT
    ca_file: str = ""
    profile: str = "classic"
    email: str = ""
    preflight: bool = True
    https_port: int = 443
    hsts_max_age_s: int = 0
    key_gid: int = 0
    webhook_path: str = ""
    telegram_api: str = ""

    def path(self, *names: str) -> str:
        """Locate a file of the project."""
        return os.path.join(self.project_dir, *names)

    def kept(self, name: str) -> str:
        """Locate a file of the program."""
        return self.path(PROGRAM_FOLDER, name)

    @property
    def served_file(self) -> str:
        """What nginx reads: chain and key in one file, so that one rename switches both."""
        return self.kept("nginx/served.pem")

    @property
    def own_file(self) -> str:
        """The owner's own certificate and key."""
        return self.kept("own/own_certificate")

    @property
    def webroot(self) -> str:
        """Where certbot puts the answer to a challenge, and nginx finds it."""
        return self.path("acme")


def parse_settings(text: str) -> Settings:
    """Read the wish; raise :class:`TlsError` where it is damaged or of another version."""
    problem = "settings.json is damaged or of another version. Do: run playbooks/site.yml"
    try:
        given = json.loads(text)
        known = {one.name for one in fields(Settings)}
        if not isinstance(given, dict) or set(given) - known:
            raise TlsError(problem)
        if not isinstance(given.get("names", []), list):
            raise TlsError(problem)
        plain = {**given, "names": tuple(given.get("names", ()))}
        return Settings(**{**plain, "address": usable_address(str(given.get("address", "")))})
    except (ValueError, TypeError) as error:
        raise TlsError(problem) from error


def is_address(name: str) -> bool:
    """Tell an IP address from a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def usable_address(given: str) -> str:
    """Keep an address under which others reach this machine; not a name, and not one of its own only."""
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return ""
    return "" if address.is_loopback or address.is_unspecified else str(address)
