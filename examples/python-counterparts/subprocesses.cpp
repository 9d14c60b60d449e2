// asyncio.create_subprocess_exec and create_subprocess_shell.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <csignal>
#include <string>

using namespace std::chrono_literals;

// Python:  process = await asyncio.create_subprocess_exec("sort", stdin=PIPE, stdout=PIPE)
//          out, _ = await process.communicate(b"b\na\n")
//          process.returncode
tandem::task<> communicate() {
    const auto sorted = co_await tandem::run_process(tandem::process_options("sort").input("b\na\n"));
    expect(sorted.status.success() && sorted.out == "a\nb\n");
}

// Python:  process = await asyncio.create_subprocess_shell("exit 3"); await process.wait()
tandem::task<> shell() {
    const auto ended = co_await tandem::run_process(tandem::process_options::shell("echo oops >&2; exit 3"));
    expect(ended.status.code() == 3 && ended.err == "oops\n");
}

// Python:  process.stdin.write(b"one\n"); line = await process.stdout.readline()
// However the body ends, the child has ended and was reaped after with_subprocess: no zombie, no orphan.
tandem::task<> talk() {
    std::string answer;
    const auto body = [&answer](tandem::subprocess& cat) -> tandem::task<> {
        co_await cat.write("one\n");
        const auto line = co_await cat.out().read_line();
        answer = line.value_or("");
    };
    auto options = tandem::process_options("cat").in(tandem::process_io::pipe).out(tandem::process_io::pipe);
    const auto status = co_await tandem::with_subprocess(options, body);
    expect(answer == "one" && status.success());
}

// Python:  try: await asyncio.wait_for(process.wait(), 0.01)
//          except TimeoutError: process.kill(); await process.wait()
tandem::task<> time_limit() {
    bool late = false;
    try {
        co_await tandem::run_process(tandem::process_options("sleep").args("60").timeout(10ms));
    } catch (const tandem::timeout_error&) {
        late = true; // it has got SIGTERM, and was waited for
    }
    expect(late);
}

// Python:  process.send_signal(signal.SIGTERM); await process.wait()
tandem::task<> send_signal() {
    tandem::subprocess sleeper(tandem::process_options("sleep").args("60"));
    sleeper.signal(SIGTERM);
    const auto status = co_await sleeper.wait();
    expect(status.signal() == SIGTERM);
}

tandem::task<> all() {
    co_await communicate();
    co_await shell();
    co_await talk();
    co_await time_limit();
    co_await send_signal();
}

int main() {
    return tandem::run(all);
}
