"""libswarm.py - real `ghostnet run` processes for end-to-end tests: start, ask, kill, drain. Standard library only."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ.get("GN_PROGRAM", "build/dev/ghostnet")
SANITIZED = os.environ.get("GN_PRESET", "") in ("asan", "tsan") or "wrapped" in PROGRAM
PATIENCE = 6 if SANITIZED else 1  # sanitizers and valgrind are slow, not wrong


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node:
    def __init__(self, swarm, index, options=(), env=None):
        self.dir = os.path.join(swarm.dir, f"n{index}")
        self.index = index
        self.options = list(options)
        self.env = env
        self.process = None
        self.id = self.listen = self.api = None
        self.conn = None

    def start(self):
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        self.log = open(self.dir + ".log", "ab")
        command = [PROGRAM, "run", "--data-dir", self.dir]
        if "--listen" not in self.options:
            command += ["--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command + self.options, stdout=subprocess.PIPE, stderr=self.log, env=self.env)
        return self

    def wait_ready(self, seconds=15):
        import select
        until = time.monotonic() + seconds * PATIENCE
        line = b""
        while not line.endswith(b"\n"):
            left = until - time.monotonic()
            ready = select.select([self.process.stdout], [], [], max(left, 0))[0] if left > 0 else []
            byte = os.read(self.process.stdout.fileno(), 1) if ready else b""
            if not byte:
                raise Failure(f"node {self.index} is not ready: {self.tail()}")
            line += byte
        found = re.match(r"ready id=(\S{52}) listen=(\S+) api=(http://\S+)$", line.decode())
        check(found, f"not a ready line: {line!r}")
        self.id, self.listen, self.api = found.groups()
        return self

    @property
    def address(self):
        return f"{self.id}@{self.listen}"

    def tail(self):
        self.log.flush()
        return open(self.dir + ".log", errors="replace").read()[-2000:]

    def ask(self, method, target, body=None, headers=None, timeout=30):
        """Returns (status, headers, bytes)."""
        for attempt in (0, 1):
            if self.conn is None:
                self.conn = Unix(os.path.join(self.dir, "api.sock"), timeout * PATIENCE)
            try:
                self.conn.request(method, target, body, headers or {})
                answer = self.conn.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.conn.close()
                self.conn = None  # the idle connection was closed: once more
                if attempt or method not in ("GET", "PUT", "DELETE"):
                    raise

    def json(self, method, target, body=None, expect=(200, 201, 202)):
        data = json.dumps(body).encode() if body is not None else None
        status, _, answer = self.ask(method, target, data, {"Content-Type": "application/json"} if data else {})
        check(status in expect, f"{method} {target} on node {self.index}: {status} {answer[:300]!r}")
        return json.loads(answer) if answer else None

    def put(self, value):
        status, _, answer = self.ask("POST", "/v1/records", value, {"Content-Type": "application/octet-stream"})
        check(status == 201, f"put on node {self.index}: {status} {answer[:300]!r}")
        return json.loads(answer)

    def get(self, key):
        """The bytes, or None when no node has it."""
        status, _, answer = self.ask("GET", f"/v1/records/{key}")
        check(status in (200, 404), f"get on node {self.index}: {status} {answer[:300]!r}")
        return answer if status == 200 else None

    def cli(self, *args, stdin=None, timeout=60):
        return run("--data-dir", self.dir, *args, stdin=stdin, timeout=timeout)

    def rss_kb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.forget()

    def forget(self):
        if self.conn:
            self.conn.close()
            self.conn = None
        self.process.stdout.close()
        self.log.close()

    def stop(self, seconds=6):
        self.process.send_signal(signal.SIGTERM)
        return self.wait_end(seconds)

    def wait_end(self, seconds=6):
        try:
            code = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"node {self.index} does not end: {self.tail()}")
        check(code == 0, f"node {self.index} ended with {code}: {self.tail()}")
        self.forget()
        return code

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None


class Swarm:
    """with Swarm() as s: ... nothing is left behind, whatever happens."""

    def __init__(self, options=()):
        self.dir = tempfile.mkdtemp(prefix="gn-")
        self.options = list(options)
        self.nodes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.running:
                node.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, count, options=(), env=None):
        """Starts nodes that join through the first; waits until all are ready. Returns them."""
        new = []
        for _ in range(count):
            first = self.nodes[0] if self.nodes else None
            node = Node(self, len(self.nodes), self.options + list(options), env)
            if first:
                node.options += ["--bootstrap", first.address]
            self.nodes.append(node.start())
            new.append(node)
            if not first:
                node.wait_ready()
        for node in new:
            if node.id is None:
                node.wait_ready()
        return new

    @property
    def running(self):
        return [n for n in self.nodes if n.running]

    def drain(self):
        running = self.running
        for node in running:
            node.process.send_signal(signal.SIGTERM)
        for node in running:
            node.wait_end()


def run(*args, stdin=None, timeout=60, env=None):
    return subprocess.run([PROGRAM, *args], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                          capture_output=True, timeout=timeout * PATIENCE, env=env)


def wait_for(what, condition, seconds=10):
    until = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise Failure(f"waited in vain for {what}")
        time.sleep(0.05)


def main(*tests):
    """Runs functions as tests; their names are the claims. One that returns "SKIPPED: why" was not run."""
    passed = failed = skipped = 0
    wanted = sys.argv[1:]
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        began = time.monotonic()
        try:
            note = test() or ""
        except (Failure, AssertionError, OSError, subprocess.SubprocessError, http.client.HTTPException, KeyError) as e:
            failed += 1
            print(f"FAIL {test.__name__}: {type(e).__name__}: {e}", flush=True)
            continue
        skip = note.startswith("SKIPPED")
        skipped, passed = skipped + skip, passed + (not skip)
        took = f" ({time.monotonic() - began:.1f} s)"
        print(f"{'SKIP' if skip else 'ok  '} {test.__name__}{took}{': ' + note if note else ''}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(1 if failed else 0 if passed else 77)
