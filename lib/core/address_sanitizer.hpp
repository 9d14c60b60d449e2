// TANDEM_ADDRESS_SANITIZER: 1 where AddressSanitizer watches, else 0. Memory is not used again there, so that
// it sees every use after free.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define TANDEM_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TANDEM_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef TANDEM_ADDRESS_SANITIZER
#define TANDEM_ADDRESS_SANITIZER 0
#endif
