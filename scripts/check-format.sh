#!/usr/bin/env bash
# Says which files differ from .clang-format; with --fix it formats them. Needs clang-format 15 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool="${CLANG_FORMAT:-}"
for candidate in clang-format-19 clang-format; do
    [ -n "$tool" ] || ! command -v "$candidate" >/dev/null || tool="$candidate"
done
version="$({ "${tool:-false}" --version 2>/dev/null || true; } | grep -oE '[0-9]+\.[0-9]+' | head -n 1)"
if [ "${version%%.*}" -lt 15 ] 2>/dev/null || [ -z "$version" ]; then
    echo "format: skipped, no clang-format 15 or newer (Debian: clang-format-19)"
    exit 0
fi

mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.hpp' '*.cpp' '*.ipp')
existing=()
for file in "${files[@]}"; do [ -f "$file" ] && existing+=("$file"); done
[ ${#existing[@]} -gt 0 ] || { echo "format: no files" && exit 0; }

if [ "${1:-}" = --fix ]; then
    "$tool" -i "${existing[@]}"
else
    bad="$("$tool" --dry-run "${existing[@]}" 2>&1 |
        sed -nE 's/^([^:]+):[0-9]+:[0-9]+: (warning|error):.*/\1/p' | sort -u)"
    if [ -n "$bad" ]; then
        while IFS= read -r file; do echo "format: FAILED: $file"; done <<<"$bad"
        echo "format: scripts/check-format.sh --fix repairs this"
        exit 1
    fi
fi
echo "format: ${#existing[@]} files with $tool $version"
