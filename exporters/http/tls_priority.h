// SPDX-License-Identifier: Apache-2.0
// Protocol versions, cipher suites and curves of a configuration, in GnuTLS' terms.
#pragma once

#include <string>

#include "agent/base/result.h"
#include "exporters/http/web_config.h"

namespace vqscope {

// A priority string (https://gnutls.org/manual/html_node/Priority-Strings.html). GnuTLS chooses key exchange, cipher
// and MAC apart from each other: a list of suites that it could only honour together with others is an error that
// names those, as is a suite or curve that it does not have.
Result<std::string> tls_priority(const TlsSettings& settings);

}  // namespace vqscope
