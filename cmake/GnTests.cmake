# GnTests.cmake - files under tests/ become tests; nothing has to be listed anywhere.
#
#   tests/unit/FOLDER/test_X.c   -> unit_FOLDER_X     label unit         links FOLDER and what is below it
#   tests/step/test_X.c          -> step_X            label step         links overlay, storage, transport, base
#   tests/sim/test_X.c           -> sim_X             label sim          links sim and what is below it
#   tests/sim/X.sh               -> sim_X             label sim
#   tests/e2e/X.sh, X.py         -> e2e_X             label e2e          GN_PROGRAM names the program under test
#   tests/e2e/test_X.c           -> e2e_X             label e2e          links everything
#   tests/lint/X.sh, X.py        -> lint_X            label lint
#   tests/fuzz/fuzz_X.c          -> fuzz_X            label fuzz-replay  libFuzzer under the preset fuzz
#   tests/bench/bench_X.c        -> bench_X           no test
# Scripts whose names begin with lib or _ are parts of others, not tests.

set(all_folders gn_node gn_rpc gn_transport gn_storage gn_overlay gn_base)
set(tests_dir ${CMAKE_SOURCE_DIR}/tests)

# gn_test_program(NAME SOURCE LIBRARY...): an executable with our flags, _GNU_SOURCE, and the tests' shared helpers.
function(gn_test_program name source)
    add_executable(${name} ${source})
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE GN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${name} PRIVATE gn_flags gn_test_support ${ARGN} gn_sodium)
    # Many small programs: the machine code in the fat objects will do. A benchmark measures what is installed.
    if(GN_LTO AND NOT name MATCHES "^bench_")
        target_compile_options(${name} PRIVATE -fno-lto)
        target_link_options(${name} PRIVATE -fno-lto)
    endif()
    # A fuzz target runs the code; which error came of random bytes is nothing to look at.
    if(name MATCHES "^fuzz_")
        target_compile_options(${name} PRIVATE -Wno-unused-result)
    endif()
endfunction()

# gn_libraries(OUT SOURCE): all libraries, without node (and rpc) when the source does not include it.
function(gn_libraries out source)
    set(libraries ${all_folders})
    file(STRINGS ${source} node REGEX "#include \"node/")
    file(STRINGS ${source} rpc REGEX "#include \"rpc/")
    if(NOT node)
        list(REMOVE_ITEM libraries gn_node)
    endif()
    if(NOT node AND NOT rpc)
        list(REMOVE_ITEM libraries gn_rpc)
    endif()
    set(${out} ${libraries} PARENT_SCOPE)
endfunction()

# gn_test_name(OUT KIND SOURCE): tests/unit/base/test_heap.c -> unit_base_heap.
function(gn_test_name out kind source)
    file(RELATIVE_PATH name ${tests_dir}/${kind} ${source})
    string(REGEX REPLACE "\\.[a-z]+$" "" name ${name})
    string(REGEX REPLACE "(^|/)(test|fuzz|bench)_" "\\1" name ${name})
    string(REPLACE "/" "_" name ${name})
    set(${out} ${kind}_${name} PARENT_SCOPE)
endfunction()

# GN_TEST_WRAPPER runs every test program and the program under test through a script (valgrind).
set(GN_TEST_WRAPPER "" CACHE FILEPATH "A script that runs its arguments as a command")
set(program ${CMAKE_BINARY_DIR}/ghostnet)
if(GN_TEST_WRAPPER)
    set(program ${CMAKE_BINARY_DIR}/wrapped/ghostnet)
    file(WRITE ${program} "#!/bin/sh\nexec '${GN_TEST_WRAPPER}' '${CMAKE_BINARY_DIR}/ghostnet' \"$@\"\n")
    file(CHMOD ${program} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endif()

set(test_environment
    "ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
    "UBSAN_OPTIONS=print_stacktrace=1" "TSAN_OPTIONS=second_deadlock_stack=1"
    "GN_PROGRAM=${program}"
    "GN_BUILD_DIR=${CMAKE_BINARY_DIR}" "GN_SOURCE_DIR=${CMAKE_SOURCE_DIR}" "GN_PRESET=${GN_PRESET}")

# gn_register(NAME LABEL TIMEOUT COMMAND...). Exit code 77 means skipped. Under a sanitizer the name ends in @asan, so
# that one run of ctest can hold two builds.
function(gn_register name label timeout)
    set(command ${ARGN})
    if(TARGET ${ARGV3})
        list(TRANSFORM command REPLACE ".+" "$<TARGET_FILE:${ARGV3}>" AT 0)
        list(PREPEND command ${GN_TEST_WRAPPER})
    endif()
    if(GN_SANITIZE)
        string(APPEND name @${GN_PRESET})
    endif()
    add_test(NAME ${name} COMMAND ${command})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout} SKIP_RETURN_CODE 77
        ENVIRONMENT "${test_environment}")
    # A swarm of processes, or clang-tidy on all cores, shares the machine with nothing else.
    if(label STREQUAL "e2e" OR name STREQUAL "lint_tidy")
        set_tests_properties(${name} PROPERTIES PROCESSORS 2)
    endif()
endfunction()

# gn_scripts(KIND TIMEOUT): every shell or python script of tests/KIND is a test.
function(gn_scripts kind timeout)
    file(GLOB scripts CONFIGURE_DEPENDS ${tests_dir}/${kind}/*.sh ${tests_dir}/${kind}/*.py)
    foreach(script IN LISTS scripts)
        cmake_path(GET script FILENAME file)
        if(file MATCHES "^(lib|_)")
            continue()
        endif()
        gn_test_name(name ${kind} ${script})
        if(script MATCHES "\\.py$")
            gn_register(${name} ${kind} ${timeout} ${Python3_EXECUTABLE} ${script})
        else()
            gn_register(${name} ${kind} ${timeout} bash ${script})
        endif()
    endforeach()
endfunction()

# Helpers of the tests, pulled in only where a test uses them.
file(GLOB support CONFIGURE_DEPENDS ${tests_dir}/support/*.c)
list(FILTER support EXCLUDE REGEX "/fuzz_main\\.c$")
if(support)
    add_library(gn_test_support STATIC ${support})
    target_compile_definitions(gn_test_support PRIVATE _GNU_SOURCE)
    target_link_libraries(gn_test_support PRIVATE gn_flags)
else()
    add_library(gn_test_support INTERFACE)
endif()

file(GLOB fuzz_sources CONFIGURE_DEPENDS ${tests_dir}/fuzz/fuzz_*.c)
if(GN_FUZZ)
    foreach(source IN LISTS fuzz_sources)
        gn_test_name(name fuzz ${source})
        gn_libraries(libraries ${source})
        gn_test_program(${name} ${source} ${libraries})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    endforeach()
    return()
endif()

# The same targets without libFuzzer: replay the kept inputs, then mutate them in a way that never changes.
foreach(source IN LISTS fuzz_sources)
    gn_test_name(name fuzz ${source})
    gn_libraries(libraries ${source})
    gn_test_program(${name} ${source} ${libraries})
    target_sources(${name} PRIVATE ${tests_dir}/support/fuzz_main.c)
    string(REGEX REPLACE "^fuzz_" "" corpus ${name})
    gn_register(${name} fuzz-replay 120 ${name} ${tests_dir}/fuzz/corpus/${corpus})
endforeach()

gn_third(gn_cmocka cmocka)
foreach(folder base overlay storage transport rpc node sim)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${tests_dir}/unit/${folder}/test_*.c)
    foreach(source IN LISTS sources)
        gn_test_name(name unit ${source})
        gn_test_program(${name} ${source} gn_${folder} gn_cmocka)
        gn_register(${name} unit 60 ${name})
    endforeach()
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${tests_dir}/step/test_*.c)
foreach(source IN LISTS sources)
    gn_test_name(name step ${source})
    gn_test_program(${name} ${source} gn_storage gn_transport gn_overlay gn_base gn_cmocka)
    gn_register(${name} step 300 ${name})
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${tests_dir}/sim/test_*.c)
foreach(source IN LISTS sources)
    gn_test_name(name sim ${source})
    gn_test_program(${name} ${source} gn_sim gn_cmocka)
    gn_register(${name} sim 600 ${name})
endforeach()
if(NOT GN_SANITIZE AND NOT GN_COVERAGE)
    gn_scripts(sim 900)
endif()

file(GLOB sources CONFIGURE_DEPENDS ${tests_dir}/e2e/test_*.c)
foreach(source IN LISTS sources)
    gn_test_name(name e2e ${source})
    gn_test_program(${name} ${source} ${all_folders} gn_cmocka)
    gn_register(${name} e2e 300 ${name})
endforeach()
gn_scripts(e2e 300)
if(NOT GN_SANITIZE AND NOT GN_COVERAGE)
    gn_scripts(lint 1200)
endif()

file(GLOB sources CONFIGURE_DEPENDS ${tests_dir}/bench/bench_*.c)
foreach(source IN LISTS sources)
    gn_test_name(name bench ${source})
    gn_libraries(libraries ${source})
    gn_test_program(${name} ${source} ${libraries})
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c)
foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    add_executable(example_${name} ${source})
    target_compile_definitions(example_${name} PRIVATE _GNU_SOURCE)
    target_link_libraries(example_${name} PRIVATE gn_flags ${all_folders})
endforeach()
