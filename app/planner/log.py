"""One JSON object a line on stdout; exceptions show type and place, their text may hold data."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

# They log URLs (the Bot API's contains the token), headers or bodies.
_TOO_CHATTY = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "asyncio", "langsmith")


class JsonFormatter(logging.Formatter):
    """Render a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render time, level, logger, message and, for an exception, where it came from."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1]:
            entry["error"] = describe(record.exc_info[1])
        return json.dumps(entry, ensure_ascii=False)


def describe(exc: BaseException) -> str:
    """Name an exception, its cause and the innermost frames, without any exception text."""
    frames = traceback.extract_tb(exc.__traceback__)[-3:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    cause = exc.__cause__ or exc.__context__
    because = f", because of {type(cause).__name__}" if cause else ""
    return f"{type(exc).__name__} at {places or 'unknown'}{because}"


def configure() -> None:
    """Send every logger, uvicorn's included, through the one formatter."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _TOO_CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
