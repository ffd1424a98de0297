"""A receiver of webhooks in a container of its own: stores each request that it answers, as a line of JSON.

The container runs this file as it is, with Python alone.
"""

import http.server
import json
import sys
import threading
import time


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        time.sleep(0.05)  # as a service that does something with it
        with self.lock, open(sys.argv[1], "a") as file:
            line = {"from": self.client_address[0], "headers": dict(self.headers), "body": body}
            file.write(json.dumps(line) + "\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 8080), Receiver).serve_forever()
