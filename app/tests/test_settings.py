from pathlib import Path

import pytest

from planner.settings import Settings, SettingsError, load, load_database

PASSWORDS = ["plain", "p@ss/w:rd", "100%", "%(x)s %40", " blank ends ", "ключ", "a\"b'c\\d$e`f"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The smallest environment that works."""
    (tmp_path / "password").write_text("secret-password\n")
    return {
        "DATABASE_URL": "postgresql://planner@postgres:5432/planner",
        "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
        "REDIS_URL": "redis://redis:6379/0",
        "SECRETS_DIR": str(tmp_path / "none"),
    }


def test_defaults(env: dict[str, str]) -> None:
    """Three variables are enough; everything optional is off."""
    settings = load(env)
    assert settings.database.pool_size == 5
    assert settings.telegram_api_base_url == "https://api.telegram.org"
    assert settings.version == "dev"
    assert (
        settings.telegram_bot_token
        is settings.telegram_webhook_secret
        is settings.openai_api_key
        is settings.openai_base_url
        is None
    )


@pytest.mark.parametrize("password", PASSWORDS)
def test_password_may_contain_anything(env: dict[str, str], password: str) -> None:
    """The password reaches the driver as it is in the file, without its final line end."""
    Path(env["DATABASE_PASSWORD_FILE"]).write_text(password + "\n", encoding="utf-8")
    assert load_database(env).url.password == password


def test_secrets_are_files(env: dict[str, str], tmp_path: Path) -> None:
    """A secret is a file's content without white space around it; an empty file is not set."""
    (tmp_path / "telegram_bot_token").write_text("1:abc\n")
    (tmp_path / "openai_api_key").write_text("\n")
    settings = load(env | {"SECRETS_DIR": str(tmp_path)})
    assert settings.telegram_bot_token == "1:abc"
    assert settings.openai_api_key is None


PROBLEMS: list[tuple[dict[str, str], str]] = [
    ({"DATABASE_URL": ""}, "DATABASE_URL: missing"),
    ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: not a URL"),
    ({"DATABASE_URL": "postgresql://u@h:port/d"}, "DATABASE_URL: not a URL"),
    ({"DATABASE_URL": "mysql://u@h/d"}, "DATABASE_URL: must start with postgresql://"),
    ({"DATABASE_URL": "postgresql://u:hidden@h/d"}, "DATABASE_URL: must not contain a password"),
    ({"DATABASE_URL": "postgresql://u@h"}, "DATABASE_URL: names no database"),
    ({"DATABASE_URL": "postgresql://h/d"}, "DATABASE_URL: names no user"),
    ({"DATABASE_PASSWORD_FILE": ""}, "DATABASE_PASSWORD_FILE: missing"),
    ({"DATABASE_PASSWORD_FILE": "/none"}, "DATABASE_PASSWORD_FILE: cannot read /none"),
    ({"DATABASE_PASSWORD_FILE": "/dev/null"}, "DATABASE_PASSWORD_FILE: the file is empty"),
    ({"DATABASE_POOL_SIZE": "0"}, "DATABASE_POOL_SIZE: must be a whole number"),
    ({"DATABASE_POOL_SIZE": "five"}, "DATABASE_POOL_SIZE: must be a whole number"),
    ({"REDIS_URL": ""}, "REDIS_URL: missing"),
    ({"REDIS_URL": "http://redis"}, "REDIS_URL: must start with redis://"),
    ({"TELEGRAM_API_BASE_URL": "api"}, "TELEGRAM_API_BASE_URL: must start with http://"),
    ({"OPENAI_BASE_URL": "ftp://x"}, "OPENAI_BASE_URL: must start with http://"),
]


@pytest.mark.parametrize("change,message", PROBLEMS)
def test_problem(env: dict[str, str], change: dict[str, str], message: str) -> None:
    """A wrong value is one error that starts with its variable's name and holds no secret."""
    with pytest.raises(SettingsError) as raised:
        load(env | change)
    assert len(raised.value.problems) == 1
    assert str(raised.value).startswith(message)
    assert "hidden" not in str(raised.value)


def test_all_problems_at_once(env: dict[str, str], tmp_path: Path) -> None:
    """Whoever starts the service learns of everything that is wrong in one go."""
    (tmp_path / "telegram_bot_token").write_text("../token")
    (tmp_path / "telegram_webhook_secret").write_text("no spaces")
    env |= {"SECRETS_DIR": str(tmp_path), "DATABASE_POOL_SIZE": "x", "REDIS_URL": ""}
    with pytest.raises(SettingsError) as raised:
        load(env)
    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "DATABASE_POOL_SIZE",
        "REDIS_URL",
        "secret telegram_bot_token",
        "secret telegram_webhook_secret",
    ]
    assert "../token" not in str(raised.value)


def test_migrations_need_only_the_database(env: dict[str, str]) -> None:
    """A migration starts without Redis, and with the same checks of the database's variables."""
    del env["REDIS_URL"]
    assert load_database(env).url.drivername == "postgresql+asyncpg"
    with pytest.raises(SettingsError, match="DATABASE_URL: missing"):
        load_database(env | {"DATABASE_URL": ""})


def test_repr_hides_secrets(env: dict[str, str], tmp_path: Path) -> None:
    """Printing the settings shows no secret."""
    (tmp_path / "openai_api_key").write_text("sk-secret")
    settings: Settings = load(env | {"SECRETS_DIR": str(tmp_path)})
    assert settings.openai_api_key == "sk-secret"
    assert "secret" not in repr(settings).replace("telegram_webhook_secret", "")
