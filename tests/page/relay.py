# SPDX-License-Identifier: Apache-2.0
"""A little HTTP server of the tests, on a port of 127.0.0.1."""

import contextlib
import http.server
import threading


class Relay:
    """answer(path) returns (status, headers, body), and is called by several threads."""

    def __init__(self, test, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    status, headers, body = answer(self.path)
                except OSError as error:
                    status, headers, body = 502, {"Content-Type": "text/plain"}, str(error).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # a browser that has been closed
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.server = server
        self.port = server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        test.addCleanup(self.stop)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
