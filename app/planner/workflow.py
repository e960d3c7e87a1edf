"""The LangGraph workflow: message -> task -> embedding, with a way around a failing AI."""

import logging
from datetime import date
from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph

from planner import embedding, parser
from planner.ai import AI, AIError
from planner.db import Embedding
from planner.parser import ParsedTask

logger = logging.getLogger(__name__)

Source = Literal["llm", "parser"]


class State(TypedDict, total=False):
    """What travels along the graph."""

    text: str
    today: date
    task: ParsedTask | None
    source: Source
    embedding: Embedding


class Workflow:
    """Compiled once, run for every message."""

    def __init__(self, ai: AI | None) -> None:
        """Build the graph: llm (falls back to parser) or parser, then embed."""
        self._ai = ai
        graph = StateGraph(State)
        graph.add_node("llm", self._llm)
        graph.add_node("parser", self._parser)
        graph.add_node("embed", self._embed)
        graph.add_conditional_edges(START, lambda _: "llm" if ai else "parser", ["llm", "parser"])
        graph.add_conditional_edges(
            "llm", lambda state: "embed" if state.get("task") else "parser", ["embed", "parser"]
        )
        graph.add_conditional_edges(
            "parser", lambda state: "embed" if state.get("task") else END, ["embed", END]
        )
        graph.add_edge("embed", END)
        self._graph = graph.compile()

    async def run(self, text: str, today: date) -> State:
        """Turn a message into a task with its embedding; task None: nothing to do in it."""
        result: Any = await self._graph.ainvoke({"text": text, "today": today})
        state: State = result
        return state

    async def embed(self, text: str) -> Embedding:
        """Embed a text with the AI, or by hashing when there is none or it fails."""
        if self._ai:
            try:
                return await self._ai.embed(text)
            except AIError as exc:
                logger.warning("AI embedding failed (%s): hashing instead", exc)
        return Embedding(embedding.embed(text), embedding.MODEL)

    async def _llm(self, state: State) -> State:
        if self._ai is None:
            return {"task": None}
        try:
            return {
                "task": await self._ai.extract(parser.clean(state["text"]), state["today"]),
                "source": "llm",
            }
        except AIError as exc:
            logger.warning("LLM failed (%s): using the deterministic parser", exc)
            return {"task": None}

    async def _parser(self, state: State) -> State:
        return {"task": parser.parse(state["text"], state["today"]), "source": "parser"}

    async def _embed(self, state: State) -> State:
        task = state["task"]
        return {"embedding": await self.embed(task.title)} if task else {}
