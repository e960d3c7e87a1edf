"""What may be forgotten, in Redis: which updates were seen, and each chat's session."""

from typing import Literal, Self
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

Claim = Literal["new", "in_progress", "done"]

_CLAIM_SECONDS = 120  # longer than processing takes; frees the update of a killed process
_DONE_SECONDS = 24 * 3600  # Telegram keeps undelivered updates for a day
_SESSION_SECONDS = 7 * 24 * 3600


class Sessions:
    """Duplicates and chat sessions; every key has a time to live."""

    def __init__(self, redis: Redis) -> None:
        """Use a client; connections open on first use."""
        self._redis = redis

    @classmethod
    def connect(cls, url: str) -> Self:
        """Prepare a client that gives up quickly; one retry covers a restarted Redis."""
        redis: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=2,
            socket_connect_timeout=2,
            max_connections=20,
            retry=Retry(NoBackoff(), 1),
        )
        return cls(redis)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def ping(self) -> None:
        """Raise unless Redis answers."""
        await self._redis.ping()  # type: ignore[misc] # typed for the sync client, too

    async def claim(self, update_id: int) -> Claim:
        """Claim an update for processing, atomically."""
        # The client asks again where an answer was lost, and then finds this claim's own mark.
        mine = f"in_progress {uuid4().hex}"
        # With GET, SET NX answers what was there before: nothing, or the state of a duplicate.
        before = await self._redis.set(
            _update(update_id), mine, nx=True, ex=_CLAIM_SECONDS, get=True
        )
        if before in {None, mine}:
            return "new"
        return "done" if before == "done" else "in_progress"

    async def release(self, update_id: int) -> None:
        """Give an update back, so that Telegram's next attempt is processed."""
        await self._redis.delete(_update(update_id))

    async def finish(self, update_id: int) -> None:
        """Remember an update as processed."""
        await self._redis.set(_update(update_id), "done", ex=_DONE_SECONDS)

    async def record_task(self, chat_id: int, task_id: int) -> int:
        """Note a chat's last task and return how many its session has seen."""
        key = f"planner:chat:{chat_id}"
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, "last_task_id", str(task_id))
            pipeline.hincrby(key, "tasks", 1)
            pipeline.expire(key, _SESSION_SECONDS)
            _, tasks, _ = await pipeline.execute()
        return int(tasks)


def _update(update_id: int) -> str:
    return f"planner:update:{update_id}"
