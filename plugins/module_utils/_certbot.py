# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""certbot on this host: what it keeps under our name, and how it is asked for another certificate."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    Lineage,
    Wish,
    certbot_words,
    interval,
    renew_before_s,
)
from ansible_collections.planner.droplet.plugins.module_utils._acme_failure import (
    account_is_gone,
    nonce_was_refused,
)
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    CertificateError,
    read_pair,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import is_address

LINEAGE = "planner"
CALLED = "PLANNER_TLS"
"""Tells the deploy hook that its work will be done: a second program beside certbot would only take memory."""
TAKES_S = 600
"""A CA may need minutes for its checks from several places."""
_KINDS = ("cert", "privkey", "chain", "fullchain")
_PROFILES_SINCE = (4, 0)
_ADDRESSES_SINCE = (5, 4)
_THRESHOLDS = (
    re.compile(r"^renew_before_expiry\s*=.*$", re.MULTILINE),
    re.compile(r"^#\s*renew_before_expiry\s*=.*$", re.MULTILINE),
)
"""As it holds, and as certbot first writes it. Twice would make the file unreadable for certbot."""


@dataclass(frozen=True)
class Certbot:
    """certbot with its folder. ``ca_file`` is whom to trust as the CA's own server; empty for the system's list."""

    folder: str = "/etc/letsencrypt"
    program: str = "certbot"
    ca_file: str = ""

    def path(self, *names: str) -> str:
        """Locate a file of certbot."""
        return os.path.join(self.folder, *names)

    @property
    def renewal_file(self) -> str:
        """Where certbot remembers how the certificate was asked for."""
        return self.path("renewal", f"{LINEAGE}.conf")

    def pem(self) -> str:
        """Read the newest chain and its key; empty when there is none."""
        try:
            return "".join(
                _text(self.path("live", LINEAGE, name)) for name in ("fullchain.pem", "privkey.pem")
            )
        except OSError:
            return ""

    def lineage(self) -> Lineage:
        """Look at what certbot keeps.

        What certbot itself would not read counts as damaged, the rest of a lineage too: it would keep a new certificate
        under another name than ours, or have it issued and then not keep it at all.
        """
        if not any(map(os.path.lexists, self._parts())):
            return Lineage()
        try:
            certificate = read_pair(self.pem())
            renewal = self._renewal()
            self._check_links(renewal)
            directory = renewal["renewalparams"]["server"]
        except KeyError as error:
            return Lineage(damaged=f"{error.args[0]} is missing in {self.renewal_file}")
        except (CertificateError, configparser.Error, OSError) as error:
            return Lineage(damaged=" ".join(str(error).split()))
        return Lineage(certificate, directory, _profile(renewal["renewalparams"]))

    def _parts(self) -> list[str]:
        return [self.path("live", LINEAGE), self.path("archive", LINEAGE), self.renewal_file]

    def _renewal(self) -> configparser.ConfigParser:
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
        parser.read_string("[top]\n" + _text(self.renewal_file), self.renewal_file)
        return parser

    def _check_links(self, renewal: configparser.ConfigParser) -> None:
        for kind in _KINDS:
            link = self.path("live", LINEAGE, f"{kind}.pem")
            if renewal["top"][kind] != link:
                raise CertificateError(f"{self.renewal_file} is not about {link}")
            if not os.path.islink(link):
                raise CertificateError(f"{link} is no link, as certbot makes it")
            target = os.path.realpath(link)
            if not re.fullmatch(rf"{kind}\d+\.pem", os.path.basename(target)):
                raise CertificateError(f"{link} leads to {target}, which is no file of certbot")
            if not os.path.isfile(target):
                raise CertificateError(f"{link} leads to {target}, which is missing")

    def version(self) -> tuple[int, ...]:
        """Tell its version; raises :class:`FileNotFoundError` where it is not installed."""
        words = [self.program, "--version"]
        try:
            said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - fixed
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{' '.join(words)} did not end within 60 s") from error
        found = re.search(r"(\d+)\.(\d+)", said.stdout + said.stderr)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def signs_addresses(self) -> bool:
        """Tell whether it can ask for a certificate of an IP address."""
        return self.version() >= _ADDRESSES_SINCE

    def ask(self, wish: Wish, webroot: str, email: str) -> str:
        """Ask for a certificate; return an empty text when it is there, else what certbot said."""
        words = certbot_words(
            wish,
            webroot=webroot,
            lineage=LINEAGE,
            email=email,
            profiles=self.version() >= _PROFILES_SINCE,
            addresses=[name for name in wish.names if is_address(name)],
        )
        said = self._run(words)
        if account_is_gone(said):  # another one is made
            self._forget_accounts(wish.directory)
        elif not nonce_was_refused(said):
            return said
        return self._run(words)

    def _run(self, words: list[str]) -> str:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", CALLED: "1"}
        if self.ca_file:
            environment["REQUESTS_CA_BUNDLE"] = self.ca_file
        try:
            done = subprocess.run(  # noqa: S603 - fixed program, arguments as a list
                [self.program, "--config-dir", self.folder, *words],
                capture_output=True,
                text=True,
                check=False,
                timeout=TAKES_S,
                env=environment,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return f"certbot timed out after {TAKES_S} s"
        return (
            "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or "it said nothing"
        )

    def _forget_accounts(self, directory: str) -> None:
        server = directory.removeprefix("https://").strip("/")
        shutil.rmtree(self.path("accounts", server), ignore_errors=True)

    def keep_threshold(self) -> None:
        """Write when `certbot renew` by hand renews: its own default is 30 days, which is wrong for any but 90."""
        certificate = self.lineage().certificate
        if certificate is None:
            return
        line = f"renew_before_expiry = {interval(renew_before_s(certificate.lifetime_s))}"
        before = _text(self.renewal_file)
        there = next((one for one in _THRESHOLDS if one.search(before)), None)
        after = there.sub(line, before, count=1) if there else f"{line}\n{before}"
        if after != before:
            write_atomically(self.renewal_file, after.encode(), mode=0o644)

    def set_aside(self, folder: str) -> str:
        """Move what is damaged out of certbot's way, so that it can begin anew; return where to."""
        target = os.path.join(folder, time.strftime("damaged-%Y%m%dT%H%M%SZ", time.gmtime()))
        os.makedirs(target, mode=0o700)
        for source in self._parts():
            if os.path.lexists(source):
                kind, name = os.path.split(os.path.relpath(source, self.folder))
                shutil.move(source, os.path.join(target, f"{kind}-{name}"))
        return target


def _profile(asked: configparser.SectionProxy) -> str:
    profile = asked.get("preferred_profile", "") or asked.get("required_profile", "")
    return "" if profile == "None" else profile


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
