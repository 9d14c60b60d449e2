// Whether a connection that is silent is still alive (PING, RFC 9113, 6.7).
//
// One timer, which nobody touches while frames come: it fires once an interval,
// looks when the last bytes came, and is armed for the rest. So traffic costs
// no more than the noting of a time.
#include "lib/http/h2/error.hpp"
#include "lib/http/h2/session.hpp"

#include <tandem/core/time_span.hpp>

#include <nghttp2/nghttp2.h>

#include <poll.h>

namespace tandem::http::h2 {

namespace {

// Data, a part of a TLS record, the end, or an error. Takes nothing away from
// the one who waits for it.
bool has_something(int fd) noexcept {
    pollfd asked{fd, POLLIN, 0};
    return ::poll(&asked, 1, 0) != 0;
}

} // namespace

// Somebody waits for what comes.
void session::listen() noexcept {
    if (ping_.interval.count() <= 0 || silence_.armed()) return;
    heard();
    home_.arm(silence_, later(heard_at_, ping_.interval));
}

void session::on_silence(timer_node& timer) noexcept {
    static_cast<alarm&>(timer).owner.look_for_life();
}

void session::look_for_life() noexcept {
    if (broken_ || (!reader_ && followers_.empty())) return; // nobody listens: who does so next begins anew
    const clock::time_point now = home_.now();
    const clock::time_point due = asked_ ? later(asked_at_, ping_.timeout) : later(heard_at_, ping_.interval);
    if (now < due) return home_.arm(silence_, due);
    if (asked_) {
        if (!has_something(stream_.native_handle())) return fail_all(error::ping_unanswered, true);
        heard(); // this loop was held up: the reader has not had its turn yet
        return home_.arm(silence_, later(now, ping_.interval));
    }
    if (nghttp2_submit_ping(frames_, NGHTTP2_FLAG_NONE, nullptr) != 0)
        return fail_all(error::out_of_memory, false);
    if (useless_frames_ > 0) --useless_frames_; // the answer is no flood
    asked_ = ping_.timeout.count() > 0;
    asked_at_ = heard_at_ = now;
    home_.arm(silence_, later(now, asked_ ? ping_.timeout : ping_.interval));
    flush();
    hand_on();
}

} // namespace tandem::http::h2
