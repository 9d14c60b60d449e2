#!/usr/bin/env python3
"""The same with Python's asyncio. Prints one JSON object: case -> ns per operation (CPU time, best of 3)."""
import asyncio
import json
import time


async def answer(x):
    return x + 1


async def nothing():
    return None


async def deep(depth):
    return 1 if depth == 0 else await deep(depth - 1) + 1


async def child_await(n):
    for _ in range(n):
        await answer(1)


async def ten_deep(n):
    for _ in range(n // 10):
        await deep(9)


async def yields(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def spawn_and_join(n):
    for _ in range(n // 100):
        await asyncio.gather(*[asyncio.create_task(nothing()) for _ in range(100)])


async def join_of(n, width, child=nothing):
    for _ in range(n // width):
        await asyncio.gather(*[child() for _ in range(width)])


async def channel(n, capacity):
    queue = asyncio.Queue(capacity)

    async def produce():
        for i in range(n):
            await queue.put(i)

    async def consume():
        for _ in range(n):
            await queue.get()

    await asyncio.gather(produce(), consume())


async def lock_free(n):
    lock = asyncio.Lock()
    for _ in range(n):
        async with lock:
            pass


async def lock_contended(n):
    lock = asyncio.Lock()

    async def worker():
        for _ in range(n // 4):
            async with lock:
                await asyncio.sleep(0)

    await asyncio.gather(*[worker() for _ in range(4)])


async def semaphore_free(n):
    semaphore = asyncio.Semaphore(4)
    for _ in range(n):
        async with semaphore:
            pass


async def timer(n):
    loop = asyncio.get_running_loop()
    for _ in range(n):
        loop.call_later(1, print).cancel()


async def timeout(n):
    for _ in range(n):
        await asyncio.wait_for(answer(1), 1)


async def event(n):
    ready = asyncio.Event()

    async def set_it():
        ready.set()

    for _ in range(n):
        ready.clear()
        await asyncio.gather(ready.wait(), set_it())


async def yields_once():
    await asyncio.sleep(0)


CASES = {
    "await a child": (child_await, 100_000),
    "await 10 deep, per level": (ten_deep, 100_000),
    "yield": (yields, 20_000),
    "spawn + join": (spawn_and_join, 10_000),
    "join of two": (lambda n: join_of(2 * n, 2), 3_000),
    "join of 100, each": (lambda n: join_of(n, 100), 10_000),
    "join of 100 that yield, each": (lambda n: join_of(n, 100, yields_once), 10_000),
    "join of 10,000, each": (lambda n: join_of(n, 10_000), 10_000),
    "channel, capacity 1": (lambda n: channel(n, 1), 10_000),
    "channel, capacity 64": (lambda n: channel(n, 64), 10_000),
    "lock + unlock, free": (lock_free, 50_000),
    "lock + unlock, 4 contend": (lock_contended, 8_000),
    "semaphore, free": (semaphore_free, 50_000),
    "timer armed and cancelled": (timer, 20_000),
    "timeout around a child": (timeout, 5_000),
    "event, wait and set (join of two)": (event, 3_000),
}


def main():
    results = {}
    for name, (body, n) in CASES.items():
        best = None
        for _ in range(3):
            async def measured():
                begin = time.process_time_ns()
                await body(n)
                return (time.process_time_ns() - begin) / n
            ns = asyncio.run(measured())
            best = ns if best is None else min(best, ns)
        results[name] = best
    print(json.dumps(results))


if __name__ == "__main__":
    main()
