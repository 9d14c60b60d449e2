// Loops over [0, count) on a pool, by lazy binary splitting: a worker goes through its range chunk by chunk,
// and between two chunks, when there is nothing for others to take, it forks the right half of what is left.
// So a loop that nobody helps with is not split at all, and one that is unbalanced is split where the work
// is. A chunk takes some microseconds, or less where little is left. Internal.
//
// A Part handles chunks: part.chunk(first, last); Part(part, split) makes an empty one for a fork, and
// part.merge(right) takes over what the fork found, which lies to the right of all that `part` has seen.
#pragma once

#include <tandem/parallelism/detail/fork_stack.hpp>
#include <tandem/parallelism/parallel_options.hpp>
#include <tandem/parallelism/progress.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <stop_token>

namespace tandem::detail {

class split_tag {};

// How many elements are done in one go where no grain says it: what takes about as long as another worker
// needs to wake up. Found out by the clock, while the loop runs.
class loop_pace {
public:
    using clock = std::chrono::steady_clock;

    std::size_t most() const noexcept { return most_; }
    // Less than a microsecond of work is not worth a chunk of its own; 1 while nothing is known.
    std::size_t least() const noexcept { return most_ > first_most ? most_ / 32 : 1; }

    void took(clock::duration time) noexcept {
        if (time < aim / 2)
            most_ = std::min(most_ * 2, largest);
        else if (time > aim * 2) // or the thread was interrupted: by and by
            most_ = std::max(time > aim * 16 ? most_ / 8 : most_ / 2, std::size_t{1});
    }

private:
    static constexpr clock::duration aim = std::chrono::microseconds(16);
    static constexpr std::size_t largest = 65'536;

    static constexpr std::size_t first_most = 64; // loops of some hundred elements never ask the clock

    std::size_t most_ = first_most;
};

// What all pieces of a loop share.
class loop_control {
public:
    loop_control(const parallel_options& options, const std::stop_token& cancelled,
                 std::size_t workers) noexcept
        : stop_(options.stop()), cancelled_(cancelled), progress_(options.progress()),
          grain_(options.grain()), share_(8 * workers) {}

    // Asked before each chunk; true: leave the rest out.
    bool stopped() noexcept {
        if (over_.load(std::memory_order_relaxed)) return true;
        if (!stop_.stop_requested() && !cancelled_.stop_requested()) return false;
        stop_early();
        return true;
    }

    // How many to do in one go. A chunk cannot be shared, so it is a small part of what is left.
    std::size_t chunk(std::size_t left, const loop_pace& pace) const noexcept {
        if (grain_ != 0) return std::min(left, grain_);
        return std::min(left, std::clamp(left / share_, pace.least(), pace.most()));
    }
    // Was it the pace that decided?
    bool paced(std::size_t chunk, const loop_pace& pace) const noexcept {
        return grain_ == 0 && chunk == pace.most();
    }

    // For the progress, if somebody wants it.
    void expect(std::size_t elements) noexcept {
        if (progress_ != nullptr) progress_->expect(elements);
    }
    void advance(std::size_t elements) {
        if (progress_ != nullptr) [[unlikely]]
            progress_->add(elements);
    }

    void fail(std::exception_ptr error) noexcept; // the first one wins
    void finish();                                // by who began the loop, at the end; throws what happened

private:
    void stop_early() noexcept;

    std::stop_token stop_;
    std::stop_token cancelled_;
    progress* progress_;
    std::size_t grain_;
    std::size_t share_;
    atomic<bool> over_{false};
    atomic<bool> failed_{false};
    std::exception_ptr failure_; // of who set failed_
};

template <class Part>
void run_loop(loop_control& control, fork_stack& forks, Part& part, loop_pace pace, std::size_t first,
              std::size_t last) noexcept;

template <class Part>
class forked_loop final : public fork_job {
public:
    forked_loop(loop_control& control, const Part& like, loop_pace pace, std::size_t first,
                std::size_t last) noexcept
        : fork_job(&act), control_(control), part_(like, split_tag()), pace_(pace), first_(first),
          last_(last) {}

    void run(fork_stack& forks) noexcept { run_loop(control_, forks, part_, pace_, first_, last_); }
    Part& part() noexcept { return part_; }

private:
    static void act(pool_job& job, bool) noexcept { // never dropped: its owner joins it first
        auto& self = static_cast<forked_loop&>(job);
        self.run(*current_forks);
        self.complete();
    }

    loop_control& control_;
    Part part_;
    loop_pace pace_;
    std::size_t first_;
    std::size_t last_;
};

template <class Part>
void run_loop(loop_control& control, fork_stack& forks, Part& part, loop_pace pace, std::size_t first,
              std::size_t last) noexcept {
    while (first != last) {
        if (control.stopped()) return;
        const std::size_t left = last - first;
        const std::size_t chunk = control.chunk(left, pace);
        if (left > chunk && forks.hungry()) {
            // A multiple of the chunk, which a grain makes the smallest piece.
            const std::size_t mine = std::max(left / 2 / chunk, std::size_t{1}) * chunk;
            forked_loop<Part> right(control, part, pace, first + mine, last);
            forks.push(right);
            run_loop(control, forks, part, pace, first, first + mine);
            if (forks.take_back(right)) right.run(forks);
            try {
                part.merge(right.part());
            } catch (...) {
                control.fail(std::current_exception());
            }
            return;
        }
        try {
            if (control.paced(chunk, pace)) {
                const auto begin = loop_pace::clock::now();
                part.chunk(first, first + chunk);
                pace.took(loop_pace::clock::now() - begin);
            } else {
                part.chunk(first, first + chunk);
            }
            control.advance(chunk);
        } catch (...) {
            control.fail(std::current_exception());
            return;
        }
        first += chunk;
    }
}

// Runs the whole loop and gives the part that has seen everything. Throws what the first piece threw, or
// operation_cancelled when the loop was stopped before its end.
template <class Part>
void parallel_loop(thread_pool& pool, const parallel_options& options, const std::stop_token& cancelled,
                   Part& part, std::size_t count) {
    loop_control control(options, cancelled, pool.workers());
    control.expect(count);
    on_worker_of(pool, [&](fork_stack& forks) { run_loop(control, forks, part, loop_pace(), 0, count); });
    control.finish();
}

// The loop's body; nothing to merge.
template <class F>
class loop_body {
public:
    explicit loop_body(F& f) noexcept : f_(f) {}
    loop_body(const loop_body& other, split_tag) noexcept : f_(other.f_) {}
    void chunk(std::size_t first, std::size_t last) { f_(first, last); }
    void merge(loop_body&) noexcept {}

private:
    F& f_;
};

} // namespace tandem::detail
