#!/bin/sh
# As upstream's: options alone start the server; started by root, it takes /data and steps down to user redis.
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
  set -- redis-server "$@"
fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  find . \! -user redis -exec chown redis '{}' +
  exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
if [ "$(umask)" = 0022 ]; then
  umask 0077
fi
# Upstream compiles the image's server with protected mode off by default.
if [ "$1" = redis-server ] && [ "${2%.conf}" = "${2:-}" ]; then
  set -- "$@" --protected-mode no
fi
exec "$@"
