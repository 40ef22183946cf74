# GnManual.cmake - man pages and bash completion: the program prints them from its own table of commands.
#
# Builds without instrumentation only: the others are not installed.

if(NOT TARGET ghostnet OR GN_SANITIZE OR GN_COVERAGE OR GN_FUZZ OR CMAKE_CROSSCOMPILING)
    return()
endif()
set(manual ${CMAKE_BINARY_DIR}/manual)
add_custom_command(OUTPUT ${manual}/made
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:ghostnet> -DFOLDER=${manual}
        -P ${CMAKE_SOURCE_DIR}/cmake/write_manual.cmake
    DEPENDS ghostnet ${CMAKE_SOURCE_DIR}/cmake/write_manual.cmake
    COMMENT "Writing man pages and completion"
    VERBATIM)
add_custom_target(manual ALL DEPENDS ${manual}/made)
install(DIRECTORY ${manual}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${manual}/completion DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ghostnet)
