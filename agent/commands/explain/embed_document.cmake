# SPDX-License-Identifier: Apache-2.0
# cmake -DINPUT=FINDINGS.md -DOUTPUT=findings_document.cpp -P embed_document.cmake: the document as a string.
include(${CMAKE_CURRENT_LIST_DIR}/../../base/literal.cmake)
string_literal(literals ${INPUT})
file(WRITE ${OUTPUT} "#include \"agent/commands/explain/explain.h\"\n\nnamespace vqscope {\n\n"
     "std::string_view findings_document() {\n  return\n${literals}      ;\n}\n\n}  // namespace vqscope\n")
