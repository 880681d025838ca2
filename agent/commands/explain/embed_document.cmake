# SPDX-License-Identifier: Apache-2.0
# cmake -DINPUT=FINDINGS.md -DOUTPUT=findings_document.cpp -P embed_document.cmake: the document as a string.
file(READ ${INPUT} text)
# A compiler need not take a literal that is longer than 64 KiB, and neighbours are put together again.
string(LENGTH "${text}" length)
set(literals "")
set(begin 0)
while(begin LESS length)
  string(SUBSTRING "${text}" ${begin} 16000 part)
  string(APPEND literals "    R\"vqscope(${part})vqscope\"\n")
  math(EXPR begin "${begin} + 16000")
endwhile()
file(WRITE ${OUTPUT} "#include \"agent/commands/explain/explain.h\"\n\nnamespace vqscope {\n\n"
     "std::string_view findings_document() {\n  return\n${literals}      ;\n}\n\n}  // namespace vqscope\n")
