# Every public header is compiled alone, twice in one file, and must stay light: none of the libraries beneath and
# none of the costly standard headers may come in with it. Only tandem/asio.hpp, the bridge, may include Asio.

file(GLOB_RECURSE headers RELATIVE "${PROJECT_SOURCE_DIR}/include" CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/include/tandem/*.hpp")

set(light_check [[
#if defined(BOOST_ASIO_VERSION) || defined(BOOST_BEAST_VERSION) || defined(OPENSSL_VERSION_NUMBER) || \
    defined(ZLIB_VERSION) || defined(LIBXML_VERSION) || defined(IDN2_VERSION)
#error "this header brings in a library that its users should not have to compile"
#endif
#if defined(_GLIBCXX_IOSTREAM) || defined(_GLIBCXX_REGEX) || defined(_GLIBCXX_FORMAT)
#error "this header brings in <iostream>, <regex> or <format>"
#endif
]])

set(base_sources)
set(http_sources)
foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER "${header}" name)
    set(file "${CMAKE_CURRENT_BINARY_DIR}/header_alone/${name}.cpp")
    set(text "#include <${header}>\n#include <${header}>\n")
    if(NOT header MATCHES "(^|/)asio(_[a-z_]+)?\\.hpp$|/asio/")
        string(APPEND text "${light_check}")
    endif()
    file(CONFIGURE OUTPUT "${file}" CONTENT "${text}" @ONLY)
    if(header MATCHES "^tandem/(net|http)(/|\\.hpp$)")
        list(APPEND http_sources "${file}")
    else()
        list(APPEND base_sources "${file}")
    endif()
endforeach()

function(tandem_header_alone name library)
    if(NOT TARGET ${library} OR NOT ARGN)
        return()
    endif()
    add_library(${name} OBJECT ${ARGN})
    tandem_target_defaults(${name})
    target_compile_options(${name} PRIVATE -O0 -g0)
    target_link_libraries(${name} PRIVATE ${library})
endfunction()
tandem_header_alone(tandem_header_alone tandem::tandem ${base_sources})
tandem_header_alone(tandem_header_alone_http tandem::http ${http_sources})
