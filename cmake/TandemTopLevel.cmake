# What only the project's own builds want; a project that includes tandem never sees this file.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER AND NOT DEFINED ENV{CMAKE_CXX_COMPILER_LAUNCHER})
    find_program(TANDEM_CCACHE ccache)
    mark_as_advanced(TANDEM_CCACHE)
    if(TANDEM_CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER "${TANDEM_CCACHE}")
    endif()
endif()
