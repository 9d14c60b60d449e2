// One run of a pipeline. Internal.
//
// Items live in tokens. A worker that runs the pipeline holds one token at a time and takes it from stage to
// stage. Before a serial stage it asks for the right to enter; if it does not get it, the token is put down
// there and the worker takes another. Who leaves a serial stage passes the right on to a token that waits
// there, which is then ready for any worker. The source is asked in the same way: its right, and a free
// token.
//
// While there is more to do than the token in hand, and the pool is hungry, a worker forks another one to
// join in. When it finds nothing to do it leaves: whoever makes a token ready is at work himself, and takes
// it up or forks somebody who does.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/parallelism/detail/fork_stack.hpp>
#include <tandem/parallelism/detail/parallel_loop.hpp>
#include <tandem/parallelism/progress.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem::detail {

enum class stage_kind : unsigned char { in_order, serial, parallel };

template <stage_kind Kind, class F>
class pipeline_stage {
public:
    static constexpr stage_kind kind = Kind;
    using function = F;

    explicit pipeline_stage(F f) : f_(std::move(f)) {}
    F& f() noexcept { return f_; }

private:
    F f_;
};

template <class T>
inline constexpr bool is_pipeline_stage = false;
template <stage_kind Kind, class F>
inline constexpr bool is_pipeline_stage<pipeline_stage<Kind, F>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class Source, class... Stages>
concept pipeline_parts = sizeof...(Stages) != 0 && std::is_invocable_v<Source&> &&
                         is_optional<std::invoke_result_t<Source&>> && (is_pipeline_stage<Stages> && ...);

// An item on its way.
class pipeline_token {
private:
    friend class pipeline_core;

    std::size_t sequence_ = 0;
    std::size_t stage_ = 0;
    pipeline_token* next_ = nullptr; // in whichever list it is
};

// Who may do what next; knows nothing of the items' types.
class pipeline_core {
public:
    pipeline_core(const pipeline_core&) = delete;
    pipeline_core& operator=(const pipeline_core&) = delete;

    // Takes part until there is nothing to do.
    void work(fork_stack& forks) noexcept;

protected:
    pipeline_core(loop_control& control, std::size_t workers, std::size_t tokens, progress* told,
                  std::vector<stage_kind> stages);
    ~pipeline_core() = default;

    void add_free(pipeline_token& token) noexcept; // before the work begins

    virtual bool produce(pipeline_token& token) = 0; // false: the source has ended
    virtual void perform(pipeline_token& token, std::size_t stage) = 0;

private:
    // Tokens that wait before a serial stage.
    class gate {
    public:
        stage_kind kind = stage_kind::parallel;
        bool taken = false;                    // somebody is in the stage
        std::size_t next = 0;                  // in_order: whose turn it is
        std::vector<pipeline_token*> by_order; // in_order: by sequence modulo the number of tokens
        pipeline_token* first = nullptr;       // serial
        pipeline_token* last = nullptr;
    };

    // Until there is nothing to do, or `left` is set: then it gives the token in hand back.
    pipeline_token* work(fork_stack& forks, pipeline_token* token, const atomic<bool>* left) noexcept;
    pipeline_token* take() noexcept; // null: there is nothing to do
    pipeline_token* ask_source(pipeline_token& token) noexcept;
    pipeline_token* do_stage(pipeline_token& token) noexcept; // null: it waits, or has left the pipeline
    void change_workers(int by) noexcept;
    bool join_in(const fork_stack& forks) noexcept; // true: another worker was announced
    bool more_to_do() const noexcept { return ready_ != nullptr || source_may_be_asked(); }
    bool source_may_be_asked() const noexcept { return !source_taken_ && !source_ended_ && free_ != nullptr; }

    bool enter(pipeline_token& token) noexcept;
    void leave(std::size_t stage) noexcept;
    static void put(pipeline_token*& list, pipeline_token& token) noexcept;
    static pipeline_token* get(pipeline_token*& list) noexcept;

    loop_control& control_;
    progress* const progress_;
    const int most_workers_;

    short_lock mutex_; // for all of the below
    std::vector<gate> gates_;
    pipeline_token* ready_ = nullptr; // may go on: they have the right to enter their stage
    pipeline_token* free_ = nullptr;
    std::size_t issued_ = 0;
    int at_work_ = 1; // workers, with those announced, without those that only wait for another
    bool source_taken_ = false;
    bool source_ended_ = false;
};

// What goes into each stage.
template <class In, class... Stages>
class stage_inputs {
public:
    using types = std::tuple<std::optional<In>>;
};
template <class In, class Stage, class Next, class... Rest>
class stage_inputs<In, Stage, Next, Rest...> {
public:
    using out = std::decay_t<std::invoke_result_t<typename Stage::function&, In>>;
    static_assert(!std::is_void_v<out>, "every stage but the last one returns what the next one gets");
    using types = decltype(std::tuple_cat(std::declval<std::tuple<std::optional<In>>>(),
                                          std::declval<typename stage_inputs<out, Next, Rest...>::types>()));
};

template <class Source, class... Stages>
class pipeline_run final : public pipeline_core {
public:
    pipeline_run(loop_control& control, std::size_t workers, std::size_t tokens, progress* told,
                 Source& source, Stages&... stages)
        : pipeline_core(control, workers, tokens, told, {Stages::kind...}), source_(source),
          stages_(stages...), tokens_(std::make_unique<token[]>(tokens)) {
        for (std::size_t i = tokens; i != 0; --i)
            add_free(tokens_[i - 1]);
    }

private:
    using item = typename std::invoke_result_t<Source&>::value_type;
    using inputs = typename stage_inputs<item, Stages...>::types;
    static constexpr std::size_t last = sizeof...(Stages) - 1;

    class token : public pipeline_token {
    public:
        inputs values;
    };

    bool produce(pipeline_token& to) override {
        auto got = std::invoke(source_);
        if (!got) return false;
        std::get<0>(static_cast<token&>(to).values).emplace(*std::move(got));
        return true;
    }

    void perform(pipeline_token& at, std::size_t stage) override {
        perform_any(static_cast<token&>(at).values, stage, std::index_sequence_for<Stages...>());
    }
    template <std::size_t... I>
    void perform_any(inputs& values, std::size_t stage, std::index_sequence<I...>) {
        static_cast<void>(((I == stage && (perform_one<I>(values), true)) || ...));
    }
    template <std::size_t I>
    void perform_one(inputs& values) {
        auto& in = std::get<I>(values);
        auto& f = std::get<I>(stages_).f();
        if constexpr (I == last) {
            static_assert(std::is_void_v<decltype(std::invoke(f, std::move(*in)))>,
                          "the last stage returns nothing");
            std::invoke(f, std::move(*in));
        } else {
            std::get<I + 1>(values).emplace(std::invoke(f, std::move(*in)));
        }
        in.reset();
    }

    Source& source_;
    std::tuple<Stages&...> stages_;
    std::unique_ptr<token[]> tokens_;
};

} // namespace tandem::detail
