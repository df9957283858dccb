# handgrad_licences(FOLDER DESTINATION): gathers the licence of each line of third-party.txt in FOLDER and installs them. They
# are taken from where the machine that builds keeps them, and not copied into this repository.
set(HANDGRAD_LICENCE_FOLDERS /usr/share/doc /usr/share/licenses CACHE STRING
    "Where PACKAGE/copyright or NAME/LICENSE of the libraries that are linked in are looked for")
option(HANDGRAD_ALL_LICENCES "A licence that is not found is an error: for wheels that are passed on" OFF)

# What Debian's copyright file says; a text of the Apache licence that it only points at goes behind it.
function(handgrad_debian_licence text copyright)
  file(READ ${copyright} said)
  if(said MATCHES "/[^\" \n]*/common-licenses/Apache-2[.]0")
    file(READ ${CMAKE_MATCH_0} apache)
    string(APPEND said "\n\n${apache}")
  endif()
  set(${text} "${said}" PARENT_SCOPE)
endfunction()

# The licence of a library by its name and Debian package; empty where there is none.
function(handgrad_licence text name package)
  if(name STREQUAL "nanobind") # beside the package, as Python's wheels have them
    file(GLOB found ${NB_DIR}/../nanobind-*.dist-info/licenses/LICENSE)
  elseif(name STREQUAL "robin-map") # which nanobind carries: in the first comment of its header
    file(READ ${NB_DIR}/ext/robin_map/include/tsl/robin_map.h header)
    string(FIND "${header}" "*/" end)
    string(SUBSTRING "${header}" 0 ${end} said)
    string(REGEX REPLACE "(^|\n)[ /]*[*]+ ?" "\\1" said "${said}")
  else()
    foreach(folder IN LISTS HANDGRAD_LICENCE_FOLDERS)
      file(GLOB candidates ${folder}/${package}/copyright ${folder}/${name}/LICENSE* ${folder}/${name}/COPYING*)
      list(APPEND found ${candidates})
    endforeach()
  endif()
  if(found)
    list(GET found 0 file)
    handgrad_debian_licence(said ${file})
  endif()
  set(${text} "${said}" PARENT_SCOPE)
endfunction()

function(handgrad_licences folder destination)
  file(STRINGS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/third-party.txt lines REGEX "^[^#]")
  foreach(line IN LISTS lines)
    string(REGEX MATCHALL "[^ ]+" words "${line}")
    list(GET words 0 name)
    list(GET words 3 package)
    handgrad_licence(text ${name} ${package})
    if(text)
      file(CONFIGURE OUTPUT ${folder}/${name}.txt CONTENT "@text@" @ONLY)
    elseif(HANDGRAD_ALL_LICENCES)
      message(FATAL_ERROR "no licence of ${name} (Debian package ${package}) in ${HANDGRAD_LICENCE_FOLDERS}: install it, or "
                          "name its folder in HANDGRAD_LICENCE_FOLDERS")
    else()
      message(WARNING "no licence of ${name} in ${HANDGRAD_LICENCE_FOLDERS}: the wheel is not to be passed on without it")
    endif()
  endforeach()
  install(DIRECTORY ${folder}/ DESTINATION ${destination} FILES_MATCHING PATTERN *.txt)
  install(FILES ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/third-party.txt DESTINATION ${destination})
endfunction()
