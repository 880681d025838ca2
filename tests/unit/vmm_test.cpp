// SPDX-License-Identifier: Apache-2.0
// Which hypervisor a guest runs on, by what its firmware tells.
#include "agent/topology/vmm.h"

#include <gtest/gtest.h>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::Guest;
using test::Tree;

// A DSDT's header with an OEM identifier of six characters at offset 10 (ACPI 6.5, 5.2.6). Length and checksum before
// it are bytes of any value.
std::string dsdt(const std::string& oem) { return std::string("DSDT\xef\x92\0\0\x02\xf7", 10) + oem + "TABLEID "; }

// Without /proc/cpuinfo: `signature` tells whether there is a hypervisor, nullopt that nothing tells.
std::string detect(const Guest& guest, std::optional<std::string_view> signature) {
  const Tree tree = guest.unpack();
  TreeReader reader;
  return detect_hypervisor(reader, tree.paths, signature).product;
}

Guest dmi(const std::string& vendor, const std::string& name) {
  return Guest("virtio-mmio").file("sys/class/dmi/id/sys_vendor", vendor).file("sys/class/dmi/id/product_name", name);
}

Guest cpu_flags(Guest guest, const std::string& flags) {
  return guest.file("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu " + flags + " vme\n");
}

TEST(DetectVmm, ReadsDmi) {
  const struct {
    const char *file, *text, *product;
  } cases[] = {
      {"sys_vendor", "QEMU", "qemu"},
      {"sys_vendor", "Amazon EC2", "amazon-ec2"},
      {"product_name", "Google Compute Engine", "google-compute-engine"},
      {"sys_vendor", "Cloud Hypervisor", "cloud-hypervisor"},
      {"sys_vendor", "VMware, Inc.", "vmware"},
      {"bios_vendor", "innotek GmbH", "virtualbox"},
      {"sys_vendor", "Xen", "xen"},
      {"sys_vendor", "Red Hat", "qemu"},
      {"sys_vendor", "oVirt", "qemu"},
      {"product_name", "OpenStack Nova", "qemu"},
      {"chassis_vendor", "QEMU", "qemu"},
      {"sys_vendor", "Dell Inc.", ""},
      {"sys_vendor", "XENON", ""},
  };
  for (const auto& c : cases)
    EXPECT_EQ(detect(Guest("virtio-mmio").file(std::string("sys/class/dmi/id/") + c.file, c.text), std::nullopt),
              c.product)
        << c.text;
}

TEST(DetectVmm, AProductBuiltOnAnotherIsTheProduct) {
  Guest guest("virtio-mmio");
  guest.file("sys/class/dmi/id/sys_vendor", "Amazon EC2").file("sys/class/dmi/id/bios_vendor", "Xen");
  EXPECT_EQ(detect(guest, "XenVMMXenVMM"), "amazon-ec2");
}

TEST(DetectVmm, AVendorThatMakesHardwareTooDecidesNothing) {
  for (const auto& signature : {std::optional<std::string_view>(""), std::optional<std::string_view>()}) {
    EXPECT_EQ(detect(dmi("Microsoft Corporation", "Surface Laptop 3"), signature), "");
    EXPECT_EQ(detect(dmi("Google", "Eve"), signature), "");
    EXPECT_EQ(detect(dmi("Oracle Corporation", "ORACLE SERVER X9-2c"), signature), "");
  }
  EXPECT_EQ(detect(dmi("Microsoft Corporation", "Virtual Machine"), "Microsoft Hv"), "hyper-v");
  EXPECT_EQ(detect(dmi("Oracle Corporation", "VirtualBox"), "VBoxVBoxVBox"), "virtualbox");
}

// Providers sell the same without a hypervisor.
TEST(DetectVmm, AnInstanceWithoutAHypervisorIsNoGuest) {
  EXPECT_EQ(detect(dmi("Amazon EC2", "m5.xlarge"), "KVMKVMKVM"), "amazon-ec2");
  EXPECT_EQ(detect(dmi("Amazon EC2", "m6g.large"), std::nullopt), "amazon-ec2");  // arm64
  EXPECT_EQ(detect(dmi("Amazon EC2", "m6g.metal"), std::nullopt), "");
  EXPECT_EQ(detect(dmi("Amazon EC2", "m7i.metal-24xl"), ""), "");
  EXPECT_EQ(detect(dmi("Google", "Google Compute Engine"), ""), "");
  EXPECT_EQ(detect(dmi("Google", "Google Compute Engine"), "KVMKVMKVM"), "google-compute-engine");
}

// As where a GPU is passed through to a guest and its driver is not to know.
TEST(DetectVmm, AHypervisorThatHidesFromTheCpuIsToldByWhatOnlyItGives) {
  const struct {
    const char *vendor, *name, *product;
  } cases[] = {
      {"QEMU", "Standard PC (Q35 + ICH9, 2009)", "qemu"},
      {"ASUS", "Standard PC (i440FX + PIIX, 1996)", "qemu"},
      {"Red Hat", "KVM", "qemu"},
      {"Bochs", "Bochs", "qemu"},
      {"KubeVirt", "None", "qemu"},
      {"innotek GmbH", "VirtualBox", "virtualbox"},
      {"VMware, Inc.", "VMware Virtual Platform", "vmware"},
      {"Microsoft Corporation", "Virtual Machine", "hyper-v"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(detect(dmi(c.vendor, c.name), ""), c.product) << c.vendor;
    EXPECT_EQ(detect(cpu_flags(dmi(c.vendor, c.name), "vmx"), "KVMKVMKVM"), c.product) << c.vendor;
  }
  for (const auto& [vendor, name] : {std::pair("Red Hat", "OpenShift"),
                                     {"OpenStack Foundation", "OpenStack Nova"},
                                     {"Amazon EC2", "m5.xlarge"},
                                     {"Google", "Google Compute Engine"},
                                     {"QEMU", "Bare Metal"},
                                     {"Microsoft Corporation", "Surface Laptop 3"}})
    EXPECT_EQ(detect(dmi(vendor, name), ""), "") << vendor;
}

// As of libvirt's smbios mode=host.
TEST(DetectVmm, AHypervisorThatHidesBehindTheHostsNamesIsToldByDevicesThatOnlyItHas) {
  const auto hidden = [] { return cpu_flags(dmi("Gigabyte Technology Co., Ltd.", "X570 AORUS MASTER"), "vmx"); };
  EXPECT_EQ(detect(hidden(), "KVMKVMKVM"), "");
  EXPECT_EQ(detect(hidden().file("sys/bus/acpi/devices/QEMU0002:00/hid", "QEMU0002"), "KVMKVMKVM"), "qemu");
  const auto with_device = [&](const char* vendor, const char* board) {
    return detect(hidden()
                      .file("sys/bus/pci/devices/0000:00:00.0/vendor", vendor)
                      .file("sys/bus/pci/devices/0000:00:00.0/subsystem_vendor", board),
                  "KVMKVMKVM");
  };
  EXPECT_EQ(with_device("0x8086", "0x1af4"), "qemu");
  EXPECT_EQ(with_device("0x1b36", "0x1af4"), "qemu");
  EXPECT_EQ(with_device("0x15ad", "0x15ad"), "vmware");
  EXPECT_EQ(with_device("0x8086", "0x1458"), "");
  EXPECT_EQ(with_device("0x1af4", "0x1af4"), "") << "virtio can be hardware";
}

TEST(DetectVmm, AProvidersNameForVirtualMachinesTellsWhereTheCpuDoesNot) {
  const auto arm = [](const char* vendor, const char* name) {
    return detect(dmi(vendor, name).file("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n"), std::nullopt);
  };
  EXPECT_EQ(arm("Alibaba Cloud", "Alibaba Cloud ECS"), "other");
  EXPECT_EQ(arm("Tencent Cloud", "CVM"), "other");
  EXPECT_EQ(arm("Alibaba Cloud", "ecs.ebmr8y.32xlarge"), "");
  EXPECT_EQ(arm("Alibaba Cloud", "Alibaba Cloud ECS Bare Metal"), "");
  EXPECT_EQ(arm("HUAWEI", "TaiShan 200"), "");
}

TEST(DetectVmm, TheCpuIsBelievedAgainstNamesThatMachinesBearToo) {
  EXPECT_EQ(detect(dmi("Dell Inc.", "OpenStack Compute"), ""), "");
  EXPECT_EQ(detect(cpu_flags(dmi("Dell Inc.", "OpenStack Compute"), "vmx"), "KVMKVMKVM"), "");
  EXPECT_EQ(detect(Guest("firecracker"), ""), "");
}

TEST(DetectVmm, TellsWhetherThereIsAHypervisorAtAll) {
  const auto there = [](const Guest& guest, std::optional<std::string_view> signature) {
    const Tree tree = guest.unpack();
    TreeReader reader;
    return detect_hypervisor(reader, tree.paths, signature).there;
  };
  EXPECT_EQ(there(dmi("QEMU", "pc"), "KVMKVMKVM"), true);
  EXPECT_EQ(there(dmi("Dell Inc.", "pc"), ""), false);
  EXPECT_EQ(there(dmi("QEMU", "pc"), ""), true) << "it hides";
  EXPECT_EQ(there(dmi("QEMU", "pc"), std::nullopt), std::nullopt);
  EXPECT_EQ(there(cpu_flags(dmi("Alibaba Cloud", "Alibaba Cloud ECS"), "vmx"), "KVMKVMKVM"), false);
  for (const char* name : {"m6g.metal", "Alibaba Cloud ECS Bare Metal", "ecs.ebmr8y.32xlarge"})
    EXPECT_EQ(there(dmi("", name), std::nullopt), false) << name;
  EXPECT_EQ(there(dmi("", "Alibaba Cloud ECS Bare Metal"), "KVMKVMKVM"), true) << "a copied name";
}

TEST(DetectVmm, AChassisOrFirmwareOfAHypervisorsNameIsNotBelievedAgainstTheCpu) {
  for (const char* file : {"bios_vendor", "chassis_vendor"}) {
    const Guest machine = dmi("Dell Inc.", "PowerEdge R740").file(std::string("sys/class/dmi/id/") + file, "Red Hat");
    EXPECT_EQ(detect(machine, ""), "");
    EXPECT_EQ(detect(cpu_flags(machine, "vmx"), "KVMKVMKVM"), "");
    EXPECT_EQ(detect(machine, "KVMKVMKVM"), "qemu");
    EXPECT_EQ(detect(machine, std::nullopt), "") << "as on arm64";
    EXPECT_EQ(detect(Guest(machine).file("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n"), "KVMKVMKVM"),
              "");
  }
}

TEST(DetectVmm, TheFlagOfCpuinfoTellsWhetherThereIsAHypervisor) {
  const Guest laptop = dmi("LENOVO", "20XW");
  EXPECT_EQ(detect(cpu_flags(laptop, "hypervisor"), "KVMKVMKVM"), "kvm");  // a guest that shows its host's DMI
  EXPECT_EQ(detect(cpu_flags(laptop, "hypervisorx"), "KVMKVMKVM"), "");
  EXPECT_EQ(detect(Guest("virtio-mmio").file("sys/class/dmi/id/sys_vendor", "Google"), "KVMKVMKVM"), "");
  EXPECT_EQ(detect(laptop, "KVMKVMKVM"), "") << "files of another machine than the one whose CPU was asked";
  EXPECT_EQ(detect(cpu_flags(dmi("Amazon EC2", "m5.xlarge"), ""), "KVMKVMKVM"), "");
}

TEST(DetectVmm, ReadsTheAcpiTablesWithoutDmi) {
  const std::pair<const char*, const char*> cases[] = {{"FIRECK", "firecracker"}, {"CLOUDH", "cloud-hypervisor"},
                                                       {"AMAZON", "amazon-ec2"},  {"Google", "google-compute-engine"},
                                                       {"VBOX  ", "virtualbox"},  {"VRTUAL", "hyper-v"},
                                                       {"BOCHS ", "qemu"},        {"ACME  ", "kvm"}};
  for (const auto& [oem, product] : cases)
    EXPECT_EQ(detect(Guest("virtio-mmio").file("sys/firmware/acpi/tables/DSDT", dsdt(oem)), "KVMKVMKVM"), product)
        << oem;
  EXPECT_EQ(detect(Guest("virtio-mmio").file("sys/firmware/acpi/tables/DSDT", dsdt("Google")), ""), "");
}

TEST(DetectVmm, AHeaderThatIsCutTellsNothing) {
  for (std::size_t size = 0; size < 15; ++size)
    EXPECT_EQ(detect(Guest("virtio-mmio").file("sys/firmware/acpi/tables/DSDT", dsdt("FIRECK").substr(0, size)), ""),
              "")
        << size;
}

TEST(DetectVmm, ReadsTheDeviceTreeWithoutDmi) {
  const struct {
    const char* file;
    std::string text;
    const char* product;
  } cases[] = {
      {"compatible", std::string("linux,dummy-virt\0", 17), "kvm"},
      {"compatible", std::string("qemu,pseries\0", 13), "qemu"},
      {"model", std::string("riscv-virtio,qemu\0", 18), "qemu"},
      {"model", std::string("IBM pSeries (emulated by qemu)\0", 31), "qemu"},
      {"fw-cfg@9020000/compatible", std::string("qemu,fw-cfg-mmio\0", 17), "qemu"},
      {"hypervisor/compatible", std::string("linux,kvm\0", 10), "kvm"},
      {"hypervisor/compatible", std::string("xen,xen-4.17\0xen,xen\0", 21), "xen"},
      {"ibm,partition-name", std::string("lpar7\0", 6), "powervm"},
      {"compatible", std::string("raspberrypi,4-model-b\0brcm,bcm2711\0", 35), ""},
      {"compatible", "", ""},
  };
  for (const auto& c : cases)
    for (const std::string root : {"sys/firmware/devicetree/base/", "proc/device-tree/"})
      EXPECT_EQ(detect(Guest("virtio-mmio").file(root + c.file, c.text), std::nullopt), c.product) << root << c.file;
}

TEST(DetectVmm, ReadsWhatS390AndPowerTell) {
  const std::pair<const char*, const char*> cases[] = {
      {"Manufacturer: IBM\nVM00 Name: guest\nVM00 Control Program: KVM/Linux       \n", "kvm"},
      {"VM00 Control Program: z/VM    7.3.0\nVM01 Control Program: KVM/Linux\n", "zvm"},
      {"Manufacturer: IBM\nLPAR Number: 7\n", ""},
      {"VM00 Control Program:", ""}};
  for (const auto& [text, product] : cases)
    EXPECT_EQ(detect(Guest("virtio-mmio").file("proc/sysinfo", text), std::nullopt), product) << text;
  EXPECT_EQ(detect(Guest("virtio-mmio").file("proc/cpuinfo", "cpu\t: POWER9\nmodel\t: IBM pSeries (emulated by qemu)"),
                   std::nullopt),
            "qemu");
}

TEST(DetectVmm, TheFirstDomainOfXenIsNoGuest) {
  const auto xen = [](const char* features, const char* capabilities) {
    return detect(cpu_flags(dmi("Dell Inc.", "PowerEdge R740"), "hypervisor")
                      .file("sys/hypervisor/type", "xen")
                      .file("sys/hypervisor/properties/features", features)
                      .file("proc/xen/capabilities", capabilities),
                  "XenVMMXenVMM");
  };
  EXPECT_EQ(xen("00002705", ""), "xen");
  EXPECT_EQ(xen("00002f05", ""), "");
  EXPECT_EQ(xen("", "control_d"), "");
  EXPECT_EQ(xen("features", ""), "xen");
}

TEST(DetectVmm, FallsBackToTheSignature) {
  const Guest guest("virtio-mmio");
  const std::pair<const char*, const char*> cases[] = {{"KVMKVMKVM", "kvm"},
                                                       {"TCGTCGTCGTCG", "qemu"},
                                                       {"Microsoft Hv", "hyper-v"},
                                                       {"VMwareVMware", "vmware"},
                                                       {"XenVMMXenVMM", "xen"},
                                                       {"bhyve bhyve ", "other"},
                                                       {"", ""}};
  for (const auto& [signature, product] : cases) EXPECT_EQ(detect(guest, signature), product) << signature;
  EXPECT_EQ(detect(guest, std::nullopt), "");
  // The files of another machine, looked at here.
  for (const char* cpuinfo : {"cpu\t: POWER9\nplatform\t: PowerNV\n", "vendor_id       : IBM/S390\n",
                              "processor\t: 0\nFeatures\t: fp asimd evtstrm\n"})
    EXPECT_EQ(detect(Guest("virtio-mmio").file("proc/cpuinfo", cpuinfo), "KVMKVMKVM"), "") << cpuinfo;
}

TEST(IsGuest, IsProvedByAVirtioDisk) {
  Topology topology;
  topology.disks.resize(1);
  const std::pair<const char*, bool> cases[] = {{"virtio-mmio", true}, {"virtio-ccw", true}, {"virtio-vdpa", false},
                                                {"pci", false},        {"ata", false},       {"", false}};
  for (const auto& [transport, guest] : cases) {
    topology.disks[0].transport = transport;
    EXPECT_EQ(is_guest(topology), guest) << transport;
  }
  topology.vmm = "xen";
  EXPECT_TRUE(is_guest(topology));
  topology.disks[0].transport = "virtio-pci";
  topology.guest.hypervisor = false;
  EXPECT_FALSE(is_guest(topology)) << "virtio can be hardware";
}

}  // namespace
}  // namespace vqscope
