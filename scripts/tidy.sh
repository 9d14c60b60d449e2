#!/usr/bin/env bash
# clang-tidy (.clang-tidy) over the sources that changed against a base (default: origin/main, else the last commit);
#   scripts/tidy.sh [BASE | --all]          uses the compile commands of build/clang; skipped without clang-tidy
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool="${CLANG_TIDY:-}"
for candidate in clang-tidy-19 clang-tidy-20 clang-tidy-18; do
    [ -n "$tool" ] || ! command -v "$candidate" >/dev/null || tool="$candidate"
done
[ -n "$tool" ] || { echo "tidy: skipped, no clang-tidy 18 or newer (scripts/setup.sh --dev)" && exit 0; }
[ -f build/clang/compile_commands.json ] || cmake --preset clang >/dev/null

if [ "${1:-}" = --all ]; then
    mapfile -t files < <(git ls-files -- 'lib/**.cpp' 'examples/**.cpp')
else
    base="${1:-origin/main}"
    git rev-parse -q --verify "$base^{commit}" >/dev/null || base=HEAD~1
    git rev-parse -q --verify "$base^{commit}" >/dev/null || base=HEAD
    mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- 'lib/**.cpp' 'examples/**.cpp' |
        head -n "${TANDEM_TIDY_MAX:-40}")
fi
checked=()
for file in "${files[@]}"; do
    [[ "$file" == *_impl.cpp ]] || checked+=("$file")
done
[ ${#checked[@]} -gt 0 ] || { echo "tidy: no changed sources" && exit 0; }
printf '%s\0' "${checked[@]}" | xargs -0 -n 1 -P "$(nproc)" "$tool" -p build/clang --quiet
echo "tidy: ${#checked[@]} files with $tool"
