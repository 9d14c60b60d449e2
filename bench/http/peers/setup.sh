#!/usr/bin/env bash
# Makes the peers of bench_http that need more than a package: Go's client is compiled, undici comes from npm.
#   bench/http/peers/setup.sh [build/release/bench]     the folder that has bench_http
# What is missing is left out, and the benchmark says so.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
into="${1:-$here/../../../build/release/bench}/http-peers"
mkdir -p "$into"

if command -v go >/dev/null; then
    (cd "$into" && GOFLAGS= GO111MODULE=off go build -o go_client "$here/go_client.go")
else
    echo "setup: no go (Debian: golang-go)" >&2
fi
if command -v node >/dev/null && command -v npm >/dev/null; then
    cp "$here/undici_client.mjs" "$into/"
    # The last version for node 18 and 20.
    (cd "$into" && npm install --silent --no-audit --no-fund --prefix . undici@6 >/dev/null) ||
        echo "setup: npm could not fetch undici" >&2
else
    echo "setup: no node with npm (Debian: nodejs npm)" >&2
fi
