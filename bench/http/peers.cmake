# libcurl, where it is installed, and the library that counts allocations.
target_link_libraries(bench_http PRIVATE tandem::http)
find_package(OpenSSL REQUIRED)
target_link_libraries(bench_http PRIVATE OpenSSL::SSL)

find_package(CURL QUIET)
if(CURL_FOUND)
    target_link_libraries(bench_http PRIVATE CURL::libcurl)
    target_compile_definitions(bench_http PRIVATE TANDEM_BENCH_CURL)
else()
    message(STATUS "bench_http: without libcurl (Debian: libcurl4-openssl-dev)")
endif()

add_library(bench_http_malloc_count MODULE "${folder}/preload/malloc_count.cpp")
tandem_warnings(bench_http_malloc_count)
target_compile_options(bench_http_malloc_count PRIVATE -fno-builtin)
add_dependencies(bench_http bench_http_malloc_count)
target_compile_definitions(bench_http PRIVATE "TANDEM_BENCH_PRELOAD=\"$<TARGET_FILE:bench_http_malloc_count>\"")
