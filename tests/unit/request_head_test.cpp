// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

using ::testing::HasSubstr;

const HeaderField kHost = {"Host", "localhost:10177"};

RequestHead head_of(std::string target, std::vector<HeaderField> fields = {kHost}, std::string version = "HTTP/1.1") {
  return {std::move(target), std::move(version), std::move(fields)};
}

void expect_refused(const RequestHead& head, const std::string& sentence) {
  const auto asked = understand(head);
  ASSERT_FALSE(asked) << head.target << " " << sentence;
  EXPECT_THAT(asked.error().message, HasSubstr(sentence)) << head.target;
}

TEST(RequestHead, ThePathIsWithoutItsQueryAndItsEscapes) {
  for (const auto& [target, path] : {std::pair{"/metrics", "/metrics"},
                                     {"/metrics?x=%20", "/metrics"},
                                     {"/%6detrics", "/metrics"},
                                     {"/a%2Fb%20c", "/a/b c"},
                                     {"/?", "/"},
                                     {"*", "*"}}) {
    const auto asked = understand(head_of(target));
    ASSERT_TRUE(asked) << target << " " << asked.error().message;
    EXPECT_EQ(asked->path, path);
    EXPECT_EQ(asked->host, "localhost");
    EXPECT_FALSE(asked->has_body);
  }
}

TEST(RequestHead, TheQueryIsWhatFollowsThePathAsItWasSent) {
  for (const auto& [target, query] : {std::pair{"/metrics", ""},
                                      {"/a?since=x-1", "since=x-1"},
                                      {"/a?b?c=%20", "b?c=%20"},
                                      {"/?", ""},
                                      {"http://h?q", "q"}}) {
    const auto asked = understand(head_of(target));
    ASSERT_TRUE(asked) << target << " " << asked.error().message;
    EXPECT_EQ(asked->query, query) << target;
  }
}

TEST(RequestHead, APageOfAnotherOriginIsToldFromThisOne) {
  const auto elsewhere = [](std::vector<HeaderField> fields, const std::string& target = "/") {
    fields.push_back(kHost);
    const RequestHead head = head_of(target, std::move(fields));
    return asked_from_elsewhere(head, *understand(head));
  };
  EXPECT_FALSE(elsewhere({})) << "no browser";
  EXPECT_FALSE(elsewhere({{"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_FALSE(elsewhere({{"Sec-Fetch-Site", "none"}})) << "typed into the address bar";
  EXPECT_FALSE(elsewhere({{"Origin", "http://LOCALHOST:10177"}}));
  EXPECT_FALSE(elsewhere({{"Sec-Fetch-Site", "same-origin"}, {"Origin", "https://proxy.example"}})) << "behind a proxy";
  for (const char* site : {"same-site", "cross-site", "same-origin, cross-site", "nonsense"})
    EXPECT_TRUE(elsewhere({{"Sec-Fetch-Site", site}})) << site;
  for (const char* origin :
       {"http://localhost", "http://localhost:10178", "http://evil.example", "null", "localhost:10177"})
    EXPECT_TRUE(elsewhere({{"Origin", origin}})) << origin;
  EXPECT_FALSE(elsewhere({{"Origin", "http://guest.example"}}, "http://guest.example/")) << "the URL's host counts";
}

TEST(RequestHead, TheHostOfAWholeUrlCountsMoreThanTheField) {
  for (const auto& [target, host, path] :
       {std::tuple{"http://Guest.example:80/metrics?a=/", "guest.example", "/metrics"},
        {"HTTPS://[::1]:443/x", "::1", "/x"},
        {"http://h", "h", "/"},
        {"http://h?a", "h", "/"},
        {"http://h./", "h", "/"}}) {
    const auto asked = understand(head_of(target));
    ASSERT_TRUE(asked) << target << " " << asked.error().message;
    EXPECT_EQ(asked->host, host);
    EXPECT_EQ(asked->path, path);
  }
}

TEST(RequestHead, AnExpectWithoutABodyIsRefused) {
  expect_refused(head_of("/", {kHost, {"Expect", "100-continue"}}), "there is an Expect");
}

TEST(RequestHead, ATargetThatIsNoneIsRefused) {
  for (const char* target : {"/metrics%00", "/%", "/%4", "/%zz", "/%+1", "/%0x", "/?a=%00", "/?%"})
    expect_refused(head_of(target), "an escape that is none, or %00");
  for (const char* target : {"", "/a b", "/a\tb", "/\x7f", "/\xc3\xa4"})
    expect_refused(head_of(target), "a character that does not belong there");
  for (const char* target :
       {"metrics", "localhost:443", "ftp://h/x", "http:/x", "%2fmetrics", "%2Fmetrics?x", "%2a", "*/", "?x"})
    expect_refused(head_of(target), "has no path");
  for (const char* target : {"http://", "http:///x", "http://a@b/", "http://h:x/", "http://[::1/", "http://[x]/"})
    expect_refused(head_of(target), "no valid host");
}

TEST(RequestHead, Http11HasExactlyOneHost) {
  expect_refused(head_of("/", {}), "there is no Host");
  expect_refused(head_of("http://h/", {}), "there is no Host");
  expect_refused(head_of("/", {kHost, kHost}), "more than one Host");
  expect_refused(head_of("/", {kHost, {"hOST", "x"}}, "HTTP/1.0"), "more than one Host");
  for (const char* host : {"a b", "a/b", "a,b@c", "a:b", "a:1:2", "[::1", "::1", "[1.2.3.4]", "[::1]x"})
    expect_refused(head_of("/", {{"Host", host}}), "not a name or an address");
  EXPECT_EQ(understand(head_of("/", {}, "HTTP/1.0"))->host, "");
  for (const char* host : {"", " ", ".", ":80", ":", ".:80"}) {
    expect_refused(head_of("/", {{"Host", host}}), "the Host is empty");
    expect_refused(head_of("http://h/", {{"Host", host}}), "the Host is empty");
    expect_refused(head_of("/", {{"Host", host}}, "HTTP/1.0"), "the Host is empty");
  }
  EXPECT_EQ(understand(head_of("/", {{"Host", " [::1]:1 "}}))->host, "::1");
}

TEST(RequestHead, ALengthThatCanBeReadInTwoWaysIsRefused) {
  const auto with = [](std::vector<HeaderField> fields, const char* version = "HTTP/1.1") {
    fields.push_back(kHost);
    return head_of("/", fields, version);
  };
  expect_refused(with({{"Content-Length", "5"}, {"Content-Length", "6"}}), "more than one Content-Length");
  expect_refused(with({{"Content-Length", "5"}, {"content-length", "5"}}), "more than one Content-Length");
  for (const char* length : {"", "x", "5, 5", "+5", "-5", "5x", "0x5", "5 5"})
    expect_refused(with({{"Content-Length", length}}), "not a number");
  expect_refused(with({{"Content-Length", "0"}, {"Transfer-Encoding", "chunked"}}), "a Content-Length and a Transfer");
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, chunked", "xchunked", "", "chunked\x01"})
    EXPECT_FALSE(understand(with({{"Transfer-Encoding", coding}}))) << coding;
  expect_refused(with({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}),
                 "the only Transfer-Encoding");
  expect_refused(with({{"Transfer-Encoding", "chunked"}}, "HTTP/1.0"), "the only Transfer-Encoding");
}

TEST(RequestHead, ABodyIsKnownFromItsLength) {
  const auto has_body = [](HeaderField field) { return understand(head_of("/", {kHost, std::move(field)}))->has_body; };
  EXPECT_TRUE(has_body({"Content-Length", "5"}));
  EXPECT_TRUE(has_body({"Content-Length", "99999999999999999999999999"}));
  EXPECT_TRUE(has_body({"Transfer-Encoding", "Chunked"}));
  EXPECT_FALSE(has_body({"Content-Length", "00"}));
}

TEST(RequestHead, FieldsThatAreNoneAreRefused) {
  for (const char* name : {"", "Content-Length ", "X\t", "X(", "X y"})
    expect_refused(head_of("/", {kHost, {name, "1"}}), "the name of a header field");
  for (const char* value : {"a\rb", "a\x7f", "a\x01"})
    expect_refused(head_of("/", {kHost, {"X", value}}), "a header field has");
  EXPECT_TRUE(understand(head_of("/", {kHost, {"X", "a\tb \xc3\xa4"}})));
}

TEST(RequestHead, LinesOfOneNameAreOneList) {
  const RequestHead head = head_of("/", {{"Accept", "a;q=1"}, kHost, {"ACCEPT", "b"}});
  EXPECT_EQ(head.list("Accept"), "a;q=1, b");
  EXPECT_EQ(head.list("Accept-Encoding"), "");
}

TEST(NamesThisMachine, TakesAddressesAndKnownNames) {
  const std::vector<std::string> names = {"guest.example"};
  for (const char* host : {"localhost", "127.0.0.1", "192.0.2.1", "::1", "guest.example"})
    EXPECT_TRUE(names_this_machine(host, names)) << host;
  for (const char* host : {"evil.com", "localhost.evil.com", "127.0.0.1.evil.com", "2130706433", "guest", ""})
    EXPECT_FALSE(names_this_machine(host, names)) << host;
}

}  // namespace
}  // namespace vqscope
