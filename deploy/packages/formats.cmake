# SPDX-License-Identifier: Apache-2.0
# Read by cpack for each format: what is common, and the files that only this format has.
set(CPACK_INSTALL_CMAKE_PROJECTS "${CPACK_BUILD_DIRECTORY_OF_VQSCOPE};vqscope;ALL;/")
string(TOLOWER "${CPACK_GENERATOR}" format)
list(APPEND CPACK_INSTALL_CMAKE_PROJECTS "${CPACK_BUILD_DIRECTORY_OF_VQSCOPE};vqscope;${format};/")
