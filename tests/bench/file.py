"""file.py - MB/s and CPU seconds per GiB of moving one file: ghostnet (verified), nginx + curl https, scp.

Source and sink are on tmpfs, both ends on this machine. CPU seconds are those of both ends. ghostnet's hashing of the
source (`share`) is measured apart: it happens once, however often the file is fetched.
"""
import filecmp
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import libswarm  # noqa: E402

args = [a for a in sys.argv[1:] if a != "--json"]
AS_JSON = "--json" in sys.argv
MIB = int(args[0]) if args else 1024
RUNS = int(args[1]) if len(args) > 1 else 3
TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in fields[11:15]) / TICK  # with ended children


def children_of(pid):
    return [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]


def tree_cpu(pid):
    return cpu_of(pid) + sum(cpu_of(child) for child in children_of(pid))


def timed(command, pids, **options):
    """Wall and CPU seconds of a command plus what the servers used meanwhile."""
    before = sum(tree_cpu(p) for p in pids)
    start = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    end = os.times()
    own = end.children_user + end.children_system - start.children_user - start.children_system
    return end.elapsed - start.elapsed, own + sum(tree_cpu(p) for p in pids) - before


def same(a, b):
    if not filecmp.cmp(a, b, shallow=False):
        sys.exit(f"{b} is not the same as {a}")
    os.unlink(b)


class Ghostnet:
    name = "ghostnet"

    def __init__(self, folder, source):
        self.source = source
        self.swarm = libswarm.Swarm()
        self.a, self.b = self.swarm.start(2, ["--log-level", "warn"])
        before = cpu_of(self.a.process.pid)
        began = time.monotonic()
        answer = self.a.json("POST", "/v1/files", {"path": str(source)})
        self.share = time.monotonic() - began, cpu_of(self.a.process.pid) - before
        self.link = answer["link"]
        self.sink = folder / "ghostnet.out"

    def run(self):
        took = timed([libswarm.PROGRAM, "fetch", self.link, "-o", str(self.sink), "-q", "--data-dir", self.b.dir],
                     [self.a.process.pid, self.b.process.pid])
        same(self.source, self.sink)
        root = self.link.split(":")[1].split("?")[0]
        self.b.ask("DELETE", f"/v1/files/{root}")
        return took

    def close(self):
        self.swarm.__exit__()


class Nginx:
    name = "nginx+curl https"

    def __init__(self, folder, source):
        self.source, self.sink = source, folder / "nginx.out"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
                        "-out", folder / "cert.pem"], check=True, stderr=subprocess.DEVNULL)
        import socket
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        conf = folder / "nginx.conf"
        conf.write_text(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; user root;
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    root {source.parent}; }} }}
""")
        self.server = subprocess.Popen(["nginx", "-c", str(conf)], stderr=subprocess.DEVNULL)
        self.url = f"https://127.0.0.1:{port}/{source.name}"
        self.cert = folder / "cert.pem"
        libswarm.wait_for("nginx", lambda: subprocess.run(
            ["curl", "-sI", "--cacert", self.cert, self.url], stdout=subprocess.DEVNULL).returncode == 0)

    def run(self):
        took = timed(["curl", "-s", "--fail", "--cacert", self.cert, "-o", self.sink, self.url], [self.server.pid])
        same(self.source, self.sink)
        return took

    def close(self):
        self.server.terminate()
        self.server.wait()


class Scp:
    name = "scp"

    def __init__(self, folder, source):
        self.source, self.sink, self.folder = source, folder / "scp.out", folder
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        shutil.copy(folder / "user.pub", folder / "authorized")
        os.makedirs("/run/sshd", exist_ok=True)
        import socket
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.server = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", folder / "host", "-o", f"Port={self.port}", "-o",
             "ListenAddress=127.0.0.1", "-o", f"AuthorizedKeysFile={folder}/authorized", "-o", "StrictModes=no", "-o",
             "PidFile=none", "-o", "PermitRootLogin=yes", "-o", "Subsystem=sftp internal-sftp"], stderr=subprocess.DEVNULL)
        self.command = ["scp", "-q", "-P", str(self.port), "-i", folder / "user", "-o", "StrictHostKeyChecking=no", "-o",
                        "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        libswarm.wait_for("sshd", lambda: subprocess.run(
            self.command + [f"127.0.0.1:{folder}/authorized", folder / "probe"], stderr=subprocess.DEVNULL).returncode == 0)

    def run(self):
        took = timed(self.command + [f"127.0.0.1:{self.source}", self.sink], [self.server.pid])
        same(self.source, self.sink)
        return took

    def close(self):
        self.server.terminate()
        self.server.wait()


def main():
    base = "/dev/shm" if shutil.disk_usage("/dev/shm").free > 4 * MIB << 20 else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gn-bench-", dir=base))
    if base:
        tempfile.tempdir = base  # the nodes' folders too
    systems = []
    try:
        source = folder / "source.bin"
        with open(source, "wb") as f:
            for _ in range(MIB):
                f.write(os.urandom(1 << 20))
        systems = [kind(folder, source) for kind in (Ghostnet, Nginx, Scp)]
        runs = {s.name: [] for s in systems}
        for turn in range(RUNS + 1):
            for s in systems:
                took = s.run()
                if turn > 0:  # the first is a warm-up
                    runs[s.name].append(took)
        report(runs, systems[0].share)
    finally:
        for s in systems:
            s.close()
        shutil.rmtree(folder, ignore_errors=True)


def report(runs, share):
    rows = []
    for name, took in runs.items():
        rows.append((name, "throughput", statistics.median(MIB * 1.048576 / wall for wall, _ in took), "MB/s"))
        rows.append((name, "cpu", statistics.median(cpu * 1024 / MIB for _, cpu in took), "CPU-s/GiB"))
    rows.append(("ghostnet", "share", MIB * 1.048576 / share[0], "MB/s"))
    rows.append(("ghostnet", "share_cpu", share[1] * 1024 / MIB, "CPU-s/GiB"))
    for name, metric, value, unit in rows:
        if AS_JSON:
            print(json.dumps({"bench": "file", "system": name, "metric": metric, "value": round(value, 3), "unit": unit}))
        else:
            print(f"{name:18} {metric:12} {value:9.2f} {unit}")
    if not AS_JSON:
        print(f"{MIB} MiB, median of {RUNS} runs after a warm-up; ghostnet verifies content, the others do not")


main()
