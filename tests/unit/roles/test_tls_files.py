"""What the role tls writes, rendered for several inventories, as its program and systemd read it."""

import configparser
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._certificate import read_pair
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    LETS_ENCRYPT,
    STAGING,
    Settings,
    parse_settings,
)

from tests.unit.certificates import issue

ROOT = Path(__file__).resolve().parents[3]
OWN = issue(["a.test"])
DEFAULTS = Settings(
    hsts_max_age_s=15552000,
    key_gid=10001,
    webhook_path="/telegram/webhook",
    telegram_api="https://api.telegram.org",
)
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "names": {
        "droplet_domains": ["a.test", "www.a.test"],
        "ansible_host": "192.0.2.7",
        "tls_email": "me@a.test",
        "tls_profile": "shortlived",
    },
    "a name in the inventory": {"ansible_host": "web.example"},
    "an address of its own": {"ansible_host": "web.example", "tls_address": "2001:DB8::7"},
    "trials": {"tls_staging": True, "tls_preflight": False},
    "own": {
        "droplet_domains": ["a.test"],
        "tls_own_certificate": OWN.chain.rstrip(),
        "tls_own_key": OWN.key.rstrip(),
    },
    "another CA": {
        "tls_acme_directory": "https://ca.test/dir",
        "tls_acme_ca": "-----BEGIN CERTIFICATE-----\n",
        "tls_project_dir": "/srv/product",
        "tls_https_port": 8443,
        "tls_hsts_max_age_s": 0,
        "tls_webhook_path": "",
    },
}


@pytest.fixture(scope="module")
def rendered() -> dict[str, dict[str, Any]]:
    """All cases at once, because Ansible takes its time to start."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.roles.render_tls"],
        cwd=ROOT,
        input=json.dumps(CASES),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def file(case: dict[str, Any], end: str) -> dict[str, str]:
    """Find one of the files by the end of its path."""
    (found,) = [one for one in case["__tls_files"] if one["path"].endswith(end)]
    return dict(found)


# the case -> what the program reads
TEST_SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("defaults", {}),
    (
        "names",
        {
            "names": ("a.test", "www.a.test"),
            "address": "192.0.2.7",
            "email": "me@a.test",
            "profile": "shortlived",
        },
    ),
    ("a name in the inventory", {"address": ""}),
    ("an address of its own", {"address": "2001:db8::7"}),
    ("trials", {"directory": STAGING, "preflight": False}),
    ("own", {"names": ("a.test",), "own": True}),
    (
        "another CA",
        {
            "directory": "https://ca.test/dir",
            "ca_file": "/srv/product/tls/acme-ca.pem",
            "project_dir": "/srv/product",
            "https_port": 8443,
            "hsts_max_age_s": 0,
            "webhook_path": "",
        },
    ),
]


@pytest.mark.parametrize("case, differs", TEST_SETTINGS, ids=[row[0] for row in TEST_SETTINGS])
def test_settings(rendered: dict[str, Any], case: str, differs: dict[str, Any]) -> None:
    """Each option arrives with its type; the file is root's."""
    written = file(rendered[case], "/settings.json")
    expected = {**DEFAULTS.__dict__, **differs}
    assert parse_settings(written["content"]).__dict__ == expected
    assert written["path"] == f"{expected['project_dir'][1:]}/tls/settings.json"
    assert written["mode"] == "0600"


def test_the_default_ca(rendered: dict[str, Any]) -> None:
    """Let's Encrypt, without an authority of one's own to trust."""
    settings = parse_settings(file(rendered["defaults"], "/settings.json")["content"])
    assert (settings.directory, settings.ca_file) == (LETS_ENCRYPT, "")


def test_own_certificate(rendered: dict[str, Any]) -> None:
    """Certificate and key become one text, as the program reads it; without them there is none."""
    text = rendered["own"]["__tls_own"]["own_certificate"]
    assert read_pair(text) == OWN.certificate
    assert rendered["names"]["__tls_own"] == {}


def test_no_file_holds_the_key(rendered: dict[str, Any]) -> None:
    """It goes into the file of secrets only, whose diff is never shown."""
    shown = {name: one for name, one in rendered["own"].items() if name != "__tls_own"}
    assert OWN.key.splitlines()[1] not in json.dumps(shown)


def test_program(rendered: dict[str, Any]) -> None:
    """It is the project's own; its library comes along, and certbot's hook may be run."""
    for name, folder in (("defaults", "/opt/planner"), ("another CA", "/srv/product")):
        program, hook = rendered[name]["__tls_program"]
        assert program["content"].endswith(f'sys.exit(main(sys.argv[1:], "{folder}"))\n')
        assert (program["path"], program["mode"]) == ("usr/local/sbin/planner-tls", "0750")
        assert (hook["path"], hook["mode"]) == (
            "etc/letsencrypt/renewal-hooks/deploy/60-planner",
            "0755",
        )
    modules = {Path(one["path"]).stem for one in rendered["defaults"]["__tls_library"]}
    assert {"_tls_command", "_tls_engine", "_certbot", "_certificate", "_dns"} <= modules


def unit(text: str) -> configparser.RawConfigParser:
    """Read a unit's drop-in; of a setting that is there twice the last one counts."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_units(rendered: dict[str, Any]) -> None:
    """What the package would run is replaced, and the folder of the project may be written."""
    for name, folder in (("defaults", "/opt/planner"), ("another CA", "/srv/product")):
        text = file(rendered[name], "certbot.service.d/60-planner.conf")["content"]
        service = unit(text)["Service"]
        assert text.index("ExecStart=\n") < text.index(
            "ExecStart=/usr/local/sbin/planner-tls keep\n"
        )
        assert service["Slice"] == "planner-maintenance.slice"
        assert service["ReadWritePaths"].split()[-1] == folder
        text = file(rendered[name], "certbot.timer.d/60-planner.conf")["content"]
        assert text.index("OnCalendar=\n") < text.index("OnCalendar=*:0/30\n")
