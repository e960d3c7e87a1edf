import json
from datetime import date
from typing import Any

import pytest

from planner import ai
from tests.conftest import OPENAI_KEY, SECRET_HEADER, Cluster, Start, update
from tests.servers import Answer, FakeApi

URL = "/telegram/webhook"
TASK = {"title": "Pay the rent", "due": "2027-01-31", "priority": "high"}


def openai_answers(content: str, dimensions: int = 256) -> Any:
    """Answer like OpenAI: this text for a chat, this many dimensions for an embedding."""

    def answer(path: str, _body: Any) -> Answer:
        if path.endswith("/chat/completions"):
            message = {"role": "assistant", "content": content}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            return 200, {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}
        if path.endswith("/embeddings"):
            data = {"object": "embedding", "index": 0, "embedding": [0.5] * dimensions}
            return 200, {"object": "list", "model": "m", "data": [data]}
        return 200, {"id": "m", "object": "model"}

    return answer


async def test_llm_extracts(
    start: Start, cluster: Cluster, database: str, openai_api: FakeApi
) -> None:
    """With a key the LLM reads the message, and its embedding is stored with its model's name."""
    openai_api.answer = openai_answers(json.dumps(TASK))
    planner = await start(OPENAI_BASE_URL=f"{openai_api.url}/v1")
    body = update(1, "the landlord wants money by the end of january!!")
    answer = await planner.post(URL, json=body, headers=SECRET_HEADER)
    assert answer.json() == {"result": "stored"}
    (row,) = await cluster.arun("SELECT * FROM tasks", database)
    assert (row["title"], row["due"], row["priority"]) == (
        "Pay the rent",
        date(2027, 1, 31),
        "high",
    )
    assert (row["source"], row["embedding_model"]) == ("llm", "text-embedding-3-small")
    calls = dict(openai_api.calls)
    chat = calls["/v1/chat/completions"]
    assert "Monday 2027-01-04" in chat["messages"][0]["content"]
    assert chat["response_format"]["json_schema"]["strict"] is True
    assert calls["/v1/embeddings"]["dimensions"] == 256


@pytest.mark.parametrize(
    "answer",
    [
        lambda _path, _body: (500, {"error": {"message": "no"}}),
        lambda _path, _body: (429, {"error": {"message": "quota"}}),
        lambda _path, _body: (200, {}),
        lambda _path, _body: (200, []),
        openai_answers("no json", 3),
        openai_answers(json.dumps(TASK | {"priority": "urgent"}), 0),
        openai_answers(json.dumps(TASK | {"title": " "}), 257),
        openai_answers(json.dumps(TASK | {"due": "soon"}), 3),
    ],
)
async def test_llm_fails(
    start: Start,
    cluster: Cluster,
    database: str,
    openai_api: FakeApi,
    caplog: pytest.LogCaptureFixture,
    answer: Any,
) -> None:
    """An error or a useless answer of the AI means: parser and hashing, and a line in the log."""
    openai_api.answer = answer
    planner = await start(OPENAI_BASE_URL=f"{openai_api.url}/v1")
    body = update(1, "pay rent tomorrow !high")
    response = await planner.post(URL, json=body, headers=SECRET_HEADER)
    assert response.json() == {"result": "stored"}
    (row,) = await cluster.arun("SELECT * FROM tasks", database)
    assert (row["title"], row["due"], row["priority"]) == ("pay rent", date(2027, 1, 5), "high")
    assert (row["source"], row["embedding_model"]) == ("parser", "hashing-1")
    assert "using the deterministic parser" in caplog.text
    assert "hashing instead" in caplog.text
    assert OPENAI_KEY not in caplog.text


async def test_llm_hangs(
    start: Start,
    openai_api: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An AI that does not answer in time is given up, in favour of the parser."""
    monkeypatch.setattr(ai, "_SECONDS", 0.3)
    openai_api.delay = 1
    planner = await start(OPENAI_BASE_URL=f"{openai_api.url}/v1")
    response = await planner.post(URL, json=update(1, "pay rent"), headers=SECRET_HEADER)
    assert response.json() == {"result": "stored"}
    assert "using the deterministic parser" in caplog.text
