"""A receiver of signed webhooks, and an API server with one deployment: fakes that speak HTTP on loopback."""

import base64
import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@contextmanager
def listening(answer):
    """A server that answers with ``answer(method, url, headers, body) -> (status, document, headers)``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, document, headers = answer(self.command, self.path, self.headers, body)
            text = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", "connection": "close", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815  # the names are http.server's

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class Receiver:
    """Verifies signatures by itself, as the specification says, and does each id once."""

    def __init__(self, secret):
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self.requests, self.done, self.troubles, self.state = [], [], [], None

    def __call__(self, method, url, headers, body):
        """Answer one request."""
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        signed = f"{message_id}.{timestamp}.".encode() + body
        wanted = base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest()).decode()
        if f"v1,{wanted}" not in headers["webhook-signature"].split(" "):
            return 401, {}, {}
        if method == "GET":
            known = parse_qs(urlsplit(url).query)["id"][0] in self.done
            return 200, {"state": self.state or ("DONE" if known else "NOT_DONE")}, {}
        self.requests.append((message_id, timestamp, json.loads(body)))
        if self.troubles:
            status, more = self.troubles.pop(0)
            return status, {"secret": "do not repeat me"}, more
        is_new = message_id not in self.done
        self.done += [message_id] * is_new
        return 202, {"is_changed": is_new}, {}


class ApiServer:
    """The part of Kubernetes' API that concerns one deployment: versions, dry runs, conflicts, rollouts."""

    def __init__(self):
        self.deployment = {
            "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1", "generation": 1},
            "spec": {"replicas": 2, "template": {"metadata": {"annotations": {"kept": "yes"}}}},
            "status": {},
        }
        self.is_stuck, self.troubles, self.patches, self.meddling = False, [], [], 0
        self._settle()

    def __call__(self, method, url, headers, body):
        """Answer one request."""
        parts = urlsplit(url)
        if headers["authorization"] != "Bearer very-secret-token":
            return 401, {}, {}
        if self.troubles:
            return self.troubles.pop(0), {"message": "no"}, {}
        if parts.path != "/apis/apps/v1/namespaces/shop/deployments/web":
            return 404, {"message": "not found"}, {}
        return (200, self.deployment, {}) if method == "GET" else self._patch(parse_qs(parts.query), json.loads(body))

    def _patch(self, query, patch):
        if self.meddling:  # somebody else is faster
            self.meddling -= 1
            self._bump()
        if patch["metadata"]["resourceVersion"] != self.deployment["metadata"]["resourceVersion"]:
            return 409, {"reason": "Conflict"}, {}
        merged = _merged(self.deployment, patch)
        if query.get("dryRun") == ["All"]:
            return 200, merged, {}
        self.patches.append(patch)
        if merged["spec"] != self.deployment["spec"]:
            merged["metadata"]["generation"] += 1
        self.deployment = merged
        self._bump()
        self._settle()
        return 200, self.deployment, {}

    def _bump(self):
        metadata = self.deployment["metadata"]
        self.deployment = _merged(
            self.deployment, {"metadata": {"resourceVersion": str(int(metadata["resourceVersion"]) + 1)}}
        )

    def _settle(self):
        if not self.is_stuck:
            counts = dict.fromkeys(
                ("replicas", "updatedReplicas", "availableReplicas"), self.deployment["spec"]["replicas"]
            )
            self.deployment["status"] = {"observedGeneration": self.deployment["metadata"]["generation"], **counts}


def _merged(old, new):
    """Apply a merge patch, RFC 7396."""
    if not isinstance(new, dict):
        return new
    base = old if isinstance(old, dict) else {}
    return {**base, **{name: _merged(base.get(name), value) for name, value in new.items()}}
