"""The command line against real nodes: every command, every exit code, both streams, what people mistype and break."""
import contextlib
import fcntl
import http.client
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

from libswarm import PATIENCE, PROGRAM, SANITIZED, Node, Swarm, check, main, run, wait_for

KEY = "a" * 52
MISSING = "b" * 51 + "a"
ESC = b"\x1b["
swarm = None  # four nodes, for all tests that do not break theirs


def ask(*args, code=0, **more):
    """Runs a command on the first node: (stdout, stderr); `code` is what it must end with."""
    done = more.pop("node", swarm.nodes[0]).cli(*args, **more)
    check(done.returncode == code, f"{args}: exit {done.returncode}, not {code}: {done.stdout[-300:]} {done.stderr[-500:]}")
    if code:
        check_error(args, done.stderr)
    return done.stdout, done.stderr.decode()


def check_error(args, stderr):
    """One line: "ghostnet: what went wrong: what to do"."""
    lines = stderr.decode().splitlines()
    check(len(lines) == 1 and lines[0].startswith("ghostnet: "), f"{args}: not one line of error: {stderr!r}")


def ask_json(*args, code=0, **more):
    return json.loads(ask(*args, "--json", code=code, **more)[0])


def ask_lines(*args, **more):
    return [json.loads(line) for line in ask(*args, "--json", **more)[0].splitlines()]


def plain(*args, code, text, **more):
    """A command that needs no node: it must end with `code` and say `text` on stderr, in one line."""
    done = run(*args, **more)
    check(done.returncode == code, f"{args}: exit {done.returncode}, not {code}: {done.stderr!r}")
    check_error(args, done.stderr)
    check(re.search(text, done.stderr.decode()), f"{args}: {done.stderr!r} does not say {text!r}")
    return done


@contextlib.contextmanager
def fresh_folder(name):
    path = os.path.join(swarm.dir, name)
    os.mkdir(path, 0o700)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def commands():
    return [json.loads(line) for line in run("help", "--json").stdout.splitlines()]


# ---- help and usage --------------------------------------------------------------------------------------------------

def every_command_has_one_help_in_three_places():
    names = commands()
    check(len(names) >= 20, "the table is not told")
    overview = run("help").stdout.decode()
    for c in names:
        words = c["name"].split()
        by_help, by_option = run("help", *words), run(*words, "--help")
        check(by_help.returncode == by_option.returncode == 0, f"help of {words}: {by_help} {by_option}")
        check(by_help.stdout == by_option.stdout and not by_help.stderr, f"two helps of {words}")
        text = by_help.stdout.decode()
        check(text.startswith(f"usage: ghostnet {c['name']} "), f"no usage line of {words}")
        for option in c["options"]:
            check(f"--{option['name']}" in text and option["help"] in text, f"{words} hides --{option['name']}")
        check(f"  {c['name']} " in overview and c["summary"] in overview, f"{words} is not in the overview")
    for group in ("kv", "config"):
        check(run("help", group).stdout == run(group, "--help").stdout, f"two helps of {group}")
    check(run("--help").stdout.decode() == overview, "--help is another overview")


def wrong_usage_is_exit_2_and_says_what_was_meant():
    for args, text in [
        (["stauts"], "did you mean 'status'"), (["fidn", KEY], "did you mean 'find'"), (["xyzzy"], "see 'ghostnet help'"),
        (["kv"], "help kv"), (["kv", "gte", "a"], "did you mean 'kv get'"), (["kv", "frobnicate"], "help kv"),
        (["publish", "t", "m"], "unknown command"), (["config", "chekc"], "did you mean 'config check'"),
        (["status", "--jsno"], "did you mean '--json'"), (["put", "--tll", "1h", "x"], "did you mean '--ttl'"),
        (["put", "--tll=1h", "x"], "did you mean '--ttl'"), (["--jsn", "status"], "did you mean '--json'"),
        (["status", "-z"], "'-z'"), (["status", "-vz"], "'-z'"), (["status", "--json=1"], "takes no value"),
        (["put", "--ttl"], "wants a value"), (["fetch", "-o"], "wants a value"), (["get"], "wants KEY"),
        (["get", KEY, "b"], "'b'"), (["status", "x"], "'x'"), (["get", "short"], "52 characters"),
        (["get", "!" * 52], "52 characters"), (["find", "x"], "52 characters"), (["find", KEY, "--want", "love"], "nodes"),
        (["ping", "x"], "52 characters"), (["ping", "x@1.2.3.4:5"], "52 characters"), (["fetch", "http://x"], "ghost:"),
        (["files", "--unshare", "x"], "52 characters"), (["kv", "get", "k", "--space", "x"], "52 characters"),
        (["kv", "put", "k", "v", "--if-version", "-1"], "number"), (["kv", "put", "k", "v", "--if-version", "1x"], "number"),
        (["put", "x", "--ttl", "soon"], "duration"), (["put", "x", "--ttl", "-5s"], "duration"),
        (["put", "x", "--ttl", "49h"], "1s to 48h"), (["put", "x", "--ttl", "999ms"], "1s to 48h"),
        (["put", "x", "--ttl", "0"], "1s to 48h"), (["status", "--timeout", "later"], "duration"),
        (["status", "--timeout", "0"], "duration"), (["status", "--data-dir", ""], "folder"), (["help", "nix"], "nix"),
        (["help", "get", "nix"], "nix"), (["demo", "--nodes", "x"], "8 to 64"), (["demo", "--nodes", "7"], "8 to 64"),
        (["run", "--listen", "localhost:1"], "127.0.0.1"), (["run", "--listen", "1.2.3.4:99999"], "numeric"),
        (["run", "--bootstrap", "nobody"], "ID@HOST:PORT"), (["run", "--mode", "sometimes"], r"auto\|client\|server"),
        (["run", "--log-level", "loud"], "error"), (["run", "--network", "n" * 65], "64"), (["run", "extra"], "extra"),
    ]:
        plain(*args, code=2, text=text)
    bare = run()
    check(bare.returncode == 2 and not bare.stdout and b"usage: ghostnet COMMAND" in bare.stderr, f"alone: {bare}")


def without_a_node_client_commands_end_with_4():
    with fresh_folder("nobody") as folder:
        for args in (["status"], ["id"], ["peers"], ["ping", KEY], ["find", KEY], ["put", "x"], ["get", KEY], ["stop"],
                     ["kv", "put", "k", "v"], ["kv", "get", "k"], ["kv", "del", "k"], ["kv", "list"], ["files"],
                     ["share", "/etc/hostname"], ["fetch", f"ghost:{KEY}"], ["files", "--unshare", KEY]):
            done = plain(*args, "--data-dir", folder, code=4, text="no node is running on .*ghostnet run")
            check(not done.stdout, f"{args} prints {done.stdout!r}")
        # the doctor looks at the machine all the same
        done = plain("doctor", "--data-dir", folder, "--json", code=4, text="no node is running")
        names = {c["name"]: c["status"] for c in json.loads(done.stdout)["checks"]}
        check({"folder", "udp4", "descriptors", "disk", "clock"} <= names.keys(), f"checks: {names}")
        check(os.listdir(folder) == [], "asking made files")
    gone = plain("status", "--data-dir", "/nonexistent/x", code=4, text="no node is running")
    check(not gone.stdout, "an answer of nobody")
    plain("status", "--data-dir", "/tmp/" + "x" * 200, code=1, text="shorter --data-dir")
    plain("status", code=2, text="--data-dir", env={})


# ---- asking a node ---------------------------------------------------------------------------------------------------

def status_id_and_version_agree_in_both_forms():
    node = swarm.nodes[0]
    status, text = ask_json("status"), ask("status")[0].decode()
    check(status["id"] == node.id and status["ready"] is True and status["pid"] == node.process.pid, f"{status}")
    check(status["listen"] == [node.listen] and status["api_url"] == node.api, f"{status}")
    for word in (node.id, node.listen, node.api, node.dir, f"pid {node.process.pid}", "ready"):
        check(word in text, f"status does not say {word}: {text}")
    lines = ask("id")[0].decode().splitlines()
    check(lines and all(re.fullmatch(rf"{node.id}@[0-9.:\[\]a-f]+", line) for line in lines), f"id: {lines}")
    who = ask_json("id")
    check(who["id"] == node.id and [f"{node.id}@{a}" for a in who["addresses"]] == lines, f"id: {who}")
    version = json.loads(run("version", "--json").stdout)
    check(version["version"] == status["version"], f"{version}")
    check(run("version").stdout == run("--version").stdout and version["version"] in run("version").stdout.decode(), "version")
    env = dict(os.environ, XDG_DATA_HOME=swarm.dir)
    os.symlink(node.dir, os.path.join(swarm.dir, "ghostnet"))
    by_default = run("id", env=env)
    check(by_default.stdout.decode().splitlines() == lines, f"the default data folder: {by_default}")


def peers_and_ping_tell_who_answers():
    me, other = swarm.nodes[0], swarm.nodes[1]
    peers = ask_lines("peers")
    check({n.id for n in swarm.nodes[1:4]} <= {p["id"] for p in peers}, f"peers: {peers}")
    check(len(ask("peers")[0].splitlines()) == len(peers), "text and JSON differ in length")
    for target in (other.id, other.address):
        pong = ask_json("ping", target)
        check(pong["id"] == other.id and 0 <= pong["rtt_ms"] < 5000, f"{pong}")
    check(re.fullmatch(rf"{other.id}@{other.listen} answers in [0-9.]+ ms\n", ask("ping", other.id)[0].decode()), "ping")
    ask("ping", MISSING, code=3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        ask("ping", f"{other.id}@127.0.0.1:{port}", "--timeout", "500ms", code=5)
    _, error = ask("ping", me.id, code=1)
    check("our own" in error, error)


def find_explains_each_hop():
    target = swarm.nodes[3].id
    found = ask_lines("find", target, "--explain")
    hops, result = [x["hop"] for x in found[:-1]], found[-1]
    check(hops and result["nearest"][0]["id"] == target, f"{found}")
    for hop in hops:
        check({"seq", "round", "at_ms", "id", "address", "common_bits", "rtt_ms", "outcome", "reason"} <= hop.keys(), f"{hop}")
    text, summary = ask("find", target, "--explain")
    header = text.decode().splitlines()[0].split()
    check(header[:2] == ["at", "ms"] and "why" in header, f"{header}")
    check(target in text.decode() and re.search(r"\d+ asked, \d+ answered", summary), summary)
    check(len(ask("find", target, "-q")[1]) == 0, "-q is not quiet")
    check(ask_json("find", target)["target"] == target, "without --explain")


# ---- values ----------------------------------------------------------------------------------------------------------

def values_come_back_byte_by_byte():
    rng = random.Random(1)
    reader = swarm.nodes[2]
    values = [b"", b"\0", b"text\n", bytes(range(256)), b"-", rng.randbytes(1000), rng.randbytes(65535), rng.randbytes(65536)]
    for value in values:
        key = ask("put", "-", stdin=value)[0].decode().strip()
        check(re.fullmatch("[a-z2-7]{52}", key), f"not a key: {key!r}")
        got, _ = ask("get", key, node=reader)
        check(got == value, f"{len(value)} bytes became {len(got)}")
        check(ask("put", stdin=value, node=reader)[0].decode().strip() == key, "the same bytes have another key")
    target = os.path.join(swarm.dir, "out")
    check(ask("get", key, "-o", target)[0] == b"" and open(target, "rb").read() == values[-1], "-o")
    check(ask("put", "--", "--ttl")[0] == ask("put", stdin=b"--ttl")[0], "a value that looks like an option")
    check(ask("put", "")[0] == ask("put", stdin=b"")[0], "an empty argument is an empty value")
    for text, seconds in (("60s", 60), ("90500ms", 90), ("10m", 600), ("48h", 172800)):
        stored = ask_json("put", f"for {text}", "--ttl", text)
        left = stored["expires"] - time.time()
        check(seconds - 15 * PATIENCE < left <= seconds + 1 and stored["replicas"] >= 3, f"{text}: {left} {stored}")
    check("left" in ask("put", "x")[1] and ask("put", "x", "-q")[1] == "", "the note on stderr")


def one_byte_more_than_64_kib_is_refused():
    for args, stdin in ((["put"], b"x" * 65537), (["put", "-"], b"x" * 200000), (["put", "x" * 65537], None),
                        (["kv", "put", "k"], b"x" * 65537)):
        out, error = ask(*args, stdin=stdin, code=6)
        check(out == b"" and "65536" in error and "share" in error, error)
    status, _, answer = swarm.nodes[0].ask("POST", "/v1/records", b"x" * 65537, {"Content-Type": "application/octet-stream"})
    check(status == 413 and b"65536" in answer, f"{status} {answer}")  # whoever goes past the command line


def what_is_not_there_is_exit_3():
    for args in (["get", MISSING], ["kv", "get", "nothing"], ["kv", "del", "nothing"], ["ping", MISSING],
                 ["kv", "get", "k", "--space", MISSING], ["files", "--unshare", MISSING], ["config", "check", "/nonexistent"]):
        ask(*args, code=3)


def a_key_value_space_has_versions():
    owner, other = swarm.nodes[0], swarm.nodes[1]
    check(ask("kv", "put", "color", "red")[0] == b"1\n", "the first version")
    check(ask("kv", "put", "color", "blue")[0] == b"2\n", "the second")
    check(ask("kv", "get", "color")[0] == b"blue", "own value")
    check(ask("kv", "get", "color", "--space", owner.id, node=other)[0] == b"blue", "read by another node")
    check("is another one" in ask("kv", "put", "color", "x", "--if-version", "1", code=6)[1], "an old version")
    check("exists" in ask("kv", "put", "color", "x", "--if-version", "0", code=6)[1], "create only")
    check(ask("kv", "get", "color")[0] == b"blue", "a refused write changed it")
    check(ask_json("kv", "put", "color", "green", "--if-version", "2")["version"] == 3, "compare and set")
    check(ask("kv", "put", "fresh", "-", "--if-version", "0", stdin=b"\0\xff")[0] == b"1\n", "create")
    check(ask("kv", "get", "fresh")[0] == b"\0\xff", "binary")
    for key in ("a/b", "c d%?&=#", "ü", "k" * 63, ".."):
        ask("kv", "put", key, key)
        check(ask("kv", "get", key)[0].decode() == key, f"key {key!r}")
    check("63" in ask("kv", "put", "k" * 64, "x", code=6)[1], "a long key")
    listed = ask_lines("kv", "list")
    keys = [e["key"] for e in listed]
    check(keys == sorted(keys, key=str.encode) and {"color", "fresh", "a/b", "ü"} <= set(keys), f"{keys}")
    check(len(ask("kv", "list")[0].splitlines()) == len(keys), "text and JSON differ in length")
    check([e["key"] for e in ask_lines("kv", "list", "co")] == ["color"], "prefix")
    check(ask("kv", "list", "zzz")[0] == b"", "an empty list is empty")
    check(ask("kv", "del", "fresh", "--if-version", "7", code=6), "delete of another version")
    ask("kv", "del", "fresh")
    check("deleted" in ask("kv", "get", "fresh", code=3)[1], "a deleted key")
    check(ask_json("kv", "put", "fresh", "again", "--if-version", "0")["version"] == 3, "after its deletion")
    check("owner" in ask("kv", "put", "color", "mine", "--space", owner.id, node=other, code=6)[1], "a foreign space")
    ask("kv", "list", "--space", owner.id, node=other, code=1)
    ask("kv", "put", "brief", "x", "--ttl", "2s")  # an expiry is a whole second: 1s may be over at once
    wait_for("the end of a short life", lambda: owner.cli("kv", "get", "brief").returncode == 3)


# ---- files -----------------------------------------------------------------------------------------------------------

def files_are_shared_fetched_and_listed():
    a, b = swarm.nodes[0], swarm.nodes[1]
    rng = random.Random(2)
    with fresh_folder("mine") as mine, fresh_folder("theirs") as theirs:
        content = {"big.bin": rng.randbytes(3_000_000), "empty": b"", "ünï code.txt": b"x", "sub/-dash": rng.randbytes(16384)}
        os.mkdir(os.path.join(mine, "sub"))
        for name, data in content.items():
            open(os.path.join(mine, name), "wb").write(data)
        link, note = ask("share", mine)
        link = link.decode().strip()
        check(re.match(r"ghost:[a-z2-7]{52}\?", link) and "name=mine" in link and "peer=" in link, link)
        check("sharing mine" in note, note)
        check(ask("share", mine, "-q") == (f"{link}\n".encode(), ""), "sharing again, quietly")
        out, _ = ask("fetch", link, "-o", os.path.join(theirs, "copy"), node=b)
        check(out.decode().strip() == os.path.join(theirs, "copy"), f"where it is: {out}")
        for name, data in content.items():
            check(open(os.path.join(theirs, "copy", name), "rb").read() == data, f"{name} differs")
        links = ask("share", os.path.join(mine, "big.bin"), os.path.join(mine, "empty"))[0].decode().splitlines()
        check(len(links) == 2 and "name=big.bin" in links[0] and "size=3000000" in links[0], f"{links}")
        done = ask_json("fetch", links[0], "-o", os.path.join(theirs, "big"), node=b)
        check(done["state"] in ("done", "complete") and done["size"] == 3000000, f"{done}")
        ask("fetch", links[1], "-o", os.path.join(theirs, "void"), node=b)
        check(os.path.getsize(os.path.join(theirs, "void")) == 0, "an empty file")
        open(os.path.join(theirs, "there"), "w").write("precious")
        done = b.cli("fetch", links[0], "-o", os.path.join(theirs, "there"))
        check(done.returncode != 0 and b"--force" in done.stderr, f"a file that is there: {done}")
        check(open(os.path.join(theirs, "there")).read() == "precious", "it was overwritten")
        ask("fetch", links[0], "-f", "-o", os.path.join(theirs, "there"), node=b)
        check(open(os.path.join(theirs, "there"), "rb").read() == content["big.bin"], "--force")
        files = ask_lines("files")
        names = {f["name"] for f in files}
        check({"mine", "big.bin", "empty"} <= names, f"{names}")
        check(len(ask("files")[0].splitlines()) == len(files), "text and JSON differ in length")
        root = re.match("ghost:([a-z2-7]{52})", links[0]).group(1)
        ask("files", "--unshare", root)
        check(root not in [f["root"] for f in ask_lines("files")], "still shared")
        check(os.path.getsize(os.path.join(mine, "big.bin")) == 3000000, "unsharing touched the file")
    for args, code, text in ((["share", "/nonexistent"], 3, "nonexistent"), (["fetch", "ghost:short"], 1, "link")):
        _, error = ask(*args, code=code)
        check(text in error, error)
    check(ask("share", "-q", "/nonexistent", "/etc/hostname", code=3)[0].startswith(b"ghost:"), "the others are shared all the same")


# ---- streams ---------------------------------------------------------------------------------------------------------

def shell(command, **env):
    node = swarm.nodes[0]
    values = dict(os.environ, G=PROGRAM, D=node.dir, XDG_DATA_HOME=os.path.join(swarm.dir, "none"), **env)
    return subprocess.run(["bash", "-c", command], capture_output=True, env=values, timeout=30 * PATIENCE)


def an_answer_that_cannot_be_written_is_exit_1():
    key = ask("put", "-", stdin=b"x" * 65536)[0].decode().strip()
    for args in ("status", "peers", f"get {key}", "help", "config show", "version", "id --json", "kv list", "help --man"):
        done = shell(f"$G {args} --data-dir $D >/dev/full")
        check(done.returncode == 1 and b"No space left" in done.stderr, f"{args} >/dev/full: {done}")
        check(len(done.stderr.splitlines()) == 1, f"{args}: more than one line: {done.stderr}")
    for args in ("status", f"get {key}"):
        done = shell(f"$G {args} --data-dir $D >&-")
        check(done.returncode == 1 and b"cannot write" in done.stderr, f"{args} with stdout closed: {done}")
        done = shell(f"$G {args} --data-dir $D >/dev/null 2>&- <&-")
        check(done.returncode == 0, f"{args} with the others closed: {done}")
        done = shell(f"$G {args} --data-dir $D | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}")
        check(done.returncode == 0 and not done.stderr, f"{args} into a closed pipe: {done}")
    done = shell("$G put - --data-dir $D <&-")
    check(done.returncode == 1 and b"cannot read the value" in done.stderr, f"stdin closed: {done}")
    done = shell("$G put - --data-dir $D < /")
    check(done.returncode == 1 and b"cannot read the value" in done.stderr, f"stdin a folder: {done}")
    done = shell(f"$G get {key} --data-dir $D -o /nonexistent/x; $G get {key} --data-dir $D -o /dev/full")
    check(done.returncode == 1 and b"No such file" in done.stderr and b"No space left" in done.stderr, f"-o: {done}")


def on_terminal(*args, env=None, node=None, seconds=20):
    """Runs with stdout and stderr on a terminal: (exit code, what came out)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 72, 0, 0))
    values = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    values.update({"TERM": "xterm"}, **(env or {}))
    command = [PROGRAM, *args, "--data-dir", (node or swarm.nodes[0]).dir]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=values)
    os.close(theirs)
    out, until = b"", time.monotonic() + seconds * PATIENCE
    while time.monotonic() < until and select.select([ours], [], [], seconds * PATIENCE)[0]:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        out += data
    os.close(ours)
    return process.wait(seconds * PATIENCE), out


def colours_and_bars_only_on_a_terminal():
    check(ESC in on_terminal("doctor")[1], "no colours on a terminal")
    check(ESC in on_terminal("doctor", env={"NO_COLOR": ""})[1], "an empty NO_COLOR means nothing")
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        check(ESC not in on_terminal("doctor", env=env)[1], f"colours with {env}")
    check(ESC not in ask("doctor")[0], "colours in a pipe")
    with fresh_folder("bar") as folder:
        path = os.path.join(folder, "\x1b[31mbulk")  # a name that would colour the terminal
        with open(path, "wb") as f:
            f.write(random.Random(3).randbytes(20_000_000))
        code, out = on_terminal("share", path)
        check(code == 0 and b"\r" in out and b"[31mbulk (" in out and b"\x1b[31m" not in out, f"{code} {out[-300:]!r}")
        check(b"\x1b" not in ask("files")[0], "a name drives the terminal")
        for line in re.split(rb"[\r\n]+", out.replace(b"\x1b[K", b"")):
            if line.endswith(b" left"):
                check(len(line) <= 72, f"the bar is wider than the terminal: {line!r}")
        os.rename(path, os.path.join(folder, "quiet"))
        code, out = on_terminal("share", "-q", os.path.join(folder, "quiet"))
        check(code == 0 and out.count(b"\r") == out.count(b"\r\n") == 1, f"-q draws: {out!r}")


class Impostor:
    """A socket where a node's should be; `answer` gets the request and returns bytes, or None to say nothing."""

    def __init__(self, folder, answer):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, "api.sock"))
        self.listener.listen()
        self.answer = answer
        self.conns = []
        self.asked = threading.Semaphore(0)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn = self.listener.accept()[0]
            except OSError:
                return
            self.conns.append(conn)
            while True:
                try:
                    request = conn.recv(65536)
                except OSError:
                    return
                if not request:
                    break
                self.asked.release()
                answer = self.answer(request)
                if answer is None:
                    continue
                conn.sendall(answer)
                if b"Connection: close" in answer or not answer.startswith(b"HTTP"):
                    conn.close()
                    break

    def close(self):
        for s in [self.listener, *self.conns]:
            s.close()


@contextlib.contextmanager
def impostor(answer):
    with fresh_folder("impostor") as folder:
        i = Impostor(folder, answer)
        try:
            yield folder, i
        finally:
            i.close()


def http_answer(body, kind="application/json", status="200 OK"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def a_node_that_says_nothing_is_exit_5_in_time():
    with impostor(lambda request: None) as (folder, _):
        for args in (["status"], ["put", "x"], ["find", KEY], ["fetch", f"ghost:{KEY}"]):
            began = time.monotonic()
            plain(*args, "--data-dir", folder, "--timeout", "300ms", code=5, text="--timeout")
            check(0.25 < time.monotonic() - began < 3 * PATIENCE, f"{args}: not the time that was asked for")


def ctrl_c_ends_a_command_cleanly():
    with impostor(lambda request: None) as (folder, silent):
        for number in (signal.SIGINT, signal.SIGTERM):
            p = subprocess.Popen([PROGRAM, "get", KEY, "--data-dir", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            check(silent.asked.acquire(timeout=10 * PATIENCE), "it does not ask")
            p.send_signal(number)
            out, error = p.communicate(timeout=10 * PATIENCE)
            check(p.returncode == 130 and not out, f"{p.returncode} {out}")
            check_error("get", error)


def nonsense_from_the_socket_is_an_error_not_a_crash():
    for nonsense in (b"\xff\x00garbage\r\n\r\n", http_answer(b"{"), http_answer(b""), http_answer(b"[]" * 9),
                     b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{}",
                     http_answer(b"boom", "text/plain", "500 Oops"), http_answer(b"{}", status="302 Found"),
                     http_answer(b'{"status":403,"code":"REFUSED","detail":"no"}', "application/problem+json", "403 Forbidden")):
        with impostor(lambda request, answer=nonsense: answer) as (folder, _):
            code = 6 if b"REFUSED" in nonsense else 1
            plain("status", "--data-dir", folder, code=code, text="")


def a_long_list_is_asked_for_page_by_page():
    asked = []

    def pages(request):
        asked.append(request.split(b"\r\n")[0].decode())
        first = b"after" not in request
        entry = {"key": "one" if first else "two", "version": 1, "size": 1, "expires": 4102444800}
        return http_answer(json.dumps({"space": KEY, "entries": [entry], "more": first}).encode())

    with impostor(pages) as (folder, _):
        done = run("kv", "list", "p&", "--json", "--data-dir", folder)
        check([json.loads(x)["key"] for x in done.stdout.splitlines()] == ["one", "two"], f"{done}")
        check(len(asked) == 2 and "after=one" in asked[1] and all("prefix=p%26" in a for a in asked), f"{asked}")


# ---- settings --------------------------------------------------------------------------------------------------------

BAD_SETTINGS = """# line 1
[node]
mode = sometimes
listen = localhost:1
nonsense
network =
[nope]
x = 1
[dht]
ttl = 1s
store-max = 1GiB
store-max = 2GiB
  ttl = 5m
[log
what = 1
""".encode() + b"[node]\nnetwork-key = " + b"x" * 400 + b"\nmode = auto\nbootstrap = nobody"
BAD_LINES = [3, 4, 5, 6, 8, 10, 12, 13, 13, 14, 15, 17, 18, 19]


def config_check_names_every_wrong_line():
    with fresh_folder("conf") as folder:
        bad, good = os.path.join(folder, "bad.ini"), os.path.join(folder, "good.ini")
        open(bad, "wb").write(BAD_SETTINGS)
        done = run("config", "check", bad)
        lines = done.stderr.decode().splitlines()
        check(done.returncode == 1 and done.stdout == b"", f"{done}")
        found = [int(re.match(re.escape(bad) + r":(\d+): .", line).group(1)) for line in lines[:-1]]
        check(found == BAD_LINES, f"lines {found}, not {BAD_LINES}: {lines}")
        check(lines[-1].startswith("ghostnet: ") and "mistakes" in lines[-1], lines[-1])
        told = json.loads(run("config", "check", bad, "--json").stdout)
        check(told["valid"] is False and told["mistakes"] == lines[:-1], f"{told}")
        open(good, "wb").write(run("config", "show", "--data-dir", folder).stdout)
        done = run("config", "check", good)
        check(done.returncode == 0 and b"is fine" in done.stderr, f"what `config show` prints is refused: {done}")
        shutil.copy(bad, os.path.join(folder, "config.ini"))
        done = run("run", "--data-dir", folder, "--listen", "127.0.0.1:0")
        check(done.returncode == 2 and len(done.stderr.splitlines()) == len(lines), f"run with mistakes: {done}")
        plain("config", "check", folder, code=1, text="cannot read")
        check(not os.path.exists(os.path.join(folder, "identity.key")), "it began all the same")


def config_show_tells_what_is_in_force_and_from_where():
    settings = {(s["section"], s["name"], s["value"]): s["source"] for s in ask_json("config", "show")["settings"]}
    node = swarm.nodes[1]
    check(settings[("node", "listen", "127.0.0.1:0")] == "flag", f"the running node's flag: {settings}")
    theirs = {(s["section"], s["name"]): s for s in ask_json("config", "show", node=node)["settings"]}
    check(theirs[("node", "bootstrap")]["value"] == swarm.nodes[0].address, f"{theirs}")
    with fresh_folder("conf2") as folder:
        open(os.path.join(folder, "config.ini"), "w").write("[dht]\nttl = 5m ; short\n[node]\nbootstrap = x.example:1\nbootstrap = y.example:2\n")
        offline = json.loads(run("config", "show", "--json", "--data-dir", folder).stdout)["settings"]
        values = {(s["section"], s["name"], s["value"]): s["source"] for s in offline}
        check(values[("dht", "ttl", "5m")] == "file" and values[("log", "level", "info")] == "default", f"{values}")
        check(("node", "bootstrap", "y.example:2") in values and ("node", "bootstrap", "x.example:1") in values, f"{values}")


# ---- starting and stopping -------------------------------------------------------------------------------------------

def refused_start(*args, text, code=1, **more):
    """The last line is the error; before it may come what the node has logged."""
    done = run("run", *args, **more)
    check(done.returncode == code and done.stdout == b"", f"{args}: exit {done.returncode}, not {code}: {done}")
    lines = done.stderr.decode().splitlines()
    check(lines[-1].startswith("ghostnet: ") and re.search(text, lines[-1]), f"{args}: {lines[-1]!r} does not say {text!r}")
    check(all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in lines[:-1]), f"{args}: more than one error: {lines}")


def a_second_node_on_the_folder_is_refused_with_the_pid_of_the_first():
    node = swarm.nodes[0]
    refused_start("--data-dir", node.dir, "--listen", "127.0.0.1:0", text=rf"\(pid {node.process.pid}\).*--data-dir")
    check(ask_json("status")["pid"] == node.process.pid, "the first one suffers")


def a_used_port_is_named():
    node = swarm.nodes[0]
    with fresh_folder("port") as folder:
        refused_start("--data-dir", folder, "--listen", node.listen, text=rf"{re.escape(node.listen)}.*in use.*--listen")
        api = node.api.removeprefix("http://")
        refused_start("--data-dir", folder, "--listen", "127.0.0.1:0", "--api", api, text=rf"{re.escape(api)}.*in use.*--api")
        refused_start("--data-dir", folder, "--listen", "192.0.2.1:0", text="192.0.2.1.*--listen")
        refused_start("--data-dir", folder, "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", text="one address per family")
        doctor = json.loads(run("doctor", "--json", "--data-dir", folder).stdout)
        check(doctor["checks"], "a doctor without a node")


def a_network_key_that_cannot_be_used_is_named():
    with fresh_folder("keys") as folder:
        data = os.path.join(folder, "data")
        for name, key, text in (("short", b"x" * 15, "16 to 4096"), ("newlines", b"x" * 15 + b"\n\n", "16 to 4096"),
                                ("empty", b"", "16 to 4096"), ("long", b"x" * 4097, "--network-key")):
            path = os.path.join(folder, name)
            open(path, "wb").write(key)
            refused_start("--data-dir", data, "--listen", "127.0.0.1:0", "--network-key", path, text=f"{name}.*{text}")
        for path in (os.path.join(folder, "none"), folder):
            refused_start("--data-dir", data, "--listen", "127.0.0.1:0", "--network-key", path, text="network key.*--network-key")


def snapshot(folder):
    """Every file below with its bytes."""
    return {os.path.join(d, f): open(os.path.join(d, f), "rb").read() for d, _, fs in os.walk(folder) for f in fs}


def a_folder_that_is_not_ours_is_left_alone():
    rng = random.Random(4)
    listen = ["--listen", "127.0.0.1:0"]
    for name, files, text in [
        ("photos", {"a.jpg": b"x", "b.jpg": b"y"}, "other files"),
        ("garbage", {"identity.key": rng.randbytes(40)}, "identity.key.*backup"),
        ("short", {"identity.key": b"abcd\n"}, "identity.key"),
        ("long", {"identity.key": b"a" * 100_000}, "identity.key"),
        ("blank", {"identity.key": b""}, "identity.key"),
        ("token", {"identity.key": b"0" * 63 + b"1\n", "api.token": b"secret"}, "api.token"),
        ("no folder", {"identity.key": b"0" * 63 + b"1\n", "store": b""}, "store.*Not a directory.*check"),
        ("database", {"identity.key": b"0" * 63 + b"1\n", "store/data.mdb": rng.randbytes(65536)}, "store/data.mdb.*move store/ away"),
    ]:
        with fresh_folder(name) as folder:
            for path, data in files.items():
                path = os.path.join(folder, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                open(path, "wb").write(data)
                os.chmod(path, 0o600)
            before = snapshot(folder)
            refused_start("--data-dir", folder, *listen, text=text)
            after = snapshot(folder)
            check({p: after.get(p) for p in before} == before, f"{name}: files were changed")
    with fresh_folder("readable") as folder:
        path = os.path.join(folder, "identity.key")
        open(path, "w").write("0" * 63 + "1\n")
        os.chmod(path, 0o644)
        refused_start("--data-dir", folder, *listen, text="others may read.*chmod 600")
    with fresh_folder("blocked") as folder:
        open(os.path.join(folder, "file"), "w").close()
        refused_start("--data-dir", os.path.join(folder, "file"), *listen, text="data folder")
        refused_start("--data-dir", os.path.join(folder, "file", "below"), *listen, text="data folder")
        refused_start("--data-dir", os.path.join(folder, "x" * 110), *listen, text="shorter --data-dir")


def an_unreadable_folder_is_named():
    with fresh_folder("locked") as folder:
        drop = {}
        if os.geteuid() == 0:  # root may read everything: be somebody else
            os.chmod(swarm.dir, 0o711)
            drop = {"user": 65534, "group": 65534, "extra_groups": []}
        else:
            os.chmod(folder, 0)
        try:
            done = subprocess.run([PROGRAM, "run", "--data-dir", folder, "--listen", "127.0.0.1:0"], capture_output=True,
                                  timeout=20 * PATIENCE, **drop)
        except PermissionError:
            return "SKIPPED: this tree is not open to another user"
        check(done.returncode == 1 and b"permission denied" in done.stderr and folder.encode() in done.stderr, f"{done}")
        # another user may not drive a node either
        if drop:
            os.chmod(swarm.nodes[0].dir, 0o711)
            done = subprocess.run([PROGRAM, "status", "--data-dir", swarm.nodes[0].dir], capture_output=True,
                                  timeout=20 * PATIENCE, **drop)
            os.chmod(swarm.nodes[0].dir, 0o700)
            check(done.returncode == 6 and b"another user" in done.stderr, f"{done}")
        os.chmod(folder, 0o700)


def stop_returns_when_the_node_has_ended():
    node = Node(swarm, "stop", ["--log-format", "json", "-v"])
    node.start().wait_ready()
    levels = [s["value"] for s in ask_json("config", "show", node=node)["settings"] if s["name"] == "level"]
    check(levels == ["debug"], f"-v is {levels}")
    began = time.monotonic()
    out, note = ask("stop", node=node)  # nobody has waited for the process yet: it is a zombie now
    took = time.monotonic() - began
    check(out == b"" and note == "stopped\n" and took < 3 * PATIENCE, f"{note} after {took:.1f} s")
    check(node.process.wait(5 * PATIENCE) == 0, "the node's exit code")
    check(node.process.stdout.read() == b"", "more than one line on stdout")
    lines = [json.loads(line) for line in open(node.dir + ".log")]
    check(any("ready" in json.dumps(line) for line in lines), "the log does not tell that it was ready")
    check(not os.path.exists(os.path.join(node.dir, "api.sock")), "the socket is still there")
    ask("stop", node=node, code=4)
    node.forget()
    os.unlink(node.dir + ".log")
    again = Node(swarm, "stop", ["-q"])
    again.start().wait_ready()
    check(again.id == node.id, "another identity after a restart")
    for name in ("identity.key", "api.token"):
        check(os.stat(os.path.join(again.dir, name)).st_mode & 0o777 == 0o600, f"mode of {name}")
    again.process.send_signal(signal.SIGINT)
    again.wait_end()
    check(log_text(again) == "", f"-q is not quiet: {log_text(again)}")


def a_closed_stdout_does_not_stop_a_node():
    with fresh_folder("closed") as folder:
        node = subprocess.Popen(["bash", "-c", 'exec "$@" >&- 2>&- <&-', "sh", PROGRAM, "run", "--data-dir", folder,
                                 "--listen", "127.0.0.1:0"])
        try:
            wait_for("the node", lambda: run("status", "--data-dir", folder).returncode == 0)
            check(run("stop", "--data-dir", folder).returncode == 0 and node.wait(10 * PATIENCE) == 0, "its end")
        finally:
            node.kill()
            node.wait()


# ---- the control API from outside ------------------------------------------------------------------------------------

def the_tcp_api_wants_a_token_and_no_web_page():
    node = swarm.nodes[0]
    token = open(os.path.join(node.dir, "api.token")).read().strip()
    good = {"Authorization": f"Bearer {token}"}

    def get(target="/v1/node", method="GET", body=None, **headers):
        conn = http.client.HTTPConnection(node.api.removeprefix("http://"), timeout=20 * PATIENCE)
        conn.request(method, target, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = conn.getresponse()
        data = answer.read()
        conn.close()
        return answer.status, answer.headers.get("Content-Type"), data

    check(get(**good)[0] == 200, "the right token")
    for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {token}"}, {"Authorization": f"Bearer {token}0"},
                  {"Authorization": f"Bearer {token[:-1]}"}, {"Cookie": token}):
        status, kind, body = get(**wrong)
        check(status == 401 and kind == "application/problem+json" and json.loads(body)["status"] == 401, f"{wrong}: {status}")
    for path in ("/healthz", "/readyz"):
        check(get(path)[0] == 200, f"{path} wants a token")
    for evil in ({"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
                 {"Origin": "http://127.0.0.1:1"}):
        check(get(**good, **evil)[0] in (403, 421), f"{evil} drives the node")
        check(get("/healthz", **evil)[0] in (403, 421), f"{evil} on /healthz")
    check(get(**good, Origin=node.api)[0] == 200, "the same origin")
    status, _, body = get("/v1/files", "POST", json.dumps({"path": "/etc/hostname"}), Content_Type="application/json", **good)
    check(status in (400, 403), f"a path of this machine over TCP: {status} {body}")
    check(node.ask("GET", "/v1/node", headers={"Host": "evil.example"})[0] in (403, 421), "a name on the Unix socket")
    check(get("/v1/nothing", **good)[0] == 404 and get("/v1/node", "DELETE", **good)[0] == 405, "routes")


def all_nodes_end_well_after_all_that():
    for node in swarm.nodes:
        if node.running:
            node.process.send_signal(signal.SIGTERM)
    for node in swarm.nodes:
        if node.process and node.process.returncode is None:
            node.wait_end()
            check("ERROR" not in log_text(node), f"a sanitizer objects: {log_text(node)[-3000:]}")


def log_text(node):
    return open(node.dir + ".log", errors="replace").read()


if __name__ == "__main__":
    with Swarm() as swarm:
        swarm.start(4)
        for each in swarm.nodes:
            wait_for("peers", lambda: each.json("GET", "/v1/node")["peers"] >= 3)
        main(every_command_has_one_help_in_three_places, wrong_usage_is_exit_2_and_says_what_was_meant,
             without_a_node_client_commands_end_with_4, status_id_and_version_agree_in_both_forms,
             peers_and_ping_tell_who_answers, find_explains_each_hop, values_come_back_byte_by_byte,
             one_byte_more_than_64_kib_is_refused, what_is_not_there_is_exit_3, a_key_value_space_has_versions,
             files_are_shared_fetched_and_listed, an_answer_that_cannot_be_written_is_exit_1,
             colours_and_bars_only_on_a_terminal, a_node_that_says_nothing_is_exit_5_in_time, ctrl_c_ends_a_command_cleanly,
             nonsense_from_the_socket_is_an_error_not_a_crash, a_long_list_is_asked_for_page_by_page,
             config_check_names_every_wrong_line, config_show_tells_what_is_in_force_and_from_where,
             a_second_node_on_the_folder_is_refused_with_the_pid_of_the_first, a_used_port_is_named,
             a_network_key_that_cannot_be_used_is_named,
             a_folder_that_is_not_ours_is_left_alone, an_unreadable_folder_is_named, stop_returns_when_the_node_has_ended,
             a_closed_stdout_does_not_stop_a_node, the_tcp_api_wants_a_token_and_no_web_page,
             all_nodes_end_well_after_all_that)
