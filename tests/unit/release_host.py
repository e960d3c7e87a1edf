"""A small model of a host on which releases are executed, and killed anywhere."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    LOOK_AGAIN,
    Step,
    steps,
)

from tests.unit.release_effects import Effects
from tests.unit.release_state import GateError

__all__ = ["GateError", "Host"]


@dataclass
class Host(Effects):
    """What the steps act on. The database knows itself what was done to it, nginx what it read."""

    def release(self) -> Iterator[None]:
        """One release; each stop is a moment at which it may be killed."""
        self.timer = ("", "")
        self.begin()
        try:
            yield from self.execute(steps(self.wished, self.observed))
        except GateError:
            if self.stopped:
                rest = {one.name for one in self.of(BACKEND)} - set(self.stopped)
                for name in rest:
                    self.containers.remove(self.named(name))
                self.start_again(self.live if self.live in self.stopped else self.stopped[0])
            raise

    def execute(self, planned: Iterable[Step]) -> Iterator[None]:
        """Do steps, and after a look at the database those that it asks for."""
        for step in planned:
            if step.action == LOOK_AGAIN:
                again = steps(self.wished, self.observed)
                assert all(one.action != LOOK_AGAIN for one in again), "it cannot be asked"
                yield from self.execute(again)
                return
            self.taken.append(step)
            action = getattr(self, step.action.replace("-", "_"))
            each = [step.targets] if step.action in {"replace", "gate"} else zip(step.targets)
            for targets in each:
                for _ in action(*targets):
                    self.check()
                    yield
            if step.mark:
                self.marks[step.mark[0]] = step.mark[1]
                yield

    def kill(self, *, late: bool) -> None:
        """The process is no more; if nobody comes for long, the timer starts the old version."""
        old, new = self.timer
        if late and old:
            self.change(new, running=False)
            self.change(old, running=True, health="healthy")
