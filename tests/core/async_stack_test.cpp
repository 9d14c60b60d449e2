#include "lib/core/async_stack.hpp"

#include "tests/support/catch.hpp"

#include <string>

using tandem::detail::tidy_function_name;

TEST_CASE("gcc's names of coroutines become names of functions") {
    CHECK(tidy_function_name("void plain(plain(int, void (*)(int))::_Z5plainiPFviE.Frame*)") ==
          "plain(int, void (*)(int))");
    CHECK(tidy_function_name("void none(none()::_Z4nonev.Frame*)") == "none()");
    CHECK(tidy_function_name(
              "void ns::{anonymous}::foo(foo(int, std::string)::_ZN2ns12_GLOBAL__N_13fooEi.Frame*)") ==
          "ns::{anonymous}::foo(int, std::string)");
    CHECK(tidy_function_name("void ns::S::run(ns::S::run(int) const::_ZNK2ns1S3runEi.Frame*)") ==
          "ns::S::run(int)");
    CHECK(tidy_function_name("void ns::S::operator()(ns::S::operator()(int)::_ZN2ns1SclEi.Frame*)") ==
          "ns::S::operator()(int)");
    CHECK(tidy_function_name(
              "void main()::<lambda(int)>::operator()(main()::<lambda(int)>::_ZZ4mainENKUliE_clEi.Frame*)") ==
          "main()::<lambda(int)>");
    CHECK(
        tidy_function_name(
            "void main()::<lambda()>::operator()(main()::<lambda()> mutable::_ZZ4mainENUlvE0_clEv.Frame*)") ==
        "main()::<lambda()>");
    CHECK(tidy_function_name(
              "void ns::invoke(invoke<task<> (*)(int), int>(task<> (*)(int), int)::_ZN2ns6invokeE.Frame*)") ==
          "ns::invoke(task<> (*)(int), int)");
}

TEST_CASE("gcc's names of closures inside of coroutines") {
    CHECK(tidy_function_name(
              "void crawl(crawl(s&)::_Z5crawlRs.Frame*)::<lambda(int)>::operator()(crawl(crawl(s&)::"
              "_Z5crawlRs.Frame*)::<lambda(int)>::_ZZ5crawlENKUliE_clEi.Frame*)") ==
          "crawl(s&)::<lambda(int)>");
    CHECK(tidy_function_name("void run(run(f(f(s&)::_Z1fRs.Frame*)::<lambda(int)>)::_Z3runE.Frame*)") ==
          "run(f(s&)::<lambda(int)>)");
    CHECK(tidy_function_name("void run(run(" + std::string(200, 'x') + ")::_Z3runE.Frame*)") == "run(...)");
}

TEST_CASE("clang's signatures lose their return types") {
    CHECK(tidy_function_name("task<std::vector<int>> ns::(anonymous namespace)::foo(int, std::string)") ==
          "ns::(anonymous namespace)::foo(int, std::string)");
    CHECK(tidy_function_name("task<> ns::(anonymous namespace)::S::run(int) const") ==
          "ns::(anonymous namespace)::S::run(int)");
    CHECK(tidy_function_name("static task<T> ns::S::st(T) [T = double]") == "ns::S::st(T)");
    CHECK(tidy_function_name(
              "task<int> ns::invoke(F, Args...) [F = (lambda at loc.cpp:20:11), Args = <int>]") ==
          "ns::invoke(F, Args...)");
    CHECK(tidy_function_name("auto main()::(anonymous class)::operator()(int) const") ==
          "main()::(anonymous class)(int)");
    CHECK(tidy_function_name("task<> ns::S::operator<(int)") == "ns::S::operator<(int)");
}

TEST_CASE("what is not understood stays as it is") {
    CHECK(tidy_function_name("") == "");
    CHECK(tidy_function_name("plain") == "plain");
    CHECK(tidy_function_name(")") == ")");
    CHECK(tidy_function_name("a).Frame*)") == "a).Frame*)");
    CHECK(tandem::detail::place_text({}) == "");
}
