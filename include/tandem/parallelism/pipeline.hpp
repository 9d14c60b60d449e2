// Items that go through stages, many at a time, each stage on whichever worker has time.
//
//     pipeline(pool, pipeline_options().tokens(16),
//              [&]() -> std::optional<std::string> { return next_line(file); },        // the source
//              stage::parallel([](std::string line) { return parse(line); }),
//              stage::in_order([&](record r) { table.append(std::move(r)); }));
//     co_await pipeline(...);                                                      // on the companion pool
//
// The source gives the items until it gives std::nullopt; it is called by one worker at a time, and the order
// of its calls is the order of the items. Each stage gets what the one before it returned, as an rvalue; the
// last one returns void. A stage is
//     stage::parallel(f)   called by several workers at a time,
//     stage::serial(f)     by one at a time, with items in any order,
//     stage::in_order(f)   by one at a time, with the items in the order of the source.
// At most so many items are on their way as there are tokens: this bounds the memory, whatever the stages'
// speed. A worker takes an item through as many stages as it can; nothing waits by blocking a worker.
//
// Each step of an item takes the pipeline's one lock for a moment: stages are for work of microseconds and
// more. For stages that wait (for a network, a timer) take tasks and a channel.
//
// The blocking form takes a pool, the awaitable one runs on the companion pool of the task; where they may be
// called, and what cancellation does: as for parallel_for (parallel_for.hpp). When a stage or the source
// throws, or a stop is requested, no further stage begins; items on their way are destroyed, and the first
// exception is thrown, or operation_cancelled, once all that runs has ended. Items are moved, never copied;
// memory for the tokens is allocated once.
#pragma once

#include <tandem/parallelism/detail/pipeline_run.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/parallelism/progress.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <stop_token>
#include <utility>

namespace tandem {

class pipeline_options {
public:
    pipeline_options() {}

    // How many items may be on their way; at least 1. 0 (the default): four for each worker of the pool.
    pipeline_options& tokens(std::size_t count) noexcept {
        tokens_ = count;
        return *this;
    }
    // Once a stop is requested, no further stage begins, and the call throws operation_cancelled.
    pipeline_options& stop(std::stop_token token) noexcept {
        stop_ = std::move(token);
        return *this;
    }
    // Is told of each item that has left the last stage; must live until the call has ended. Nobody knows how
    // many items there will be: progress::set_total says it.
    pipeline_options& progress(tandem::progress& to) noexcept {
        progress_ = &to;
        return *this;
    }

    std::size_t tokens() const noexcept { return tokens_; }
    const std::stop_token& stop() const noexcept { return stop_; }
    tandem::progress* progress() const noexcept { return progress_; }

private:
    std::size_t tokens_ = 0;
    std::stop_token stop_;
    tandem::progress* progress_ = nullptr;
};

namespace stage {

template <class F>
detail::pipeline_stage<detail::stage_kind::parallel, F> parallel(F f) {
    return detail::pipeline_stage<detail::stage_kind::parallel, F>(std::move(f));
}
template <class F>
detail::pipeline_stage<detail::stage_kind::serial, F> serial(F f) {
    return detail::pipeline_stage<detail::stage_kind::serial, F>(std::move(f));
}
template <class F>
detail::pipeline_stage<detail::stage_kind::in_order, F> in_order(F f) {
    return detail::pipeline_stage<detail::stage_kind::in_order, F>(std::move(f));
}

} // namespace stage

// Returns when the source has ended and every item has left the last stage.
template <class Source, class... Stages>
    requires detail::pipeline_parts<Source, Stages...>
void pipeline(thread_pool& pool, const pipeline_options& options, Source source, Stages... stages);
template <class Source, class... Stages>
    requires detail::pipeline_parts<Source, Stages...>
[[nodiscard]] auto pipeline(pipeline_options options, Source source, Stages... stages);

// Implementation

namespace detail {

template <class Source, class... Stages>
void run_pipeline(thread_pool& pool, const pipeline_options& options, const std::stop_token& cancelled,
                  Source& source, Stages&... stages) {
    const parallel_options loop = parallel_options().stop(options.stop());
    loop_control control(loop, cancelled, pool.workers());
    const std::size_t tokens = options.tokens() != 0 ? options.tokens() : 4 * pool.workers();
    pipeline_run<Source, Stages...> run(control, pool.workers(), tokens, options.progress(), source,
                                        stages...);
    on_worker_of(pool, [&run](fork_stack& forks) { run.work(forks); });
    control.finish();
}

} // namespace detail

template <class Source, class... Stages>
    requires detail::pipeline_parts<Source, Stages...>
void pipeline(thread_pool& pool, const pipeline_options& options, Source source, Stages... stages) {
    detail::run_pipeline(pool, options, {}, source, stages...);
}

template <class Source, class... Stages>
    requires detail::pipeline_parts<Source, Stages...>
auto pipeline(pipeline_options options, Source source, Stages... stages) {
    return offload([options = std::move(options), source = std::move(source),
                    ... stages = std::move(stages)](std::stop_token cancelled) mutable {
        detail::run_pipeline(*thread_pool::current(), options, cancelled, source, stages...);
    });
}

} // namespace tandem
