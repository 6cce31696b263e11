# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAM=datus -DFOLDER=pages -P write_pages.cmake: pages/man/*.1 and pages/completions, as the program prints them.
function(print_to FILE)
  execute_process(COMMAND ${PROGRAM} ${ARGN} OUTPUT_FILE ${FILE} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER}/man ${FOLDER}/completions)
execute_process(COMMAND ${PROGRAM} manual OUTPUT_VARIABLE PAGES COMMAND_ERROR_IS_FATAL ANY OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REPLACE "\n" ";" PAGES "${PAGES}")
foreach(PAGE ${PAGES})
  print_to(${FOLDER}/man/${PAGE}.1 manual ${PAGE})
endforeach()
print_to(${FOLDER}/completions/datus completion bash)
print_to(${FOLDER}/completions/_datus completion zsh)
print_to(${FOLDER}/completions/datus.fish completion fish)
