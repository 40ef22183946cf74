# GnThird.cmake - other people's libraries: one INTERFACE target gn_<name> each, so that the rest names no package.
#
# Differences between Debian 12 and 13 stay in this file: msgpack's two names, llhttp as sources or as a library.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Python3 COMPONENTS Interpreter)

# gn_third(TARGET MODULE...): the pkg-config modules become TARGET. Their headers are system headers.
function(gn_third target)
    add_library(${target} INTERFACE)
    foreach(module IN LISTS ARGN)
        pkg_check_modules(PC_${module} REQUIRED IMPORTED_TARGET ${module})
        target_link_libraries(${target} INTERFACE PkgConfig::PC_${module})
    endforeach()
endfunction()

gn_third(gn_sodium libsodium)
gn_third(gn_lmdb lmdb)
gn_third(gn_nettle nettle)
gn_third(gn_quic libngtcp2 libngtcp2_crypto_gnutls gnutls)
gn_third(gn_uv libuv)
gn_third(gn_jansson jansson)
gn_third(gn_inih inih)

# msgpack: pkg-config only for its name, because Debian 13's msgpack-c.pc gives relative folders.
pkg_search_module(PC_MSGPACK REQUIRED msgpack-c msgpack)
find_path(GN_MSGPACK_INCLUDE msgpack.h REQUIRED)
find_library(GN_MSGPACK_LIBRARY NAMES msgpack-c msgpackc REQUIRED)
add_library(gn_msgpack INTERFACE)
target_include_directories(gn_msgpack SYSTEM INTERFACE ${GN_MSGPACK_INCLUDE})
target_link_libraries(gn_msgpack INTERFACE ${GN_MSGPACK_LIBRARY})

# llhttp: a library with a pkg-config file on Debian 13; on Debian 12 the package node-llhttp ships the generated
# sources, which become a small static library here. They are not ours, so our warnings do not apply.
pkg_check_modules(PC_LLHTTP IMPORTED_TARGET libllhttp)
add_library(gn_llhttp INTERFACE)
if(PC_LLHTTP_FOUND)
    target_link_libraries(gn_llhttp INTERFACE PkgConfig::PC_LLHTTP)
else()
    find_path(GN_LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp /usr/share/nodejs/llhttp REQUIRED)
    find_path(GN_LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
    add_library(gn_llhttp_static STATIC
        ${GN_LLHTTP_SOURCES}/api.c ${GN_LLHTTP_SOURCES}/http.c ${GN_LLHTTP_SOURCES}/llhttp.c)
    target_include_directories(gn_llhttp_static SYSTEM PUBLIC ${GN_LLHTTP_INCLUDE})
    target_compile_options(gn_llhttp_static PRIVATE -w -fvisibility=hidden)
    target_link_libraries(gn_llhttp INTERFACE gn_llhttp_static)
    set(GN_LLHTTP_OBJECTS $<TARGET_OBJECTS:gn_llhttp_static>)
endif()
