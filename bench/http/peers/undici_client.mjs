// undici (node) as a client of bench_http: URL REQUESTS IN_FLIGHT BODY_BYTES keep|close CA_FILE.
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { Agent, request } from 'undici'

const [url, requestsText, inFlightText, bodyText, connection, caFile] = process.argv.slice(2)
const requests = Number(requestsText)
const inFlight = Number(inFlightText)
const bodyBytes = Number(bodyText)
const dispatcher = new Agent({
  connections: inFlight,
  pipelining: connection === 'close' ? 0 : 1,
  connect: url.startsWith('https') ? { ca: readFileSync(caFile) } : {}
})

async function runAll(count) {
  let left = count
  const latencies = []
  async function work() {
    while (left > 0) {
      left -= 1
      const begin = performance.now()
      const response = await request(url, { dispatcher })
      const body = await response.body.arrayBuffer()
      latencies.push((performance.now() - begin) * 1e3)
      if (response.statusCode !== 200 || body.byteLength !== bodyBytes) throw new Error('a wrong response')
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work))
  return latencies
}

await runAll(Math.floor(requests / 10) + inFlight)
const before = process.cpuUsage()
const begin = performance.now()
const latencies = (await runAll(requests)).sort((a, b) => a - b)
const seconds = (performance.now() - begin) / 1e3
const used = process.cpuUsage(before)
const at = share => latencies[Math.floor(share * (latencies.length - 1) + 0.5)]
console.log(JSON.stringify({
  requests, seconds, cpu_us: used.user + used.system, p50_us: at(0.5), p99_us: at(0.99)
}))
await dispatcher.close()
