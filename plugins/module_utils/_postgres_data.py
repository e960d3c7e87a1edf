# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Which data volume PostgreSQL may start on: never one of another major version, an empty or an unfinished one.

Each major version has a volume of its own, named after it. An upgrade fills the next one while nobody writes; it is
whole only once that is written down, and only as long as the old data stays what it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

UPGRADE_FILE = "postgres-upgrade.json"
LABEL = "planner.upgrade"
"""On a volume that an upgrade made."""
FILLING, FILLED, DONE = "filling", "filled", "done"
SINCE_18 = 18
"""From this version on the official image has its data in a folder named after the version, within the volume."""
PLAYBOOK = "ansible-playbook playbooks/upgrade_postgres.yml"
_NAME = re.compile(r"(?P<base>.*?)(?P<major>[0-9]+)")


@dataclass(frozen=True)
class Upgrade:
    """The last upgrade, as its program wrote it down. ``held`` is when the app was stopped."""

    source: int
    target: int
    volume: str
    """The new one; ``created`` is Docker's time of it, for another one may get its name."""
    created: str
    phase: str = FILLING
    control: str = ""
    """The fingerprint of the old data's control file, once its server had stopped: each start changes that file."""
    held: float = 0.0
    backup: str = ""
    """The folder with the last data of the old version."""

    @property
    def open(self) -> bool:
        """Whether it has still to be finished, or taken back."""
        return self.phase != DONE

    def to_json(self) -> str:
        """Write down."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def parse_upgrade(text: str) -> Upgrade:
    """Read one. Raises ValueError where it is none."""
    given = json.loads(text)
    names = {one.name for one in fields(Upgrade)}
    try:
        return Upgrade(**{name: value for name, value in given.items() if name in names})
    except (TypeError, AttributeError) as error:
        msg = f"no upgrade: {text:.80}"
        raise ValueError(msg) from error


@dataclass(frozen=True)
class Volume:
    """One data volume. ``holds`` is the major version of the data in it, 0 for none."""

    name: str
    created: str = ""
    holds: int = 0
    by_upgrade: bool = False

    @property
    def major(self) -> int:
        """The version that it is for."""
        return major_of(self.name)


@dataclass(frozen=True)
class Found:
    """The host before PostgreSQL is started.

    ``serving`` is the volume of the last run that succeeded, empty where there was none; ``image_major`` is 0 where
    the image does not tell; ``control`` is the fingerprint of the data that ``upgrade`` came from, as it is now.
    """

    volumes: Sequence[Volume] = ()
    serving: str = ""
    image: str = ""
    image_major: int = 0
    upgrade: Upgrade | None = None
    control: str = ""

    def volume(self, name: str) -> Volume:
        """Find one; one that is not there holds nothing."""
        return next((one for one in self.volumes if one.name == name), Volume(name))

    def is_whole(self, volume: Volume) -> bool:
        """Tell whether an upgrade filled it to the end, and nothing was written to the old data since."""
        made = self.upgrade
        if made is None or (made.volume, made.created) != (volume.name, volume.created):
            return False
        return made.phase == DONE or (made.phase == FILLED and made.control == self.control != "")


def major_of(volume: str) -> int:
    """Read the version from a volume's name; 0 where it has none."""
    found = _NAME.fullmatch(volume)
    return int(found["major"]) if found else 0


def sibling(volume: str, major: int) -> str:
    """Name the volume of another version."""
    found = _NAME.fullmatch(volume)
    return f"{found['base'] if found else volume}{major}"


def mount_point(major: int) -> str:
    """Tell where the image of that version wants the volume."""
    return "/var/lib/postgresql" if major >= SINCE_18 else "/var/lib/postgresql/data"


def data_folder(major: int) -> str:
    """Tell where within the volume the data is."""
    return f"{major}/docker" if major >= SINCE_18 else "."


def refusals(found: Found, wish: str) -> tuple[str, ...]:
    """List why PostgreSQL must not be started on the volume that is wished, each with what to do."""
    wished, major = found.volume(wish), major_of(wish)
    if not major:
        return ()  # whoever calls it otherwise knows why
    problems = []
    if found.image_major and found.image_major != major:
        problems.append(_other_image(found, wished))
    elif wished.holds and wished.holds != major:
        problems.append(
            f"PostgreSQL: the data in {wish} is of version {wished.holds}, and {major} cannot read it. "
            f"Do: look where it comes from; the data of {wished.holds} belongs into {sibling(wish, wished.holds)}"
        )
    return tuple(filter(None, [*problems, _instead_of(found, wished)]))


def _other_image(found: Found, wished: Volume) -> str:
    """Say that the image is of another version than the volume."""
    there = (
        f"the data in {wished.name} is of version {wished.holds}"
        if wished.holds
        else f"stack_postgres_major is {wished.major}"
    )
    said = (
        f"PostgreSQL: {there}, and the image {found.image} is {found.image_major}. Do: give the service postgres in "
        f"droplet_services an image of {wished.major}, or none"
    )
    if wished.holds and found.image_major > wished.holds:
        said += f"; or upgrade: {PLAYBOOK} -e stack_postgres_major={found.image_major}"
    return said


def _instead_of(found: Found, wished: Volume) -> str:
    """Say which data would be left behind; empty where none would."""
    others = [one for one in found.volumes if one.holds and one.name != wished.name]
    serving = next((one for one in others if one.name == found.serving), None)
    other = serving or max(others, key=lambda one: one.major, default=None)
    if other is None or (wished.holds and wished.name == found.serving):
        return ""
    stay = f"set stack_postgres_major: {other.major}"
    if not wished.holds:
        upgrade = f"{PLAYBOOK} -e stack_postgres_major={wished.major}, or "
        return (
            f"PostgreSQL: the data is of version {other.holds}, in {other.name}; {wished.major} would start empty. "
            f"Do: {upgrade if wished.major > other.major else ''}{stay}"
        )
    if serving and wished.major < serving.major:
        return (
            f"PostgreSQL: version {serving.major} serves; {wished.name} has the data of before the upgrade, and "
            f"nothing since. Do: {stay}"
        )
    if (serving or wished.by_upgrade) and not found.is_whole(wished):
        return (
            f"PostgreSQL: {wished.name} was not filled to the end by an upgrade, or {other.name} was written to "
            f"since. Do: {PLAYBOOK} -e stack_postgres_major={wished.major}, or {stay}"
        )
    return ""
