# write_manual.cmake - run by GnManual.cmake: PROGRAM writes man1/*.1 and completion into FOLDER.

function(write file)
    execute_process(COMMAND ${PROGRAM} help ${ARGN} OUTPUT_FILE ${FOLDER}/${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER}/man1)
write(completion --completion)
write(man1/ghostnet.1 --man)
execute_process(COMMAND ${PROGRAM} help --names OUTPUT_VARIABLE names COMMAND_ERROR_IS_FATAL ANY
    OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REPLACE "\n" ";" names "${names}")
foreach(name IN LISTS names)
    string(REPLACE " " "-" page "ghostnet ${name}.1")
    string(REPLACE " " ";" words "${name}")
    write(man1/${page} --man ${words})
endforeach()
file(TOUCH ${FOLDER}/made)
