// SPDX-License-Identifier: Apache-2.0
// Whether hardware or a hypervisor is behind a PCI controller, by its PCI ids (DiskFacts). Pure and thread-safe.
#pragma once

#include "agent/topology/topology.h"

namespace vqscope {

// Of an NVMe controller: that of a maker of drives, which no hypervisor and no card of a provider imitates.
bool is_drive_makers(const Disk& disk);
// Of an NVMe controller whose ids are known: neither a drive maker's nor QEMU's own. A program of the host (SPDK), a
// provider's card, or a drive of a maker that is not known here.
bool is_of_unknown_maker(const Disk& disk);
// Of an ATA or SCSI controller: a chip that nobody imitates, or a board of somebody who builds boards.
bool is_built(const Disk& disk);

}  // namespace vqscope
