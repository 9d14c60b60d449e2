#!/usr/bin/env python3
"""What Python's own pools cost, for the benchmark of tandem's: concurrent.futures, and joblib where it is installed.

Prints one JSON object: {column: {row: [unit, value]}}; the rows are those of the C++ program."""
import json
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

WORKERS = 2


def nothing():
    return 1


def began():
    return time.monotonic_ns()


def quantile(values, share):
    values = sorted(values)
    return values[int(share * (len(values) - 1) + 0.5)]


def submit(pool, n):
    for future in [pool.submit(nothing) for _ in range(n)]:
        future.result()


def per_task(body, n):
    begin = time.perf_counter_ns()
    body()
    return (time.perf_counter_ns() - begin) / n


def four_producers(pool, n):
    threads = [threading.Thread(target=submit, args=(pool, n // 4)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def round_trips(pool, n):
    for _ in range(n):
        pool.submit(nothing).result()


def futures():
    rows = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        submit(pool, 100)
        rows["submit, 1 producer"] = ["ns", per_task(lambda: submit(pool, 10_000), 10_000)]
        rows["submit, 4 producers"] = ["ns", per_task(lambda: four_producers(pool, 10_000), 10_000)]
        rows["future round trip"] = ["ns", per_task(lambda: round_trips(pool, 2_000), 2_000)]
        for name, pause, samples in (("50 us", 50e-6, 200), ("1 ms", 1e-3, 100), ("10 ms", 10e-3, 20)):
            took = []
            for _ in range(samples):
                time.sleep(pause)
                asked = time.monotonic_ns()
                took.append((pool.submit(began).result() - asked) / 1e3)
            rows[f"wake-up after {name} idle, p50"] = ["us", quantile(took, 0.5)]
            rows[f"wake-up after {name} idle, p99"] = ["us", quantile(took, 0.99)]
    with ProcessPoolExecutor(WORKERS) as pool:
        submit(pool, 10)
        rows["future round trip, other process"] = ["ns", per_task(lambda: round_trips(pool, 500), 500)]
    return rows


def joblib_rows():
    try:
        from joblib import Parallel, delayed
    except ImportError:
        return {}
    rows = {}
    with Parallel(WORKERS, prefer="threads") as parallel:
        parallel(delayed(nothing)() for _ in range(100))
        n = 2_000
        rows["submit, 1 producer"] = ["ns", per_task(lambda: parallel(delayed(nothing)() for _ in range(n)), n)]
    with Parallel(WORKERS) as parallel:
        parallel(delayed(nothing)() for _ in range(10))
        n = 50
        trips = per_task(lambda: [parallel([delayed(nothing)()]) for _ in range(n)], n)
        rows["future round trip, other process"] = ["ns", trips]
    return rows


if __name__ == "__main__":
    json.dump({"futures": futures(), "joblib": joblib_rows()}, sys.stdout)
    print()
