#!/bin/sh
# As upstream's: scripts and templates of /docker-entrypoint.d and /etc/nginx/templates, then the server.
set -e
case "$1" in
  nginx | nginx-debug)
    for file in /docker-entrypoint.d/*.sh; do
      [ ! -x "$file" ] || "$file"
    done
    for template in /etc/nginx/templates/*.template; do
      [ -f "$template" ] || continue
      # Only variables that exist, so that nginx's own $host and friends stay.
      names=$(awk 'BEGIN { for (name in ENVIRON) printf "${%s} ", name }')
      target=/etc/nginx/conf.d/$(basename "$template" .template)
      envsubst "$names" <"$template" >"$target"
    done
    ;;
esac
exec "$@"
