#!/bin/sh
# Fills in nginx.conf from the environment, and becomes nginx.
#   BACKEND_URL, AGENT_URL  where /api and /agent are; required
#   LISTEN                  address to listen on
#   SETTINGS_DIR            folder of settings.json
#   TMPDIR                  a folder that may be written to
#   POD_NAME                goes into the header X-Pod-Name
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# http://backend:8000/ -> backend:8000
authority() { printf '%s' "$1" | sed -E 's|^[a-z]+://||; s|/.*$||'; }

user=""
# As root the workers would become somebody else, who may not be able to read the page.
[ "$(id -u)" = 0 ] && user="user root root;"

run=$(mktemp -d "${TMPDIR:-/tmp}/nginx.XXXXXX")
sed -e "s|@USER@|$user|" \
    -e "s|@RUN@|$run|" \
    -e "s|@LISTEN@|${LISTEN:-8080}|" \
    -e "s|@ROOT@|$here/html|g" \
    -e "s|@SETTINGS@|${SETTINGS_DIR:-$here/html}|g" \
    -e "s|@POD_NAME@|${POD_NAME:-${HOSTNAME:-}}|" \
    -e "s|@BACKEND@|$(authority "${BACKEND_URL:?is not set}")|" \
    -e "s|@AGENT@|$(authority "${AGENT_URL:?is not set}")|" \
    "$here/nginx.conf.template" >"$run/nginx.conf"
exec "${NGINX_PROGRAM:-nginx}" -c "$run/nginx.conf" -e stderr
