#!/usr/bin/env python3
"""aiohttp as a client of bench_http: (asyncio|uvloop) URL REQUESTS IN_FLIGHT BODY_BYTES keep|close CA_FILE."""
import asyncio
import json
import ssl
import sys
import time

import aiohttp


def quantile(values, share):
    values = sorted(values)
    return values[int(share * (len(values) - 1) + 0.5)]


async def run_all(session, url, requests, in_flight, body_bytes, latencies):
    left = requests

    async def work():
        nonlocal left
        while left:
            left -= 1
            begin = time.perf_counter_ns()
            async with session.get(url) as response:
                body = await response.read()
            latencies.append(time.perf_counter_ns() - begin)
            assert response.status == 200 and len(body) == body_bytes

    await asyncio.gather(*(work() for _ in range(in_flight)))


async def main(url, requests, in_flight, body_bytes, connection, ca_file):
    context = ssl.create_default_context(cafile=ca_file) if url.startswith("https") else None
    connector = aiohttp.TCPConnector(limit=in_flight, force_close=connection == "close", ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        latencies = []
        await run_all(session, url, requests // 10 + in_flight, in_flight, body_bytes, latencies)
        latencies.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        await run_all(session, url, requests, in_flight, body_bytes, latencies)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        json.dumps(
            {
                "requests": requests,
                "seconds": wall,
                "cpu_us": cpu * 1e6,
                "p50_us": quantile(latencies, 0.5) / 1e3,
                "p99_us": quantile(latencies, 0.99) / 1e3,
            }
        )
    )


loop, url, requests, in_flight, body_bytes, connection, ca_file = sys.argv[1:]
if loop == "uvloop":
    import uvloop

    uvloop.install()
asyncio.run(main(url, int(requests), int(in_flight), int(body_bytes), connection, ca_file))
