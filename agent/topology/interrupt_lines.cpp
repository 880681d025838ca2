// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/interrupt_lines.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "agent/topology/parse.h"

namespace vqscope {

namespace fs = std::filesystem;

namespace {

// /sys/kernel/irq/N/chip_name and type. Chips of message interrupts say so ("PCI-MSI", "PCI-MSIX-0000:00:05.0",
// "ITS-MSI"); those of wires are the interrupt controller ("IO-APIC", "GICv3"; RISC-V's "APLIC-MSI-d000000.aplic" turns
// wires into messages), or trigger by level, which no message does.
std::optional<bool> is_message(const std::string& chip, const std::string& type) {
  if (chip.find("MSI") != std::string::npos) return chip.find("APLIC") == std::string::npos;
  for (const char* wired : {"IO-APIC", "XT-PIC", "GIC", "PLIC"})
    if (chip.find(wired) != std::string::npos) return false;
  return type == "level" ? std::optional(false) : std::nullopt;
}

// A node of the device tree that is PCI's host bridge has one of these properties where messages reach a controller
// (of_msi_map_get_device_domain() in Linux). POWER's firmware assigns messages by itself.
std::optional<bool> names_msi_controller(TreeReader& reader, const fs::path& tree) {
  std::optional<bool> named;
  for (const fs::path& bus : {tree, tree / "soc"})
    for (const std::string& node : reader.names(bus)) {
      if (!node.starts_with("pci@") && !node.starts_with("pcie@")) continue;
      const auto properties = reader.names(bus / node);
      const bool has = std::ranges::any_of(properties, [](const std::string& property) {
        return property == "msi-map" || property == "msi-parent" || property.starts_with("ibm,");
      });
      named = named.value_or(false) || has;
    }
  return named;
}

// The virtio transports name lines after the virtqueue (vp_request_msix_vectors(), vm_find_vqs() in Linux).
std::vector<InterruptLine> virtio_lines(const std::vector<Line>& lines, std::uint32_t index, bool one_queue) {
  const std::string self = "virtio" + std::to_string(index);
  std::vector<InterruptLine> found;
  std::uint32_t scsi_queue = 0;
  for (const Line& line : lines) {
    for (const std::string& action : line.actions) {
      std::optional<std::uint32_t> queue = one_queue ? std::optional(0U) : std::nullopt;
      if (const auto request = numbered(action, self + "-req."))
        queue = request;
      else if (action == self + "-request")
        queue = scsi_queue++;
      else if (action != self && action != self + "-virtqueues")
        continue;
      found.push_back({line.irq, queue, action});
    }
  }
  return found;
}

// nvmeXqY: q0 is the admin queue, Y = hardware context + 1 (nvme_init_hctx() in Linux). With one vector the driver puts
// both on its line, and takes one queue (nvme_setup_irqs()).
void find_nvme_lines(const std::vector<Line>& lines, std::uint32_t index, Disk& disk) {
  for (const Line& line : lines) {
    bool is_admins = false, is_queues = false;
    for (const std::string& action : line.actions) {
      const auto q = numbered(action, "nvme" + std::to_string(index) + "q");
      if (!q) continue;
      (*q == 0 ? is_admins : is_queues) = true;
      if (*q > 0) disk.interrupts.push_back({line.irq, *q - 1, action});
    }
    if (is_queues) disk.facts.shares_admin_line = disk.facts.shares_admin_line.value_or(false) || is_admins;
  }
}

// An IDE controller in compatibility mode has the ISA bus's interrupts: 14 for its first port, 15 for its second (PCI
// IDE Controller Specification 1.0). The class code's last byte has a bit for each port that is in native mode.
std::optional<std::uint32_t> compatibility_irq(TreeReader& reader, const fs::path& pci, const std::string& ata_port) {
  const std::string type = reader.trimmed(pci / "class").value_or("");  // 0x0101xx
  const auto port = reader.number<std::uint32_t>(pci / ata_port / "ata_port" / ata_port / "port_no");
  if (!type.starts_with("0x0101") || type.size() != 8 || !port || *port < 1 || *port > 2) return std::nullopt;
  const auto mode = static_cast<unsigned>(std::string_view("0123456789abcdef").find(type.back()));
  const unsigned native = *port == 1 ? 1 : 4;
  if (mode > 15 || (mode & native) != 0) return std::nullopt;
  return 13 + *port;
}

// Any other controller: the lines of its PCI device. Which queue a line serves is known only if there is one of each.
std::vector<InterruptLine> pci_lines(TreeReader& reader, const std::vector<Line>& lines, const DevicePath& path,
                                     const std::string& driver, bool one_queue) {
  const fs::path& pci = path.pci;
  std::set<std::uint32_t> irqs;
  for (const std::string& name : reader.names(pci / "msi_irqs"))
    if (const auto irq = parse_number<std::uint32_t>(name)) irqs.insert(*irq);
  if (irqs.empty())
    if (const auto irq = reader.number<std::uint32_t>(pci / "irq"); irq && *irq != 0) irqs.insert(*irq);
  if (!path.ata_port.empty())
    if (const auto irq = compatibility_irq(reader, pci, path.ata_port)) irqs = {*irq};
  std::vector<InterruptLine> found;
  for (const Line& line : lines) {
    if (!irqs.contains(line.irq)) continue;
    const auto own = std::find_if(line.actions.begin(), line.actions.end(), [&](const std::string& action) {
      return !driver.empty() && action.starts_with(driver);
    });
    if (own == line.actions.end() && line.actions.size() > 1) continue;  // a shared line: whose is not known
    found.push_back({line.irq, std::nullopt, own == line.actions.end() ? line.actions.front() : *own});
  }
  if (one_queue && found.size() == 1) found.front().queue = 0;
  return found;
}

// What is known of all of the disk's lines alike.
std::optional<bool> uses_msi(const std::vector<Line>& lines, const Disk& disk) {
  std::optional<bool> known;
  for (const InterruptLine& interrupt : disk.interrupts) {
    const auto line = std::find_if(lines.begin(), lines.end(), [&](const Line& l) { return l.irq == interrupt.irq; });
    std::optional<bool> message = line == lines.end() ? std::nullopt : line->is_message;
    // With MSI-X the names of a virtio device's lines have the virtqueue in them (vp_find_vqs_intx() in Linux).
    if (!message && disk.transport == "virtio-pci") message = interrupt.action.find('-') != std::string::npos;
    if (!message || (known && *known != *message)) return std::nullopt;
    known = message;
  }
  return known;
}

}  // namespace

std::vector<Line> scan_lines(TreeReader& reader, const fs::path& sysfs) {
  std::vector<Line> lines;
  const fs::path irqs = sysfs / "kernel/irq";
  for (const std::string& name : reader.essential_names(irqs)) {
    const auto irq = parse_number<std::uint32_t>(name);
    const auto actions = reader.attribute(irqs / name / "actions");
    if (!irq || !actions || actions->empty()) continue;
    const std::string chip = reader.trimmed(irqs / name / "chip_name").value_or("");
    lines.push_back({*irq, reader.number<std::uint64_t>(irqs / name / "hwirq").value_or(*irq),
                     parse_irq_actions(*actions), is_message(chip, reader.trimmed(irqs / name / "type").value_or("")),
                     chip.find("IO-APIC") != std::string::npos || chip.find("XT-PIC") != std::string::npos});
  }
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return std::tie(a.hwirq, a.irq) < std::tie(b.hwirq, b.irq); });
  return lines;
}

std::optional<bool> has_message_interrupts(TreeReader& reader, const SystemPaths& paths,
                                           const std::vector<Line>& lines) {
  // x86 CPUs take messages themselves.
  if (std::ranges::any_of(lines, [](const Line& line) { return line.is_message == true || line.is_of_x86; }))
    return true;
  for (const fs::path& tree : {paths.sysfs / "firmware/devicetree/base", paths.procfs / "device-tree"})
    if (const auto named = names_msi_controller(reader, tree)) return named;
  return std::nullopt;
}

void find_interrupts(TreeReader& reader, const std::vector<Line>& lines, const DevicePath& path, Disk& disk) {
  const bool one_queue = disk.queues.size() == 1;
  // What reaches its disks by a network has interrupts, too, but they tell nothing of the disk's queues.
  if (path.virtio)
    disk.interrupts = virtio_lines(lines, *path.virtio, one_queue);
  else if (path.nvme)
    find_nvme_lines(lines, *path.nvme, disk);
  else if (!path.pci.empty() && disk.transport != "iscsi" && disk.transport != "fcoe" && disk.transport != "srp")
    disk.interrupts = pci_lines(reader, lines, path, disk.driver, one_queue);
  disk.facts.uses_msi = uses_msi(lines, disk);
}

}  // namespace vqscope
