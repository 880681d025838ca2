# SPDX-License-Identifier: Apache-2.0
# cmake -DFOLDER=site -DNAMES=index.html,page.css -DOUTPUT=assets.cpp -P embed.cmake: the files as strings.
string(REPLACE "," ";" names "${NAMES}")
set(assets "")
foreach(name IN LISTS names)
  file(READ ${FOLDER}/${name} text)
  # A compiler need not take a literal that is longer than 64 KiB, and neighbours are put together again.
  string(LENGTH "${text}" length)
  set(literals "")
  set(begin 0)
  while(begin LESS length)
    string(SUBSTRING "${text}" ${begin} 16000 part)
    string(APPEND literals "\n     R\"vqscope(${part})vqscope\"")
    math(EXPR begin "${begin} + 16000")
  endwhile()
  string(APPEND assets "    {\"${name}\",${literals}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"exporters/page/assets.h\"\n\nnamespace vqscope {\n\nstd::span<const Asset> assets() {\n"
     "  static constexpr Asset kAssets[] = {\n${assets}  };\n  return kAssets;\n}\n\n}  // namespace vqscope\n")
