// Catch2 2.13 is header-only and needs its main in one file; Catch2 3 brings its own (Catch2WithMain).
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
