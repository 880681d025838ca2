# SPDX-License-Identifier: Apache-2.0
"""Certificates by openssl, and bcrypt hashes by libcrypt, for the tests of the endpoint."""

import ctypes
import pathlib
import subprocess

import vqtest


class Authority:
    """A CA of its own in `directory`; certificates are files there, NAME.pem and NAME.key."""

    def __init__(self, directory, name="ca"):
        vqtest.require("openssl")
        self.directory = pathlib.Path(directory)
        self.name = name
        self.file = self.directory / f"{name}.pem"
        self._openssl("req", "-x509", *self._new_key(name), "-out", self.file, "-subj", f"/CN={name}", "-days", "2")

    def issue(self, name, days=2, names="DNS:localhost,IP:127.0.0.1", usage="serverAuth,clientAuth"):
        """Makes or replaces NAME.pem and NAME.key. Negative `days`: a certificate that has expired."""
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        self._openssl("req", *self._new_key(name), "-out", request, "-subj", f"/CN={name}")
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.directory / f"{self.name}.key",
                      "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", self.directory / f"{name}.pem")
        return self.directory / f"{name}.pem"

    def _new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.directory / f"{name}.key")

    @staticmethod
    def _openssl(*arguments):
        vqtest.run("openssl", *arguments)


def serial_seen(port):
    """Serial number of the certificate that is shown on this port of 127.0.0.1."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=30).stdout
    return vqtest.run("openssl", "x509", "-noout", "-serial", input=shown).strip()


def serial_of(file):
    return vqtest.run("openssl", "x509", "-noout", "-serial", "-in", file).strip()


def bcrypt(password, cost=4, salt="abcdefghijklmnopqrstuu"):
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), f"$2y${cost:02}${salt}".encode()).decode()
