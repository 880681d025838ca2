// SPDX-License-Identifier: Apache-2.0
// One request and its answer, as libmicrohttpd calls for them: who may read, and what to say to the others.
#pragma once

#include <microhttpd.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/http/connections.h"
#include "exporters/http/password_checker.h"
#include "exporters/http/server.h"
#include "exporters/http/turns.h"
#include "exporters/http/unread.h"
#include "exporters/http/visit.h"
#include "exporters/http/web_config_file.h"

namespace vqscope {

// What a request's head may cost: its bytes, and kHeadFieldBytes for each header field. A larger one is answered 431 or
// 414, past the library if that has any room for it at all.
inline constexpr std::size_t kMostHeadBytes = 16384;
// What the library keeps of each.
inline constexpr std::size_t kHeadFieldBytes = 64;
// What the library needs beside a head: for what comes after it, and for the headers of the answer.
inline constexpr std::size_t kRoomBesideHead = 4096;

// Any thread may call.
class Exchange {
 public:
  // `rules` outlives this; null: everyone may read. So do `connections`. `names`: see names_this_machine().
  Exchange(HttpHandler handler, WebConfigFile* rules, Connections& connections, std::vector<std::string> names);

  // What MHD_OPTION_URI_LOG_CALLBACK, MHD_AccessHandlerCallback and MHD_RequestCompletedCallback are for; `self` is an
  // Exchange.
  static void* begin(void* self, const char* target, MHD_Connection* connection);
  static MHD_Result answer(void* self, MHD_Connection* connection, const char* path, const char* method,
                           const char* version, const char* body, std::size_t* body_size, void** request);
  static void completed(void* self, MHD_Connection* connection, void** request, MHD_RequestTerminationCode why);

  // Connections that wait, for their turn or for a password check, are answered; from then on no password is checked.
  // Before their daemons are stopped.
  void stop();

 private:
  struct Request;

  MHD_Result look_at(MHD_Connection* connection, const WebRules* rules, const Request& request,
                     std::string_view method);
  bool wait_for_turn(MHD_Connection* connection, Request& request);
  MHD_Result respond(MHD_Connection* connection, const WebRules* rules, Request& request);
  MHD_Result refuse(MHD_Connection* connection, const WebRules* rules, Refusal why, const std::string& sentence);
  MHD_Result send(MHD_Connection* connection, const WebRules* rules, const HttpResponse& response);
  bool check_password(MHD_Connection* connection, const WebRules& rules, Request& request);
  [[nodiscard]] bool is_stranger(const Visit& visit, const WebRules* rules, const std::string& host) const;

  HttpHandler handler_;
  WebConfigFile* rules_;
  Connections& connections_;
  UnreadBodies unread_;
  std::vector<std::string> names_;
  Turns turns_;
  std::unique_ptr<PasswordChecker> checker_;  // null without rules
};

}  // namespace vqscope
