#include "lib/http/websocket/message_reader.hpp"

#include <algorithm>

namespace tandem::http::ws {

event message_reader::fail(std::error_code why) noexcept {
    failure_ = why;
    return event::failed;
}

event message_reader::read(std::string_view& bytes) {
    if (failure_) return event::failed;
    for (;;) {
        if (!frame_) {
            // Byte by byte: a head has at most ten, and nothing of what follows it may be taken.
            for (; !frame_ && !bytes.empty(); bytes.remove_prefix(1)) {
                head_bytes_ += bytes.front();
                std::error_code wrong;
                frame_ = read_head(head_bytes_, wrong);
                if (wrong) return fail(wrong);
            }
            if (!frame_) return event::need_more;
            head_bytes_.clear();
            if (const std::error_code wrong = begin_frame(); wrong) return fail(wrong);
        }
        const std::string_view piece = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
        bytes.remove_prefix(piece.size());
        left_ -= piece.size();
        if (const std::error_code wrong = take_data(piece); wrong) return fail(wrong);
        if (left_ != 0) return event::need_more;
        if (const event now = end_frame(); now != event::need_more) return now;
    }
}

std::error_code message_reader::begin_frame() {
    left_ = frame_->length;
    if (frame_->masked) return error::masked_by_server;
    if (is_control(frame_->code)) {
        control_.clear();
        return {};
    }
    if ((frame_->code == opcode::continuation) != in_message_) return error::bad_continuation;
    if (frame_->compressed && (!compression_ || in_message_)) return error::reserved_bits;
    if (!in_message_) {
        in_message_ = true;
        kind_ = frame_->code;
        message_.clear();
        fragments_ = 0;
        wire_bytes_ = 0;
        if (frame_->compressed) inflater_.emplace();
    }
    if (++fragments_ > max_fragments_) return error::too_many_fragments;
    // By what was announced already; compressed data is no larger than what it stands for, but for a little.
    const std::uint64_t slack = inflater_ ? max_message_ / 64 + 1024 : 0;
    const std::uint64_t most =
        slack > ~std::uint64_t{0} - max_message_ ? ~std::uint64_t{0} : max_message_ + slack;
    if (frame_->length > most || wire_bytes_ > most - frame_->length) return error::message_too_large;
    wire_bytes_ += frame_->length;
    return {};
}

std::error_code message_reader::take_data(std::string_view piece) {
    if (is_control(frame_->code))
        control_ += piece;
    else if (inflater_)
        return inflater_->push(piece, message_, max_message_);
    else
        message_ += piece;
    return {};
}

event message_reader::end_frame() {
    const frame_head frame = *frame_;
    frame_.reset();
    if (is_control(frame.code)) {
        if (frame.code == opcode::ping) return event::ping;
        if (frame.code == opcode::pong) return event::pong;
        std::error_code wrong;
        static_cast<void>(read_close(control_, wrong));
        return wrong ? fail(wrong) : event::close;
    }
    if (!frame.fin) return event::need_more;
    in_message_ = false;
    if (inflater_) {
        const std::error_code wrong = inflater_->finish(message_, max_message_);
        inflater_.reset();
        if (wrong) return fail(wrong);
    }
    if (kind_ == opcode::text && !is_utf8(message_)) return fail(error::bad_utf8);
    return event::message;
}

} // namespace tandem::http::ws
