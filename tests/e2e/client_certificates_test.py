# SPDX-License-Identifier: Apache-2.0
"""Which client certificates are let in, and what the others are told, as curl and openssl see it."""

import re
import subprocess

import certificates
import secured
import vqtest


class ClientCertificates(secured.Secured):
    CA = {"client_ca_file": "ca.pem"}

    def setUp(self):
        super().setUp()
        self.authority.issue("good", names="DNS:prometheus.example,IP:10.0.0.1,email:p@example,URI:spiffe://x/p")
        self.authority.issue("expired", days=-1)
        self.authority.issue("server-only", usage="serverAuth")
        certificates.Authority(self.directory, "foreign-ca").issue("foreign")

    def test_require_and_verify_lets_in_only_valid_ones(self):
        agent = self.start_with_tls({"client_auth_type": "RequireAndVerifyClientCert", **self.CA})
        self.check_serves(*self.client("good"))
        self.check_serves(*self.client("good"), "--tls-max", "1.2")
        self.check_shut()
        for name in ("expired", "foreign", "server-only"):
            self.check_shut(*self.client(name))
        self.assertIn("expired", agent.output())
        self.check_serves(*self.client("good"))

    def test_verify_if_given_lets_in_those_without(self):
        self.start_with_tls({"client_auth_type": "VerifyClientCertIfGiven", **self.CA})
        self.check_serves()
        self.check_serves(*self.client("good"))
        for name in ("expired", "foreign"):
            self.check_shut(*self.client(name))

    def test_require_any_lets_in_all_that_have_one(self):
        self.start_with_tls({"client_auth_type": "RequireAnyClientCert"})
        self.check_shut()
        for name in ("good", "expired", "foreign"):
            self.check_serves(*self.client(name))

    def test_request_and_none_let_in_everyone(self):
        self.start_with_tls({"client_auth_type": "RequestClientCert"})
        for kind in ("RequestClientCert", "NoClientCert"):
            self.write({"client_auth_type": kind})
            self.check_serves()
            self.check_serves(*self.client("foreign"))

    def test_only_allowed_names_are_let_in(self):
        required = {"client_auth_type": "RequireAndVerifyClientCert", **self.CA}
        self.start_with_tls({**required, "client_allowed_sans": ["nobody.example"]})
        self.check_shut(*self.client("good"))
        for san in ("prometheus.example", "10.0.0.1", "p@example", "spiffe://x/p"):
            self.write({**required, "client_allowed_sans": ["nobody.example", san]})
            self.check_serves(*self.client("good"))

    def alert(self, version, *flags):
        """Number of the alert that ends a handshake or the connection; None if there is none."""
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", version, "-ign_eof", *flags],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        found = re.search(r"SSL alert number (\d+)", done.stderr)
        return int(found.group(1)) if found else None

    def test_those_that_are_shut_out_are_told_why(self):
        self.start_with_tls({"client_auth_type": "RequireAndVerifyClientCert", **self.CA})
        # Numbers of RFC 8446, 6. TLS 1.2 has none of its own for a certificate that is missing: handshake_failure.
        self.assertEqual(self.alert("-tls1_3"), 116)
        self.assertEqual(self.alert("-tls1_2"), 40)
        for version in ("-tls1_3", "-tls1_2"):
            for name, number in (("foreign", 48), ("expired", 45), ("server-only", 42)):
                certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
                self.assertEqual(self.alert(version, "-cert", certificate, "-key", key), number, (version, name))


if __name__ == "__main__":
    vqtest.main()
