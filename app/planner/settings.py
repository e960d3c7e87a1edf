"""What the process reads from its environment, checked once and reported all at once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {"postgresql", "postgresql+asyncpg"}
_SECRETS = {
    "telegram_bot_token": re.compile(r"[A-Za-z0-9_:-]+"),  # it becomes part of a URL's path
    "telegram_webhook_secret": re.compile(r"[A-Za-z0-9_-]{1,256}"),  # Telegram's own rule
    "openai_api_key": re.compile(r"[!-~]+"),  # it becomes a header
}


class SettingsError(ValueError):
    """Every problem found in the environment, one a line; never a secret's value."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems apart for whoever wants to print them one by one."""
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """All that a migration needs."""

    url: URL  # its repr masks the password
    pool_size: int = 5


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the service needs; secrets stay out of the repr."""

    database: DatabaseSettings
    redis_url: str = field(repr=False)
    version: str = "dev"
    telegram_api_base_url: str = "https://api.telegram.org"
    openai_base_url: str | None = None
    openai_model: str = "gpt-4o-mini"
    openai_embedding_model: str = "text-embedding-3-small"
    telegram_bot_token: str | None = field(default=None, repr=False)
    telegram_webhook_secret: str | None = field(default=None, repr=False)
    openai_api_key: str | None = field(default=None, repr=False)


def load(env: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings or raise SettingsError with every problem."""
    problems: list[str] = []
    database = _database(env, problems)
    redis_url = _url(env, "REDIS_URL", ("redis", "rediss"), problems)
    telegram_url = _url(env, "TELEGRAM_API_BASE_URL", ("http", "https"), problems, required=False)
    openai_url = _url(env, "OPENAI_BASE_URL", ("http", "https"), problems, required=False)
    secrets_dir = Path(env.get("SECRETS_DIR") or "/run/secrets")
    secrets = {name: _secret(secrets_dir / name, problems) for name in _SECRETS}
    if problems or database is None:
        raise SettingsError(problems)
    return Settings(
        database=database,
        redis_url=redis_url,
        version=env.get("APP_VERSION") or Settings.version,
        telegram_api_base_url=telegram_url or Settings.telegram_api_base_url,
        openai_base_url=openai_url or None,
        openai_model=env.get("OPENAI_MODEL") or Settings.openai_model,
        openai_embedding_model=env.get("OPENAI_EMBEDDING_MODEL") or Settings.openai_embedding_model,
        **secrets,
    )


def load_database(env: Mapping[str, str] = os.environ) -> DatabaseSettings:
    """Read the settings a migration needs: it runs without Redis and without other secrets."""
    problems: list[str] = []
    database = _database(env, problems)
    if problems or database is None:
        raise SettingsError(problems)
    return database


def _database(env: Mapping[str, str], problems: list[str]) -> DatabaseSettings | None:
    before = len(problems)
    url = _database_url(env.get("DATABASE_URL", ""), problems)
    password = _password(env.get("DATABASE_PASSWORD_FILE", ""), problems)
    pool_size = env.get("DATABASE_POOL_SIZE") or str(DatabaseSettings.pool_size)
    if not re.fullmatch(r"[1-9][0-9]?", pool_size):
        problems.append("DATABASE_POOL_SIZE: must be a whole number from 1 to 99")
    if url is None or len(problems) > before:
        return None
    # The password is set as a part of its own: no quoting, any character works.
    url = url.set(drivername="postgresql+asyncpg", password=password)
    return DatabaseSettings(url=url, pool_size=int(pool_size))


def _database_url(text: str, problems: list[str]) -> URL | None:
    if not text:
        problems.append("DATABASE_URL: missing")
        return None
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        problems.append("DATABASE_URL: not a URL like postgresql://user@host:5432/database")
        return None
    if url.drivername not in _DRIVERS:
        problems.append("DATABASE_URL: must start with postgresql://")
    if url.password is not None:
        problems.append("DATABASE_URL: must not contain a password (see DATABASE_PASSWORD_FILE)")
    problems.extend(
        f"DATABASE_URL: names no {part}"
        for part, value in (("user", url.username), ("host", url.host), ("database", url.database))
        if not value
    )
    return url


def _password(file: str, problems: list[str]) -> str | None:
    if not file:
        problems.append("DATABASE_PASSWORD_FILE: missing")
        return None
    password = _read(Path(file), "DATABASE_PASSWORD_FILE", problems)
    if password == "":
        problems.append("DATABASE_PASSWORD_FILE: the file is empty")
    return password


def _url(
    env: Mapping[str, str],
    name: str,
    schemes: tuple[str, ...],
    problems: list[str],
    *,
    required: bool = True,
) -> str:
    text = env.get(name, "").rstrip("/")
    if not text and required:
        problems.append(f"{name}: missing")
    if text and not re.fullmatch(rf"({'|'.join(schemes)})://[^\s/].*", text):
        problems.append(f"{name}: must start with {schemes[0]}:// and name a host")
    return text


def _secret(path: Path, problems: list[str]) -> str | None:
    """Read a secret; an absent or empty file means: not set."""
    if not path.exists():
        return None
    value = (_read(path, f"secret {path.name}", problems) or "").strip()
    if value and not _SECRETS[path.name].fullmatch(value):
        problems.append(f"secret {path.name}: contains characters that cannot be part of one")
    return value or None


def _read(path: Path, name: str, problems: list[str]) -> str | None:
    try:
        # Only the line end goes: blanks may belong to a password.
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        problems.append(f"{name}: cannot read {path} ({type(exc).__name__})")
        return None
