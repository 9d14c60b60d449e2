#include "lib/core/short_wait.hpp"

#include "tests/support/catch.hpp"

#include <chrono>

using namespace std::chrono_literals;
using tandem::detail::short_wait;

namespace {

const short_wait::clock::time_point long_ago{};

bool nothing_else() {
    return false;
}

// How often a look asks that never has news, and how often until the third answer, which is yes.
int looks_in_vain(short_wait& w) {
    int asked = 0;
    auto ask = [&] {
        ++asked;
        return false;
    };
    const bool found = w.look(long_ago, ask, nothing_else);
    return found ? -1 : asked;
}
bool finds(short_wait& w) {
    int asked = 0;
    auto ask = [&] { return ++asked == 3; };
    return w.look(long_ago, ask, nothing_else);
}

} // namespace

TEST_CASE("short_wait: looks only after a short sleep that news have ended") {
    short_wait w(true);
    CHECK(looks_in_vain(w) == 0);
    w.slept(10us, false);
    CHECK(looks_in_vain(w) == 0);
    w.slept(short_wait::longest_short_sleep + 1us, true);
    CHECK(looks_in_vain(w) == 0);
    w.slept(10us, true);
    CHECK(finds(w));
    CHECK(finds(w)); // as long as it is of use, without a sleep between
    CHECK(looks_in_vain(w) > 0);
    CHECK(looks_in_vain(w) == 0);
}

TEST_CASE("short_wait: looks in vain become rare, one of use makes them as often as before") {
    short_wait w(true);
    auto sleeps_until_look = [&w] {
        for (int n = 1;; ++n) {
            w.slept(10us, true);
            if (looks_in_vain(w) > 0) return n;
        }
    };
    CHECK(sleeps_until_look() == 1);
    CHECK(sleeps_until_look() == 1);
    CHECK(sleeps_until_look() == 2);
    CHECK(sleeps_until_look() == 4);
    int last = 0;
    for (int i = 0; i < 20; ++i)
        last = sleeps_until_look();
    CHECK(last == short_wait::most_sleeps_between + 1);
    for (int i = 0; i < last; ++i)
        w.slept(10us, true);
    CHECK(finds(w));
    CHECK(looks_in_vain(w) > 0);
    CHECK(sleeps_until_look() == 1);
    CHECK(sleeps_until_look() == 2);
}

TEST_CASE("short_wait: never on one processor") {
    short_wait w(false);
    w.slept(1us, true);
    CHECK(looks_in_vain(w) == 0);
}

TEST_CASE("short_wait: goes on at once with what else there is to do, and looks again after it") {
    short_wait w(true);
    w.slept(1us, true);
    int other = 0;
    auto no_news = [] { return false; };
    auto finds_other = [&other] {
        ++other;
        return true;
    };
    CHECK(w.look(long_ago, no_news, finds_other));
    CHECK(w.look(long_ago, no_news, finds_other));
    CHECK(other == 2);
}
