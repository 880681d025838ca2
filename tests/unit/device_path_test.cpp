// SPDX-License-Identifier: Apache-2.0
// How disks are reached, by their paths in sysfs.
#include "agent/topology/device_path.h"

#include <gtest/gtest.h>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::Guest;

// Of a disk at this place below sysfs' devices folder, in a tree with more files.
std::string transport(const std::string& path, Guest guest = Guest("virtio-mmio")) {
  const test::Tree tree = guest.file("sys/devices/" + path + "/size", "2048").unpack();
  TreeReader reader;
  const auto sysfs = std::filesystem::canonical(tree.paths.sysfs);
  const auto disk = sysfs / "devices" / path;
  return find_transport(reader, sysfs, disk, analyse(sysfs, disk));
}

TEST(Transport, OfVirtioIsTheBusOfTheDeviceThatCarriesIt) {
  EXPECT_EQ(transport("pci0000:00/0000:00:02.0/virtio0/block/vda"), "virtio-pci");
  EXPECT_EQ(transport("platform/a003e00.virtio_mmio/virtio0/block/vda"), "virtio-mmio");
  EXPECT_EQ(transport("virtio-mmio-cmdline/virtio-mmio.0/virtio0/block/vda"), "virtio-mmio");
  EXPECT_EQ(transport("LNXSYSTM:00/LNXSYBUS:00/LNRO0005:01/virtio1/block/vda"), "virtio-mmio");
  EXPECT_EQ(transport("css0/0.0.0000/0.0.0001/virtio0/block/vda"), "virtio-ccw");
  EXPECT_EQ(transport("virtual/vduse/disk0/disk0/virtio3/block/vdb"), "virtio-vdpa");
  EXPECT_EQ(transport("virtual/vdpa/vdpa0/virtio3/block/vdb"), "virtio-vdpa");
  EXPECT_EQ(transport("platform/virtio-uml.0/virtio0/block/vda"), "virtio-platform");
  EXPECT_EQ(transport("something/new/virtio3/block/vdb"), "virtio-other");
}

TEST(Transport, OfVirtioFollowsTheLinkToTheBus) {
  const auto on = [](const std::string& bus, const std::string& driver = "") {
    Guest guest("virtio-mmio");
    guest.link("sys/devices/something/new/subsystem", "../../../bus/" + bus);
    if (!driver.empty()) guest.link("sys/devices/something/new/driver", "../../../bus/" + bus + "/drivers/" + driver);
    return transport("something/new/virtio3/block/vdb", guest);
  };
  EXPECT_EQ(on("platform", "virtio-mmio"), "virtio-mmio");
  EXPECT_EQ(on("platform", "imx-rproc"), "virtio-platform");
  EXPECT_EQ(on("pci"), "virtio-pci");
  EXPECT_EQ(on("ccw"), "virtio-ccw");
  EXPECT_EQ(on("vdpa"), "virtio-vdpa");
  EXPECT_EQ(on("fslmc"), "virtio-fslmc");
}

// Drivers such as vp-vdpa and ifcvf put the virtio device below their PCI device.
TEST(Transport, OfAVdpaDeviceOnPciIsVdpa) {
  Guest guest("virtio-mmio");
  guest.file("sys/devices/pci0000:00/0000:00:05.0/vdpa0/driver_override", "");
  guest.link("sys/bus/vdpa/devices/vdpa0", "../../../devices/pci0000:00/0000:00:05.0/vdpa0");
  EXPECT_EQ(transport("pci0000:00/0000:00:05.0/virtio4/block/vdc", guest), "virtio-vdpa");
  EXPECT_EQ(transport("pci0000:00/0000:00:06.0/virtio5/block/vdd", guest), "virtio-pci");
}

TEST(Transport, OfNvmeIsPciOrTheFabric) {
  EXPECT_EQ(transport("pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1"), "pci");
  const std::string fabric = "virtual/nvme-fabrics/ctl/nvme2/nvme2n1";
  EXPECT_EQ(transport(fabric), "nvme-fabrics");
  EXPECT_EQ(transport(fabric, Guest("virtio-mmio").file("sys/class/nvme/nvme2/transport", "tcp")), "nvme-tcp");
}

TEST(Transport, OfScsiTellsNetworksFromAdapters) {
  EXPECT_EQ(transport("platform/host2/session1/target2:0:0/2:0:0:1/block/sda"), "iscsi");
  EXPECT_EQ(transport("pci0000:00/0000:00:03.0/host3/session4/target3:0:0/3:0:0:1/block/sdb"), "iscsi");
  EXPECT_EQ(transport("pci0000:00/0000:00:03.0/host3/rport-3:0-1/target3:0:0/3:0:0:1/block/sdb"), "fc");
  EXPECT_EQ(transport("pci0000:00/0000:00:03.0/net/eth0/ctlr_0/host3/rport-3:0-1/target3:0:0/3:0:0:1/block/sdb"),
            "fcoe");
  EXPECT_EQ(transport("pci0000:00/0000:00:03.0/usb1/1-1/1-1:1.0/host3/target3:0:0/3:0:0:0/block/sdc"), "usb");
  EXPECT_EQ(transport("pci0000:00/0000:00:05.0/host2/target2:0:0/2:0:0:0/block/sda"), "scsi");
  EXPECT_EQ(transport("pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda"), "ata");
}

TEST(Transport, OfTheRest) {
  EXPECT_EQ(transport("virtual/block/nbd0"), "virtual");
  EXPECT_EQ(transport("rbd/0/block/rbd0"), "rbd");
  EXPECT_EQ(transport("vbd-51712/block/xvda"), "xen");
  EXPECT_EQ(transport("pci0000:00/0000:00:07.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0"), "mmc");
  EXPECT_EQ(transport("css0/0.0.0001/0.0.0160/block/dasda"), "ccw");
  EXPECT_EQ(transport("pci0000:00/0000:00:09.0/block/rssda"), "pci");
  const std::string pmem = "LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/ndbus0/region0/namespace0.0";
  EXPECT_EQ(transport(pmem + "/block/pmem0"), "other");
  Guest linked = Guest("virtio-mmio")
                     .link("sys/devices/" + pmem + "/block/pmem0/device", "../../../namespace0.0")
                     .link("sys/devices/" + pmem + "/subsystem", "../../../../../../../bus/nd");
  EXPECT_EQ(transport(pmem + "/block/pmem0", std::move(linked)), "nd");
}

}  // namespace
}  // namespace vqscope
