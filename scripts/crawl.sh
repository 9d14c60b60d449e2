#!/usr/bin/env bash
# Installs what is missing, builds tandem-crawl, and runs it with the given arguments (without any: the demo site).
#   scripts/crawl.sh                          scripts/crawl.sh https://example.org --max-pages 200
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
build="$root/build/release"
log="$build/crawl-build.log"

"$root/scripts/setup.sh"
mkdir -p "$build"

fail() {
    [ -t 2 ] && printf '\r\033[K' >&2
    tail -n 40 "$log" >&2
    echo "crawl: $1 failed; the whole output is in $log" >&2
    exit 1
}

started=$SECONDS
if [ ! -f "$build/build.ninja" ]; then
    tests=OFF
    [ -e /usr/include/catch2 ] && tests=ON
    (cd "$root" && cmake --preset release -DTANDEM_BUILD_TESTS=$tests) >"$log" 2>&1 || fail "configuring"
fi

# One line of progress; an unchanged build says nothing.
if ! NINJA_STATUS='[%f/%t] ' ninja -C "$build" -j "$(nproc)" tandem-crawl 2>&1 | tee "$log" | {
    shown=0
    while IFS= read -r line; do
        [[ "$line" =~ ^\[([0-9]+/[0-9]+)\] ]] || continue
        count="${BASH_REMATCH[1]}"
        [ $shown = 1 ] || [[ "$line" == *Building* ]] || continue
        if [ -t 2 ]; then
            printf '\rbuilding tandem-crawl %s (%d s)' "$count" $((SECONDS - started)) >&2
            shown=1
        elif [ $shown = 0 ]; then
            echo "building tandem-crawl (the first time takes a few minutes)" >&2
            shown=1
        fi
    done
    [ $shown = 1 ] && [ -t 2 ] && printf '\r\033[K' >&2
    [ $shown = 1 ] && echo "built tandem-crawl in $((SECONDS - started)) s" >&2
    true
}; then
    fail "building"
fi

program="$(find "$build/examples" -name tandem-crawl -type f -perm -u+x | head -n 1)"
[ -n "$program" ] || fail "finding tandem-crawl"
[ $# -eq 0 ] && set -- --demo
exec "$program" "$@"
