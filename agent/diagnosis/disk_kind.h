// SPDX-License-Identifier: Apache-2.0
// Whose a disk is, as far as findings care: what the hypervisor could change about it. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/topology/topology.h"

namespace vqscope {

// On a bus of this machine, and not made by the guest itself (loop, zram, null_blk, device-mapper), reached over a
// network (iSCSI, Fibre Channel, SRP, rbd, nbd, NVMe over fabrics) or a CD-ROM drive.
bool is_hosts_disk(const Disk& disk);
// Such a disk of a guest whose hypervisor decides how many queues it offers: virtio, NVMe, Xen. An adapter that is
// passed through has its own.
bool hypervisor_sets_queues(const Topology& topology, const Disk& disk);
// With the queues of its hardware, which nothing of the hypervisor serves: an NVMe drive of a maker of drives, or where
// the hypervisor has none of its own, and what is behind a PCI adapter that no hypervisor makes or imitates (mpt3sas,
// mtip32xx, an ATA or SCSI controller by its PCI ids).
bool is_passed_through(const Topology& topology, const Disk& disk);
// On a bus or an adapter that a hypervisor emulates after real hardware: SATA, IDE, an old SCSI adapter.
bool is_emulated(const Topology& topology, const Disk& disk);
// Whose zones have to be written in order, which before Linux 6.10 the elevator mq-deadline alone keeps.
bool is_zoned(const Disk& disk);
// Hardware queues whose completions interrupt: without those that are only polled.
std::size_t interrupt_queues(const Disk& disk);
// Interrupt vectors that the driver wants: one for each of these queues, or of so many, and one for configuration
// changes (virtio-blk), three for that, control and events (virtio-scsi), or one for the admin queue (NVMe). nullopt:
// other drivers.
std::optional<std::size_t> needed_vectors(const Disk& disk);
std::optional<std::size_t> needed_vectors(const Disk& disk, std::size_t queues);

// "sdb, sdc are paths of one disk, mpatha (dm-3): what is told of each of these may be one thing." Of a path, or of
// what is made of paths, to more than one, by device-mapper or the NVMe driver; else empty.
std::string about_paths(const Topology& topology, const Disk& disk);

// "dm-3 is mpatha (mpath) on sdb, sdc." and "vda holds vg0-root (LVM).", as far as there is something below or above;
// else empty.
std::string about_layers(const Disk& disk);

}  // namespace vqscope
