// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <sstream>

#include "agent/commands/command_line.h"

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

struct Parsed {
  CommandLine line;
  std::string out, err;  // what was printed
};

Parsed parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "vqscope");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Parsed parsed;
  parsed.line = parse_command_line(static_cast<int>(arguments.size()), arguments.data());
  parsed.out = testing::internal::GetCapturedStdout();
  parsed.err = testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(CommandLine, ServeAloneHasTheDocumentedDefaults) {
  const Parsed parsed = parse({"serve"});
  EXPECT_EQ(parsed.line.exit_status, std::nullopt);
  const ServeOptions& serve = std::get<ServeOptions>(parsed.line.command);
  EXPECT_THAT(serve.listen_addresses, IsEmpty());
  EXPECT_EQ(serve.telemetry_path, "/metrics");
  EXPECT_EQ(serve.log.level, "info");
  EXPECT_EQ(serve.log.format, "text");
  EXPECT_EQ(serve.window_seconds, 10);
  EXPECT_EQ(serve.user, "");
  EXPECT_TRUE(serve.seccomp);
  EXPECT_EQ(serve.classic_buckets, default_classic_buckets());
  EXPECT_EQ(serve.measure.paths.procfs, "/proc");
  EXPECT_EQ(serve.measure.paths.sysfs, "/sys");
  EXPECT_EQ(parsed.out + parsed.err, "");
}

TEST(CommandLine, TakesEveryFlag) {
  const Parsed parsed = parse({"serve",
                               "--web.telemetry-path=/probe",
                               "--device-include",
                               "^vd",
                               "--require-probe",
                               "block",
                               "--window",
                               "2.5",
                               "--histogram.classic-buckets",
                               "0.5,1",
                               "--path.procfs",
                               "/host/proc",
                               "--path.sysfs",
                               "/host/sys",
                               "--log.level",
                               "debug",
                               "--log.format",
                               "json",
                               "--user",
                               "vqscope",
                               "--no-seccomp"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  const ServeOptions& serve = std::get<ServeOptions>(parsed.line.command);
  EXPECT_EQ(serve.telemetry_path, "/probe");
  EXPECT_EQ(serve.measure.device_include, "^vd");
  EXPECT_THAT(serve.measure.required_probes, ElementsAre("block"));
  EXPECT_EQ(serve.window_seconds, 2.5);
  EXPECT_EQ(serve.user, "vqscope");
  EXPECT_FALSE(serve.seccomp);
  EXPECT_THAT(serve.classic_buckets, ElementsAre(-8, 0));
  EXPECT_EQ(serve.measure.paths.procfs, "/host/proc");
  EXPECT_EQ(serve.measure.paths.sysfs, "/host/sys");
  EXPECT_EQ(serve.log.level, "debug");
  EXPECT_EQ(serve.log.format, "json");
}

TEST(CommandLine, ListenAddressMayBeRepeated) {
  const Parsed parsed = parse({"serve", "--web.listen-address", "127.0.0.1:1", "--web.listen-address=[::1]:2"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  EXPECT_THAT(std::get<ServeOptions>(parsed.line.command).listen_addresses, ElementsAre("127.0.0.1:1", "[::1]:2"));
}

TEST(CommandLine, ServeTakesFlagsOfTheEndpoint) {
  const Parsed parsed = parse({"serve", "--web.config.file", "web.yml", "--web.unix-socket-mode", "0600"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  const ServeOptions& serve = std::get<ServeOptions>(parsed.line.command);
  EXPECT_EQ(serve.web_config, "web.yml");
  EXPECT_EQ(serve.socket_mode, 0600U);
  EXPECT_FALSE(serve.systemd_socket);
  const Parsed passed = parse({"serve", "--web.systemd-socket"});
  ASSERT_EQ(passed.line.exit_status, std::nullopt) << passed.err;
  EXPECT_TRUE(std::get<ServeOptions>(passed.line.command).systemd_socket);
}

TEST(CommandLine, AnAgentBehindTlsTakesItsFiles) {
  const Parsed parsed = parse({"doctor", "--url", "https://a:1", "--url.ca-file", "ca.pem", "--url.cert-file", "c.pem",
                               "--url.key-file", "k.pem"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  const AgentAddress& agent = std::get<DoctorOptions>(parsed.line.command).agent;
  EXPECT_EQ(agent.url, "https://a:1");
  EXPECT_EQ(agent.ca_file, "ca.pem");
  EXPECT_EQ(agent.certificate_file, "c.pem");
  EXPECT_EQ(agent.key_file, "k.pem");
}

TEST(CommandLine, RequireProbeMayBeRepeated) {
  const Parsed parsed = parse({"serve", "--require-probe", "block", "--require-probe", "irq"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  EXPECT_THAT(std::get<ServeOptions>(parsed.line.command).measure.required_probes, ElementsAre("block", "irq"));
}

TEST(CommandLine, WithoutAWordSaysWhatToBeginWith) {
  const Parsed parsed = parse({});
  EXPECT_EQ(parsed.line.exit_status, kExitUsage);
  EXPECT_THAT(parsed.err,
              AllOf(HasSubstr("a command is missing"), HasSubstr("vqscope doctor"), HasSubstr("vqscope help")));
}

TEST(CommandLine, WhatFollowsTwoDashesIsACommandToRecord) {
  const Parsed parsed = parse({"record", "a.vqr", "--note", "x", "--", "fio", "--note=y", "--", "job"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  const RecordOptions& record = std::get<RecordOptions>(parsed.line.command);
  EXPECT_EQ(record.file, "a.vqr");
  EXPECT_EQ(record.note, "x");
  EXPECT_THAT(record.command, ElementsAre("fio", "--note=y", "--", "job"));
}

TEST(CommandLine, WhatMakesNoSenseIsAUsageErrorThatSaysWhat) {
  const struct {
    std::vector<const char*> arguments;
    const char* message;
  } cases[] = {
      {{""}, "'' is no command, which is one of: serve, doctor"},
      {{"record"}, "record needs FILE, which is missing"},
      {{"record", "--", "fio"}, "record needs FILE, which is missing"},
      {{"record", "a.vqr", "--"}, "the command to run and record is missing after --"},
      {{"record", "a.vqr", "--duration", "5", "--", "fio"}, "--duration and a command after -- exclude each other"},
      {{"dance"}, "there is no command 'dance'; there are: serve, doctor"},
      {{"docter"}, "there is no command 'docter'; did you mean 'doctor'?"},
      {{"help", "docter"}, "there is no command 'docter'; did you mean 'doctor'?"},
      {{"--duration", "5"}, "vqscope has no flag '--duration'"},
      {{"serve", "--nonsense"}, "serve has no flag '--nonsense'\n"},
      {{"serve", "--windw=5"}, "serve has no flag '--windw'; did you mean '--window'?"},
      {{"serve", "extra"}, "serve takes no argument 'extra'"},
      {{"version", "extra"}, "version takes no argument 'extra'"},
      {{"serve", "--device", "vda", "--device-include", "^vd"}, "excludes --device"},
      {{"serve", "--log.level", "wran"}, "'wran' is none of debug, info, warn, error; did you mean 'warn'?"},
      {{"serve", "--web.listen-address"}, "--web.listen-address needs a value: ADDRESS\n"},
      {{"serve", "--device", "vda", "--device"}, "--device needs a value: DISK\n"},
      {{"record", "a", "--note", "b", "--note", "c"}, "--note is given 2 times, and is taken once\n"},
      {{"record", "a", "--append=3"}, "--append takes no value\n"},
      {{"compare", "a", "b", "--json=3"}, "--json takes no value\n"},
      {{"serve", "--no-seccomp=no"}, "--no-seccomp takes no value\n"},
      {{"serve", "--web.listen-address", "a:1", "b:2"}, "b:2"},
      {{"serve", "--web.telemetry-path", "metrics"}, "'metrics' is not a path"},
      {{"serve", "--web.telemetry-path", "/-/ready"}, "'/-/ready' is not a path"},
      {{"serve", "--web.telemetry-path", "/"}, "'/' is not a path"},
      {{"serve", "--web.telemetry-path", "/a?b"}, "'/a?b' is not a path"},
      {{"serve", "--device-include", "a", "--device-exclude", "b"}, "cannot be used together"},
      {{"serve", "--device-include", "vd["}, "--device-include='vd[' is not a regular expression"},
      {{"serve", "--device-exclude", "(?<=x)"}, "--device-exclude='(?<=x)' is not a regular expression"},
      {{"serve", "--histogram.classic-buckets", "0.001"}, "--histogram.classic-buckets: 0.001 s is no boundary"},
      {{"serve", "--histogram.classic-buckets", "x"}, "--histogram.classic-buckets: 'x' is not a number"},
      {{"serve", "--histogram.classic-buckets", ","}, "--histogram.classic-buckets: no bucket bounds"},
      {{"serve", "--require-probe", "mind"}, "mind"},
      {{"serve", "--web.unix-socket-mode", "0888"}, "'0888' is not an octal mode"},
      {{"serve", "--web.unix-socket-mode", "01777"}, "'01777' is not an octal mode"},
      {{"serve", "--web.systemd-socket", "--web.listen-address=:1"}, "excludes --web.systemd-socket"},
      {{"compare", "a", "b", "--format", "md", "--json"}, "--format excludes --json"},
      {{"serve", "--web.allowed-host=*"}, "'*' is not a host name"},
      {{"serve", "--web.allowed-host=guest.example:10177"}, "'guest.example:10177' is not a host name"},
      {{"record", "a", "--url.ca-file", "ca.pem"}, "--url.ca-file requires --url"},
      {{"record", "a", "--url", "https://a:1", "--url.cert-file", "c.pem"}, "--url.cert-file requires --url.key-file"},
      {{"serve", "--window", "0"}, "--window"},
      {{"serve", "--window", "3601"}, "--window"},
      {{"serve", "--window", "ten"}, "--window: 'ten' is not a time from 1s to 1h"},
      {{"serve", "--window", "nan"}, "--window"},
      {{"serve", "--log.level", "loud"}, "--log.level"},
      {{"serve", "--log.format", "xml"}, "--log.format"},
      {{"record"}, "record needs FILE, which is missing: File to create"},
      {{"record", "--duration", "5"}, "record needs FILE, which is missing"},
      {{"record", ""}, "file: it is empty"},
      {{"compare", "a", ""}, "files: it is empty"},
      {{"serve", "--path.procfs", ""}, "--path.procfs: it is empty"},
      {{"serve", "--path.sysfs", ""}, "--path.sysfs: it is empty"},
      {{"serve", "--web.config.file", ""}, "--web.config.file: it is empty"},
      {{"serve", "--user", ""}, "--user: it is empty"},
      {{"record", "a", "--device", ""}, "--device: it is empty"},
      {{"record", "a", "--url", ""}, "--url: it is empty"},
      {{"record", "a", "--url", "a", "--url.ca-file", ""}, "--url.ca-file: it is empty"},
      {{"record", "a", "--url", "a", "--url.cert-file", "", "--url.key-file", "k"}, "--url.cert-file: it is empty"},
      {{"record", "a", "--url", "a", "--url.cert-file", "c", "--url.key-file", ""}, "--url.key-file: it is empty"},
      {{"serve", "--web.listen-address", "10177"}, "'10177' is not an address to listen on: it needs a port"},
      {{"serve", "--web.listen-address", ""}, "'' is not an address to listen on"},
      {{"serve", "--web.listen-address", "127.0.0.1:99999"}, "the port must be a number from 0 to 65535"},
      {{"serve", "--web.listen-address", "::1:10177"}, "an IPv6 address goes in brackets"},
      {{"top", "--replay", "x", "--at", "soon"}, "'soon' is not a time such as 90s, 14:05:30"},
      {{"record", "o", "--from", "90s"}, "--from requires --replay"},
      {{"record", "o", "--replay", "x", "--to", "soon"}, "'soon' is not a time such as 90s, 14:05:30"},
      {{"record", "o", "--replay", "x", "--url", "y"}, "excludes"},
      {{"record", "o", "--replay", "x", "--duration", "5"}, "excludes"},
      {{"record", "o", "--replay", "x", "--", "ls"}, "exclude each other"},
      {{"top", "--at", "90s"}, "--at requires --replay"},
      {{"top", "--replay", "x", "--url", "y"}, "excludes"},
      {{"top", "--interval", "0"}, "is not a time from 100ms to 1h"},
      {{"serve", "--web.listen-address", "unix:"}, "it needs a path, as in unix:/run/vqscope/agent.sock"},
      {{"serve", "--web.listen-address", "vsock://x:1"}, "the context ID must be a number"},
      {{"serve", "--web.listen-address", "vsock://1"}, "it needs a port, as in vsock://:10177"},
      {{"record", "a", "--duration", "0"}, "'0' is not a time from 1s to 31d"},
      {{"record", "a", "--duration", "ten"}, "--duration"},
      {{"compare"}, "compare needs FILE, which is missing: Two recordings"},
      {{"compare", "a", "b", "c"}, "compare takes 2 arguments at the most (FILE), and there are 3\n"},
      {{"compare", "a", "--window", "0..10"}, "--window is given twice"},
      {{"compare", "a", "--window", "10..10", "--window", "1..2"}, "'10..10' is not a range of times"},
      {{"compare", "a", "--window", "x..", "--window", "1..2"}, "'x..' is not a range of times"},
      {{"compare", "a", "b", "--device", "vda"}, "'vda' is not a pair of names"},
      {{"compare", "a", "b", "--format", "xml"}, "--format"},
      {{"compare", "a", "b", "--min-effect", "0"}, "--min-effect"},
      {{"compare", "a", "b", "--live"}, "b is a second recording"},
      {{"compare", "a", "b", "--url", "host"}, "b is a second recording"},
      {{"compare", "a", "--live", "--url", "host"}, "excludes"},
      {{"compare", "a", "b", "--duration", "10"}, "takes --live or --url"},
      {{"compare", "a", "--live", "--duration", "0"}, "--duration"},
      {{"compare", "a", "--live", "--window", "0..9", "--window", "9..20"}, "--window is given once, for a"},
      {{"compare", "--live"}, "compare needs FILE"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.message);
    const Parsed parsed = parse(c.arguments);
    EXPECT_EQ(parsed.line.exit_status, kExitUsage);
    EXPECT_THAT(parsed.err, HasSubstr(c.message));
    EXPECT_EQ(parsed.out, "");
  }
}

TEST(CommandLine, DoctorHasTheDocumentedDefaults) {
  const Parsed parsed = parse({"doctor"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  const DoctorOptions& doctor = std::get<DoctorOptions>(parsed.line.command);
  EXPECT_EQ(doctor.duration_seconds, 10);
  EXPECT_EQ(doctor.platform, std::nullopt);
  EXPECT_EQ(doctor.agent.url, "");
  EXPECT_EQ(doctor.format, DoctorFormat::kText);
  EXPECT_FALSE(doctor.idle_is_ok);
  EXPECT_EQ(doctor.log.level, "error");
}

TEST(CommandLine, DoctorTakesItsFlags) {
  const Parsed parsed = parse({"doctor", "--duration", "2.5", "--json", "--platform", "proxmox", "--url", "http://a:1",
                               "--device-include", "^vd"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  const DoctorOptions& doctor = std::get<DoctorOptions>(parsed.line.command);
  EXPECT_EQ(doctor.duration_seconds, 2.5);
  EXPECT_EQ(doctor.platform, Platform::kProxmox);
  EXPECT_EQ(doctor.agent.url, "http://a:1");
  EXPECT_EQ(doctor.format, DoctorFormat::kJson);
  EXPECT_EQ(doctor.measure.device_include, "^vd");
}

TEST(CommandLine, UsageErrorsOfDoctorAreUnknownToAMonitoringSystem) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"doctor", "--duration", "0"},
                                             {"doctor", "--duration", "nan"},
                                             {"doctor", "--platform", "vmware"},
                                             {"doctor", "--nonsense"},
                                             {"doctor", "--device-include", "["},
                                             {"doctor", "--format", "xml"},
                                             {"doctor", "--idle", "maybe"}}) {
    const Parsed parsed = parse(arguments);
    EXPECT_EQ(parsed.line.exit_status, kExitUnknown);
    EXPECT_NE(parsed.err, "");
    EXPECT_EQ(parsed.out, "");
  }
}

TEST(CommandLine, DoctorTakesDisksWithAndWithoutTheFlag) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"doctor", "vda", "/dev/vdb"},
                                             {"doctor", "--device", "vda", "--device=/dev/vdb"},
                                             {"doctor", "--duration", "5", "vda", "/dev/vdb", "--json"}}) {
    const Parsed parsed = parse(arguments);
    ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
    EXPECT_THAT(std::get<DoctorOptions>(parsed.line.command).measure.devices, ElementsAre("vda", "/dev/vdb"));
  }
}

TEST(CommandLine, DoctorTakesItsFormatsAndWhatIdleMeans) {
  const auto format = [](const char* name) {
    const Parsed parsed = parse({"doctor", "--format", name, "--idle=ok"});
    EXPECT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
    EXPECT_TRUE(std::get<DoctorOptions>(parsed.line.command).idle_is_ok);
    return std::get<DoctorOptions>(parsed.line.command).format;
  };
  EXPECT_EQ(format("text"), DoctorFormat::kText);
  EXPECT_EQ(format("md"), DoctorFormat::kMarkdown);
  EXPECT_EQ(format("markdown"), DoctorFormat::kMarkdown);
  EXPECT_EQ(format("json"), DoctorFormat::kJson);
}

TEST(CommandLine, TimesAreTakenAsPeopleWriteThem) {
  EXPECT_EQ(std::get<DoctorOptions>(parse({"doctor", "--duration", "1m30s"}).line.command).duration_seconds, 90);
  EXPECT_EQ(std::get<RecordOptions>(parse({"record", "a", "--duration", "1h30m"}).line.command).duration_seconds,
            5400U);
  EXPECT_EQ(std::get<RecordOptions>(parse({"record", "a", "--duration", "1500ms"}).line.command).duration_seconds, 2U);
  EXPECT_EQ(std::get<ServeOptions>(parse({"serve", "--window=1m"}).line.command).window_seconds, 60);
  const Parsed windows = parse({"compare", "a", "--window", "10s..1m", "--window", "1m30s.."});
  ASSERT_EQ(windows.line.exit_status, std::nullopt) << windows.err;
  EXPECT_EQ(std::get<CompareOptions>(windows.line.command).windows[0].end, 60);
  EXPECT_EQ(std::get<CompareOptions>(windows.line.command).windows[1].begin, 90);
}

TEST(CommandLine, TopTakesItsFlags) {
  const Parsed alone = parse({"top"});
  ASSERT_EQ(alone.line.exit_status, std::nullopt) << alone.err;
  const TopOptions& defaults = std::get<TopOptions>(alone.line.command);
  EXPECT_EQ(defaults.interval_seconds, 1);
  EXPECT_FALSE(defaults.once);
  EXPECT_EQ(defaults.replay, "");
  EXPECT_EQ(defaults.log.level, "error");

  const Parsed replay = parse({"top", "vda", "--once", "--interval=500ms", "--replay", "run.vqr", "--at=1m30s"});
  ASSERT_EQ(replay.line.exit_status, std::nullopt) << replay.err;
  const TopOptions& top = std::get<TopOptions>(replay.line.command);
  EXPECT_THAT(top.measure.devices, ElementsAre("vda"));
  EXPECT_TRUE(top.once);
  EXPECT_EQ(top.interval_seconds, 0.5);
  EXPECT_EQ(top.replay, "run.vqr");
  ASSERT_TRUE(top.at);
  EXPECT_EQ(std::get<FromStart>(*top.at).seconds, 90);
}

TEST(CommandLine, DoctorAndRecordTakeAPieceOfARecording) {
  const Parsed doctor = parse({"doctor", "vda", "--replay", "-", "--from=1m30s", "--to", "14:05 local", "--json"});
  ASSERT_EQ(doctor.line.exit_status, std::nullopt) << doctor.err;
  const Piece& piece = std::get<DoctorOptions>(doctor.line.command).replay;
  EXPECT_EQ(piece.file, "-");
  EXPECT_EQ(std::get<FromStart>(*piece.from).seconds, 90);
  EXPECT_EQ(std::get<TimeOfDay>(*piece.to).zone, std::nullopt);
  const Parsed record = parse({"record", "out.vqr", "--replay", "in.vqr", "--from=10", "--append", "--note", "n"});
  ASSERT_EQ(record.line.exit_status, std::nullopt) << record.err;
  EXPECT_EQ(std::get<RecordOptions>(record.line.command).replay.file, "in.vqr");
  EXPECT_FALSE(std::get<RecordOptions>(record.line.command).replay.to);
}

TEST(CommandLine, ExplainTakesAFindingOrNone) {
  EXPECT_EQ(std::get<ExplainOptions>(parse({"explain"}).line.command).topic, "");
  EXPECT_EQ(std::get<ExplainOptions>(parse({"explain", "steal"}).line.command).topic, "steal");
}

TEST(CommandLine, RecordTakesAFileAndItsFlags) {
  const Parsed parsed = parse({"record", "run.vqr", "--duration", "60", "--note", "one queue", "--append", "--url",
                               "http://127.0.0.1:10177", "--device-include", "^vd"});
  ASSERT_EQ(parsed.line.exit_status, std::nullopt) << parsed.err;
  const RecordOptions& record = std::get<RecordOptions>(parsed.line.command);
  EXPECT_EQ(record.file, "run.vqr");
  EXPECT_EQ(record.duration_seconds, 60U);
  EXPECT_EQ(record.note, "one queue");
  EXPECT_TRUE(record.append);
  EXPECT_EQ(record.agent.url, "http://127.0.0.1:10177");
  EXPECT_EQ(record.measure.device_include, "^vd");
}

TEST(CommandLine, CompareTakesARecordingAndWhatTheDisksDoNow) {
  const Parsed here = parse({"compare", "a", "--live", "--window", "10..60"});
  ASSERT_EQ(here.line.exit_status, std::nullopt) << here.err;
  const CompareOptions& live = std::get<CompareOptions>(here.line.command);
  EXPECT_TRUE(live.live);
  EXPECT_EQ(live.duration_seconds, 60U);
  ASSERT_EQ(live.windows.size(), 1U);
  EXPECT_EQ(live.windows[0].begin, 10);

  const Parsed there = parse({"compare", "a", "--url", "db1:10177", "--duration", "1m30s", "--json"});
  ASSERT_EQ(there.line.exit_status, std::nullopt) << there.err;
  const CompareOptions& agent = std::get<CompareOptions>(there.line.command);
  EXPECT_FALSE(agent.live);
  EXPECT_EQ(agent.agent.url, "db1:10177");
  EXPECT_EQ(agent.duration_seconds, 90U);
}

TEST(CommandLine, CompareTakesTwoFilesOrTwoWindows) {
  const Parsed files = parse({"compare", "a", "b", "--device", "sda=vda", "--json", "--min-effect", "10"});
  ASSERT_EQ(files.line.exit_status, std::nullopt) << files.err;
  const CompareOptions& two = std::get<CompareOptions>(files.line.command);
  EXPECT_EQ(two.before, "a");
  EXPECT_EQ(two.after, "b");
  EXPECT_THAT(two.renamed, ElementsAre(std::pair<std::string, std::string>("sda", "vda")));
  EXPECT_EQ(two.format, CompareFormat::kJson);
  EXPECT_DOUBLE_EQ(two.min_effect, 0.1);

  const Parsed windows = parse({"compare", "a", "--window", "0..60", "--window", "90.5..", "--format", "markdown"});
  ASSERT_EQ(windows.line.exit_status, std::nullopt) << windows.err;
  const CompareOptions& one = std::get<CompareOptions>(windows.line.command);
  EXPECT_EQ(one.after, std::nullopt);
  ASSERT_EQ(one.windows.size(), 2U);
  EXPECT_EQ(one.windows[0].end, 60);
  EXPECT_EQ(one.windows[1].begin, 90.5);
  EXPECT_EQ(one.format, CompareFormat::kMarkdown);
}

TEST(CommandLine, HelpIsPrintedAndIsASuccess) {
  const Parsed all = parse({"--help"});
  EXPECT_EQ(all.line.exit_status, 0);
  EXPECT_THAT(all.out, HasSubstr("serve"));
  EXPECT_EQ(all.err, "");
  const Parsed serve = parse({"serve", "--help"});
  EXPECT_EQ(serve.line.exit_status, 0);
  for (const char* flag :
       {"--web.listen-address", "--web.config.file", "--web.systemd-socket", "--web.unix-socket-mode",
        "--web.allowed-host", "--web.telemetry-path", "--device-include", "--device-exclude", "--require-probe",
        "--window", "--histogram.classic-buckets", "--path.procfs", "--path.sysfs", "--log.level", "--log.format"})
    EXPECT_THAT(serve.out, HasSubstr(flag));
  EXPECT_THAT(serve.out, HasSubstr("  --no-seccomp  ")) << "without what the parser makes of it";
}

TEST(CommandLine, HelpAndVersionAreCommandsToo) {
  EXPECT_EQ(parse({"help"}).out, parse({"--help"}).out);
  EXPECT_THAT(parse({"help", "doctor"}).out, HasSubstr("Usage: vqscope doctor [OPTIONS] [DISK]...\n"));
  EXPECT_THAT(parse({"help", "record"}).out, HasSubstr("Usage: vqscope record [OPTIONS] FILE\n"));
  EXPECT_THAT(parse({"help", "compare"}).out, HasSubstr("Usage: vqscope compare [OPTIONS] FILE [FILE]\n"));
  EXPECT_THAT(parse({"help", "doctor"}).out, HasSubstr("  --platform PLATFORM "));
  EXPECT_EQ(parse({"help", "doctor"}).line.exit_status, 0);
  EXPECT_EQ(parse({"version"}).out, parse({"--version"}).out);
  EXPECT_EQ(parse({"version"}).line.exit_status, 0);
}

TEST(CommandLine, HelpKeepsToEightyColumnsAndNamesNoFileOfTheSources) {
  for (const char* command : {"", "serve", "doctor", "record", "compare", "explain", "help", "version"}) {
    const std::string help = *command == '\0' ? parse({"help"}).out : parse({"help", command}).out;
    std::string others = help;
    RE2::GlobalReplace(&others, "/usr/share/vqscope/doc/[A-Z]+\\.md", "");
    EXPECT_THAT(others, Not(HasSubstr(".md")));
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(CommandLine, VersionIsPrintedAndIsASuccess) {
  const Parsed parsed = parse({"--version"});
  EXPECT_EQ(parsed.line.exit_status, 0);
  EXPECT_THAT(parsed.out,
              MatchesRegex("vqscope [0-9]+\\.[0-9]+\\.[0-9]+ \\((unknown|[0-9a-f]{7,}(-dirty)?)\\)\n(.*\n)+"));
  for (const char* what : {"libbpf ", "libmicrohttpd ", "protobuf ", "TLS: ", "--url: "})
    EXPECT_THAT(parsed.out, HasSubstr(what));
}

}  // namespace
}  // namespace vqscope
