# GnFlags.cmake - the target gn_flags: what every file of ours is compiled and linked with.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
    set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
endif()

add_library(gn_flags INTERFACE)
target_include_directories(gn_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(gn_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wcast-qual -Wformat=2 -Wswitch-enum -Wnull-dereference
    -fno-common -fvisibility=default
    # __FILE__ in a failed check names the file from the root, not a path of the machine that built it
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(GN_WERROR)
    target_compile_options(gn_flags INTERFACE -Werror)
endif()
if(GN_SLOW_CHECKS)
    target_compile_definitions(gn_flags INTERFACE GN_SLOW_CHECKS)
endif()

if(GN_HARDEN)
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES C)
    target_compile_options(gn_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
        -fstack-clash-protection -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
    target_link_options(gn_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

# Fat objects: the archive libghostnet.a must be usable by a program that is linked without LTO.
if(GN_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(gn_flags INTERFACE -flto=auto -ffat-lto-objects)
    target_link_options(gn_flags INTERFACE -flto=auto)
endif()

if(GN_COVERAGE)
    # atomic: the counters are also written by worker threads
    target_compile_options(gn_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(gn_flags INTERFACE --coverage)
endif()

if(GN_SANITIZE)
    set(GN_SANITIZE_FLAGS -fsanitize=${GN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(gn_flags INTERFACE ${GN_SANITIZE_FLAGS})
    target_link_options(gn_flags INTERFACE ${GN_SANITIZE_FLAGS})
endif()
if(GN_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "GN_FUZZ needs clang: use the preset fuzz")
    endif()
    target_compile_options(gn_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
