# Finds libpsl (the Public Suffix List) and defines LibPsl::LibPsl.
find_path(LibPsl_INCLUDE_DIR libpsl.h)
find_library(LibPsl_LIBRARY psl)
mark_as_advanced(LibPsl_INCLUDE_DIR LibPsl_LIBRARY)

if(LibPsl_INCLUDE_DIR AND EXISTS "${LibPsl_INCLUDE_DIR}/libpsl.h")
    file(STRINGS "${LibPsl_INCLUDE_DIR}/libpsl.h" LibPsl_VERSION REGEX "define PSL_VERSION \"")
    string(REGEX REPLACE ".*\"([^\"]*)\".*" "\\1" LibPsl_VERSION "${LibPsl_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibPsl
    REQUIRED_VARS LibPsl_LIBRARY LibPsl_INCLUDE_DIR
    VERSION_VAR LibPsl_VERSION)

if(LibPsl_FOUND AND NOT TARGET LibPsl::LibPsl)
    add_library(LibPsl::LibPsl UNKNOWN IMPORTED)
    set_target_properties(LibPsl::LibPsl PROPERTIES
        IMPORTED_LOCATION "${LibPsl_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${LibPsl_INCLUDE_DIR}")
endif()
