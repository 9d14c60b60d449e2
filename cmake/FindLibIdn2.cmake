# Finds GNU libidn2 (IDNA 2008) and defines LibIdn2::LibIdn2.
find_path(LibIdn2_INCLUDE_DIR idn2.h)
find_library(LibIdn2_LIBRARY idn2)
mark_as_advanced(LibIdn2_INCLUDE_DIR LibIdn2_LIBRARY)

if(LibIdn2_INCLUDE_DIR AND EXISTS "${LibIdn2_INCLUDE_DIR}/idn2.h")
    file(STRINGS "${LibIdn2_INCLUDE_DIR}/idn2.h" LibIdn2_VERSION REGEX "define IDN2_VERSION \"")
    string(REGEX REPLACE ".*\"([^\"]*)\".*" "\\1" LibIdn2_VERSION "${LibIdn2_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibIdn2
    REQUIRED_VARS LibIdn2_LIBRARY LibIdn2_INCLUDE_DIR
    VERSION_VAR LibIdn2_VERSION)

if(LibIdn2_FOUND AND NOT TARGET LibIdn2::LibIdn2)
    add_library(LibIdn2::LibIdn2 UNKNOWN IMPORTED)
    set_target_properties(LibIdn2::LibIdn2 PROPERTIES
        IMPORTED_LOCATION "${LibIdn2_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${LibIdn2_INCLUDE_DIR}")
endif()
