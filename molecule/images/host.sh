# shellcheck shell=bash
# Sourced: what the images take from the machine that builds them - its Debian mirror, its extra CAs, its pip index.
# Written to .cache/ at build time only, so that no name of a mirror or of a company ever enters the repository.

HOST_DIR=$STEPS_ROOT/.cache/images

# mirror SUITE: the URI this machine uses for a suite of Debian; reads one-line and deb822 sources, prints nothing if none.
mirror() {
  local files
  mapfile -t files < <(find /etc/apt/sources.list /etc/apt/sources.list.d -type f \( -name '*.list' -o -name '*.sources' \) 2>/dev/null)
  [ "${#files[@]}" -eq 0 ] || awk -v suite="$1" '
    function found(uri) { if (uri ~ /^https?:/ && !done) { sub("/$", "", uri); print uri; done = 1 } }
    function stanza() { if (uris && index(" " suites " ", " " suite " ")) found(uris); uris = suites = "" }
    FNR == 1 { stanza() }
    /^deb[ \t]/ { sub(/\[[^]]*\]/, ""); if ($3 == suite) found($2) }
    /^URIs:/ { uris = $2 }
    /^Suites:/ { sub("^Suites:[ \t]*", ""); suites = $0 }
    /^[ \t]*$/ { stanza() }
    END { stanza() }' "${files[@]}"
}

host_files() {
  local dir=$HOST_DIR/host codename security index
  writable "$HOST_DIR"
  rm -rf "$dir"
  mkdir -p "$dir/ca"
  codename=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME") || codename=none
  MIRROR=$(mirror "$codename")
  security=$(mirror "$codename-security")
  # On a machine that is no Debian the images keep their own sources, and debootstrap its own default.
  [ -z "$MIRROR" ] || cat >"$dir/debian.sources" <<SOURCES
Types: deb
URIs: $MIRROR
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: ${security:-${MIRROR%/*}/debian-security}
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
  # CAs the owner of this machine added (an intercepting proxy): without them no https from inside an image.
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$dir/ca/" \; 2>/dev/null || true
  [ -z "${BENCH_CA_FILE:-}" ] || cp "$BENCH_CA_FILE" "$dir/ca/bench-ca-file.crt"
  index=${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2>/dev/null || true)}
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n%s\n' "${index:+index-url = $index}" >"$dir/pip.conf"
  cp "$STEPS_ROOT/molecule/images/apply-host" "$dir/apply"
}
