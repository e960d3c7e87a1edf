# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The gate before traffic: is the new container good, must we wait, or has it failed, and how.

Ready is not enough: a version that crashes ten seconds after its start was ready, too. So it has to stay ready for
a while, without one crash, before a request reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._release import Container

GOOD, WAIT, FAILED = "good", "wait", "failed"
KILLED = 137
"""Exit code of a process that got SIGKILL (128 + 9): from the kernel, for memory."""


@dataclass(frozen=True)
class Gate:
    """What a new container has to show. Seconds."""

    timeout_s: float
    """It must be ready by then."""
    soak_s: float
    """And stay so for that long, without a crash."""


@dataclass(frozen=True)
class Judgement:
    """``state`` is one of the three; ``why`` says it to the owner when it failed."""

    state: str
    why: str = ""


def judge(
    one: Container | None, waited_s: float, ready_s: float, gate: Gate, crashes: int = 0
) -> Judgement:
    """Judge a container that is waited for since ``waited_s`` and ready since ``ready_s``.

    It had crashed ``crashes`` times before that.
    """
    failure = _failure(one, waited_s, gate, crashes)
    if failure or one is None:
        return Judgement(FAILED, failure)
    return Judgement(GOOD if one.ready and ready_s >= gate.soak_s else WAIT)


def _failure(one: Container | None, waited_s: float, gate: Gate, crashes: int) -> str:
    if one is None:
        return "its container is gone: somebody removed it"
    if one.restarts > crashes:
        times = one.restarts - crashes
        return f"it crashed {'once' if times == 1 else f'{times} times'} within {waited_s:.0f} s"
    if not one.running:
        return f"it ended after {waited_s:.0f} s"
    if one.health == "unhealthy":
        return "its health check fails"
    # One that is ready only has to live on: its time to become so is over, its time to prove it is not.
    if not one.ready and waited_s >= gate.timeout_s:
        return f"it was not ready within {gate.timeout_s:.0f} s"
    return ""


def died_of(exit_codes: tuple[int, ...], limit_mb: int) -> str:
    """Say what the exit codes of a container that crashed tell, as far as they do."""
    if KILLED in exit_codes:
        return f"exit code {KILLED}: the kernel killed it, as a rule because it grew over its limit of {limit_mb} MiB"
    if exit_codes:
        return f"exit code {exit_codes[-1]}"
    return ""
