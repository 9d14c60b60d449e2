#!/usr/bin/env bash
# Installs through apt what the project needs and is missing; says what, and nothing when nothing is.
#   scripts/setup.sh           to build and run the crawler
#   scripts/setup.sh --test    and to run scripts/test.sh (Catch2, clang 19, ccache, ...)
#   scripts/setup.sh --dev     and the tools of daily work (clang-tidy, nginx-light, ...); --ci is the same
# TANDEM_SKIP_SETUP=1 makes it do nothing.
set -euo pipefail

[ "${TANDEM_SKIP_SETUP:-}" = 1 ] && exit 0

packages=(g++ cmake ninja-build libssl-dev zlib1g-dev libidn2-dev libc-ares-dev libpsl-dev libnghttp2-dev libbrotli-dev
          libzstd-dev libsqlite3-dev libxml2-dev ca-certificates)
optional=()
for argument in "$@"; do
    case "$argument" in
        --test)
            packages+=(catch2 python3)
            optional+=(ccache clang-19 libclang-rt-19-dev clang-format-19 clang-tidy-19 node-llhttp spin nginx-light nghttp2-server
                       python3-h11)
            ;;
        --dev | --ci)
            packages+=(catch2 python3)
            optional+=(ccache clang-19 libclang-rt-19-dev clang-format-19 clang-tidy-19 node-llhttp spin nginx-light nghttp2-server
                       python3-h11 libtbb-dev python3-joblib nghttp2-client wrk apache2 caddy python3-httpbin gunicorn
                       libcurl4-openssl-dev python3-aiohttp python3-uvloop golang-go)
            ;;
        *)
            echo "usage: scripts/setup.sh [--test | --dev | --ci]" >&2
            exit 2
            ;;
    esac
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    cat >&2 <<'END'
setup: this system has no apt, so nothing is installed. tandem needs a C++20 compiler (g++ 12 or newer, clang 16 or
newer), CMake 3.25, Ninja, the headers of Boost 1.81 or newer, OpenSSL, zlib, libidn2, c-ares, libpsl, nghttp2,
brotli, zstd, SQLite and libxml2; the tests need
Catch2 and Python 3. Install these, then run the command again with TANDEM_SKIP_SETUP=1.
END
    exit 1
fi

installed() { [[ "$(dpkg-query -W -f='${db:Status-Status} ' "$1" 2>/dev/null)" == *"installed "* ]]; }
available() { [[ "$(apt-cache policy "$1" 2>/dev/null)" == *"Candidate: "[0-9]* ]]; }
boost_is_new_enough() {
    local header
    for header in /usr/local/include/boost/version.hpp /usr/include/boost/version.hpp; do
        [ -r "$header" ] && awk '/define BOOST_VERSION /{ ok = $3 >= 108100 } END { exit !ok }' "$header" && return 0
    done
    return 1
}

# One question for all packages: a second run costs some milliseconds.
missing_of() {
    local have package
    have=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true) "
    for package in "$@"; do
        [[ "$have" == *" installed:$package "* ]] || echo "$package"
    done
}
mapfile -t missing < <(missing_of "${packages[@]}" "${optional[@]}")
boost_missing=0
boost_is_new_enough || boost_missing=1
[ ${#missing[@]} -eq 0 ] && [ $boost_missing = 0 ] && exit 0

# A package that was not to be had here is not asked for again and again.
state="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/setup-unavailable"
wanted=()
for package in "${missing[@]}"; do
    if [[ " ${optional[*]} " == *" $package "* ]] && grep -qsx "$package" "$state"; then continue; fi
    wanted+=("$package")
done
[ ${#wanted[@]} -eq 0 ] && [ $boost_missing = 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        [ $boost_missing = 1 ] && wanted+=(libboost-dev)
        echo "setup: missing packages, and neither root nor sudo to install them. As root: apt-get install ${wanted[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
run_apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
run_apt update >"$log" 2>&1 || echo "setup: apt-get update failed; going on with the package lists that are there" >&2

chosen=()
for package in "${wanted[@]}"; do
    if available "$package"; then
        chosen+=("$package")
    elif [[ " ${optional[*]} " == *" $package "* ]]; then
        echo "setup: $package is not available here; going on without it" >&2
        mkdir -p "$(dirname "$state")" && echo "$package" >>"$state"
    else
        echo "setup: apt knows no package $package (is this Debian 12 or 13, or Ubuntu 24.04?)" >&2
        exit 1
    fi
done
if [ $boost_missing = 1 ]; then
    for package in libboost1.81-dev libboost1.88-dev libboost1.83-dev libboost-dev; do
        if available "$package"; then
            chosen+=("$package")
            break
        fi
    done
fi

if [ ${#chosen[@]} -gt 0 ]; then
    echo "setup: installing ${chosen[*]}" >&2
    if ! run_apt install -y --no-install-recommends --no-remove "${chosen[@]}" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        echo "setup: apt-get could not install ${chosen[*]}" >&2
        if installed libboost1.74-dev; then
            echo "setup: libboost1.74-dev is in the way of a newer Boost; remove it (apt-get remove libboost1.74-dev) first" >&2
        fi
        exit 1
    fi
fi
if ! boost_is_new_enough; then
    echo "setup: the Boost that apt offers is older than 1.81, which tandem needs" >&2
    exit 1
fi
