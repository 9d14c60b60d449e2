# gcc 12.1 and 12.2 miscompile some co_await expressions. Said once per build directory.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU"
   AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12
   AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12.3
   AND NOT TANDEM_GCC12_NOTED)
    find_file(TANDEM_GCC12_PAGE gcc12.md
        PATHS "${CMAKE_CURRENT_LIST_DIR}/../docs" "${CMAKE_CURRENT_LIST_DIR}/../../../share/doc/tandem"
        NO_DEFAULT_PATH NO_CACHE)
    if(NOT TANDEM_GCC12_PAGE)
        set(TANDEM_GCC12_PAGE "docs/gcc12.md")
    endif()
    cmake_path(NORMAL_PATH TANDEM_GCC12_PAGE)
    message(WARNING
        "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles some co_await expressions (a temporary lambda with by-value "
        "captures, braced arguments). tandem's own calls avoid them; how yours do is in ${TANDEM_GCC12_PAGE}")
    set(TANDEM_GCC12_NOTED ON CACHE INTERNAL "The note on gcc 12 was printed")
endif()
