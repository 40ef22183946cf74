#!/usr/bin/env bash
# install.sh - what is installed can be used: a program outside of the tree builds with pkg-config, against the shared and
# the static library, and runs. The self-check is a program that uses a name which is not exported.
set -euo pipefail
build=${GN_BUILD_DIR:-build/dev}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cmake --install "$build" --prefix "$tmp/usr" >"$tmp/install.log" || { cat "$tmp/install.log"; exit 1; }
for file in man/man1/ghostnet.1 man/man1/ghostnet-kv-put.1 bash-completion/completions/ghostnet; do
    [ -s "$tmp/usr/share/$file" ] || { echo "share/$file is not installed"; exit 1; }
done
cat >"$tmp/user.c" <<'C'
#include <stdio.h>

#include "base/err.h"
#include "base/id.h"

int main(void)
{
    struct gn_id id;
    return gn_id_parse(&id, "short", 5) == GN_E_INVALID && puts(gn_err_text(GN_E_INVALID)) >= 0 ? 0 : 1;
}
C
printf 'int llhttp_get_type(void);\nint main(void) { return llhttp_get_type(); }\n' >"$tmp/intruder.c"

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$tmp/usr" -name ghostnet.pc)")
# the file names the prefix that was configured; this copy is elsewhere
pc() { pkg-config --define-variable=prefix="$tmp/usr" --define-variable=libdir="$(dirname "$PKG_CONFIG_PATH")" \
    --define-variable=includedir="$tmp/usr/include/ghostnet" "$@" ghostnet; }

# shellcheck disable=SC2046
gcc -std=c11 -o "$tmp/shared" "$tmp/user.c" $(pc --cflags --libs)
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH") "$tmp/shared"
readelf -d "$tmp/shared" | grep -q 'libghostnet.so.0' || { echo "the soname is not libghostnet.so.0"; exit 1; }

mkdir "$tmp/static"
cp "$(dirname "$PKG_CONFIG_PATH")/libghostnet.a" "$tmp/static/"
# shellcheck disable=SC2046
gcc -std=c11 -o "$tmp/alone" "$tmp/user.c" $(pc --cflags) "$tmp/static/libghostnet.a" $(pkg-config --libs libsodium) -pthread
"$tmp/alone"

# shellcheck disable=SC2046
if gcc -o "$tmp/intruder" "$tmp/intruder.c" $(pc --libs) 2>/dev/null; then
    echo "self-check failed: libghostnet.so gives away names that are not its own"
    exit 1
fi
echo "the installed library works, shared and static"
