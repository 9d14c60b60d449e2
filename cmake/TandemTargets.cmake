# Functions that every target of the project passes through. They touch the target and nothing else.

# Warnings, as errors with TANDEM_WARNINGS_AS_ERRORS.
function(tandem_warnings target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /W4)
    else()
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
    endif()
    set_target_properties(${target} PROPERTIES COMPILE_WARNING_AS_ERROR ${TANDEM_WARNINGS_AS_ERRORS})
endfunction()

# The sanitizers of TANDEM_SANITIZE, for compiling and linking. Only in the project's own builds: code that a
# sanitizer instruments must not be mixed with code of another project that it does not.
function(tandem_sanitize target)
    if(NOT TANDEM_SANITIZE OR NOT tandem_IS_TOP_LEVEL)
        return()
    endif()
    set(flags -fsanitize=${TANDEM_SANITIZE} -fno-omit-frame-pointer)
    if(TANDEM_SANITIZE MATCHES "undefined")
        list(APPEND flags -fno-sanitize-recover=undefined)
    endif()
    target_compile_options(${target} PRIVATE ${flags})
    target_link_options(${target} PRIVATE ${flags})
    if(TANDEM_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # gcc's ThreadSanitizer does not model atomic_thread_fence, which Asio and the standard library use.
        target_compile_options(${target} PRIVATE -Wno-tsan)
    endif()
endfunction()

# All of the above, for a library or program of this project.
function(tandem_target_defaults target)
    target_compile_features(${target} PRIVATE cxx_std_20)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_include_directories(${target} PRIVATE "${tandem_SOURCE_DIR}")
    tandem_warnings(${target})
    tandem_sanitize(${target})
endfunction()

# Collects lib/<room>/**.cpp of the named rooms into `result`.
function(tandem_room_sources result)
    set(sources)
    foreach(room IN LISTS ARGN)
        file(GLOB_RECURSE found CONFIGURE_DEPENDS "${tandem_SOURCE_DIR}/lib/${room}/*.cpp")
        list(APPEND sources ${found})
    endforeach()
    set(${result} "${sources}" PARENT_SCOPE)
endfunction()
