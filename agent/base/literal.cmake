# SPDX-License-Identifier: Apache-2.0
# string_literal(RESULT FILE): the text of a file as a C++ literal, for what the build puts into the binary.
function(string_literal result file)
  file(READ ${file} text)
  # A compiler need not take a literal that is longer than 64 KiB, and neighbours are put together again.
  string(LENGTH "${text}" length)
  set(literals "")
  set(begin 0)
  while(begin LESS length)
    string(SUBSTRING "${text}" ${begin} 16000 part)
    string(APPEND literals "    R\"vqscope(${part})vqscope\"\n")
    math(EXPR begin "${begin} + 16000")
  endwhile()
  set(${result} "${literals}" PARENT_SCOPE)
endfunction()
