// For the few places where what gcc makes of a read is slower than the read as it is written.
#pragma once

namespace tandem::detail {

// The same address, of which the compiler knows nothing.
template <class T>
T* opaque(T* address) noexcept {
#if defined(__GNUC__) && !defined(__clang__)
    __asm__("" : "+r"(address));
#endif
    return address;
}

} // namespace tandem::detail
