# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What waits to be delivered: each message over each channel once and in order, tried again until it arrives.

An attempt is written down before it is made, and its success after it. So a run that is killed between sending and
writing sends that one message again: rather twice than never. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_channels import ChannelError
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    Message,
    lasting,
    read_number,
)

BACK_OFF_S = (60, 120, 300, 900, 1800, 3600)
"""Seconds until the next attempt, after the first failure, the second, ...; then always the last."""
BROKEN_S = 600
"""Seconds after which a channel that fails is broken, and no hiccup."""
KEEP_S, KEEP = 7 * 86400, 100
"""What a channel keeps of what it could not deliver: seconds, and the newest."""
AT_ONCE = 10
"""Messages that one run sends over a channel: a run is short, and Telegram takes about one a second."""
_VERSION = 1

Send = Callable[[Message], None]
"""Delivers a message, or raises ChannelError."""


@dataclass(frozen=True)
class Waiting:
    """A message that a channel has not delivered; ``put`` is when it came."""

    channel: str
    message: Message
    put: float


@dataclass
class Trouble:
    """A channel that fails: since when, why, how often, and not before when it is tried again."""

    since: float
    why: str = ""
    tries: int = 0
    next: float = 0


@dataclass
class Outbox:
    """All that waits, of each channel the oldest first, and the channels that failed last time."""

    waiting: list[Waiting] = field(default_factory=list)
    troubles: dict[str, Trouble] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Turn into JSON."""
        return {"version": _VERSION, **asdict(self)}

    def put(self, messages: Iterable[Message], channels: Collection[str], now: float) -> None:
        """Add messages for each of the channels, and let go of what is too old or too much."""
        self.waiting += [Waiting(name, one, now) for one in messages for name in channels]
        recent = [one for one in self.waiting if now - one.put <= KEEP_S]
        # What is for a channel that is no more is for nobody.
        self.waiting = [
            one
            for name in channels
            for one in [one for one in recent if one.channel == name][-KEEP:]
        ]
        self.troubles = {name: one for name, one in self.troubles.items() if name in channels}

    def deliver(
        self, channels: Mapping[str, Send], now: float, save: Callable[[], None]
    ) -> list[str]:
        """Send what is due; return in words what failed. ``save`` keeps this outbox on the disk."""
        failed = []
        for name, send in channels.items():
            for one in [one for one in self.waiting if one.channel == name][:AT_ONCE]:
                if not self._due(name, now):
                    break
                why = self._attempt(one, send, now, save)
                if why:
                    failed.append(f"{name}: {why}")
        return failed

    def _due(self, channel: str, now: float) -> bool:
        trouble = self.troubles.get(channel)
        # A clock that was put back must not keep a channel silent for longer than its longest wait.
        return trouble is None or not 0 < trouble.next - now <= BACK_OFF_S[-1]

    def _attempt(self, one: Waiting, send: Send, now: float, save: Callable[[], None]) -> str:
        """Send one message; return why that failed, empty where it arrived."""
        known = self.troubles.get(one.channel)
        trouble = known or Trouble(now)
        wait = BACK_OFF_S[min(trouble.tries, len(BACK_OFF_S) - 1)]
        self.troubles[one.channel] = Trouble(
            trouble.since,
            trouble.why or "the run that sent was killed",
            trouble.tries + 1,
            now + wait,
        )
        save()
        why = ""
        try:
            send(one.message)
        except ChannelError as error:
            why = error.reason
            asked = min(error.retry_after_s, BACK_OFF_S[-1])
            self.troubles[one.channel].why = why
            self.troubles[one.channel].next = now + max(wait, asked)
        else:
            del self.troubles[one.channel]
            self.waiting.remove(one)
        save()
        return why


def read_outbox(given: object) -> tuple[Outbox, list[Finding]]:
    """Read what :meth:`Outbox.to_dict` wrote, None for never; what is damaged or of another version begins anew."""
    if given is None:
        return Outbox(), []
    try:
        return _read(given), []
    except (ValueError, TypeError, KeyError, AttributeError):
        what = "what waited to be delivered is damaged or of another version: it is lost"
        do = "look at the status: `sudo planner-watch status`"
        return Outbox(), [Finding(WARNING, "alerts", "outbox", what, do)]


def broken(outbox: Outbox, channels: Collection[str], now: float) -> list[Finding]:
    """Judge each channel, so that the others tell of one that is broken."""
    if not channels:
        what = "no channel is there: alerts are only in the status"
        do = "set watch_telegram_chat, watch_alert_url or watch_email_to, then run playbooks/site.yml"
        return [Finding(WARNING, "alerts", "channels", what, do)]
    return [_judge(outbox, name, now) for name in channels]


def healthy(outbox: Outbox, channels: Collection[str], now: float) -> bool:
    """Whether a person would be told; where not, the dead-man ping stays away and its service tells."""
    return all(one.severity != PROBLEM for one in broken(outbox, channels, now))


def _judge(outbox: Outbox, channel: str, now: float) -> Finding:
    trouble = outbox.troubles.get(channel)
    if trouble is None:
        return Finding(OK, "alerts", channel, "delivers")
    wait = sum(one.channel == channel for one in outbox.waiting)
    what = f"has failed for {lasting(now - trouble.since)}, {wait} wait: {trouble.why}"
    if now - trouble.since <= BROKEN_S:
        return Finding(WARNING, "alerts", channel, what, "nothing yet: it is tried again")
    do = "correct its options of the role watch and run playbooks/site.yml; then `sudo planner-watch test`"
    return Finding(PROBLEM, "alerts", channel, what, do)


def _read(given: Any) -> Outbox:
    if given["version"] != _VERSION:
        raise ValueError
    return Outbox(
        [
            Waiting(str(one["channel"]), Message.from_dict(one["message"]), read_number(one["put"]))
            for one in given["waiting"]
        ],
        {
            str(name): Trouble(
                read_number(one["since"]),
                str(one["why"]),
                int(read_number(one["tries"])),
                read_number(one["next"]),
            )
            for name, one in given["troubles"].items()
        },
    )
