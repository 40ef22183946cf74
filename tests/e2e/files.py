"""Files between real processes: kill -9 in the middle, few descriptors, providers that die, many small files."""
import filecmp
import os
import random
import resource
import subprocess
import time

from libswarm import PATIENCE, PROGRAM, SANITIZED, Swarm, check, main, wait_for

MIB = 1 << 20


def write(path, size, seed):
    block = bytearray(random.Random(seed).randbytes(max(8, min(MIB, size))))
    with open(path, "wb") as f:
        for at in range(0, size, MIB):
            block[:8] = at.to_bytes(8, "big")  # no two pieces alike
            f.write(block[:min(MIB, size - at)])


def link_of(node, path):
    done = node.cli("share", "-q", path)
    check(done.returncode == 0, f"share: {done.stderr}")
    return done.stdout.decode().strip() if isinstance(done.stdout, bytes) else done.stdout.strip()


def begin_fetch(node, link, path):
    return node.json("POST", "/v1/transfers", {"link": link, "path": path})["id"]


def transfer(node, number):
    return node.json("GET", f"/v1/transfers/{number}")


def wait_done(node, number, seconds=60):
    wait_for("the transfer", lambda: transfer(node, number)["state"] in ("done", "failed"), seconds)
    end = transfer(node, number)
    check(end["state"] == "done", f"it ended as {end}")


def served(node, root):
    return [f["served"] for f in node.json("GET", "/v1/files")["files"] if f["root"] == root][0]


def restart(node):
    node.start().wait_ready()


def start_limited(node, descriptors):
    node.log = open(node.dir + ".log", "ab")
    node.process = subprocess.Popen(
        [PROGRAM, "run", "--data-dir", node.dir, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
        stderr=node.log, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))
    node.wait_ready()


def kill_9_in_mid_transfer_costs_no_verified_byte():
    size = (64 if SANITIZED else 512) * MIB
    with Swarm() as swarm:
        giver, taker = swarm.start(2)
        source, target = os.path.join(swarm.dir, "source"), os.path.join(swarm.dir, "target")
        write(source, size, 1)
        link = link_of(giver, source)
        number = begin_fetch(taker, link, target)
        root = transfer(taker, number)["root"]
        kills = 0
        for part in (8, 3, 2):
            wait_for("some of it", lambda: transfer(taker, number)["have"] >= size // part or
                     transfer(taker, number)["state"] == "done", 60)
            if transfer(taker, number)["state"] == "done":
                break
            taker.kill()
            check(not os.path.exists(target), "half a file under the target's name")
            taker.forget()
            restart(taker)
            kills += 1
        wait_done(taker, number)
        check(filecmp.cmp(source, target, shallow=False), "the bytes differ")
        # what was on its way, or not written yet, at each kill
        twice = served(giver, root) - size
        check(twice <= kills * 72 * MIB, f"{twice} bytes came twice in {kills} kills")
        swarm.drain()  # the giver's dead connections do not hold it up
        return f"{kills} kills, {twice / MIB:.1f} MiB came twice"


def a_dead_provider_does_not_hold_up_the_end():
    with Swarm() as swarm:
        giver, taker = swarm.start(2)
        source = os.path.join(swarm.dir, "source")
        write(source, 256 * MIB, 2)
        number = begin_fetch(taker, link_of(giver, source), os.path.join(swarm.dir, "target"))
        wait_for("some of it", lambda: transfer(taker, number)["have"] > 0, 30)
        taker.kill()
        began = time.monotonic()
        giver.stop()
        took = time.monotonic() - began
        check(took < 3 * PATIENCE, f"it took {took:.1f} s to end")
        check("drain.late" not in open(giver.dir + ".log", encoding="utf-8").read(), "it was cut off by its deadline")
        return f"{took * 1000:.0f} ms"


def with_64_descriptors_files_and_folders_arrive():
    with Swarm() as swarm:
        nodes = swarm.start(2)
        for node in nodes:  # again, now with the limit: the folder and the key stay
            node.stop()
            start_limited(node, 64)
        giver, taker = nodes
        folder, copy = os.path.join(swarm.dir, "folder"), os.path.join(swarm.dir, "copy")
        count = 100 if SANITIZED else 500
        for i in range(count):
            os.makedirs(os.path.join(folder, f"d{i % 17}"), exist_ok=True)
            write(os.path.join(folder, f"d{i % 17}", f"f{i}"), 1 + i * 37, i)
        write(os.path.join(folder, "big"), 20 * MIB, 9)
        number = begin_fetch(taker, link_of(giver, folder), copy)
        wait_done(taker, number)
        check(subprocess.run(["diff", "-r", folder, copy], check=False).returncode == 0, "the folders differ")
        for node in nodes:
            open_now = len(os.listdir(f"/proc/{node.process.pid}/fd"))
            check(open_now < 64, f"{open_now} descriptors")
        swarm.drain()
        return f"{count + 1} files"


def the_last_of_three_fetches_from_the_second_when_the_first_is_killed():
    with Swarm() as swarm:
        first, second, third = swarm.start(3)
        source = os.path.join(swarm.dir, "source")
        write(source, 128 * MIB, 4)
        link = link_of(first, source)
        wait_done(second, begin_fetch(second, link, os.path.join(swarm.dir, "second")))
        first.kill()
        # the link names only the first: the second is found through the DHT
        number = begin_fetch(third, link, os.path.join(swarm.dir, "third"))
        wait_done(third, number)
        check(filecmp.cmp(source, os.path.join(swarm.dir, "third"), shallow=False), "the bytes differ")
        first.forget()
        swarm.drain()


if __name__ == "__main__":
    main(kill_9_in_mid_transfer_costs_no_verified_byte, a_dead_provider_does_not_hold_up_the_end,
         with_64_descriptors_files_and_folders_arrive,
         the_last_of_three_fetches_from_the_second_when_the_first_is_killed)
