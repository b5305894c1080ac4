"""Stands between the operator and the emulator: takes what the emulator does not know out of templates, holds gates."""

import http.client
import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import profile

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "expect"}


NO_SUCH_ROLE = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/operator is not authorized to perform: sts:AssumeRole
on resource: arn:aws:iam::999999999999:role/no-such-role</Message></Error><RequestId>r</RequestId></ErrorResponse>"""


class Gates:
    """The gates that tests have asked for, by a part of the stack's name."""

    def __init__(self):
        self.lock = threading.Lock()
        self.gates: dict[str, dict] = {}
        self.turn = 0

    def set(self, part: str, gate: dict | None):
        with self.lock:
            self.gates.pop(part, None)
            if gate is not None:
                self.gates[part] = gate

    def of(self, stack: str) -> dict | None:
        with self.lock:
            # The one that was set last counts.
            for part, gate in reversed(self.gates.items()):
                if part in stack:
                    self.turn += 1
                    return {**gate, "turn": self.turn}
        return None


def handler(upstream: tuple[str, int], function: str, gates: Gates):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def body(self) -> bytes:
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def control(self, body: bytes):
            part = urllib.parse.unquote(self.path.removeprefix("/_profile/gates/"))
            gates.set(part, json.loads(body) if self.command == "PUT" else None)
            self.answer(200, [], b"{}")

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes):
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            length = dict((name.lower(), value) for name, value in headers).get("content-length")
            # The answer to HEAD tells the length of what it leaves out.
            self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def forward(self):
            body = self.body()
            if self.path.startswith("/_profile/gates/"):
                return self.control(body)
            fields = {}
            if b"Action=AssumeRole" in body and b"no-such-role" in body:
                # The emulator lets everybody become every role.
                return self.answer(403, [("Content-Type", "text/xml")], NO_SUCH_ROLE)
            if b"Action=" in body and b"StackName=" in body:
                fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
            if fields.get("Action", "").endswith("ChangeSet") and fields["StackName"].startswith("arn:"):
                # AWS finds the change set of a stack that is named by its ARN, the emulator does not.
                fields["StackName"] = fields["StackName"].split("/")[1]
                body = urllib.parse.urlencode(fields).encode()
            if "TemplateBody" in fields:
                # A signed request names its region: ".../20260102/us-east-1/cloudformation/aws4_request".
                scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.headers.get("Authorization", ""))
                of_region = function.format(region=scope.group(1) if scope else "us-east-1")
                # A stack is named by its name or its ARN, which has the name in it.
                gate = gates.of(fields.get("StackName", ""))
                fields["TemplateBody"] = profile.transform(fields["TemplateBody"], of_region, gate)
                body = urllib.parse.urlencode(fields).encode()
            connection = http.client.HTTPConnection(*upstream, timeout=60)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                headers["Host"] = self.headers.get("Host", "")
                connection.request(self.command, self.path, body=body, headers=headers)
                response = connection.getresponse()
                self.answer(response.status, response.getheaders(), response.read())
            except (OSError, http.client.HTTPException) as error:
                self.answer(502, [("Content-Type", "text/plain")], f"the emulator does not answer: {error}\n".encode())
            finally:
                connection.close()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = forward

    return Handler


def serve(address: tuple[str, int], upstream: tuple[str, int], function: str) -> ThreadingHTTPServer:
    """Serves in a thread of its own until `shutdown()`."""
    server = ThreadingHTTPServer(address, handler(upstream, function, Gates()))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
