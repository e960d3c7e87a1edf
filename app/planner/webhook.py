"""What happens to one Telegram update, from claim to reply."""

import logging
from collections.abc import Awaitable
from datetime import UTC, date, datetime
from typing import Literal, TypeVar

from redis.exceptions import RedisError

from planner.db import TaskStore
from planner.parser import ParsedTask
from planner.sessions import Sessions
from planner.telegram import BotApi, Message, Update
from planner.workflow import Workflow

logger = logging.getLogger(__name__)

T = TypeVar("T")
Outcome = Literal["stored", "duplicate", "in_progress", "ignored", "not_a_task"]

HELP = 'Send me a task, for example "pay rent tomorrow !high" or "2027-01-05 call bank".'


class Webhook:
    """Takes updates exactly once: claimed in Redis, stored uniquely in PostgreSQL."""

    def __init__(
        self, workflow: Workflow, store: TaskStore, sessions: Sessions, bot: BotApi
    ) -> None:
        """Take what processing needs."""
        self._workflow = workflow
        self._store = store
        self._sessions = sessions
        self._bot = bot

    async def handle(self, update: Update) -> Outcome:
        """Process an update; on any failure give it back and raise, so that Telegram retries."""
        message = update.message
        if message is None or not message.text:
            return "ignored"
        claim = await self._sessions.claim(update.update_id)
        if claim != "new":
            return "duplicate" if claim == "done" else "in_progress"
        try:
            outcome, reply = await self._process(update.update_id, message, message.text)
        except BaseException:  # a cancelled request has to give the update back, too
            await _after("release", self._sessions.release(update.update_id))
            raise
        await _after("finish", self._sessions.finish(update.update_id))
        logger.info("update %d: %s", update.update_id, outcome)
        if reply:
            await self._bot.send_message(message.chat.id, reply)
        return outcome

    async def _process(
        self, update_id: int, message: Message, text: str
    ) -> tuple[Outcome, str | None]:
        if text.startswith("/"):
            return "not_a_task", HELP
        # The message's own day, not today's: a retry after midnight means the same date.
        state = await self._workflow.run(text, _day(message))
        task = state["task"]
        if task is None:
            return "not_a_task", HELP
        chat_id = message.chat.id
        task_id = await self._store.add(
            update_id, chat_id, task, state["source"], state["embedding"]
        )
        if task_id is None:
            return "duplicate", None
        count = await _after("session", self._sessions.record_task(chat_id, task_id))
        return "stored", _reply(task, count)


async def _after(what: str, step: Awaitable[T]) -> T | None:
    """Do a step that comes too late to fail the update: its outcome is decided by then."""
    try:
        return await step
    except RedisError as exc:
        logger.warning("%s skipped (%s)", what, type(exc).__name__)
        return None


def _day(message: Message) -> date:
    return datetime.fromtimestamp(message.date, UTC).date()


def _reply(task: ParsedTask, count: int | None) -> str:
    due = f", due {task.due:%Y-%m-%d}" if task.due else ""
    priority = "" if task.priority == "normal" else f", {task.priority} priority"
    number = f" (task {count} of this session)" if count else ""
    return f"Saved: {task.title}{due}{priority}{number}"
