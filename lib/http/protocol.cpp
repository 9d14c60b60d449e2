#include "tandem/http/protocol.hpp"

namespace tandem::http {

std::string_view to_string(protocol value) noexcept {
    switch (value) {
    case protocol::http1_0:
        return "HTTP/1.0";
    case protocol::http1_1:
        return "HTTP/1.1";
    case protocol::http2:
        return "HTTP/2";
    }
    return {};
}

} // namespace tandem::http
