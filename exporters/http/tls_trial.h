// SPDX-License-Identifier: Apache-2.0
// Whether a handshake can succeed at all.
#pragma once

#include <gnutls/gnutls.h>

#include "agent/base/result.h"

namespace vqscope {

// Lets a client that takes any certificate talk to a server with these, in memory. An error says what GnuTLS says.
Result<void> try_handshake(gnutls_certificate_credentials_t credentials, gnutls_priority_t priority);

}  // namespace vqscope
