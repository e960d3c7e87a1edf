"""Messages wait until they are delivered, over channels that fail as they please."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_channels import ChannelError
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import Message
from ansible_collections.planner.droplet.plugins.module_utils._watch_outbox import (
    AT_ONCE,
    BACK_OFF_S,
    KEEP,
    KEEP_S,
    Outbox,
    broken,
    healthy,
    read_outbox,
)

NOW = 1_788_523_200.0
DAY = 86_400


class Killed(BaseException):
    """The run ends here."""


@dataclass
class Post:
    """Two channels, and a disk from which every run begins."""

    disk: str = "null"
    arrived: list[tuple[str, str]] = field(default_factory=list)
    fails: dict[str, ChannelError | Killed] = field(default_factory=dict)
    names: tuple[str, ...] = ("telegram", "email")
    now: float = NOW
    saves: int = 0

    def run(self, *titles: str, after: float = 60) -> list[str]:
        """One run of the program, with new messages."""
        self.now += after
        outbox = self.outbox
        outbox.put([Message("raised", one, at=self.now) for one in titles], self.names, self.now)

        def save() -> None:
            self.saves += 1
            self.disk = json.dumps(outbox.to_dict())

        save()
        senders = {name: (lambda one, name=name: self.send(name, one)) for name in self.names}
        failed = outbox.deliver(senders, self.now, save)
        save()
        return failed

    def send(self, name: str, message: Message) -> None:
        """Deliver, or fail."""
        waiting = [(one.channel, one.message.title) for one in self.outbox.waiting]
        assert (name, message.title) in waiting, "it is written down before it is sent"
        if name in self.fails:
            raise self.fails[name]
        self.arrived.append((name, message.title))

    @property
    def outbox(self) -> Outbox:
        """What is on the disk."""
        outbox, problems = read_outbox(json.loads(self.disk))
        assert problems == []
        return outbox

    def judged(self) -> dict[str, str]:
        """The severity of each channel."""
        return {one.subject: one.severity for one in broken(self.outbox, self.names, self.now)}


def test_once_each() -> None:
    """Every message arrives over every channel, in order, once."""
    post = Post()
    assert post.run("a", "b") == []
    post.run("c")
    post.run()
    assert post.arrived == [
        ("telegram", "a"), ("telegram", "b"), ("email", "a"), ("email", "b"),
        ("telegram", "c"), ("email", "c"),
    ]  # fmt: skip
    assert post.outbox == Outbox()


def test_nothing_to_do() -> None:
    """Where nothing waits, nothing is written but by the caller."""
    post = Post()
    post.run()
    assert post.saves == 2


def test_back_off() -> None:
    """Attempts become rarer and never end; the other channel has its message at once."""
    post = Post(fails={"telegram": ChannelError("down")})
    assert post.run("a") == ["telegram: down"]
    assert post.arrived == [("email", "a")]
    began = post.now
    tried = [(post.now - began) / 60 for _ in range(4 * 60) if post.run()]
    assert tried == [1, 3, 8, 23, 53, 113, 173, 233]
    assert BACK_OFF_S == (60, 120, 300, 900, 1800, 3600)
    post.fails.clear()
    post.run(after=3600)
    assert post.arrived == [("email", "a"), ("telegram", "a")]
    assert post.outbox == Outbox()


def test_order_is_kept() -> None:
    """What is new waits behind what waits, and all of it comes as soon as the channel works."""
    post = Post(fails={"telegram": ChannelError("down")}, names=("telegram",))
    post.run("a")
    post.run("b", after=30)
    post.fails.clear()
    assert post.run("c", after=29) == []
    assert post.arrived == []
    post.run(after=1)
    assert post.arrived == [("telegram", "a"), ("telegram", "b"), ("telegram", "c")]


# the seconds that the other side asks for -> the seconds after which it is tried again
@pytest.mark.parametrize("asked, waits", [(5, 60), (300, 300), (10**9, 3600)])
def test_retry_after(asked: int, waits: int) -> None:
    """What the other side asks for is kept, up to an hour."""
    post = Post(fails={"telegram": ChannelError("slower", asked)}, names=("telegram",))
    post.run("a")
    post.fails.clear()
    post.run(after=waits - 1)
    assert post.arrived == []
    post.run(after=1)
    assert post.arrived == [("telegram", "a")]


def test_many() -> None:
    """A run sends some; what is left goes with the next."""
    post = Post(names=("telegram",))
    post.run(*(str(one) for one in range(AT_ONCE + 1)))
    assert len(post.arrived) == AT_ONCE
    post.run()
    assert [title for _, title in post.arrived] == [str(one) for one in range(AT_ONCE + 1)]


def test_kept() -> None:
    """A channel that stays down has the newest of a week, and no more."""
    post = Post(fails={"telegram": ChannelError("down")}, names=("telegram",))
    post.run("old")
    post.run(*(str(one) for one in range(KEEP + 10)), after=KEEP_S)
    assert [one.message.title for one in post.outbox.waiting] == [
        str(one) for one in range(10, KEEP + 10)
    ]
    post.run(after=KEEP_S + 1)
    assert post.outbox.waiting == []
    assert post.judged() == {"telegram": PROBLEM}


def test_a_channel_less() -> None:
    """What waits for a channel that was given up is let go."""
    post = Post(fails={"telegram": ChannelError("down")})
    post.run("a")
    post.names = ("email",)
    post.run()
    assert post.outbox == Outbox()


def test_killed_while_sending() -> None:
    """A run that dies in an attempt counts as one that failed: the next waits, and then sends again."""
    post = Post(fails={"telegram": Killed()}, names=("telegram",))
    with pytest.raises(Killed):
        post.run("a")
    post.fails.clear()
    post.run(after=59)
    assert post.arrived == []
    (finding,) = broken(post.outbox, post.names, post.now)
    assert "the run that sent was killed" in finding.what
    post.run(after=1)
    assert post.arrived == [("telegram", "a")]


def test_clock_put_back() -> None:
    """A clock that was years ahead delays nothing."""
    post = Post(fails={"telegram": ChannelError("down")}, names=("telegram",))
    post.run("a", after=400 * DAY)
    post.fails.clear()
    post.run(after=-400 * DAY)
    assert post.arrived == [("telegram", "a")]


def test_broken() -> None:
    """A hiccup is a warning; what fails for long is a problem that the others tell, and no ping says all is well."""
    post = Post(fails={"telegram": ChannelError("401 Unauthorized")})
    post.run("a", "b")
    assert post.judged() == {"telegram": WARNING, "email": OK}
    post.run(after=600)
    assert post.judged() == {"telegram": WARNING, "email": OK}
    assert healthy(post.outbox, post.names, post.now)
    post.run(after=1)
    assert post.judged() == {"telegram": PROBLEM, "email": OK}
    assert not healthy(post.outbox, post.names, post.now)
    finding = broken(post.outbox, post.names, post.now)[0]
    assert finding.what == "has failed for 10 min, 2 wait: 401 Unauthorized"
    assert (finding.check, finding.subject) == ("alerts", "telegram")
    post.fails.clear()
    post.run(after=3600)
    assert post.judged() == {"telegram": OK, "email": OK}
    assert healthy(post.outbox, post.names, post.now)


def test_no_channel() -> None:
    """Without a channel, the status says that nobody is told; the ping is then all there is."""
    post = Post(names=())
    post.run("a")
    assert post.outbox == Outbox()
    (finding,) = broken(post.outbox, (), post.now)
    assert (finding.severity, finding.check, finding.subject) == (WARNING, "alerts", "channels")
    assert healthy(post.outbox, (), post.now)


@pytest.mark.parametrize(
    "damage",
    [
        lambda box: box.update(version=9),
        lambda box: box.pop("troubles"),
        lambda box: box.update(waiting=5),
        lambda box: box["waiting"].append("x"),
        lambda box: box["waiting"][0].pop("put"),
        lambda box: box["waiting"][0].update(message=None),
        lambda box: box["waiting"][0]["message"].update(kind=[]),
        lambda box: box["troubles"]["telegram"].update(tries=-1),
        lambda box: box["troubles"]["telegram"].update(next=float("inf")),
        lambda box: box.update(troubles=[]),
    ],
)
def test_damaged(damage: Any) -> None:
    """What cannot be read is said to be lost, and stops nothing."""
    post = Post(fails={"telegram": ChannelError("down")})
    post.run("a")
    box = json.loads(post.disk)
    damage(box)
    fresh, (finding,) = read_outbox(box)
    assert fresh == Outbox()
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.subject) == (WARNING, "outbox")
    assert read_outbox([]) == (fresh, [finding])
