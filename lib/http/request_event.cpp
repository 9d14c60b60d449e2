#include "tandem/http/request_event.hpp"

namespace tandem::http {

std::string_view to_string(request_event::kind what) noexcept {
    using kind = request_event::kind;
    switch (what) {
    case kind::started:
        return "started";
    case kind::queued:
        return "queued";
    case kind::reused:
        return "reused";
    case kind::resolved:
        return "resolved";
    case kind::connected:
        return "connected";
    case kind::secured:
        return "secured";
    case kind::repeated:
        return "repeated";
    case kind::answered:
        return "answered";
    case kind::redirected:
        return "redirected";
    case kind::finished:
        return "finished";
    case kind::failed:
        return "failed";
    case kind::abandoned:
        return "abandoned";
    case kind::retrying:
        return "retrying";
    case kind::cached:
        return "cached";
    }
    return "?";
}

} // namespace tandem::http
