# SPDX-License-Identifier: Apache-2.0
# cmake -DFOLDER=site -DNAMES=index.html,page.css -DOUTPUT=assets.cpp -P embed.cmake: the files as strings.
include(${CMAKE_CURRENT_LIST_DIR}/../../agent/base/literal.cmake)
string(REPLACE "," ";" names "${NAMES}")
set(assets "")
foreach(name IN LISTS names)
  string_literal(literals ${FOLDER}/${name})
  string(APPEND assets "    {\"${name}\",\n${literals}    },\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"exporters/page/assets.h\"\n\nnamespace vqscope {\n\nstd::span<const Asset> assets() {\n"
     "  static constexpr Asset kAssets[] = {\n${assets}  };\n  return kAssets;\n}\n\n}  // namespace vqscope\n")
