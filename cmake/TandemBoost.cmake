# Boost's headers, 1.81 or newer, as Boost::headers. Boost's own package file is asked first; CMake's module (gone
# from CMake 3.30 on by policy) covers installations without one.
if(NOT TARGET Boost::headers)
    find_package(Boost 1.81 QUIET CONFIG)
    if(NOT TARGET Boost::headers)
        cmake_policy(PUSH)
        if(POLICY CMP0167)
            cmake_policy(SET CMP0167 OLD)
        endif()
        find_package(Boost 1.81 QUIET MODULE)
        cmake_policy(POP)
    endif()
endif()
