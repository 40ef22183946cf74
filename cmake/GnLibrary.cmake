# GnLibrary.cmake - libghostnet.so, libghostnet.a, ghostnet.pc, the installed headers.
#
# Both libraries are made of the objects of the folder libraries (all but sim). The shared one exports gn_* only.

set(objects "")
foreach(folder IN LISTS GN_FOLDERS)
    if(NOT folder STREQUAL "sim")
        list(APPEND objects $<TARGET_OBJECTS:gn_${folder}>)
        install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ghostnet
            FILES_MATCHING PATTERN "*.h")
    endif()
endforeach()
if(NOT objects)
    return()
endif()
list(APPEND objects ${GN_LLHTTP_OBJECTS})
set(third gn_sodium gn_msgpack gn_lmdb gn_nettle gn_quic gn_uv gn_llhttp gn_jansson gn_inih Threads::Threads)

add_library(ghostnet_static STATIC ${objects})
set_target_properties(ghostnet_static PROPERTIES OUTPUT_NAME ghostnet LINKER_LANGUAGE C)
install(TARGETS ghostnet_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

if(GN_SHARED)
    add_library(ghostnet_shared SHARED ${objects})
    target_link_libraries(ghostnet_shared PRIVATE gn_flags ${third})
    target_link_options(ghostnet_shared PRIVATE
        -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/ghostnet.map -Wl,-z,defs -Wl,--exclude-libs,ALL)
    set_target_properties(ghostnet_shared PROPERTIES OUTPUT_NAME ghostnet LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/ghostnet.map)
    install(TARGETS ghostnet_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

set(GN_PC_MSGPACK ${PC_MSGPACK_MODULE_NAME})
if(PC_LLHTTP_FOUND)
    set(GN_PC_LLHTTP libllhttp)
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/ghostnet.pc.in ${CMAKE_BINARY_DIR}/ghostnet.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/ghostnet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
