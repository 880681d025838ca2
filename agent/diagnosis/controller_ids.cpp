// SPDX-License-Identifier: Apache-2.0
// Names of vendors: the PCI ID Repository (pci.ids).
#include "agent/diagnosis/controller_ids.h"

#include <algorithm>
#include <cstdint>
#include <span>

namespace vqscope {

namespace {

// Vendor << 16 | device. docs/specs/pci-ids.rst and hw/nvme/ctrl.c of QEMU; the second is that of nvme,use-intel-id=on
// and before QEMU 6.0.
constexpr std::uint32_t kQemusNvme[] = {0x1b36'0010, 0x8086'5845};

// Samsung, Intel, Solidigm, Micron (2), Kioxia, Toshiba, SanDisk, Western Digital, HGST, SK hynix, Seagate, Memblaze,
// DapuStor, DERA, ScaleFlux, ADATA, Kingston, Union Memory, YMTC, Longsys, SSSTC, Lite-On; and who makes chips for
// drives: Phison, Silicon Motion, InnoGrit, MAXIO, Realtek.
constexpr std::uint32_t kDriveMakers[] = {
    0x144d, 0x8086, 0x025e, 0x1344, 0xc0a9, 0x1e0f, 0x1179, 0x15b7, 0x1b96, 0x1c58, 0x1c5c, 0x1bb1, 0x1c5f, 0x1e3b,
    0x1d78, 0xcc53, 0x1cc1, 0x2646, 0x1cc4, 0x1e49, 0x1d97, 0x1e95, 0x14a4, 0x1987, 0x126f, 0x1dbe, 0x1e4b, 0x10ec};
// What an IPU of Intel's shows: "NVMe Data Path Function".
constexpr std::uint32_t kIntelsCard = 0x8086'1457;

// ATA: QEMU's AHCI, its PIIX (VirtualBox's, VMware's and Hyper-V's, too), the AHCI of VirtualBox, of Parallels and
// bhyve, and of VMware. SCSI: QEMU's lsi53c810, lsi53c895a, am53c974, megasas, megasas-gen2 and ufs; mptsas1068 of
// QEMU, VMware and VirtualBox; the other two's LSI Logic (53c1030) and BusLogic; PVSCSI.
constexpr std::uint32_t kImitated[] = {0x8086'2922, 0x8086'7010, 0x8086'7111, 0x8086'269e, 0x8086'2829, 0x8086'2821,
                                       0x15ad'07e0, 0x1000'0001, 0x1000'0012, 0x1022'2020, 0x1000'0060, 0x1000'0079,
                                       0x1b36'0013, 0x1000'0054, 0x1000'0030, 0x104b'1040, 0x15ad'07c0};
// Who has no boards but those of virtual machines: QEMU, VMware, VirtualBox, Parallels, Xen, Hyper-V.
constexpr std::uint32_t kVirtualBoards[] = {0x1af4, 0x15ad, 0x80ee, 0x1ab8, 0x5853, 0x1414};
// None, and those of the makers of the chips, which are imitated with them: LSI, BusLogic, AMD.
constexpr std::uint32_t kBoardsThatTellNothing[] = {0, 0x1000, 0x104b, 0x1022};

bool is_among(std::span<const std::uint32_t> ids, std::uint32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

bool is_drive_makers(const Disk& disk) {
  const auto id = disk.facts.pci_id;
  return id && is_among(kDriveMakers, *id >> 16) && !is_among(kQemusNvme, *id) && *id != kIntelsCard;
}

bool is_of_unknown_maker(const Disk& disk) {
  const auto id = disk.facts.pci_id;
  return disk.driver == "nvme" && id && !is_drive_makers(disk) && !is_among(kQemusNvme, *id);
}

bool is_built(const Disk& disk) {
  if (!disk.facts.pci_id) return false;
  const std::uint32_t board = disk.facts.pci_subsystem.value_or(0) >> 16;
  // Boards have a number; a program that imitates a chip may leave it out.
  if (disk.facts.pci_subsystem && board == 0) return false;
  return !is_among(kVirtualBoards, board) &&
         (!is_among(kBoardsThatTellNothing, board) || !is_among(kImitated, *disk.facts.pci_id));
}

}  // namespace vqscope
