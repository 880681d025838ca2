# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a header with the revision of the sources in SOURCE: git's, with "-dirty" after it if something is
# changed; in a tarball made by `git archive` what git put in here; else "unknown".
cmake_minimum_required(VERSION 3.25)
set(archived "$Format:%h$")
set(VQSCOPE_REVISION unknown)
find_program(GIT git)
if(EXISTS "${SOURCE}/.git" AND GIT)
  # safe.directory: root builds what another user checked out.
  execute_process(COMMAND ${GIT} -c safe.directory=${SOURCE} -C ${SOURCE} describe --always --dirty --abbrev=12 --match=
    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status ERROR_QUIET)
  if(status EQUAL 0)
    set(VQSCOPE_REVISION ${described})
  endif()
elseif(NOT archived MATCHES "Format")
  set(VQSCOPE_REVISION ${archived})
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT "// Written by CMake.
#pragma once

#define VQSCOPE_REVISION \"@VQSCOPE_REVISION@\"
")
