"""The HTTP surface: the application, its routes and what lives as long as it does."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from planner import log, settings
from planner.ai import AI
from planner.db import TaskStore
from planner.health import Health
from planner.parser import clean
from planner.schema import read_history
from planner.sessions import Sessions
from planner.settings import Settings
from planner.telegram import BotApi, Id, Update
from planner.webhook import Webhook
from planner.workflow import Workflow

logger = logging.getLogger(__name__)

NAME = "Business Planner"


@dataclass(frozen=True)
class Services:
    """What the routes use."""

    settings: Settings
    store: TaskStore
    workflow: Workflow
    webhook: Webhook
    health: Health


def create_app(config: Settings | None = None) -> FastAPI:
    """Build the application; uvicorn calls it without arguments, in every worker."""
    if config is None:
        log.configure()
        config = settings.load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _services(config) as app.state.services:
            yield

    # No API pages: its one client is Telegram.
    app = FastAPI(title=NAME, lifespan=lifespan, openapi_url=None)
    for path, endpoint in (
        ("/", root),
        ("/health/live", live),
        ("/health/ready", ready),
        ("/health", health),
    ):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    guarded = [Depends(require_secret)]
    app.add_api_route("/telegram/webhook", webhook, methods=["POST"], dependencies=guarded)
    app.add_api_route("/tasks/similar", similar, methods=["GET"], dependencies=guarded)
    return app


@asynccontextmanager
async def _services(config: Settings) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        store = TaskStore.connect(config.database)
        stack.push_async_callback(store.close)
        sessions = Sessions.connect(config.redis_url)
        stack.push_async_callback(sessions.close)
        bot = BotApi(config.telegram_api_base_url, config.telegram_bot_token)
        stack.push_async_callback(bot.close)
        ai = AI(config.openai_api_key, config) if config.openai_api_key else None
        if ai:
            stack.push_async_callback(ai.close)
        workflow = Workflow(ai)
        health_checks = Health(store, sessions, ai, read_history())
        watch = asyncio.create_task(health_checks.watch_ai())
        stack.callback(watch.cancel)
        logger.info("version %s, AI %s", config.version, "enabled" if ai else "disabled")
        yield Services(
            settings=config,
            store=store,
            workflow=workflow,
            webhook=Webhook(workflow, store, sessions, bot),
            health=health_checks,
        )


def _get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Injected = Annotated[Services, Depends(_get_services)]


async def require_secret(request: Request, services: Injected) -> None:
    """Let only callers pass that know the webhook secret; nobody when none is configured."""
    expected = services.settings.telegram_webhook_secret
    if not expected:
        raise HTTPException(503, "no webhook secret is configured")
    given = request.headers.get("x-telegram-bot-api-secret-token", "")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(401, "wrong secret token")


async def root(services: Injected) -> dict[str, str]:
    """Say what this is."""
    return {"name": NAME, "version": services.settings.version}


async def live() -> dict[str, str]:
    """Say that the process answers, whatever its dependencies do."""
    return {"status": "live"}


async def ready(services: Injected) -> JSONResponse:
    """Say whether requests can be served: 200, or 503 naming the failed checks."""
    is_ready, report = await services.health.ready()
    return JSONResponse(report, 200 if is_ready else 503)


async def health(services: Injected) -> JSONResponse:
    """Say all of the above; the AI's state informs and never decides."""
    is_ready, report = await services.health.ready()
    report |= {"version": services.settings.version, "ai_api": services.health.ai_state}
    return JSONResponse(report, 200 if is_ready else 503)


async def webhook(request: Request, services: Injected) -> JSONResponse:
    """Take an update from Telegram; anything but 200 makes Telegram try again."""
    try:
        # Read here, not as a parameter: a stranger's body is never parsed.
        update = Update.model_validate_json(await request.body())
    except ValidationError:
        raise HTTPException(422, "not a Telegram update") from None
    try:
        outcome = await services.webhook.handle(update)
    except Exception:
        logger.exception("update %d failed", update.update_id)
        raise HTTPException(503, "try again later") from None
    return JSONResponse({"result": outcome}, 409 if outcome == "in_progress" else 200)


async def similar(
    services: Injected,
    q: Annotated[str, Query(min_length=1, max_length=1000)],
    chat_id: Annotated[Id, Query()],
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> JSONResponse:
    """Find the chat's tasks that are nearest to a text."""
    try:
        embedding = await services.workflow.embed(clean(q))
        tasks = await services.store.similar(chat_id, embedding, limit)
    except Exception:
        logger.exception("similarity search failed")
        raise HTTPException(503, "try again later") from None
    return JSONResponse(
        {"tasks": [asdict(task) | {"due": task.due and task.due.isoformat()} for task in tasks]}
    )
