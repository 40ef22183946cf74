"""Bad days of a node: full disks, kill -9, few descriptors, wrong keys, hostile packets, dead peers, moving networks.

What needs root or a compiler says so when it is skipped."""
import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from libswarm import PATIENCE, PROGRAM, SANITIZED, Node, Swarm, Unix, check, main, run, wait_for

LONELY = 0  # peers that a node with nobody to join has


def peers_of(node):
    return node.json("GET", "/v1/node")["peers"]


def log_of(node):
    return open(node.dir + ".log", errors="replace").read()


def restart(node, *options):
    """The same data folder, a new process; ready."""
    node.options = list(options)
    node.id = None
    return node.start().wait_ready()


def put_status(node, value):
    status, _, body = node.ask("POST", "/v1/records", value, {"Content-Type": "application/octet-stream"})
    return status, json.loads(body)


def check_all_there(node, stored, when):
    missing = [key for key, value in stored.items() if node.get(key) != value]
    check(not missing, f"{len(missing)} of {len(stored)} acknowledged values are gone {when}")


# ---- the disk --------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def small_disk(mib):
    folder = tempfile.mkdtemp(prefix="gn-disk-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", folder], capture_output=True)
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def a_full_disk_is_a_clear_error_and_loses_nothing():
    rng = random.Random(1)
    with small_disk(6) as disk:
        if not disk:
            return "SKIPPED: mounting a small disk needs root"
        with Swarm() as swarm:
            node = Node(swarm, 0)
            swarm.nodes.append(node)
            node.dir = os.path.join(disk, "node")
            os.symlink(os.devnull, os.path.join(swarm.dir, "unused"))
            filler = os.path.join(disk, "filler")
            open(filler, "wb").write(bytes(2 << 20))
            start_with_log_elsewhere(node, swarm)
            stored, refused = {}, None
            for _ in range(2000):
                value = rng.randbytes(8000)
                status, answer = put_status(node, value)
                if status != 201:
                    refused = status, answer
                    break
                stored[answer["key"]] = value
            check(refused, "the disk never fills")
            check(refused[0] == 507 and refused[1]["code"] == "NO_SPACE" and "space" in refused[1]["detail"], f"{refused}")
            check(len(stored) > 50, f"only {len(stored)} values fit")
            done = node.cli("put", "-", stdin=rng.randbytes(30000))
            check(done.returncode == 1 and len(done.stderr.splitlines()) == 1 and b"space" in done.stderr, f"{done}")
            check(node.running and node.ask("GET", "/healthz")[0] == 200, "the node went down")
            check_all_there(node, stored, "on the full disk")
            doctor = node.cli("doctor", "--json")
            failed = {c["name"] for c in json.loads(doctor.stdout)["checks"] if c["status"] == "fail"}
            check(doctor.returncode == 1 and {"disk", "store"} <= failed, f"the doctor sees {failed}")
            os.unlink(filler)
            more = rng.randbytes(8000)
            status, answer = put_status(node, more)
            check(status == 201, f"space is free again, but: {status} {answer}")
            stored[answer["key"]] = more
            node.kill()
            start_with_log_elsewhere(node, swarm)
            check_all_there(node, stored, "after kill -9 and a new start")
            node.stop()
            return f"{len(stored)} values of 8 kB on 6 MiB"


def start_with_log_elsewhere(node, swarm):
    """Node.start, but the log is not on the full disk."""
    os.makedirs(node.dir, mode=0o700, exist_ok=True)
    node.log = open(os.path.join(swarm.dir, "node.log"), "ab")
    command = [PROGRAM, "run", "--data-dir", node.dir, "--listen", "127.0.0.1:0"]
    node.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=node.log)
    node.tail = lambda: open(node.log.name, errors="replace").read()[-2000:]
    node.conn = None
    node.wait_ready()


# ---- kill -9, SIGTERM ------------------------------------------------------------------------------------------------

class Putter(threading.Thread):
    """Puts without a pause until the node is gone; what was acknowledged is in `stored`."""

    def __init__(self, node, seed):
        super().__init__(daemon=True)
        self.node, self.rng, self.stored, self.odd = node, random.Random(seed), {}, []
        self.start()

    def run(self):
        conn = Unix(os.path.join(self.node.dir, "api.sock"), 20 * PATIENCE)
        try:
            while True:
                value = self.rng.randbytes(self.rng.choice((50, 900, 5000, 40000)))
                conn.request("POST", "/v1/records", value, {"Content-Type": "application/octet-stream"})
                answer = conn.getresponse()
                body = json.loads(answer.read())
                if answer.status != 201:
                    self.odd.append((answer.status, body))
                    return
                self.stored[body["key"]] = value
        except (OSError, ValueError, AttributeError, __import__("http.client").client.HTTPException):
            return  # the node is gone
        finally:
            conn.close()


def kill_9_during_puts_loses_nothing_that_was_acknowledged():
    rng = random.Random(2)
    with Swarm() as swarm:
        node, = swarm.start(1)
        stored = {}
        for round_ in range(3):
            putters = [Putter(node, round_ * 10 + i) for i in range(3)]
            wait_for("puts", lambda: sum(len(p.stored) for p in putters) > 30)
            time.sleep(rng.random() / 5)  # anywhere between two commits
            node.kill()
            for p in putters:
                p.join(20 * PATIENCE)
                check(not p.odd, f"an odd answer: {p.odd}")
                stored.update(p.stored)
            restart(node)
            check_all_there(node, stored, f"after kill -9 number {round_ + 1}")
        node.stop()
        return f"{len(stored)} values, 3 kills"


def kill_9_while_sharing_leaves_a_folder_that_starts():
    with Swarm() as swarm:
        node, = swarm.start(1)
        path = os.path.join(swarm.dir, "bulk")
        block = random.Random(5).randbytes(1 << 20)
        with open(path, "wb") as f:
            for i in range(256):
                f.write(i.to_bytes(8, "big") + block[8:])
        sharing = subprocess.Popen([PROGRAM, "--data-dir", node.dir, "share", "--json", "-v", path], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        def bytes_read():
            return int(re.search(r"rchar: (\d+)", open(f"/proc/{node.process.pid}/io").read()).group(1))

        begun = bytes_read()
        until = time.monotonic() + 10 * PATIENCE
        while bytes_read() < begun + (8 << 20) and time.monotonic() < until:
            pass  # a sleep would be longer than the hashing takes
        node.kill()
        _, error = sharing.communicate(timeout=20 * PATIENCE)
        finished = sharing.returncode == 0  # a fast machine
        if not finished:
            check(sharing.returncode == 1 and error.startswith(b"ghostnet: ") and len(error.splitlines()) == 1, f"{error}")
        os.truncate(path, 100000)
        restart(node)
        check([f for f in node.json("GET", "/v1/files")["files"] if f["state"] == "shared"] == [], "half a file is shared")
        check(node.cli("share", path).returncode == 0, "it cannot be shared any more")
        node.stop()
        return "it was done before the kill" if finished else ""


def sigterm_under_load_drains_within_5_seconds():
    with Swarm() as swarm:
        nodes = swarm.start(3)
        node = nodes[0]
        path = os.path.join(swarm.dir, "bulk")
        with open(path, "wb") as f:
            f.truncate(1 << 30)
        threading.Thread(target=node.cli, args=("share", "-q", path), daemon=True).start()
        putters = [Putter(node, i) for i in range(4)] + [Putter(nodes[1], 9)]
        silent = Unix(os.path.join(node.dir, "api.sock"), 20)
        silent.connect()  # a client that asks nothing must not hold the end up, nor one that asks half
        half = Unix(silent.path, 20)
        half.connect()
        half.sock.sendall(b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
        wait_for("puts", lambda: all(len(p.stored) > 10 for p in putters))
        began = time.monotonic()
        node.process.send_signal(signal.SIGTERM)
        check(node.process.wait(8 * PATIENCE) == 0, f"exit {node.process.returncode}: {node.tail()}")
        took = time.monotonic() - began
        check(took < 5.5 * PATIENCE, f"it took {took:.1f} s")
        for p in putters[:4]:
            p.join(10 * PATIENCE)
            check(all(status in (499, 503) for status, _ in p.odd), f"an odd answer while draining: {p.odd}")
        silent.close()
        half.close()
        node.forget()
        restart(node, "--bootstrap", nodes[1].address)
        check_all_there(node, {k: v for p in putters[:4] for k, v in p.stored.items()}, "after the drain")
        swarm.drain()
        return f"{took:.1f} s"


def after_kill_9_the_saved_table_finds_the_others_again():
    with Swarm() as swarm:
        nodes = swarm.start(4)
        last = nodes[3]
        wait_for("all to know all", lambda: all(peers_of(n) >= 3 for n in nodes))
        who = last.id
        time.sleep(2.5)  # the table is kept 2 s after joining; nothing outside shows it
        last.kill()
        restart(last)  # nobody to join through
        check(last.id == who, "another identity")
        wait_for("its old peers", lambda: peers_of(last) >= 2, 10)
        check(last.get(nodes[0].put(b"still here")["key"]) == b"still here", "it does not take part again")
        swarm.drain()


# ---- few descriptors -------------------------------------------------------------------------------------------------

def with_64_descriptors_a_node_starts_and_serves():
    rng = random.Random(3)
    with Swarm() as swarm:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        try:
            node = Node(swarm, 0, ["--api", "127.0.0.1:0"])
            swarm.nodes.append(node)
            node.start = lambda: start_limited(node, 64)
            node.start().wait_ready()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        other, = swarm.start(1)
        limit = [c for c in json.loads(node.cli("doctor", "--json").stdout)["checks"] if c["name"] == "descriptors"][0]
        check(limit["status"] == "warn" and "64" in limit["text"] and limit["advice"], f"the doctor: {limit}")
        # more clients than descriptors: some are refused or wait, nobody brings it down
        crowd = []
        for _ in range(100):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(1)
            with contextlib.suppress(OSError):
                s.connect(os.path.join(node.dir, "api.sock"))
            crowd.append(s)
        check(node.running, "a crowd brought it down")
        for s in crowd:
            s.close()
        node.conn = None
        wait_for("an answer after the crowd", lambda: node.ask("GET", "/healthz")[0] == 200)
        key = node.put(b"narrow")["key"]
        check(other.get(key) == b"narrow", "a value")
        folder = os.path.join(swarm.dir, "many")
        os.mkdir(folder)
        for i in range(80):  # more files than descriptors
            open(os.path.join(folder, f"f{i}"), "wb").write(rng.randbytes(1000))
        link = node.cli("share", "-q", folder).stdout.decode().strip()
        check(link.startswith("ghost:"), "sharing")
        done = other.cli("fetch", link, "-o", os.path.join(swarm.dir, "copy"))
        check(done.returncode == 0 and len(os.listdir(os.path.join(swarm.dir, "copy"))) == 80, f"fetching: {done}")
        check(node.running and len(os.listdir(f"/proc/{node.process.pid}/fd")) <= 64, "descriptors")
        swarm.drain()


def start_limited(node, descriptors):
    os.makedirs(node.dir, mode=0o700, exist_ok=True)
    node.log = open(node.dir + ".log", "ab")
    node.process = subprocess.Popen(
        [PROGRAM, "run", "--data-dir", node.dir, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=node.log,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))
    return node


# ---- strangers and dead peers ----------------------------------------------------------------------------------------

def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def strangers_stay_outside_and_the_doctor_says_why():
    with Swarm() as swarm:
        def secret(name, text):
            path = os.path.join(swarm.dir, name)
            open(path, "w").write(text)
            return path

        right, wrong = secret("right", "0123456789abcdef-right\n"), secret("wrong", "0123456789abcdef-wrong\n")
        inside = swarm.start(1, ["--network", "team", "--network-key", right])[0]
        strangers = []
        for options in (["--network", "team", "--network-key", wrong], ["--network", "team"],
                        ["--network", "other", "--network-key", right], []):
            node = Node(swarm, len(swarm.nodes), options + ["--bootstrap", inside.address])
            swarm.nodes.append(node.start())
            strangers.append(node)
        friend = Node(swarm, len(swarm.nodes), ["--network", "team", "--network-key", right, "--bootstrap", inside.address])
        swarm.nodes.append(friend.start())
        # dead and unknown peers: it starts, warns, and joins when one of them appears
        port = free_udp_port()
        patient = Node(swarm, len(swarm.nodes),
                       ["--bootstrap", f"127.0.0.1:{port}", "--bootstrap", "no-such-host.invalid:4747"])
        swarm.nodes.append(patient.start())
        friend.wait_ready()
        wait_for("the friend", lambda: peers_of(friend) == 1 and peers_of(inside) == 1)
        for node in strangers + [patient]:
            node.wait_ready(30)
        for node in strangers:
            check(peers_of(node) == LONELY, "a stranger joined")
            done = node.cli("doctor", "--json")
            checks = {c["name"]: c for c in json.loads(done.stdout)["checks"]}
            check(done.returncode == 1 and checks["peers"]["status"] == "fail", f"the doctor: {checks}")
            check("network name" in checks["peers"]["advice"] and "key" in checks["peers"]["advice"], f"{checks['peers']}")
            check("bootstrap.failed" in log_of(node), "no warning")
            check(node.ask("GET", "/readyz")[0] == 503 and node.ask("GET", "/healthz")[0] == 200, "readiness")
        check(peers_of(inside) == 1 and len(inside.json("GET", "/v1/peers")["peers"]) == 1, "the inside knows a stranger")
        check("bootstrap.failed" in log_of(patient) and "NOT_FOUND" in log_of(patient), f"no warning: {patient.tail()}")
        check(patient.json("GET", "/v1/node")["ready"] is False, "ready without anybody")
        late = Node(swarm, len(swarm.nodes), ["--listen", f"127.0.0.1:{port}"])
        swarm.nodes.append(late.start().wait_ready())
        wait_for("joining a peer that appeared", lambda: peers_of(patient) == 1, 45)
        wait_for("readiness", lambda: patient.json("GET", "/v1/node")["ready"] is True)
        swarm.drain()


# ---- hostile packets -------------------------------------------------------------------------------------------------

class Recorder(threading.Thread):
    """Passes datagrams between one node and another, and keeps copies of them."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outer.bind(("127.0.0.1", 0))
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        host, port = target.rsplit(":", 1)
        self.inner.connect((host, int(port)))
        self.client, self.packets, self.over = None, [], False
        self.start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.outer.getsockname()[1]

    def run(self):
        import select
        while not self.over:
            for s in select.select([self.outer, self.inner], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):
                    data, source = s.recvfrom(65536)
                    if len(self.packets) < 500:
                        self.packets.append(data)
                    if s is self.outer:
                        self.client = source
                        self.inner.send(data)
                    elif self.client:
                        self.outer.sendto(data, self.client)


def mutations(rng, captures):
    """Random bytes, captures as they were, cut, mixed, with bits flipped."""
    while True:
        kind = rng.randrange(6)
        data = bytearray(rng.choice(captures))
        if kind == 0:
            yield rng.randbytes(rng.choice((0, 1, 2, 7, 20, 64, 200, 1200, 1472, 9000)))
        elif kind == 1:
            yield bytes(data)
        elif kind == 2:
            yield bytes(data[:rng.randrange(len(data) + 1)])
        elif kind == 3:
            yield bytes(data) + rng.randbytes(rng.randrange(1, 100))
        elif kind == 4:
            other = rng.choice(captures)
            yield bytes(data[:rng.randrange(len(data) + 1)]) + other[rng.randrange(len(other) + 1):]
        else:
            for _ in range(rng.choice((1, 1, 2, 8))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            yield bytes(data)


def hostile_datagrams_neither_stop_nor_bloat_a_node():
    rng = random.Random(4)
    with Swarm() as swarm:
        node, friend = swarm.start(2)
        recorder = Recorder(node.listen)
        talker = Node(swarm, len(swarm.nodes), ["--bootstrap", f"{node.id}@{recorder.address}"])
        swarm.nodes.append(talker.start().wait_ready())
        path = os.path.join(swarm.dir, "file")
        open(path, "wb").write(rng.randbytes(200_000))
        talker.put(b"for the record")
        link = node.cli("share", "-q", path).stdout.decode().strip()
        talker.cli("fetch", link.replace(node.listen, recorder.address), "-o", os.path.join(swarm.dir, "copy"))
        recorder.over = True
        captures = [p for p in recorder.packets if p]
        check(len(captures) > 20, f"only {len(captures)} packets were seen")
        before = node.rss_kb()
        host, port = node.listen.rsplit(":", 1)
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
        sent, until = 0, time.monotonic() + 4
        packets = mutations(rng, captures)
        while time.monotonic() < until:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    rng.choice(senders).sendto(next(packets), (host, int(port)))
                    sent += 1
            if sent % 2000 == 0:
                check(node.running, f"it fell after {sent} packets: {node.tail()}")
        for s in senders:
            s.close()
        check(node.running, f"it fell: {node.tail()}")
        check(friend.cli("ping", node.id).returncode == 0, "it does not answer its friend any more")
        check(friend.get(node.put(b"alive")["key"]) == b"alive", "it stores nothing any more")
        grown = node.rss_kb() - before
        check(grown < (400_000 if SANITIZED else 16_000), f"it has grown by {grown} kB")
        swarm.drain()
        return f"{sent} packets, {grown} kB more"


# ---- clocks and networks ---------------------------------------------------------------------------------------------

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
/* The wall clock, moved by the seconds in the file $GN_CLOCK_MOVED. */
int clock_gettime(clockid_t which, struct timespec *t)
{
    char text[32] = {0};
    long rc = syscall(SYS_clock_gettime, which, t);
    if (rc == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int fd = open(getenv("GN_CLOCK_MOVED"), O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
            t->tv_sec += atol(text);
        if (fd >= 0)
            close(fd);
    }
    return (int)rc;
}
time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}
"""


def a_clock_that_jumps_is_noticed_and_survived():
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        return "SKIPPED: no C compiler to move the clock with"
    if SANITIZED:
        return "SKIPPED: a sanitizer wants to be the first library"
    with Swarm() as swarm:
        shim, moved = os.path.join(swarm.dir, "shim.so"), os.path.join(swarm.dir, "moved")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, "-xc", "-"], input=SHIM.encode(), check=True)

        def move(seconds):
            open(moved + ".new", "w").write(str(seconds))
            os.rename(moved + ".new", moved)

        move(0)
        first, = swarm.start(1)
        jumper, = swarm.start(1, env=dict(os.environ, LD_PRELOAD=shim, GN_CLOCK_MOVED=moved))
        key = jumper.put(b"before", )["key"]
        for seconds in (1800, -1800, 86400 * 365, 0):
            move(seconds)
            if seconds == 1800:  # the node looks every five seconds
                wait_for("the jump in the log", lambda: "clock.jumped" in log_of(jumper), 15)
            check(jumper.cli("ping", first.id).returncode == 0, f"{seconds} s ahead it does not reach its peer")
            check(jumper.running and first.running, "a node fell")
            check(jumper.ask("GET", "/healthz")[0] == 200, "no answer")
            if abs(seconds) < 3600:
                check(first.cli("ping", jumper.id).returncode == 0, f"{seconds} s ahead it is not reached")
                check(first.get(key) == b"before", "the value is lost")
        check(first.get(jumper.put(b"after")["key"]) == b"after", "after all the jumps")
        check(first.get(key) == b"before", "the value of before is lost")
        swarm.drain()


def ip(*args):
    subprocess.run(["ip", *args], check=True, capture_output=True)


@contextlib.contextmanager
def two_namespaces():
    """Two network namespaces with a cable between them: (name, device) twice; None without the right to."""
    tag = f"gn{os.getpid() % 100000}"
    ends = [(tag + "a", tag + "x"), (tag + "b", tag + "y")]
    if os.geteuid() != 0 or not shutil.which("ip") or subprocess.run(["ip", "netns", "add", ends[0][0]],
                                                                   capture_output=True).returncode != 0:
        yield None
        return
    try:
        try:
            ip("netns", "add", ends[1][0])
            ip("link", "add", ends[0][1], "netns", ends[0][0], "type", "veth", "peer", "name", ends[1][1], "netns", ends[1][0])
            for name, device in ends:
                for link in ("lo", device):
                    ip("-n", name, "link", "set", link, "up")
        except subprocess.CalledProcessError:
            ends = None  # a container that may make namespaces, but no cables
        yield ends
    finally:
        for end in "ab":
            subprocess.run(["ip", "netns", "del", tag + end], capture_output=True)


def a_node_whose_address_changes_is_found_again():
    with two_namespaces() as ends, Swarm() as swarm:
        if not ends:
            return "SKIPPED: network namespaces need root"
        (a, a_device), (b, b_device) = ends
        ip("-n", a, "addr", "add", "10.213.0.1/24", "dev", a_device)
        ip("-n", b, "addr", "add", "10.213.0.2/24", "dev", b_device)

        def start(space, index, *options):
            node = Node(swarm, index, ["--listen", "0.0.0.0:0", *options])
            os.makedirs(node.dir, mode=0o700)
            node.log = open(node.dir + ".log", "ab")
            command = ["nsenter", f"--net=/run/netns/{space}", PROGRAM, "run", "--data-dir", node.dir, *node.options]
            node.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=node.log)
            swarm.nodes.append(node)
            return node.wait_ready()

        still = start(a, 0)
        port = still.listen.rsplit(":", 1)[1]
        mover = start(b, 1, "--bootstrap", f"{still.id}@10.213.0.1:{port}")
        key = mover.put(b"before the move")["key"]
        check(still.get(key) == b"before the move", "before the move")
        ip("-n", b, "addr", "del", "10.213.0.2/24", "dev", b_device)
        ip("-n", b, "addr", "add", "10.213.0.3/24", "dev", b_device)
        began = time.monotonic()
        wait_for("the move in the log", lambda: "net.changed" in log_of(mover), 10)
        wait_for("its new address", lambda: any(x.startswith("10.213.0.3:") for x in mover.json("GET", "/v1/node")["external"]))
        wait_for("reaching the other", lambda: mover.cli("ping", still.id).returncode == 0, 20)

        def known_at():
            return [p["address"] for p in still.json("GET", "/v1/peers")["peers"] if p["id"] == mover.id]

        wait_for("being known at the new address", lambda: any(x.startswith("10.213.0.3:") for x in known_at()), 30)
        took = time.monotonic() - began
        check(still.cli("ping", mover.id).returncode == 0, "it is not reached at its new address")
        check(still.get(mover.put(b"after the move")["key"]) == b"after the move", "after the move")
        for node in swarm.nodes:
            node.json("POST", "/v1/node/stop")
        for node in swarm.nodes:
            node.wait_end()
        return f"{took:.1f} s"


if __name__ == "__main__":
    main(a_full_disk_is_a_clear_error_and_loses_nothing, kill_9_during_puts_loses_nothing_that_was_acknowledged,
         kill_9_while_sharing_leaves_a_folder_that_starts, sigterm_under_load_drains_within_5_seconds,
         after_kill_9_the_saved_table_finds_the_others_again, with_64_descriptors_a_node_starts_and_serves,
         strangers_stay_outside_and_the_doctor_says_why, hostile_datagrams_neither_stop_nor_bloat_a_node,
         a_clock_that_jumps_is_noticed_and_survived, a_node_whose_address_changes_is_found_again)
