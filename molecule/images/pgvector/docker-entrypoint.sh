#!/usr/bin/env bash
# What upstream's entry point does on a fresh volume: initdb, a server on the unix socket only, the database, the
# init scripts; then the server. Variables and order as upstream's, and from PostgreSQL 18 on what it refuses.
set -Eeo pipefail

file_env() { # VAR or VAR_FILE, not both
  local file=${1}_FILE
  if [ "${!1:-}" ] && [ "${!file:-}" ]; then echo >&2 "error: both $1 and $file are set (but are exclusive)"; exit 1; fi
  [ -z "${!file:-}" ] || export "$1=$(<"${!file}")"
  [ "${!1:-}" ] || export "$1=${2:-}"
  unset "$file"
}

sql() {
  PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password --dbname "${DB:-$POSTGRES_DB}" "$@"
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        echo "$0: running $file"
        # shellcheck disable=SC1090
        if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) echo "$0: running $file"; sql -f "$file" ;;
      *.sql.gz) echo "$0: running $file"; gunzip -c "$file" | sql ;;
      *.sql.xz) echo "$0: running $file"; xzcat "$file" | sql ;;
      *.sql.zst) echo "$0: running $file"; zstd -dc "$file" | sql ;;
      *) echo "$0: ignoring $file" ;;
    esac
  done
}

# refuse_old_layout: a database of another major version, or a volume where they were before 18, is not left unused.
refuse_old_layout() {
  local folder old=()
  [ "$PGDATA" = "/var/lib/postgresql/$PG_MAJOR/docker" ] || return 0
  for folder in /var/lib/postgresql /var/lib/postgresql/data /var/lib/postgresql/*/docker; do
    if [ -s "$folder/PG_VERSION" ]; then old+=("$folder"); fi
  done
  if [ "${#old[@]}" -eq 0 ] && mountpoint -q /var/lib/postgresql/data; then
    old=("/var/lib/postgresql/data (unused mount/volume)")
  fi
  [ "${#old[@]}" -eq 0 ] || {
    echo >&2 "Error: from 18 on this image keeps a database below /var/lib/postgresql, by its major version."
    echo >&2 "       There appears to be PostgreSQL data in: ${old[*]}"
    exit 1
  }
}

init_database() {
  local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
    echo >&2 'Error: Database is uninitialized and superuser password is not specified.'
    exit 1
  fi
  eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") ${POSTGRES_INITDB_ARGS:-}"
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

  export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
  [ "$1" = postgres ] || set -- postgres "$@"
  shift
  pg_ctl -D "$PGDATA" -o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    DB=postgres sql --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db" ;'
  fi
  run_init_files
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
if [ "$1" = postgres ]; then
  mkdir -p "$PGDATA"
  chmod 00700 "$PGDATA" || :
  if [ "$(id -u)" = 0 ]; then
    chown -R postgres "$PGDATA" /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups "${BASH_SOURCE[0]}" "$@"
  fi
  file_env POSTGRES_PASSWORD
  file_env POSTGRES_USER postgres
  file_env POSTGRES_DB "$POSTGRES_USER"
  file_env POSTGRES_INITDB_ARGS
  if [ -s "$PGDATA/PG_VERSION" ]; then
    printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
  else
    if [ "$PG_MAJOR" -ge 18 ]; then refuse_old_layout; fi
    init_database "$@"
  fi
fi
exec "$@"
