"""A ``docker`` with the product's containers, in which a small model of PostgreSQL and of Redis runs.

A database is a file with what it tells of itself, and a dump is that file with an end: so it can be cut.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.planner.droplet.plugins.module_utils._fingerprint import SEPARATOR

POSTGRES, BACKEND, REDIS = "planner-postgres-1", "planner-backend-1", "planner-redis-1"
TASKS, PLAN = "public.tasks", "public.schema_plan"
Rows = dict[str, tuple[int, str]]
"""How many each table has, and the fingerprint of their contents."""

# The shell starts at once, and this is called often.
PROGRAM = r"""#!/bin/sh
host=@folder@
cd "$host" || exit 98
printf '%s\n' "$*" >>calls
case "$*" in
@rules@
  @never@) ;;
esac

refuse() { printf '%s\n' "$1" >&2; exit "${2:-1}"; }
one() { [ -d "containers/$1" ] || refuse "Error response from daemon: No such container: $1"; }
get() { one "$1" && value='' && { IFS= read -r value <"containers/$1/$2" || :; }; } # without another process
describe() {
  get "$1" image
  printf '{"Name": "/%s", "Created": "2026-11-28", "Image": "%s", "RestartCount": 0, ' "$1" "$value"
  get "$1" service
  printf '"Config": {"Labels": {"com.docker.compose.service": "%s", ' "$value"
  get "$1" running
  printf '"com.docker.compose.config-hash": "x"}}, "State": {"Running": %s, ' "$value"
  get "$1" code
  printf '"ExitCode": %s}}' "$value"
}
empty() { printf 'size\0378\nextension\037plpgsql\0371.0\nobjects\0370\nschema\037\n'; }
make() {
  mkdir -p "containers/$1/databases"
  printf '%s' "$2" >"containers/$1/service"
  printf '%s' "$3" >"containers/$1/image"
  printf true >"containers/$1/running"
  printf 0 >"containers/$1/code"
  empty >"containers/$1/databases/postgres"
}

there() { [ -e "$databases/$1" ] || refuse "ERROR:  database \"$1\" does not exist" 3; }
free() { [ ! -e "$databases/$1" ] || refuse "ERROR:  database \"$1\" already exists" 3; }
change() {
  case $1 in
    'CREATE DATABASE '*)
      name=${1#CREATE DATABASE } && name=${name%% *} && name=${name#\"} && name=${name%\"}
      free "$name" && empty >"$databases/$name" ;;
    'DROP DATABASE IF EXISTS "'*) name=${1#*\"} && rm -f "$databases/${name%%\"*}" ;;
    'ALTER DATABASE "'*' RENAME TO "'*)
      name=${1#*\"} && name=${name%%\"*} && new=${1%\"*} && new=${new##*\"}
      there "$name" && free "$new" && mv "$databases/$name" "$databases/$new" ;;
    'ALTER DATABASE '*) name=${1#ALTER DATABASE } && name=${name%% *} && name=${name#\"} && there "${name%\"}" ;;
    BEGIN*) cp -R "$databases" begun ;;
    COMMIT*) rm -r begun ;;
    SET* | ANALYZE* | 'CREATE ROLE '* | 'ALTER ROLE '* | '\set '* | '') ;;
    'SELECT 1 FROM (SELECT pg_terminate_backend'*) ;;
    *) refuse "ERROR:  syntax error at or near \"$1\"" 3 ;;
  esac
}
copy() { # the row that another database's COPY gave
  table=$(printf '%s' "$asked" | sed -n 's/^LOCK TABLE "\(.*\)"\."\(.*\)" IN.*/\1.\2/p')
  row=$(printf '%s' "$asked" | sed -n '/FROM STDIN;$/{n;p;}')
  { grep -v "^table$us$table$us" "$databases/$database"; printf 'table\037%s\037%s\n' "$table" "$row"; } >copied
  mv copied "$databases/$database"
  printf '%s\n' "${row%%"$us"*}"
}
answer() {
  query='' major='' && { IFS= read -r query <query || :; } && { IFS= read -r major <"$server/major" || :; }
  case $asked in
    *'pg_export_snapshot()'*) echo 00000003-0000001B-1 ;;
    *"SELECT 'version', "*) printf 'version\037%s.6\n' "$major" && cat "$databases/$database" ;;
    *"SELECT 'schema', "*) grep '^schema' "$databases/$database" ;;
    *"SELECT 'invalid', "*) cat indexes ;;
    *'SHOW server_version_num'*) echo "${major}0006" ;;
    *'SELECT datname '*) ls "$databases" && printf 'template0\ntemplate1\n' ;;
    *'SELECT pg_database_size('*) echo 8388608 ;;
    *'string_agg(quote_ident'*) cat "columns.$database" 2>/dev/null || echo 'id, title' ;;
    *'FROM STDIN;'*) copy ;;
    *"${query:-no query}"*) cat answer ;;
    *)
      printf '%s\n' "$asked" | while IFS= read -r line; do change "$line"; done || {
        code=$?
        [ ! -e begun ] || { rm -r "$databases" && mv begun "$databases"; }
        exit "$code"
      } ;;
  esac
}
psql() { # with a statement, or what standard input has
  server=containers/$1 databases=containers/$1/databases database=$2 us=$(printf '\037')
  [ -e "$databases/$database" ] || refuse "psql: error: FATAL:  database \"$database\" does not exist" 2
  case $3 in
    COPY*)
      table=${3#COPY \"} && table=${table%%\" *} && schema=${table%%\"*} && table=${table##*\"}
      sed -n "s/^table$us$schema\.$table$us//p" "$databases/$database"
      return ;;
  esac
  asked=''
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      '\echo '*) answer && line=${line#??????\'} && printf '%s\n' "${line%\'}" && asked='' ;;
      *) asked="$asked$line
" ;;
    esac
  done
  answer
}
pg_restore() {
  all="$*" && cat >"restored.$$"
  [ "$(tail -n 1 "restored.$$")" = END ] || refuse 'pg_restore: error: could not read from input file: end of file'
  case "$*" in
    *' --list')
      tr '\037' '@' <"restored.$$" |
        sed -n 's/^table@\([^.]*\)\.\([^@]*\)@.*/9; 0 16 TABLE DATA \1 \2 planner/p' ;;
    *--dbname=*) sed '$d' "restored.$$" >"containers/$1/databases/${all##*--dbname=}" ;;
  esac
  rm "restored.$$"
}
redis() {
  get "$1" saved && saved=$value && get "$1" bgsave
  case "$2" in
    LASTSAVE) echo "$saved" ;;
    INFO) echo "rdb_last_bgsave_status:$value" ;;
    BGSAVE) [ "$value" != ok ] || echo $((saved + 1)) >"containers/$1/saved" ;;
  esac
}
execute() {
  name=$1 program=$2 && shift 2
  get "$name" running
  [ "$value" = true ] || refuse "Error response from daemon: container $name is not running"
  for last in "$@"; do :; done
  case $program in
    psql)
      all="$*" && database=${all##* -d } statement=''
      case "$*" in *' -c COPY'*) statement=$last ;; esac
      psql "$name" "${database%% *}" "$statement" ;;
    pg_dump) cat "containers/$name/databases/$last" && echo END ;;
    pg_dumpall) printf '%s\n' '\restrict x' 'CREATE ROLE planner;' 'ALTER ROLE postgres;' ;;
    pg_restore) pg_restore "$name" "$@" ;;
    redis-cli) redis "$name" "$2" ;;
    cat) echo REDIS0012 ;;
  esac
}

verb=$1 && shift
case $verb in
  ps) for path in containers/*; do [ ! -s "$path/service" ] || echo "${path#*/}"; done ;;
  inspect)
    if [ "$1" = --format ]; then get "$3" image && echo "$value" && exit; fi
    printf '[' && describe "$1" && shift
    for name in "$@"; do printf ', ' && describe "$name"; done
    echo ']' ;;
  exec) [ "$1" != -i ] || shift; execute "$@" ;;
  start | stop)
    for name in "$@"; do
      one "$name" && if [ "$verb" = start ]; then echo true; else echo false; fi >"containers/$name/running"
    done ;;
  rm) one "$3" && rm -r "containers/$3" ;;
  run) all="$*" && make "$3" "" "${all%% postgres -c *}" && cp major "containers/$3/" ;;
  volume) [ -e "volumes/$4" ] || refuse "Error response from daemon: get $4: no such volume"; cat "volumes/$4" ;;
  *) refuse "unexpected: docker $*" 99 ;;
esac
"""


class FakePostgres:
    """The program, and what is in its containers."""

    def __init__(self, program: Path, folder: Path) -> None:
        """Install it, with the product running."""
        self.program, self.folder = program, folder
        (folder / "volumes").mkdir(parents=True)
        for name, text in (("query", ""), ("answer", ""), ("indexes", ""), ("major", "17")):
            (folder / name).write_text(text)
        for name in (POSTGRES, BACKEND, REDIS):
            (folder / "containers" / name / "databases").mkdir(parents=True)
            self.container(name, service=name.split("-")[1], image="x", running="true", code="0")
        self.container(POSTGRES, major="17")
        self.container(REDIS, saved="1000000000", bgsave="ok")
        self.write("postgres", {}, schema="")
        self.write("planner", {TASKS: (30, "77"), PLAN: (3, "-5")})
        self.rules()

    def container(self, name: str, **changed: str) -> None:
        """Change what a container is."""
        for key, value in changed.items():
            (self.folder / "containers" / name / key).write_text(value)

    def is_running(self, name: str) -> bool:
        """Tell whether a container runs."""
        return (self.folder / "containers" / name / "running").read_text().strip() == "true"

    def rules(self, rules: Mapping[str, str] | None = None) -> None:
        """Have other things happen first: shell pattern of the arguments -> shell commands."""
        cases = "".join(f"  {at}) {commands} ;;\n" for at, commands in (rules or {}).items())
        text = PROGRAM.replace("@folder@", shlex.quote(str(self.folder)))
        self.program.write_text(text.replace("@rules@\n", cases).replace("@never@", "''"))
        self.program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """What Docker was asked to do."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def forget_calls(self) -> None:
        """Begin anew with what Docker was asked."""
        (self.folder / "calls").unlink(missing_ok=True)

    def _database(self, name: str) -> Path:
        return self.folder / "containers" / POSTGRES / "databases" / name

    def write(
        self, name: str, rows: Rows, schema: str = "0001_tasks", vector: str = "0.8.0"
    ) -> None:
        """Have the product's server hold a database."""
        lines = [
            ("size", "8"),
            ("extension", "plpgsql", "1.0"),
            ("extension", "vector", vector),
            ("objects", "0"),
            ("schema", schema),
            *(("table", table, str(count), content) for table, (count, content) in rows.items()),
        ]
        text = "".join(f"{SEPARATOR.join(line)}\n" for line in lines)
        self._database(name).write_text(text)

    def rows(self, name: str = "planner") -> Rows:
        """Tell what it holds in a database."""
        lines = [line.split(SEPARATOR) for line in self._database(name).read_text().splitlines()]
        return {line[1]: (int(line[2]), line[3]) for line in lines if line[0] == "table"}

    @property
    def databases(self) -> set[str]:
        """Those of the product's server."""
        return {one.name for one in self._database("").iterdir()} - {"postgres"}

    def asks(self, query: str, answer: str) -> None:
        """Have the owner's query find this."""
        (self.folder / "query").write_text(query)
        (self.folder / "answer").write_text(f"{answer}\n")

    def volume(self, name: str, path: Path) -> None:
        """Have a volume, with its files there."""
        path.mkdir()
        (self.folder / "volumes" / name).write_text(str(path))
