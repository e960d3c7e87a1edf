"""The wish, as the role writes it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    LETS_ENCRYPT,
    STAGING,
    Settings,
    TlsError,
    parse_settings,
    usable_address,
)

ROLE = Path(__file__).resolve().parents[4] / "roles/tls"


def test_defaults() -> None:
    """What is not said is as it is for most."""
    assert parse_settings("{}") == Settings()
    assert Settings().directory == LETS_ENCRYPT


def test_parse() -> None:
    """Names become a tuple, so that they can be compared."""
    given = {"names": ["a.test", "www.a.test"], "address": "192.0.2.7", "https_port": 8443}
    assert parse_settings(json.dumps(given)) == Settings(
        names=("a.test", "www.a.test"), address="192.0.2.7", https_port=8443
    )


TEST_DAMAGED: list[Any] = [
    "",
    "{",
    "[]",
    "5",
    "null",
    '{"of_tomorrow": 1}',
    '{"names": "a.test"}',
    '{"names": 5}',
    '{"names": null}',
]


@pytest.mark.parametrize("text", TEST_DAMAGED)
def test_damaged(text: str) -> None:
    """What cannot be understood is not guessed at."""
    with pytest.raises(
        TlsError, match=r"damaged or of another version. Do: run playbooks/site.yml"
    ):
        parse_settings(text)


def test_the_role_writes_what_is_read() -> None:
    """Every setting has its option, and no other is written."""
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))
    assert set(variables["__tls_settings"]) == set(Settings.__dataclass_fields__)
    assert variables["__tls_staging_directory"] == STAGING
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults["tls_acme_directory"] == LETS_ENCRYPT
    assert defaults["tls_profile"] == Settings().profile
    assert defaults["tls_project_dir"] == Settings().project_dir


# what the inventory calls the host -> the address that is meant
TEST_ADDRESSES = [
    ("192.0.2.7", "192.0.2.7"),
    ("10.0.0.7", "10.0.0.7"),
    ("2001:0DB8::7", "2001:db8::7"),
    ("127.0.0.1", ""),
    ("::1", ""),
    ("0.0.0.0", ""),  # noqa: S104 - that it is none
    ("::", ""),
    ("web", ""),
    ("a.test", ""),
    ("", ""),
]


@pytest.mark.parametrize("given, address", TEST_ADDRESSES)
def test_usable_address(given: str, address: str) -> None:
    """Only an address that others may reach; a name of the inventory is none."""
    assert usable_address(given) == address
    assert parse_settings(json.dumps({"address": given})).address == address


def test_paths() -> None:
    """All lie below the project's folder."""
    settings = Settings(project_dir="/srv/p")
    assert settings.served_file == "/srv/p/tls/nginx/served.pem"
    assert settings.own_file == "/srv/p/tls/own/own_certificate"
    assert settings.webroot == "/srv/p/acme"
    assert settings.kept("state.json") == "/srv/p/tls/state.json"
