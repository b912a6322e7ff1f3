# Language level, hidden symbols, warnings and sanitizers of every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_library(edgekit_warnings INTERFACE)
target_compile_options(edgekit_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion)
# gcc 12 wrongly warns of overlaps and overflows in operator+ of std::string (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(edgekit_warnings INTERFACE -Wno-restrict -Wno-stringop-overflow)
endif()
if(EDGEKIT_WARNINGS_AS_ERRORS)
  target_compile_options(edgekit_warnings INTERFACE -Werror)
endif()

if(EDGEKIT_SANITIZE)
  # With sanitizers gcc wrongly warns of uninitialized members in std::regex (its bug 105616).
  target_compile_options(edgekit_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_compile_options(-fsanitize=${EDGEKIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EDGEKIT_SANITIZE})
endif()
