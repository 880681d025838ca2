# SPDX-License-Identifier: Apache-2.0
"""--web.config.file: TLS, client certificates and passwords, as openssl, curl and Prometheus see them."""

import concurrent.futures
import json
import os
import pathlib
import socket
import ssl
import subprocess

import certificates
import monitoring
import secured
import vqtest

PASSWORD = "correct horse battery staple"
OTHER = "Tr0ub4dor&3"


class Tls(secured.Secured):
    def test_a_client_that_trusts_another_ca_refuses(self):
        self.start_with_tls()
        self.check_serves()
        other = certificates.Authority(self.directory, "other")
        self.assertEqual(self.curl("--cacert", other.file)[0], 60)  # CURLE_PEER_FAILED_VERIFICATION

    def test_an_expired_certificate_is_seen_by_curl(self):
        self.authority.issue("server", days=-1)
        self.write({})
        self.start()
        status, _, complaint = self.curl()
        self.assertEqual(status, 60)
        self.assertIn("expired", complaint)

    def test_versions_outside_the_limits_are_refused(self):
        self.start_with_tls({"min_version": "TLS13"})
        self.check_serves("--tlsv1.3")
        self.assertEqual(self.curl("--tls-max", "1.2")[0], 35)  # CURLE_SSL_CONNECT_ERROR
        self.write({"max_version": "TLS12"})
        self.assertEqual(self.curl("--tlsv1.3")[0], 35)
        self.check_serves("--tls-max", "1.2")

    def test_tls_1_1_is_refused_unless_asked_for(self):
        self.start_with_tls()
        old = ["--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]
        self.assertEqual(self.curl(*old)[0], 35)
        self.write({"min_version": "TLS11"})
        self.check_serves(*old)

    def test_cipher_suites_and_curves_are_those_listed(self):
        self.start_with_tls({"cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
                             "curve_preferences": ["CurveP384"]})

        def negotiated(*flags):
            return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", *flags],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30).stdout

        self.assertIn("Cipher is ECDHE-ECDSA-AES256-GCM-SHA384", negotiated("-tls1_2"))
        self.assertIn("ECDH, secp384r1, 384 bits", negotiated("-tls1_2"))
        self.assertIn("Cipher is TLS_AES_256_GCM_SHA384", negotiated("-tls1_3"))
        self.assertIn("Cipher is (NONE)", negotiated("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"))
        self.assertIn("Cipher is (NONE)", negotiated("-tls1_2", "-groups", "X25519"))

    def test_the_key_that_clients_send_unasked_is_taken(self):
        self.start_with_tls()
        said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_3", "-msg"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30).stdout
        # A second one would be the answer to a HelloRetryRequest.
        self.assertEqual(said.count(", ClientHello"), 1, said)

    def test_plain_http_gets_no_answer(self):
        self.start_with_tls()
        status, http, _ = self.curl(scheme="http")
        self.assertNotEqual(status, 0)
        self.assertEqual(http, 0)
        self.check_serves()

    def test_clients_that_stall_cost_no_work_and_stop_nobody(self):
        agent = self.start_with_tls()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        self.assertRaises(ssl.SSLWantReadError, hello.do_handshake)
        request = outgoing.read()
        for length in (0, 1, 5, len(request) // 2, len(request)):
            for _ in range(20):
                client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                self.addCleanup(client.close)
                client.sendall(request[:length])
        self.assertTrue(client.recv(1), "the server's part of the last handshake")
        trusting = ssl.create_default_context(cafile=self.authority.file)
        for part in (b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"):
            client = trusting.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=30),
                                          server_hostname="localhost")
            self.addCleanup(client.close)
            client.sendall(part)
        self.check_serves()
        # A thread that polls without a pause is never seen asleep. Idle connections are closed after 30 seconds.
        self.asleep = 0

        def all_sleep():
            states = [path.read_text().rsplit(")", 1)[1].split()[0]
                      for path in pathlib.Path(f"/proc/{agent.process.pid}/task").glob("*/stat")]
            self.asleep = self.asleep + 1 if set(states) == {"S"} else 0
            return self.asleep == 20

        vqtest.wait_for(all_sleep, "the agent to sleep", 15)

    def test_headers_are_on_every_answer(self):
        self.start_with_tls(http_server_config={"http2": True, "headers": {"X-Frame-Options": "sameorigin",
                                                                           "Content-Security-Policy": ""}})
        for path in ("/metrics", "/nothing"):
            head = vqtest.run("curl", "-sSI", "--cacert", self.authority.file, f"https://127.0.0.1:{self.port}{path}")
            self.assertIn("\nX-Frame-Options: sameorigin\n", head.replace("\r", ""))
            self.assertNotIn("deny", head)
            self.assertNotIn("Content-Security-Policy", head)
            self.assertIn("nosniff", head)

    def test_any_server_name_is_served(self):
        self.start_with_tls()
        for name in ("db_1.example", "guest.example:10177", "-", "localhost"):
            for version in ("-tls1_2", "-tls1_3"):
                done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", name, version,
                                       "-CAfile", self.authority.file, "-quiet", "-verify_return_error"],
                                      input="GET /-/healthy HTTP/1.0\r\n\r\n", capture_output=True, text=True, timeout=30)
                self.assertIn("vqscope is healthy", done.stdout, (name, version, done.stderr))

    def test_a_certificate_that_no_client_could_use_is_refused(self):
        self.authority.issue("server")
        good = [(self.directory / f"server{end}").read_bytes() for end in (".pem", ".key")]
        self.write({})
        agent = self.start()
        vqtest.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                   "keyUsage=critical,keyEncipherment", "-keyout", self.directory / "bad.key", "-out", self.directory / "bad.pem")
        self.write({"cert_file": "bad.pem", "key_file": "bad.key"})
        self.check_serves()
        self.assertIn("its key usage leaves out digitalSignature", agent.output())
        self.assertEqual(good, [(self.directory / f"server{end}").read_bytes() for end in (".pem", ".key")])
        done = subprocess.run([vqtest.AGENT, "serve", "--web.listen-address=127.0.0.1:0", f"--web.config.file={self.config}"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.config}: the certificate is not good for TLS", done.stderr)

    def test_failed_handshakes_are_counted_and_seldom_told(self):
        agent = self.start_with_tls()
        log = lambda: [line for line in agent.output().splitlines() if " warning: http: a TLS handshake failed" in line]
        self.curl(scheme="http")
        vqtest.wait_for(log, "the first failure to be told")
        self.assertIn("is not TLS", log()[0])
        self.assertEqual(self.curl("--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")[0], 35)
        other = certificates.Authority(self.directory, "other")
        self.assertEqual(self.curl("--cacert", other.file)[0], 60)
        self.assertEqual(self.curl("--cacert", other.file, "--tls-max", "1.2")[0], 60)
        with socket.create_connection(("127.0.0.1", self.port)):
            pass  # a health check of TCP is no handshake
        count = lambda: vqtest.run("curl", "-sS", "--cacert", self.authority.file, f"https://127.0.0.1:{self.port}/metrics")
        vqtest.wait_for(lambda: vqtest.Scrape(count()).one("vqscope_http_refused_total", reason="handshake") == 4, "all to be counted")
        self.assertEqual(len(log()), 1)
        for reason in ("have no version, cipher suite", "the client broke it off when it had seen the certificate",
                       "the client broke it off: CA is unknown"):
            vqtest.wait_for(lambda: reason in agent.output(), reason)

    def test_a_handshake_that_takes_too_long_is_ended(self):
        self.start_with_tls()
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            client.sendall(b"\x16\x03\x01\x02\x00\x01")

            def closed():
                try:
                    client.sendall(b"\0")
                    client.setblocking(False)
                    return client.recv(1) == b""
                except BlockingIOError:
                    return False
                except ConnectionError:
                    return True
                finally:
                    client.setblocking(True)

            vqtest.wait_for(closed, "the server to lose patience", 25, interval=0.5)

    def test_behind_a_password_any_host_is_answered(self):
        self.write(basic_auth_users={"prometheus": certificates.bcrypt(PASSWORD)})
        self.start()
        self.assertEqual(self.curl("--user", f"prometheus:{PASSWORD}", "--header", "Host: guest.example", scheme="http")[1], 200)
        self.assertEqual(self.curl("--header", "Host: guest.example", scheme="http")[1], 401)

    def test_prometheus_scrapes_with_certificate_and_password(self):
        vqtest.require("prometheus")
        self.authority.issue("client")
        self.start_with_tls({"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"},
                            basic_auth_users={"prometheus": certificates.bcrypt(PASSWORD)})
        tls = {"ca_file": str(self.authority.file), "cert_file": str(self.directory / "client.pem"),
               "key_file": str(self.directory / "client.key")}
        prometheus = monitoring.Prometheus(self, {"guest": f"127.0.0.1:{self.port}"}, scheme="https", tls_config=tls,
                                           basic_auth={"username": "prometheus", "password": PASSWORD})
        prometheus.wait_for_scrapes(2)


class Passwords(secured.Secured):
    def setUp(self):
        super().setUp()
        self.users = {"prometheus": certificates.bcrypt(PASSWORD)}

    def status(self, *flags):
        return self.curl(*flags, scheme="http")[1]

    def test_only_the_right_password_of_a_known_user_reads(self):
        self.write(basic_auth_users=self.users)
        agent = self.start()
        self.assertEqual(self.status("--user", f"prometheus:{PASSWORD}"), 200)
        for user in ("prometheus:wrong", f"nobody:{PASSWORD}", f"prometheus:{PASSWORD} ", "prometheus:", ":",
                     f"Prometheus:{PASSWORD}"):
            self.assertEqual(self.status("--user", user), 401, user)
        for header in ("Authorization: Basic", "Authorization: Basic !!!", "Authorization: Bearer x"):
            self.assertEqual(self.status("--header", header), 401, header)
        self.assertEqual(self.status(), 401)
        self.assertEqual(self.status("--user", f"prometheus:{PASSWORD}"), 200)
        status, headers, _ = agent.get("/-/healthy")
        self.assertEqual(status, 401)
        self.assertTrue(headers["WWW-Authenticate"].startswith("Basic "))
        for secret in (PASSWORD, "wrong", self.users["prometheus"]):
            self.assertNotIn(secret, agent.output())

    def test_a_changed_password_counts_at_once(self):
        self.write(basic_auth_users=self.users)
        self.start()
        self.assertEqual(self.status("--user", f"prometheus:{PASSWORD}"), 200)
        self.write(basic_auth_users={"prometheus": certificates.bcrypt(OTHER)})
        self.assertEqual(self.status("--user", f"prometheus:{PASSWORD}"), 401)
        self.assertEqual(self.status("--user", f"prometheus:{OTHER}"), 200)

    def test_many_wrong_passwords_do_not_keep_out_a_remembered_one(self):
        self.write(basic_auth_users={"prometheus": certificates.bcrypt(PASSWORD, cost=12)})
        agent = self.start()
        self.assertEqual(self.status("--user", f"prometheus:{PASSWORD}"), 200)

        def hostile(i):
            return self.curl_alone("--user", f"prometheus:{i}")

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = [pool.submit(hostile, i) for i in range(48)]
            for _ in range(20):
                self.assertEqual(self.status("--user", f"prometheus:{PASSWORD}"), 200)
            self.assertLessEqual({a.result() for a in answers}, {"401", "503"})
        self.assertIsNone(agent.process.poll())

    def curl_alone(self, *flags):
        return vqtest.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *flags,
                          f"http://127.0.0.1:{self.port}/metrics")

    def test_ends_at_once_though_passwords_wait(self):
        self.write(basic_auth_users={"prometheus": certificates.bcrypt(PASSWORD, cost=12)})
        agent = self.start()
        clients = [subprocess.Popen(["curl", "-sS", "-o", "/dev/null", "-u", f"prometheus:{i}", agent.url],
                                    stderr=subprocess.DEVNULL) for i in range(4)]
        self.assertEqual(agent.stop(), 0)
        for client in clients:
            client.wait(30)


class Reload(secured.Secured):
    def test_a_rotated_certificate_is_shown_without_a_restart(self):
        self.start_with_tls()
        before = certificates.serial_seen(self.port)
        self.assertEqual(before, certificates.serial_of(self.directory / "server.pem"))
        self.authority.issue("server")
        after = certificates.serial_seen(self.port)
        self.assertEqual(after, certificates.serial_of(self.directory / "server.pem"))
        self.assertNotEqual(before, after)
        self.check_serves()

    def test_what_is_broken_leaves_the_old_in_force_and_is_logged_once(self):
        agent = self.start_with_tls()
        good = certificates.serial_seen(self.port)
        complaint = "what was read before goes on to hold"
        count = 0
        for broken in (lambda: self.config.write_text("tls_server_config: [\n"),
                       lambda: self.write({"min_version": "SSL30"}),
                       lambda: self.write(),  # plain HTTP all of a sudden
                       lambda: self.config.unlink()):
            broken()
            count += 1
            for _ in range(3):
                self.check_serves()
            self.assertEqual(agent.output().count(complaint), count, agent.output())
        self.write({})
        (self.directory / "server.key").write_text("no key")
        self.check_serves()
        self.assertEqual(certificates.serial_seen(self.port), good)
        self.authority.issue("server")
        self.assertNotEqual(certificates.serial_seen(self.port), good)
        self.check_serves()


    def test_passwords_are_switched_off_by_a_restart_only(self):
        self.write(basic_auth_users={"prometheus": certificates.bcrypt(PASSWORD)})
        agent = self.start()
        said = "passwords (basic_auth_users) can only be switched off by a restart"
        for count, text in enumerate(("", "basic_auth_users:\n", "{}"), 1):
            self.config.write_text(text)
            for _ in range(2):
                self.assertEqual(self.curl(scheme="http")[1], 401)
                self.assertEqual(self.curl("--user", f"prometheus:{PASSWORD}", scheme="http")[1], 200)
            self.assertEqual(agent.output().count(said), count, agent.output())

    def test_what_is_no_regular_file_any_more_leaves_the_old_in_force(self):
        self.write(basic_auth_users={"prometheus": certificates.bcrypt(PASSWORD)})
        agent = self.start()
        self.config.unlink()
        os.mkfifo(self.config)
        for make in (lambda: None, lambda: (self.config.unlink(), self.config.mkdir())):
            make()
            for _ in range(2):
                self.assertEqual(self.curl(scheme="http")[1], 401)
        self.assertEqual(agent.output().count(f"{self.config} is not a regular file"), 2, agent.output())
        self.assertEqual(agent.stop(), 0)


class Start(secured.Secured):
    EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "deploy/examples/web-config.yml"

    def test_the_example_asks_for_a_password_of_ones_own_and_then_works(self):
        certificates.Authority(self.directory, "clients-ca").issue("client", names="DNS:prometheus.example")
        self.authority.issue("server")
        self.config.write_text(self.EXAMPLE.read_text())
        self.check_fails("the password of user prometheus is not a bcrypt hash")
        self.config.write_text(self.EXAMPLE.read_text().replace("PUT-A-BCRYPT-HASH-HERE", certificates.bcrypt(PASSWORD)))
        self.start()
        self.check_serves(*self.client("client"), "--user", f"prometheus:{PASSWORD}")
        self.check_shut("--user", f"prometheus:{PASSWORD}")
        self.assertEqual(self.curl(*self.client("client"))[1], 401)

    def check_fails(self, *sentences, wrapper=()):
        done = subprocess.run([*wrapper, vqtest.AGENT, "serve", "--web.listen-address=127.0.0.1:0",
                               f"--web.config.file={self.config}"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        for sentence in sentences:
            self.assertIn(sentence, done.stderr)

    def test_what_cannot_be_used_is_exit_status_1_and_a_sentence(self):
        self.check_fails(f"cannot open {self.config}: No such file or directory")
        self.config.write_text("tls: x\n")
        self.check_fails(f"{self.config}: line 1: tls is none of")
        self.write({})
        self.check_fails(f"cannot open {self.directory}/server.pem: No such file")
        self.authority.issue("server")
        self.authority.issue("another")
        (self.directory / "another.key").rename(self.directory / "server.key")
        self.check_fails("the key does not belong to the certificate")
        vqtest.run("openssl", "ec", "-in", self.directory / "ca.key", "-aes128", "-passout", "pass:x", "-out",
                   self.directory / "server.key")
        self.check_fails(f"{self.config}: ")

    def test_one_that_keeps_nobody_out_is_warned_of(self):
        self.config.write_text("")
        agent = vqtest.Agent(self, f"--web.config.file={self.config}")
        self.assertIn(f"{self.config} has neither tls_server_config nor basic_auth_users", agent.output())

    def test_what_can_be_read_only_once_is_refused(self):
        text = json.dumps({"basic_auth_users": {"prometheus": certificates.bcrypt(PASSWORD)}})
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        for file, shell in (("/dev/stdin", 'cat "$1" | "$0" serve --web.listen-address=127.0.0.1:0 --web.config.file=/dev/stdin'),
                            ("/dev/fd/", '"$0" serve --web.listen-address=127.0.0.1:0 --web.config.file=<(cat "$1")'),
                            (fifo, '"$0" serve --web.listen-address=127.0.0.1:0 --web.config.file="${1%/*}/fifo"'),
                            ("/", '"$0" serve --web.listen-address=127.0.0.1:0 --web.config.file=/')):
            self.config.write_text(text)
            done = subprocess.run(["bash", "-c", shell, vqtest.AGENT, self.config], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, f"{file}.* is not a regular file")
        self.authority.issue("server")
        (self.directory / "server.key").unlink()
        os.mkfifo(self.directory / "server.key")
        self.write({})
        self.check_fails("server.key is not a regular file")

    def test_a_key_that_the_agents_user_cannot_read_is_named(self):
        vqtest.require_root()
        vqtest.require("setpriv")
        self.authority.issue("server")
        self.write({})
        (self.directory / "server.key").chmod(0o600)
        os.chmod(self.directory, 0o755)
        for name in ("web.yml", "server.pem"):
            (self.directory / name).chmod(0o644)
        if not os.access(vqtest.AGENT, os.X_OK):
            self.skipTest("the agent cannot be run by another user")
        binary = pathlib.Path(vqtest.AGENT).resolve()
        wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if subprocess.run([*wrapper, "test", "-x", binary]).returncode != 0:
            self.skipTest(f"user 65534 cannot run {binary}")
        self.check_fails("server.key: Permission denied; the agent runs as user 65534 and must be able to read it",
                         wrapper=wrapper)


class OtherCommands(secured.Secured):
    def test_doctor_reads_an_agent_behind_tls_and_a_password(self):
        self.authority.issue("client")
        agent = self.start_with_tls({"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"},
                                    basic_auth_users={"me": certificates.bcrypt("p@ss:w/rd")})
        at = agent.url.removesuffix("/metrics").removeprefix("https://")

        def doctor(user, *flags):
            return subprocess.run([vqtest.AGENT, "doctor", "--duration=1", "--json", f"--url=https://{user}{at}",
                                   *flags], capture_output=True, text=True, timeout=60)

        ours = [f"--url.ca-file={self.authority.file}", f"--url.cert-file={self.directory}/client.pem",
                f"--url.key-file={self.directory}/client.key"]
        done = doctor("me:p%40ss%3Aw%2Frd@", *ours)
        self.assertIn("findings", json.loads(done.stdout), done.stderr)
        for user, flags in (("me:s3cret@", ours), ("me:s3cret@", []), ("me:s3cret@", ours[:1])):
            done = doctor(user, *flags)
            self.assertEqual(done.returncode, 3)
            self.assertIn(at, done.stderr)
            self.assertNotIn("s3cret", done.stdout + done.stderr)
        self.assertIn("wants a user and the right password", doctor("", *ours).stderr)
        broken = doctor("me:s3cret@[", *ours)
        self.assertNotIn("s3cret", broken.stdout + broken.stderr)


if __name__ == "__main__":
    vqtest.main()
