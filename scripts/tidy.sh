#!/usr/bin/env bash
# clang-tidy (.clang-tidy) over lib/ and examples/, all of it or what changed against BASE:
#   scripts/tidy.sh [BASE]          uses the compile commands of build/clang; skipped without clang-tidy
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool="${CLANG_TIDY:-}"
for candidate in clang-tidy-19 clang-tidy-20 clang-tidy-18; do
    [ -n "$tool" ] || ! command -v "$candidate" >/dev/null || tool="$candidate"
done
[ -n "$tool" ] || { echo "tidy: skipped, no clang-tidy 18 or newer (scripts/setup.sh --dev)" && exit 0; }
[ -f build/clang/compile_commands.json ] || cmake --preset clang >/dev/null

if [ $# -gt 0 ]; then
    mapfile -t files < <(git diff --name-only --diff-filter=d "$1" -- 'lib/**.cpp' 'examples/**.cpp')
else
    mapfile -t files < <(git ls-files -- 'lib/**.cpp' 'examples/**.cpp')
fi
checked=()
for file in "${files[@]}"; do
    [[ "$file" == *_impl.cpp ]] || checked+=("$file") # Asio's and Beast's code
done
[ ${#checked[@]} -gt 0 ] || { echo "tidy: no changed sources" && exit 0; }
printf '%s\0' "${checked[@]}" | xargs -0 -n 1 -P "$(nproc)" "$tool" -p build/clang --quiet
echo "tidy: ${#checked[@]} files with $tool"
