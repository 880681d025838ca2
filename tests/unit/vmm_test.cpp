// SPDX-License-Identifier: Apache-2.0
// Which hypervisor a guest runs on, by what its firmware tells.
#include "agent/topology/vmm.h"

#include <gtest/gtest.h>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::Guest;
using test::Tree;

// A DSDT's header with an OEM identifier of six characters at offset 10 (ACPI 6.5, 5.2.6).
std::string dsdt(const std::string& oem) { return std::string("DSDT\x0f\x12\0\0\x02w", 10) + oem + "TABLEID "; }

std::string detect(const std::filesystem::path& sysfs, std::string_view signature) {
  TreeReader reader;
  return detect_vmm(reader, sysfs, signature);
}

TEST(DetectVmm, ReadsDmi) {
  const struct {
    const char *file, *text, *product;
  } cases[] = {
      {"sys_vendor", "QEMU", "qemu"},
      {"sys_vendor", "Amazon EC2", "amazon-ec2"},
      {"sys_vendor", "Google", "google-compute-engine"},
      {"product_name", "Google Compute Engine", "google-compute-engine"},
      {"sys_vendor", "Cloud Hypervisor", "cloud-hypervisor"},
      {"sys_vendor", "VMware, Inc.", "vmware"},
      {"bios_vendor", "innotek GmbH", "virtualbox"},
      {"sys_vendor", "Microsoft Corporation", "hyper-v"},
      {"sys_vendor", "Xen", "xen"},
      {"sys_vendor", "Red Hat", "qemu"},
      {"sys_vendor", "oVirt", "qemu"},
      {"product_name", "OpenStack Nova", "qemu"},
      {"chassis_vendor", "QEMU", "qemu"},
      {"sys_vendor", "Dell Inc.", ""},
  };
  for (const auto& c : cases) {
    const Tree tree = Guest("virtio-mmio").file(std::string("sys/class/dmi/id/") + c.file, c.text).unpack();
    EXPECT_EQ(detect(tree.paths.sysfs, ""), c.product) << c.text;
  }
}

TEST(DetectVmm, AProductBuiltOnAnotherIsTheProduct) {
  Guest guest("virtio-mmio");
  guest.file("sys/class/dmi/id/sys_vendor", "Amazon EC2").file("sys/class/dmi/id/bios_vendor", "Xen");
  const Tree tree = guest.unpack();
  EXPECT_EQ(detect(tree.paths.sysfs, "XenVMMXenVMM"), "amazon-ec2");
}

TEST(DetectVmm, ReadsTheAcpiTablesWithoutDmi) {
  const std::pair<const char*, const char*> cases[] = {{"FIRECK", "firecracker"}, {"CLOUDH", "cloud-hypervisor"},
                                                       {"AMAZON", "amazon-ec2"},  {"Google", "google-compute-engine"},
                                                       {"VBOX  ", "virtualbox"},  {"VRTUAL", "hyper-v"},
                                                       {"BOCHS ", "qemu"},        {"ACME  ", "kvm"}};
  for (const auto& [oem, product] : cases) {
    const Tree tree = Guest("virtio-mmio").file("sys/firmware/acpi/tables/DSDT", dsdt(oem)).unpack();
    EXPECT_EQ(detect(tree.paths.sysfs, "KVMKVMKVM"), product) << oem;
  }
}

TEST(DetectVmm, AHeaderThatIsCutTellsNothing) {
  for (std::size_t size = 0; size < 15; ++size) {
    const Tree tree =
        Guest("virtio-mmio").file("sys/firmware/acpi/tables/DSDT", dsdt("FIRECK").substr(0, size)).unpack();
    EXPECT_EQ(detect(tree.paths.sysfs, ""), "") << size;
  }
}

TEST(DetectVmm, FallsBackToTheSignature) {
  const Tree tree = Guest("virtio-mmio").unpack();
  const std::pair<const char*, const char*> cases[] = {{"KVMKVMKVM", "kvm"},
                                                       {"TCGTCGTCGTCG", "qemu"},
                                                       {"Microsoft Hv", "hyper-v"},
                                                       {"VMwareVMware", "vmware"},
                                                       {"XenVMMXenVMM", "xen"},
                                                       {"bhyve bhyve ", ""},
                                                       {"", ""}};
  for (const auto& [signature, product] : cases) EXPECT_EQ(detect(tree.paths.sysfs, signature), product) << signature;
}

}  // namespace
}  // namespace vqscope
