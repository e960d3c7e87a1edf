"""A ``restic`` whose repository is a folder, and which says what the real one says."""

import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

# The shell starts at once, and this is called often.
PROGRAM = r"""#!/bin/sh
here=@folder@ repository=@folder@/repository
printf '%s\n' "$*" >>"$here/calls"
env >"$here/environment"
case "$*" in
@rules@
  @never@) ;;
esac

refuse() { printf '%b\n' "$1" >&2; exit "$2"; }
[ "$1" = -o ] || refuse "no option: $*" 99
shift 2
if [ "$1" = init ]; then
  mkdir "$repository" && cp "$RESTIC_PASSWORD_FILE" "$repository/password"
  exit
fi
[ -d "$repository" ] || refuse "Fatal: repository does not exist: unable to open config file: \
Stat: The specified key does not exist.\nIs there a repository at the following location?\n$RESTIC_REPOSITORY" 10
cmp -s "$RESTIC_PASSWORD_FILE" "$repository/password" || refuse 'Fatal: wrong password or no key found' 12
at() { [ -d "$repository/$1" ] || refuse "Fatal: failed to find snapshot: no matching ID found for $1" 1; }

verb=$1 && shift
case $verb in
  cat | unlock | prune | check) ;;
  backup)
    id=$(ls "$repository" | wc -l) && id=$(printf '%064x' "$id") && cp -R . "$repository/$id"
    time='' tags=''
    while [ $# -gt 0 ]; do
      case $1 in
        --time) time=$2 ;;
        --tag) tags="$tags${tags:+, }\"$2\"" ;;
      esac
      shift
    done
    printf '{"time": "%s", "id": "%s", "tags": [%s]}\n' "$time" "$id" "$tags" >"$repository/$id.json" ;;
  snapshots) printf '[%s]' "$(cat "$repository"/*.json 2>/dev/null | sort | paste -sd ,)" ;;
  dump) at "$2" && cat "$repository/$2$3" ;;
  restore) at "$1" && cp -R "$repository/$1/." "$3" ;;
  forget)
    for id in "$@"; do
      if [ "$id" = --quiet ]; then continue; fi
      at "$id"
      if [ -e "$repository/append-only" ]; then
        echo "unable to remove snapshot/$id from the repository" >&2
      else
        rm -r "${repository:?}/$id" "$repository/$id.json"
      fi
    done ;;
  *) refuse "unexpected: restic $*" 99 ;;
esac
"""


class FakeRestic:
    """The program and its folder."""

    def __init__(self, program: Path, folder: Path) -> None:
        """Install it; there is no repository yet."""
        self.program, self.folder = program, folder
        folder.mkdir()
        self.rules()

    def rules(self, rules: Mapping[str, str] | None = None) -> None:
        """Have other things happen first: shell pattern of the arguments -> shell commands."""
        cases = "".join(f"  {at}) {commands} ;;\n" for at, commands in (rules or {}).items())
        text = PROGRAM.replace("@folder@", shlex.quote(str(self.folder)))
        self.program.write_text(text.replace("@rules@\n", cases).replace("@never@", "''"))
        self.program.chmod(0o755)

    def fails(self, at: str, says: str, code: int = 1) -> None:
        """Have a verb fail, with what restic says then."""
        self.rules({f"*' {at}'*": f"printf '%s\\n' {shlex.quote(says)} >&2; exit {code}"})

    @property
    def calls(self) -> list[str]:
        """How it was called, without its option."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split(" ", 2)[2] for line in lines]

    @property
    def environment(self) -> dict[str, str]:
        """What it was given, the last time."""
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def repository(self) -> Path:
        """Where it is."""
        return self.folder / "repository"

    @property
    def tags(self) -> list[list[str]]:
        """Those of each snapshot, oldest first."""
        found = [json.loads(one.read_text()) for one in self.repository.glob("*.json")]
        return [one["tags"] for one in sorted(found, key=lambda one: str(one["time"]))]

    @property
    def numbers(self) -> list[int]:
        """Of the backups there."""
        return sorted(int(tags[0].removeprefix("number=")) for tags in self.tags)

    def put(self, folder: Path, *tags: str) -> Path:
        """Store a folder, as an earlier run did; return where its files are."""
        stored = self.repository / f"{len(list(self.repository.iterdir())):064x}"
        shutil.copytree(folder, stored)
        found = {"time": tags[1], "id": stored.name, "tags": tags}
        stored.with_suffix(".json").write_text(f"{json.dumps(found)}\n")
        return stored

    def snapshot(self, number: int) -> Path:
        """Locate the files of a backup's snapshot."""
        (found,) = (
            one
            for one in self.repository.glob("*.json")
            if f"number={number}" in json.loads(one.read_text())["tags"]
        )
        return found.with_suffix("")
