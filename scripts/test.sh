#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.
#   scripts/test.sh                    all stages
#   scripts/test.sh --quick            shapes, the dev build and its tests, without those of the examples
#   scripts/test.sh --only STAGE,...   the named stages: shapes format dev examples consumer debug clang asan tsan tidy
# shellcheck disable=SC2317  # the stages are called by name
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root" || exit 1

stages=(shapes format dev examples consumer debug clang asan tsan tidy)
case "${1:-}" in
    "") ;;
    --quick) stages=(shapes dev) ;;
    --only) IFS=, read -r -a stages <<<"${2:?--only needs the names of stages}" ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac

scripts/setup.sh --test || exit 1

jobs="$(nproc)"

# Another clone of the same sources finds the compiled files too.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR="${CCACHE_NOHASHDIR:-1}"
logs="$root/build/log"
mkdir -p "$logs"

# gcc's ThreadSanitizer needs its memory map where it expects it.
fixed_map=()
setarch "$(uname -m)" -R true 2>/dev/null && fixed_map=(setarch "$(uname -m)" -R)

# build PRESET [target...]: configures and builds.
build() {
    local preset="$1" options=()
    shift
    if [ "$preset" = clang ] && ! command -v clang++-19 >/dev/null; then
        command -v clang++ >/dev/null || { echo "no clang++ here" && return 1; }
        options=(-DCMAKE_CXX_COMPILER=clang++)
    fi
    cmake --preset "$preset" "${options[@]}" && cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"}
}

# build_and_test PRESET [ctest option...]
build_and_test() {
    local preset="$1"
    shift
    local prefix=()
    [ "$preset" = tsan ] && prefix=("${fixed_map[@]}")
    if [ "$preset" = tsan ]; then
        # The build starts the test programs to list their tests.
        cmake --preset tsan && "${prefix[@]}" cmake --build --preset tsan --parallel "$jobs" || return 1
    else
        build "$preset" || return 1
    fi
    "${prefix[@]}" ctest --preset "$preset" --parallel "$jobs" "$@"
}

stage_shapes() {
    scripts/check_gcc12_shapes.py --self-test && scripts/check_gcc12_shapes.py && scripts/check_docs.py &&
        scripts/check_tests.py
}
stage_format() { scripts/check-format.sh; }
stage_dev() { build_and_test dev -LE example; }
stage_examples() { build dev && ctest --preset dev --parallel "$jobs" -L example --no-tests=ignore; }
stage_debug() { build debug tandem_tests_core && ctest --preset debug --parallel "$jobs" -L core; }
stage_clang() { build_and_test clang; }
stage_asan() { build_and_test asan; }
stage_tsan() { build_and_test tsan; }
stage_tidy() { scripts/tidy.sh; }

# Two projects that use tandem: one an installed copy, one its sources.
stage_consumer() {
    local installed="$root/build/consumer/prefix" kind
    local launcher=()
    command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    rm -rf "$root/build/consumer"
    build dev && cmake --install build/dev --prefix "$installed" >/dev/null || return 1
    for kind in find_package subdirectory; do
        local folder="$root/build/consumer/$kind"
        cmake -S "tests/consumer/$kind" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=g++ \
            -DCMAKE_PREFIX_PATH="$installed" "${launcher[@]}" &&
            cmake --build "$folder" --parallel "$jobs" && ctest --test-dir "$folder" --output-on-failure || return 1
    done
}

# A function, so that bash has read the whole script before the first stage runs.
run_stages() {
    local names=() results=() times=() failed=0 stage log before result index
    for stage in "${stages[@]}"; do
        if ! declare -F "stage_$stage" >/dev/null; then
            echo "test: no stage $stage" >&2
            exit 2
        fi
        log="$logs/$stage.log"
        printf '== %s\n' "$stage"
        before=$SECONDS
        if "stage_$stage" >"$log" 2>&1; then
            result=ok
            # What ctest and the checkers have to say at their end.
            awk '/^[0-9]+% tests passed/ { closing = 1 } closing || /^self-test|findings$|^format:|^tidy:/
                 /^Total Test time/ { closing = 0 }' "$log"
        else
            result=FAILED
            failed=1
            grep -nE '(error|FAILED):|^FAILED|\*\*\*Failed' "$log" | head -n 20
            tail -n 60 "$log"
            echo "-- the whole output of $stage: $log"
        fi
        names+=("$stage") results+=("$result") times+=($((SECONDS - before)))
    done

    printf '\n%-12s %8s  %s\n' stage seconds result
    for index in "${!names[@]}"; do
        printf '%-12s %8d  %s\n' "${names[$index]}" "${times[$index]}" "${results[$index]}"
    done
    printf '%-12s %8d  %s\n' all "$SECONDS" "$([ $failed = 0 ] && echo ok || echo FAILED)"
    exit $failed
}
run_stages
