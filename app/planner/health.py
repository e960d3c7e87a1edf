"""Whether the service can serve. All values are strings; no exception text leaves the process."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Literal

from planner.ai import AI, AIError
from planner.db import TaskStore
from planner.schema import SERVING, SchemaState, schema_state
from planner.sessions import Sessions

logger = logging.getLogger(__name__)

AiState = Literal["disabled", "unknown", "ok", "failed"]

_CHECK_SECONDS = 2
_AI_CHECK_SECONDS = 15 * 60


class Health:
    """Runs the readiness checks, and remembers the last AI check."""

    def __init__(
        self, store: TaskStore, sessions: Sessions, ai: AI | None, history: Sequence[str]
    ) -> None:
        """Take what is to be checked and the schema history of this code."""
        self._store = store
        self._sessions = sessions
        self._ai = ai
        self._history = history
        self.ai_state: AiState = "unknown" if ai else "disabled"

    async def ready(self) -> tuple[bool, dict[str, object]]:
        """Run all checks at once; True and a report, or False and a report of what failed."""
        (database, revision), redis = await asyncio.gather(self._database(), self._redis())
        state: SchemaState | Literal["unknown"] = (
            schema_state(revision, self._history) if database else "unknown"
        )
        passed = {"database": database, "redis": redis, "schema": state in SERVING}
        ready = all(passed.values())
        return ready, {
            "status": "ready" if ready else "not_ready",
            "failed": [name for name, ok in passed.items() if not ok],
            "checks": {name: "ok" if ok else "failed" for name, ok in passed.items()},
            "schema": {
                "state": state,
                "revision": revision or "",
                "expected": self._history[-1],
            },
        }

    async def watch_ai(self) -> None:
        """Check the AI now and every 15 minutes; probes only read the remembered state."""
        while self._ai:
            try:
                await self._ai.check()
                self.ai_state = "ok"
            except AIError as exc:
                self.ai_state = "failed"
                logger.warning("AI check failed (%s)", exc)
            await asyncio.sleep(_AI_CHECK_SECONDS)

    async def _database(self) -> tuple[bool, str | None]:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return True, await self._store.revision()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the check failed
            logger.warning("database check failed (%s)", type(exc).__name__)
            return False, None

    async def _redis(self) -> bool:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._sessions.ping()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the check failed
            logger.warning("redis check failed (%s)", type(exc).__name__)
            return False
        return True
