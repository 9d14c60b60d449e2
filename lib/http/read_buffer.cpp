#include "lib/http/read_buffer.hpp"

#include "lib/core/address_sanitizer.hpp"

#include <vector>

namespace tandem::http {

namespace {

// None there, so that it sees a view into a buffer that was given back.
constexpr std::size_t most_spares = TANDEM_ADDRESS_SANITIZER ? 0 : 32;

class spare_list {
public:
    spare_list() { all.reserve(most_spares); } // giving back must not fail
    std::vector<buffer_memory> all;
};

std::vector<buffer_memory>& spares() {
    thread_local spare_list mine;
    return mine.all;
}

} // namespace

buffer_memory take_buffer() {
    std::vector<buffer_memory>& kept = spares();
    if (kept.empty()) return buffer_memory(buffer_memory::least_bytes);
    buffer_memory last = std::move(kept.back());
    kept.pop_back();
    return last;
}

void give_buffer(buffer_memory&& one) noexcept {
    std::vector<buffer_memory>& kept = spares();
    if (one.size() != 0 && one.size() <= buffer_memory::most_kept_bytes && kept.size() < most_spares)
        kept.push_back(std::move(one));
    one = buffer_memory();
}

} // namespace tandem::http
