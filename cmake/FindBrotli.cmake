# Finds brotli and defines Brotli::Decoder, and Brotli::Encoder where it is there too (the tests use it).
find_path(Brotli_INCLUDE_DIR brotli/decode.h)
find_library(Brotli_COMMON_LIBRARY brotlicommon)
find_library(Brotli_DECODER_LIBRARY brotlidec)
find_library(Brotli_ENCODER_LIBRARY brotlienc)
mark_as_advanced(Brotli_INCLUDE_DIR Brotli_COMMON_LIBRARY Brotli_DECODER_LIBRARY Brotli_ENCODER_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Brotli
    REQUIRED_VARS Brotli_DECODER_LIBRARY Brotli_COMMON_LIBRARY Brotli_INCLUDE_DIR)

if(Brotli_FOUND AND NOT TARGET Brotli::Decoder)
    add_library(Brotli::Decoder UNKNOWN IMPORTED)
    set_target_properties(Brotli::Decoder PROPERTIES
        IMPORTED_LOCATION "${Brotli_DECODER_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${Brotli_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${Brotli_COMMON_LIBRARY}")
    if(Brotli_ENCODER_LIBRARY)
        add_library(Brotli::Encoder UNKNOWN IMPORTED)
        set_target_properties(Brotli::Encoder PROPERTIES
            IMPORTED_LOCATION "${Brotli_ENCODER_LIBRARY}"
            INTERFACE_INCLUDE_DIRECTORIES "${Brotli_INCLUDE_DIR}"
            INTERFACE_LINK_LIBRARIES "${Brotli_COMMON_LIBRARY}")
    endif()
endif()
