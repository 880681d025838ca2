// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "agent/base/text.h"
#include "agent/topology/queue_types.h"
#include "agent/topology/settings.h"

namespace vqscope {

namespace fs = std::filesystem;

namespace {

// PCI configuration space (PCI 3.0, 6.1, 6.7, 6.8.2; linux/pci_regs.h).
constexpr std::size_t kConfigSize = 256, kStatus = 6, kCapabilities = 0x34;
constexpr unsigned kStatusHasCapabilities = 0x10, kMsixCapability = 0x11, kMsixTableSize = 0x7ff;

unsigned byte_at(std::string_view config, std::size_t offset) { return static_cast<unsigned char>(config[offset]); }

// A CPU that has run for less than this share of the longest runner's time, and for at least a minute less, came later.
// CPUs that come up at boot are apart by milliseconds; a CPU's time may lack what ticks lost while the host held it.
constexpr double kLateShare = 0.9;
constexpr std::uint64_t kLateSeconds = 60;

struct Sign {
  std::string_view text;  // within the lines that are read
  std::string_view name;
};

// In /proc/cpuinfo.
constexpr Sign kArchitectures[] = {{"IBM/S390", "s390"},
                                   {": pSeries", "power"},
                                   {": PowerNV", "power"},
                                   {"\nisa\t\t: rv", "riscv"},
                                   {"\nCPU implementer", "arm"}};

// First match wins. Clouds: the names that cloud-init's ds-identify goes by; besides, those that guests of Tencent,
// Huawei and Yandex Cloud, of Volcengine and of IBM's VPC show.
constexpr Sign kManagers[] = {
    {"oVirt", "ovirt"},
    {"RHEV", "ovirt"},       // vendor "Red Hat", product "RHEV Hypervisor"
    {"\nRHV\n", "ovirt"},    // the same vendor, later
    {"Proxmox", "proxmox"},  // its build of the OVMF firmware; guests with SeaBIOS do not tell
    {"\nHUAWEICLOUD\n",
     "Huawei Cloud"},  // chassis_asset_tag, as the next three; they run OpenStack, but not their users
    {"\nOpenTelekomCloud\n", "Open Telekom Cloud"},
    {"\nSAP CCloud VM\n", "SAP Converged Cloud"},
    {"\nSamsung Cloud Platform\n", "Samsung Cloud Platform"},
    {"OpenStack", "openstack"},
    {"KubeVirt", "kubevirt"},
    {"OpenShift Virtualization", "kubevirt"},         // vendor "Red Hat"
    {"Container-native virtualization", "kubevirt"},  // its name before 2020
    {"Nutanix\nAHV\n", "Nutanix AHV"},                // the vendor alone is that of its hosts, too
    {"Alibaba Cloud", "Alibaba Cloud"},
    {"CloudStack", "CloudStack"},
    {"\nCloudSigma\n", "CloudSigma"},
    {"\nCloudCIX\n", "CloudCIX"},
    {"DigitalOcean", "DigitalOcean"},
    {"Exoscale", "Exoscale"},
    {"Hetzner", "Hetzner Cloud"},
    {".zstack.io\n", "ZStack"},  // chassis_asset_tag
    {"\nHuawei Cloud\n", "Huawei Cloud"},
    {"\nIBM:Cloud Compute Server", "IBM Cloud"},
    {"\nTencent Cloud\n", "Tencent Cloud"},
    {"\n3DS Outscale\n3DS Outscale VM\n", "3DS Outscale"},
    {"\ne24cloud\n", "e24cloud"},
    {"\nTilaa\n", "Tilaa"},
    {"\nNWCS\n", "NWCS"},
    {"\nSmartDC", "Triton (SmartDC)"},
    {"\nAkamai\n", "Akamai (Linode)"},
    {"Linode", "Akamai (Linode)"},
    {"OracleCloud.com", "Oracle Cloud"},  // chassis_asset_tag; the vendor is QEMU
    {"Scaleway", "Scaleway"},
    {"UpCloud", "UpCloud"},
    {"Vultr", "Vultr"},
    {"\nYandex\n", "Yandex Cloud"},
    {"\nVolcengine\n", "Volcengine"},
    {"\nVirtuozzo\n", "Virtuozzo"},  // its own QEMU, with tools of its own
};

std::string_view first_in(std::span<const Sign> signs, std::string_view text) {
  const auto sign = std::find_if(signs.begin(), signs.end(),
                                 [&](const Sign& s) { return text.find(s.text) != std::string_view::npos; });
  return sign == signs.end() ? std::string_view() : sign->name;
}

// "0x1b36" and "0x0010", of the files whose names begin with `prefix`.
std::optional<std::uint32_t> read_pci_id(TreeReader& reader, const fs::path& device, std::string_view prefix = "") {
  std::uint32_t id = 0;
  for (const char* name : {"vendor", "device"}) {
    const std::string file = fmt::format("{}{}", prefix, name);
    const std::string text = reader.trimmed(device / file).value_or("");
    std::uint16_t part = 0;
    if (!text.starts_with("0x")) return std::nullopt;
    const auto parsed = std::from_chars(text.data() + 2, text.data() + text.size(), part, 16);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
    id = id << 16 | part;
  }
  return id;
}

void read_disk_facts(TreeReader& reader, const SystemPaths& paths, Disk& disk) {
  DiskFacts& facts = disk.facts;
  const fs::path directory = paths.sysfs / "block" / sysfs_name(disk.name);
  facts.wbt_lat_usec = reader.number<std::uint32_t>(directory / "queue/wbt_lat_usec");
  facts.max_segments = reader.number<std::uint32_t>(directory / "queue/max_segments");
  facts.settings = read_queue_settings(reader, directory / "queue");
  if (disk.transport == "scsi" || disk.transport == "ata" || (disk.virtio && disk.virtio->first_request_queue > 0))
    facts.queue_depth = reader.number<std::uint32_t>(directory / "device/queue_depth");
  if (disk.virtio) {
    const std::string name = "virtio" + std::to_string(disk.virtio->index);
    if (const auto bits = reader.trimmed(paths.sysfs / "bus/virtio/devices" / name / "features"))
      facts.virtio_features = parse_virtio_features(*bits);
  }
  if (!disk.bus_id.empty() && (disk.transport == "pci" || disk.transport == "ata" || disk.transport == "scsi")) {
    const fs::path device = paths.sysfs / "bus/pci/devices" / disk.bus_id;
    facts.pci_id = read_pci_id(reader, device);
    facts.pci_subsystem = read_pci_id(reader, device, "subsystem_");
  }
  if (!disk.bus_id.empty())
    facts.msix_vectors = parse_msix_vectors(
        reader.head(paths.sysfs / "bus/pci/devices" / disk.bus_id / "config", kConfigSize).value_or(""));
}

}  // namespace

std::optional<std::uint64_t> parse_virtio_features(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.find_first_not_of("01") != std::string_view::npos) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < text.size() && i < 64; ++i)
    if (text[i] == '1') bits |= std::uint64_t{1} << i;
  return bits;
}

std::optional<std::uint32_t> parse_msix_vectors(std::string_view config) {
  if (config.size() <= kCapabilities) return std::nullopt;
  if ((byte_at(config, kStatus) & kStatusHasCapabilities) == 0) return 0;
  std::size_t offset = byte_at(config, kCapabilities) & ~3U;
  // Each capability takes four bytes or more, so a longer walk is a loop.
  for (std::size_t steps = 0; offset != 0 && steps < kConfigSize / 4; ++steps) {
    if (offset + 4 > config.size()) return std::nullopt;    // an unprivileged reader sees only the first 64 bytes
    if (byte_at(config, offset) == 0) return std::nullopt;  // not a capability
    if (byte_at(config, offset) == kMsixCapability)
      return ((byte_at(config, offset + 2) | byte_at(config, offset + 3) << 8) & kMsixTableSize) + 1;
    offset = byte_at(config, offset + 1) & ~3U;
  }
  return offset == 0 ? std::optional(0U) : std::nullopt;
}

std::vector<CpuTime> parse_cpu_times(std::string_view text) {
  // user nice system idle iowait irq softirq steal; guest times are within user and nice (proc(5)).
  constexpr std::size_t kTimes = 8, kIdle = 3, kIoWait = 4, kSteal = 7;
  constexpr std::uint32_t kMaxCpu = 65535;
  std::vector<CpuTime> cpus;
  for (const std::string_view line : split(text, "\n")) {
    if (!line.starts_with("cpu")) continue;
    const auto words = split(line);
    const auto cpu = parse_number<std::uint32_t>(words[0].substr(3));
    if (!cpu || *cpu > kMaxCpu || words.size() <= kTimes) continue;
    CpuTime time;
    bool sound = true;
    for (std::size_t i = 0; i < kTimes; ++i) {
      const auto ticks = parse_number<std::uint64_t>(words[1 + i]);
      sound &= ticks.has_value();
      time.total += ticks.value_or(0);
      if (i == kSteal) time.steal = ticks.value_or(0);
      if (i == kIdle || i == kIoWait) time.idle = time.idle.value_or(0) + ticks.value_or(0);
    }
    if (!sound) continue;
    if (cpus.size() <= *cpu) cpus.resize(*cpu + 1);
    cpus[*cpu] = time;
  }
  return cpus;
}

std::vector<std::uint32_t> latecomers(const std::vector<CpuTime>& times, const std::vector<std::uint32_t>& online) {
  const auto ticks = static_cast<std::uint64_t>(std::max(::sysconf(_SC_CLK_TCK), 1L));
  std::uint64_t longest = 0;
  for (const CpuTime& time : times) longest = std::max(longest, time.total);
  std::vector<std::uint32_t> late;
  for (const std::uint32_t cpu : online) {
    if (cpu >= times.size() || times[cpu].total == 0) continue;
    const std::uint64_t total = times[cpu].total;
    if (static_cast<double>(total) < kLateShare * static_cast<double>(longest) &&
        longest - total >= kLateSeconds * ticks)
      late.push_back(cpu);
  }
  return late;
}

std::string detect_manager(TreeReader& reader, const fs::path& sysfs) {
  std::string dmi = "\n";
  for (const char* file :
       {"sys_vendor", "product_name", "product_family", "bios_vendor", "chassis_vendor", "chassis_asset_tag"})
    dmi += reader.trimmed(sysfs / "class/dmi/id" / file).value_or("") + "\n";
  return std::string(first_in(kManagers, dmi));
}

std::optional<std::vector<CpuTime>> read_cpu_times(const SystemPaths& paths) {
  const auto text = read_file(paths.procfs / "stat");
  if (!text) return std::nullopt;
  return parse_cpu_times(*text);
}

void keep_facts_of_root(const Topology& before, Topology& now) {
  if (!before.vmm.empty()) now.vmm = before.vmm;
  for (Disk& disk : now.disks)
    for (const Disk& known : before.disks)
      if (known.name == disk.name && known.identity == disk.identity && known.bus_id == disk.bus_id &&
          !disk.facts.msix_vectors)
        disk.facts.msix_vectors = known.facts.msix_vectors;
}

std::vector<std::uint32_t> late_cpus(TreeReader& reader, const SystemPaths& paths,
                                     const std::vector<std::uint32_t>& online) {
  const fs::path system = paths.sysfs / "devices/system";
  // The kernel registers the CPUs of the boot at subsys_initcall() or before, and this at device_initcall().
  const auto booted = reader.order_of_creation(system / "clocksource");
  if (!booted) return latecomers(parse_cpu_times(reader.text(paths.procfs / "stat").value_or("")), online);
  std::vector<std::uint32_t> late;
  for (const std::uint32_t cpu : online)
    if (const auto registered = reader.order_of_creation(system / fmt::format("cpu/cpu{}", cpu)); registered > booted)
      late.push_back(cpu);
  return late;
}

void read_facts(TreeReader& reader, const SystemPaths& paths, Topology& topology) {
  const auto parameter = [&](const char* file) { return reader.number<std::uint32_t>(paths.sysfs / "module" / file); };
  GuestFacts& guest = topology.guest;
  guest.limits = {parameter("virtio_blk/parameters/num_request_queues"),
                  parameter("virtio_blk/parameters/poll_queues"),
                  parameter("nvme/parameters/poll_queues"),
                  parameter("nvme/parameters/write_queues"),
                  parameter("xen_blkfront/parameters/max_queues"),
                  parameter("virtio_scsi/parameters/virtscsi_poll_queues")};
  guest.command_line = reader.trimmed(paths.procfs / "cmdline");
  guest.manager = detect_manager(reader, paths.sysfs);
  constexpr std::size_t kSomeCpus = 65536;  // all CPUs are of one architecture
  guest.architecture = first_in(kArchitectures, reader.head(paths.procfs / "cpuinfo", kSomeCpus).value_or(""));
  guest.late_cpus = late_cpus(reader, paths, topology.online_cpus);
  for (Disk& disk : topology.disks) {
    read_disk_facts(reader, paths, disk);
    find_queue_types(guest.limits, disk);
  }
}

}  // namespace vqscope
