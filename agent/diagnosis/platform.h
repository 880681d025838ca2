// SPDX-License-Identifier: Apache-2.0
// For which hypervisor, or manager of one, remedies are written.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/topology/topology.h"

namespace vqscope {

enum class Platform { kQemu, kLibvirt, kProxmox, kOvirt, kKubevirt, kOpenStack, kFirecracker, kCloudHypervisor };

inline constexpr std::array kPlatforms = {Platform::kQemu,        Platform::kLibvirt,        Platform::kProxmox,
                                          Platform::kOvirt,       Platform::kKubevirt,       Platform::kOpenStack,
                                          Platform::kFirecracker, Platform::kCloudHypervisor};

std::string_view name_of(Platform platform);   // as in --platform: "qemu", "cloud-hypervisor"
std::string_view title_of(Platform platform);  // as people write it: "QEMU", "Proxmox VE"
std::optional<Platform> parse_platform(std::string_view name);

struct PlatformChoice {
  std::vector<Platform> platforms;  // empty: a provider's cloud, where the user cannot set these things, or no guest
  std::string reason;               // a sentence: how it was chosen
};

// What the guest can tell, or all that it may be. A QEMU seldom says who manages it.
PlatformChoice choose_platforms(const Topology& topology, std::optional<Platform> forced);

// Whether the hypervisor is one of these, whose threads serve the disks and whose settings its owner can change, as far
// as is known; not so on a provider's instances.
bool may_be_own_host(const Topology& topology);

}  // namespace vqscope
