# SPDX-License-Identifier: Apache-2.0
# What `cpack -G DEB` and `cpack -G RPM` make of a build, see INSTALL.md.
set(files ${CMAKE_CURRENT_SOURCE_DIR}/packages)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_NAME vqscope)
set(CPACK_PACKAGE_VENDOR vqscope)
set(CPACK_PACKAGE_CONTACT "vqscope maintainers <vqscope@users.noreply.github.com>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "per-queue disk latency and interrupt placement of KVM guests")
set(CPACK_PACKAGE_DESCRIPTION "vqscope follows each request of a guest's virtual disks with eBPF programs,
from the vCPU that submits it through the hardware queue to the interrupt
that ends it, and exports histograms and counters to Prometheus. Its doctor
says what is wrong with a disk, and what to change on the host.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
# Every file gets the time of the last commit, so that the same sources give the same package.
set(CPACK_PRE_BUILD_SCRIPTS ${files}/same_time.cmake)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/conffiles "/etc/default/vqscope\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${files}/debian/postinst ${files}/debian/prerm ${files}/debian/postrm
    ${CMAKE_CURRENT_BINARY_DIR}/conffiles)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "Apache-2.0 AND (BSD-2-Clause OR GPL-2.0-only)")
set(CPACK_RPM_PACKAGE_GROUP "Applications/System")
set(CPACK_RPM_PACKAGE_REQUIRES "systemd")
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${files}/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${files}/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${files}/rpm/postun)
# Links in /usr/lib/.build-id are for debug packages, of which there is none. The others keep out of the package when and
# where it was built.
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _build_id_links none
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost localhost")
set(CPACK_RPM_USER_FILELIST "%config(noreplace) /etc/default/vqscope")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /etc /etc/default /usr/lib/systemd /usr/lib/systemd/system
    /usr/lib/sysusers.d /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/fish
    /usr/share/fish/vendor_completions.d /usr/share/zsh /usr/share/zsh/site-functions /usr/share/man
    /usr/share/man/man1)

# What differs between the two formats by convention: the place of zsh's functions, and Debian's changelog.
set(CPACK_PROJECT_CONFIG_FILE ${files}/formats.cmake)
foreach(format deb rpm)
  if(format STREQUAL deb)
    set(functions ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  else()
    set(functions ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  endif()
  install(FILES packages/completions/_vqscope DESTINATION ${functions} COMPONENT ${format} EXCLUDE_FROM_ALL)
endforeach()
install_compressed(${files}/debian/changelog changelog.gz
                   DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT deb EXCLUDE_FROM_ALL)

set(CPACK_BUILD_DIRECTORY_OF_VQSCOPE ${PROJECT_BINARY_DIR})
include(CPack)
