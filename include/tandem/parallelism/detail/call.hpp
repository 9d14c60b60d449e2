// A callable with its arguments, called once: f(args...), or f(stop_token, args...) when it takes one first.
// Internal.
#pragma once

#include <functional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tandem::detail {

template <class F, class... Args>
inline constexpr bool takes_stop_token = std::is_invocable_v<F, std::stop_token, Args...>;

template <class F, class... Args>
inline constexpr bool callable_on_pool = takes_stop_token<F, Args...> || std::is_invocable_v<F, Args...>;

// As with std::thread the callable and the arguments are passed as rvalues.
template <class F, class... Args>
decltype(auto) call_once(F& f, std::tuple<Args...>& args, [[maybe_unused]] const std::stop_source& stop) {
    return std::apply(
        [&](Args&... a) -> decltype(auto) {
            if constexpr (takes_stop_token<F, Args...>)
                return std::invoke(std::move(f), stop.get_token(), std::move(a)...);
            else
                return std::invoke(std::move(f), std::move(a)...);
        },
        args);
}

template <class F, class... Args>
using call_result_t = decltype(call_once(std::declval<F&>(), std::declval<std::tuple<Args...>&>(),
                                         std::declval<const std::stop_source&>()));

// No allocation where nobody asks.
template <class F, class... Args>
std::stop_source stop_source_for() {
    if constexpr (takes_stop_token<F, Args...>)
        return std::stop_source();
    else
        return std::stop_source(std::nostopstate);
}

} // namespace tandem::detail
