import asyncio
from datetime import date
from typing import Any

import pytest
import redis.asyncio

from tests.conftest import BOT_TOKEN, SECRET_HEADER, Cluster, Start, update
from tests.servers import FakeApi, Gate

URL = "/telegram/webhook"
TITLES = "SELECT title FROM tasks ORDER BY id"


async def test_message_becomes_task(
    start: Start, cluster: Cluster, database: str, bot_api: FakeApi
) -> None:
    """A message is stored with title, date and priority, and answered through the Bot API."""
    planner = await start()
    body = update(1, "pay rent tomorrow !high", chat_id=-42)
    answer = await planner.post(URL, json=body, headers=SECRET_HEADER)
    assert (answer.status_code, answer.json()) == (200, {"result": "stored"})
    (row,) = await cluster.arun("SELECT * FROM tasks", database)
    assert (row["title"], row["due"], row["priority"]) == ("pay rent", date(2027, 1, 5), "high")
    assert (row["chat_id"], row["source"], row["embedding_model"]) == (-42, "parser", "hashing-1")
    text = "Saved: pay rent, due 2027-01-05, high priority (task 1 of this session)"
    assert bot_api.calls == [
        (f"/bot{BOT_TOKEN}/sendMessage", {"chat_id": -42, "text": text}),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Telegram-Bot-Api-Secret-Token": ""},
        {"X-Telegram-Bot-Api-Secret-Token": "wrong"},
        {"X-Telegram-Bot-Api-Secret-Token": SECRET_HEADER["X-Telegram-Bot-Api-Secret-Token"] + "x"},
        {"X-Telegram-Bot-Api-Secret-Token": b"\xe9"},
    ],
)
async def test_wrong_secret(
    start: Start, cluster: Cluster, database: str, headers: dict[str, Any]
) -> None:
    """Without the right secret nothing is read or stored: 401, even for a broken body."""
    planner = await start()
    answers = [
        await planner.post(URL, json=update(1, "buy milk"), headers=headers),
        await planner.post(URL, content=b"{", headers=headers),
        await planner.get("/tasks/similar?q=milk&chat_id=7", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert await cluster.arun(TITLES, database) == []


async def test_no_secret_configured(start: Start) -> None:
    """Without a configured secret the webhook is closed, not open."""
    planner = await start(SECRETS_DIR="/none")
    for headers in ({}, SECRET_HEADER, {"X-Telegram-Bot-Api-Secret-Token": ""}):
        answer = await planner.post(URL, json=update(1, "buy milk"), headers=headers)
        assert answer.status_code == 503


async def test_duplicates(
    start: Start, cluster: Cluster, database: str, bot_api: FakeApi, redis_url: str
) -> None:
    """An update that comes again is acknowledged, and neither stored nor answered again."""
    planner = await start()
    results = [
        (await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)).json()
        for _ in range(3)
    ]
    assert results == [{"result": "stored"}, {"result": "duplicate"}, {"result": "duplicate"}]
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushdb()
    forgotten = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert forgotten.json() == {"result": "duplicate"}
    assert len(await cluster.arun(TITLES, database)) == len(bot_api.calls) == 1


async def test_same_update_at_once(
    start: Start, cluster: Cluster, database: str, bot_api: FakeApi
) -> None:
    """Of the same update sent many times at once one is stored; Telegram retries the others."""
    planner = await start()
    requests = [
        planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER) for _ in range(10)
    ]
    answers = await asyncio.gather(*requests)
    assert [answer.json()["result"] for answer in answers].count("stored") == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(await cluster.arun(TITLES, database)) == len(bot_api.calls) == 1


async def test_retry_after_failure(
    start: Start, cluster: Cluster, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed update answers 503 without details and succeeds when Telegram sends it again."""
    planner = await start()
    await cluster.arun("ALTER TABLE tasks RENAME TO hidden", database)
    failed = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert (failed.status_code, failed.json()) == (503, {"detail": "try again later"})
    assert "update 1 failed" in caplog.text
    await cluster.arun("ALTER TABLE hidden RENAME TO tasks", database)
    again = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert again.json() == {"result": "stored"}
    assert len(await cluster.arun(TITLES, database)) == 1


async def test_redis_down(
    start: Start, cluster: Cluster, database: str, redis_gate: tuple[Gate, str]
) -> None:
    """Without Redis an update is refused (Telegram keeps it) and stored once Redis is back."""
    gate, url = redis_gate
    planner = await start(REDIS_URL=url)
    gate.set("refusing")
    refused = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert refused.status_code == 503
    gate.set("open")
    again = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert again.json() == {"result": "stored"}
    assert len(await cluster.arun(TITLES, database)) == 1


async def test_answer_lost(
    start: Start, cluster: Cluster, database: str, redis_gate: tuple[Gate, str]
) -> None:
    """A claim whose answer was lost is asked for again, and is no duplicate of itself."""
    gate, url = redis_gate
    planner = await start(REDIS_URL=url)
    gate.loses = b"planner:update:1"
    stored = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert (stored.status_code, stored.json()) == (200, {"result": "stored"})
    assert gate.loses == b"", "no answer was lost"
    again = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert again.json() == {"result": "duplicate"}
    assert len(await cluster.arun(TITLES, database)) == 1


async def test_claim_expires(start: Start, redis_url: str) -> None:
    """Every key expires: a killed process's claim soon, sessions after a week."""
    planner = await start()
    await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        await client.set("planner:update:2", "in_progress")
        killed = await planner.post(URL, json=update(2, "x"), headers=SECRET_HEADER)
        assert (killed.status_code, killed.json()) == (409, {"result": "in_progress"})
        assert 0 < await client.ttl("planner:update:1") <= 24 * 3600
        assert 0 < await client.ttl("planner:chat:7") <= 7 * 24 * 3600
        fields = ["last_task_id", "tasks"]
        # redis-py types its commands for the sync client, too.
        session = await client.hmget("planner:chat:7", fields)  # type: ignore[misc]
        assert session == ["1", "1"]


@pytest.mark.parametrize(
    "body,result",
    [
        ({"update_id": 1, "edited_message": {"text": "x"}}, "ignored"),
        (update(1, None), "ignored"),
        (update(1, ""), "ignored"),
        (update(1, "/start"), "not_a_task"),
        (update(1, "tomorrow !high"), "not_a_task"),
    ],
)
async def test_not_a_task(
    start: Start, cluster: Cluster, database: str, body: dict[str, Any], result: str
) -> None:
    """Updates without text, commands and messages without a title are acknowledged, not stored."""
    planner = await start()
    answer = await planner.post(URL, json=body, headers=SECRET_HEADER)
    assert (answer.status_code, answer.json()) == (200, {"result": result})
    assert await cluster.arun(TITLES, database) == []


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"update_id": "x"}', b'{"update_id": 99999999999999999999}']
)
async def test_not_an_update(start: Start, body: bytes) -> None:
    """A body that is not an update is refused without an echo of it."""
    planner = await start()
    answer = await planner.post(URL, content=body, headers=SECRET_HEADER)
    assert (answer.status_code, answer.json()) == (422, {"detail": "not a Telegram update"})


async def test_text_that_postgresql_cannot_store(start: Start) -> None:
    """NUL and lone surrogates do not make an update fail for ever."""
    planner = await start()
    body = b'{"update_id":1,"message":{"chat":{"id":7},"date":0,"text":"buy\\u0000 milk"}}'
    answer = await planner.post(URL, content=body, headers=SECRET_HEADER)
    assert answer.json() == {"result": "stored"}


@pytest.mark.parametrize("failure", ["error", "not json", "down", "slow"])
async def test_bot_api_fails(
    start: Start, cluster: Cluster, database: str, bot_api: FakeApi, failure: str
) -> None:
    """A failing Bot API costs the reply, not the task and not the acknowledgement."""
    bot_api.answer = lambda _path, _body: (500 if failure == "error" else 200, "x")
    if failure == "slow":
        bot_api.delay = 6
    changes = {"TELEGRAM_API_BASE_URL": "http://127.0.0.1:9"} if failure == "down" else {}
    planner = await start(**changes)
    answer = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert (answer.status_code, answer.json()) == (200, {"result": "stored"})
    assert len(await cluster.arun(TITLES, database)) == 1


async def test_no_bot_token(
    start: Start, env: dict[str, str], tmp_path: Any, bot_api: FakeApi
) -> None:
    """Without a bot token tasks are stored and nothing is sent."""
    (tmp_path / "telegram_bot_token").unlink()
    planner = await start(**env)
    answer = await planner.post(URL, json=update(1, "buy milk"), headers=SECRET_HEADER)
    assert answer.json() == {"result": "stored"}
    assert bot_api.calls == []


async def test_similar(start: Start, cluster: Cluster, database: str) -> None:
    """The nearest titles of the same chat come first; the HNSW index can answer the query."""
    planner = await start()
    texts = ["pay rent 2027-02-01", "buy milk", "pay the rents", "call bank"]
    for number, text in enumerate(texts):
        await planner.post(URL, json=update(number, text), headers=SECRET_HEADER)
    other = update(9, "pay rent", chat_id=8)
    await planner.post(URL, json=other, headers=SECRET_HEADER)
    query = {"q": "pay rent", "chat_id": "7", "limit": "2"}
    answer = await planner.get("/tasks/similar", params=query, headers=SECRET_HEADER)
    first, second = answer.json()["tasks"]
    assert first.pop("distance") == pytest.approx(0, abs=1e-6)
    assert first == {"id": 1, "title": "pay rent", "due": "2027-02-01", "priority": "normal"}
    assert second["title"] == "pay the rents"
    plan = await cluster.arun(
        "EXPLAIN SELECT id FROM tasks ORDER BY embedding <=> "
        "(SELECT embedding FROM tasks LIMIT 1) LIMIT 2",
        database,
    )
    assert any("tasks_embedding_idx" in row[0] for row in plan)
