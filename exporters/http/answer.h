// SPDX-License-Identifier: Apache-2.0
// One answer on its way out, with the headers of every answer.
#pragma once

#include <microhttpd.h>

#include <memory>

#include "exporters/http/server.h"
#include "exporters/http/web_config_file.h"

namespace vqscope {

struct ResponseDeleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};

// For the library to send, which takes the body from where it is, in pieces as large as the client reads. `rules` may
// be null. Null: there is no memory.
std::unique_ptr<MHD_Response, ResponseDeleter> make_response(const HttpResponse& response, const WebRules* rules);

// Sends the answer past the library, as far as the client takes it at once; the connection is to be closed then.
void send_past_library(MHD_Connection* connection, const HttpResponse& response, const WebRules* rules, bool with_body);

}  // namespace vqscope
