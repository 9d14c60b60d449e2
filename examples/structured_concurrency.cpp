// The examples of docs/structured-concurrency.md, in its order. Each one asserts what it shows; the program
// prints their names and ends with 0.
#include <tandem/tandem.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;

void check(bool good, std::source_location where = std::source_location::current()) {
    if (good) return;
    std::fprintf(stderr, "line %u: not as documented\n", static_cast<unsigned>(where.line()));
    std::abort();
}

// ---- a task ----

task<std::string> load(std::string name) {
    co_await sleep_for(2ms); // stands for the network
    co_return name + ".";
}

task<std::string> load_both() {
    auto first = co_await load("a");  // begins here, and is waited for here
    auto second = co_await load("b"); // begins when the first one has ended
    co_return first + second;
}

task<> fails(std::string why) {
    co_await sleep_for(1ms);
    throw std::runtime_error(why);
}

// ---- all, any, settled, the first success ----

task<> all_of_them() {
    auto [user, posts] = co_await when_all(load("user"), load("posts")); // both wait at the same time
    check(user == "user." && posts == "posts.");

    std::vector<task<std::string>> several;
    for (int i = 0; i < 3; ++i)
        several.push_back(load(std::to_string(i)));
    std::vector<std::string> pages = co_await when_all(std::move(several));
    check(pages.size() == 3 && pages[2] == "2.");
}

task<> nothing_lost_in_a_race() {
    channel<int> orders(8);
    co_await orders.send(7);
    auto race = co_await when_any(orders.receive(), sleep_for(1s));
    if (auto& order = race.get<0>()) check(order.value() == 7); // received, whoever was the first
    check(race.get<1>().cancelled());                           // the loser: cancelled, and waited for
}

task<> each_its_own_end() {
    auto [user, ads] = co_await when_all_settled(load("user"), fails("no ads today"));
    check(user.value() == "user.");
    check(!ads && describe(ads.failure()).find("no ads today") != std::string::npos);
}

task<std::string> broken_mirror() {
    co_await fails("mirror down");
    co_return "";
}

task<> whichever_works() {
    std::string page = co_await first_success(broken_mirror(), load("page"), broken_mirror());
    check(page == "page.");
}

// ---- many of one kind ----

task<std::size_t> total_size(completions<std::string>& results) {
    std::size_t sum = 0;
    while (auto page = co_await results.next()) // in the order in which they end
        if (*page) sum += page->value().size();
    co_return sum; // leaving earlier would cancel the rest, and wait for it
}

task<> as_they_come() {
    std::vector<task<std::string>> fetches;
    for (int i = 0; i < 5; ++i)
        fetches.push_back(load(std::to_string(i)));
    const std::size_t sum = co_await as_completed(std::move(fetches), 2, total_size); // at most 2 at a time
    check(sum == 10);
}

task<> one_for_each_element() {
    std::vector<std::string> names{"a", "b", "c"};
    std::vector<std::string> pages = co_await concurrent_map(names, 2, load); // in the order of `names`
    check(pages.size() == 3 && pages[1] == "b.");
}

task<> produce(channel<std::string>& names) {
    for (int i = 0; i < 5; ++i)
        co_await names.send(std::to_string(i)); // waits while the channel is full
    names.close();                              // tells the next stage that this was the last one
}

task<> load_all(channel<std::string>& names, channel<std::string>& pages) {
    static_cast<void>(co_await concurrent_map(names, 2, load, pages));
    pages.close();
}

task<> collect(channel<std::string>& pages, std::size_t& count) {
    while (auto page = co_await pages.receive())
        ++count;
}

task<> a_pipeline() {
    channel<std::string> names(2);
    channel<std::string> pages(2);
    std::size_t count = 0;
    co_await when_all(produce(names), load_all(names, pages), collect(pages, count));
    check(count == 5);
}

// ---- task groups ----

task<> tick(int& ticks) {
    for (;;) {
        ++ticks;
        co_await sleep_for(1ms);
    }
}

task<> a_group() {
    int ticks = 0;
    co_await with_task_group([&](task_group& group) -> task<> {
        group.spawn(named("ticker"), tick, std::ref(ticks)); // the name is shown by dump_tasks
        auto page = group.spawn_result(load, "page");        // a child whose result is wanted
        const std::string text = co_await page.result();
        check(text == "page.");
        group.cancel(); // the ticker would go on for ever
    });                 // here both have ended
    check(ticks > 0);
}

task<> the_first_failure_ends_all() {
    int ticks = 0;
    std::string what;
    try {
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(tick, std::ref(ticks));
            group.spawn(fails, "disk full");
            co_return;
        });
    } catch (const std::runtime_error& e) {
        what = e.what(); // the ticker was cancelled, and has ended
    }
    check(what == "disk full");
}

task<> all_failures() {
    std::size_t failures = 0;
    try {
        auto options = task_group_options().on_failure(failure_policy::collect_all).limit(2);
        co_await with_task_group(options, [](task_group& group) -> task<> {
            for (const char* why : {"one", "two", "three"})
                group.spawn(fails, why); // at most 2 run at a time; the third is held back
            co_return;
        });
    } catch (const aggregate_error& e) {
        failures = e.errors().size();
    }
    check(failures == 3);
}

task<> server(started<int>& start, int port) {
    co_await sleep_for(1ms); // binds, listens
    start.ready(port);       // now `start` returns
    co_await sleep_for(1h);  // serves
}

task<> begin_when_ready() {
    co_await with_task_group([](task_group& group) -> task<> {
        const int port = co_await group.start<int>(server, 8080);
        check(port == 8080); // it is ready, and runs on
        group.cancel();
    });
}

// ---- time ----

task<> limits_on_time() {
    bool late = false;
    try {
        co_await with_timeout(5ms, sleep_for(1h));
    } catch (const timeout_error& e) {
        late = e.limit() == 5ms; // what(): also tells what it waited for
    }
    check(late);

    auto cached = co_await move_on_after(5ms, sleep_for(1h)); // being late is no failure here
    check(!cached);

    auto page = co_await with_timeout(5s, load, "page"); // a callable with its arguments does, too
    check(page == "page.");
}

task<> the_tighter_limit_wins() {
    bool inherited = false;
    co_await with_timeout(1s, [&]() -> task<> {
        const auto outer = current_deadline();
        co_await with_timeout(1h, [&]() -> task<> {
            inherited = current_deadline() == outer; // not an hour from now
            co_return;
        });
    });
    check(inherited);
}

// ---- work that must be done ----

task<> shielded() {
    bool written = false;
    auto write = [&]() -> task<> {
        co_await sleep_for(20ms);
        written = true;
    };
    auto commit = [&]() -> task<> {
        co_await shield(write()); // ends in its own time, and is waited for
        co_await sleep_for(1h);   // here the time-out shows
    };
    static_cast<void>(co_await move_on_after(5ms, commit()));
    check(written);
}

task<> cleaned_up() {
    bool logged_out = false;
    auto work = []() -> task<> { co_await sleep_for(1h); };
    auto log_out = [&]() -> task<> {
        co_await sleep_for(1ms); // a cleanup may wait: it is shielded, and has 5 s by default
        logged_out = true;
    };
    static_cast<void>(co_await move_on_after(5ms, with_cleanup(work, log_out)));
    check(logged_out);
}

// ---- again and again ----

task<> try_again() {
    int calls = 0;
    auto flaky = [&]() -> task<int> {
        if (++calls < 3) throw std::runtime_error("not yet");
        co_return calls;
    };
    const int got = co_await retry(retry_policy().attempts(5).initial_delay(1ms).budget(10s), flaky);
    check(got == 3);
}

task<> every_so_often() {
    int calls = 0;
    auto refresh = [&calls] { return ++calls < 3; }; // false ends it
    co_await every(1ms, refresh);                    // now, then on a grid that does not drift
    check(calls == 3);
}

// ---- generators, task_local, shared_task ----

async_generator<std::string> pages_of(int count) {
    for (int i = 0; i < count; ++i)
        co_yield co_await load(std::to_string(i)); // computed when it is asked for
}

task<> one_by_one() {
    auto pages = pages_of(1000);
    auto first = co_await pages.next();
    check(first && *first == "0.");
} // the other 999 are never loaded

task_local<std::string> request_id; // a namespace-scope variable

task<std::string> handler_id() {
    const std::string* id = request_id.get();
    co_return id ? *id : "none";
}

task<> values_that_are_inherited() {
    auto in_children = []() -> task<> {
        auto [a, b] = co_await when_all(handler_id(), handler_id());
        check(a == "42" && b == "42");
    };
    co_await request_id.with("42", in_children);
    const std::string outside = co_await handler_id();
    check(outside == "none");
}

task<> one_computation_many_waiters() {
    int loads = 0;
    auto load_settings = [&]() -> task<std::string> {
        ++loads;
        co_return co_await load("settings");
    };
    shared_task<std::string> settings(load_settings()); // begins with the first one who awaits it
    auto reader = [&settings]() -> task<> {
        const std::string& text = co_await settings;
        check(text == "settings.");
    };
    co_await when_all(reader(), reader(), reader());
    check(loads == 1);
}

// ---- mistakes, and what to write instead ----

// Returned before it has run: `name` must live in the task, so it is taken by value.
task<std::size_t> length_later(std::string name) {
    co_await yield();
    co_return name.size();
}
task<std::size_t> no_dangling() {
    std::string local = "gone when this function returns";
    return length_later(std::move(local)); // with `const std::string&` the task would read a dead frame
}

std::size_t slow_sum(std::vector<int> numbers) {
    std::size_t sum = 0;
    for (int n : numbers)
        sum += static_cast<std::size_t>(n);
    return sum;
}
task<> off_the_loop() {
    std::vector<int> numbers(100'000, 1);
    const std::size_t sum = co_await offload(slow_sum, std::move(numbers)); // the loop goes on meanwhile
    check(sum == 100'000);
}

task<> cancelled_is_cancelled() {
    bool swallowed = false;
    bool told_again = false;
    auto stubborn = [&]() -> task<> {
        try {
            co_await sleep_for(1h);
        } catch (const operation_cancelled&) {
            swallowed = true; // does not help:
        }
        try {
            co_await sleep_for(1h);
        } catch (const operation_cancelled&) {
            told_again = true; // every later operation says it again
        }
    };
    static_cast<void>(co_await move_on_after(5ms, stubborn()));
    check(swallowed && told_again);
}

task<> tell(const char* name, task<> example) {
    std::printf("%s\n", name);
    co_await std::move(example);
}

task<> all_examples() {
    const std::string both = co_await load_both();
    check(both == "a.b.");
    co_await tell("when_all", all_of_them());
    co_await tell("when_any", nothing_lost_in_a_race());
    co_await tell("when_all_settled", each_its_own_end());
    co_await tell("first_success", whichever_works());
    co_await tell("as_completed", as_they_come());
    co_await tell("concurrent_map", one_for_each_element());
    co_await tell("channels", a_pipeline());
    co_await tell("task_group", a_group());
    co_await tell("task_group: a failure", the_first_failure_ends_all());
    co_await tell("task_group: all failures, limit", all_failures());
    co_await tell("task_group: start", begin_when_ready());
    co_await tell("with_timeout, move_on_after", limits_on_time());
    co_await tell("deadlines", the_tighter_limit_wins());
    co_await tell("shield", shielded());
    co_await tell("with_cleanup", cleaned_up());
    co_await tell("retry", try_again());
    co_await tell("every", every_so_often());
    co_await tell("async_generator", one_by_one());
    co_await tell("task_local", values_that_are_inherited());
    co_await tell("shared_task", one_computation_many_waiters());
    co_await tell("offload", off_the_loop());
    co_await tell("cancellation is level-triggered", cancelled_is_cancelled());
    const std::size_t length = co_await no_dangling();
    check(length == 31);
}

int main() {
    return run(all_examples);
}
