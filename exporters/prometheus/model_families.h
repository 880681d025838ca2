// SPDX-License-Identifier: Apache-2.0
// Model -> metric families: the one place that knows the names, labels and help texts of the disks' metrics.
#pragma once

#include <vector>

#include "agent/model/model.h"
#include "exporters/prometheus/family.h"

namespace vqscope {

// Families without samples are left out. The result refers to histograms in `model`. Pure.
std::vector<Family> model_families(const Model& model);

}  // namespace vqscope
