"""Telegram's side: the part of an update we read, and the reply we send."""

import logging
from typing import Annotated

import httpx
from pydantic import BaseModel, Field

logger = logging.getLogger(__name__)

# Telegram's ids fit 52 bits; anything larger did not come from Telegram.
Id = Annotated[int, Field(ge=-(2**52), le=2**52)]


class Chat(BaseModel):
    """Where a message was written."""

    id: Id


class Message(BaseModel):
    """A message; photos, stickers and the like have no text."""

    chat: Chat
    date: Annotated[int, Field(ge=0, lt=2**33)]
    text: str | None = None


class Update(BaseModel):
    """An update; kinds other than a new message are read as one without a message."""

    update_id: Annotated[int, Field(ge=0, le=2**52)]
    message: Message | None = None


class BotApi:
    """Sends replies; without a token it sends nothing."""

    def __init__(self, base_url: str, token: str | None) -> None:
        """Prepare a client; connections open on first use."""
        self._url = f"{base_url}/bot{token}/sendMessage" if token else None
        self._client = httpx.AsyncClient(timeout=5, follow_redirects=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def send_message(self, chat_id: int, text: str) -> None:
        """Send a text; a failure is logged, since the task is stored by then."""
        if not self._url:
            return
        try:
            response = await self._client.post(self._url, json={"chat_id": chat_id, "text": text})
        except httpx.HTTPError as exc:
            logger.warning("reply not sent: %s", type(exc).__name__)
            return
        if not response.is_success:
            logger.warning("reply not sent: the Bot API answered %d", response.status_code)
