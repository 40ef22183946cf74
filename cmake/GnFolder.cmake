# GnFolder.cmake - gn_folder(NAME BELOW folder... THIRD target...): NAME/**/*.c becomes the static library gn_NAME.
#
# A folder without any .c file yet becomes an empty interface library, so that the others can name it all the same.
# Only files named os_*, uv_* and lmdb_* (and the folder node) see more than ISO C: they get _GNU_SOURCE.

set(GN_FOLDERS "")
set(GN_NODE_DEFINITIONS GN_VERSION="${PROJECT_VERSION}" GN_BUILD="${GN_PRESET}")

function(gn_folder name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "BELOW;THIRD")
    list(TRANSFORM arg_BELOW PREPEND gn_)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.c)
    list(FILTER sources EXCLUDE REGEX "/node/main(_[a-z]+)?\\.c$")
    if(NOT sources)
        add_library(gn_${name} INTERFACE)
        target_link_libraries(gn_${name} INTERFACE ${arg_BELOW} ${arg_THIRD})
        return()
    endif()

    add_library(gn_${name} STATIC ${sources})
    target_link_libraries(gn_${name} PRIVATE gn_flags PUBLIC ${arg_BELOW} PRIVATE ${arg_THIRD} Threads::Threads)
    foreach(source IN LISTS sources)
        if(name STREQUAL "node" OR source MATCHES "/(os|uv|lmdb)_[^/]*$")
            set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS _GNU_SOURCE)
        endif()
    endforeach()
    if(name MATCHES "^(rpc|node)$")
        target_compile_definitions(gn_${name} PRIVATE ${GN_NODE_DEFINITIONS})
    endif()
    set(GN_FOLDERS ${GN_FOLDERS} ${name} PARENT_SCOPE)
endfunction()
