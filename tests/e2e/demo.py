"""The demo: it tells its story to the end, and leaves nothing behind, also when it is interrupted or killed."""
import contextlib
import os
import random
import re
import signal
import subprocess
import tempfile
import time

from libswarm import PATIENCE, PROGRAM, SANITIZED, check, main, run, wait_for

SMALL = ["--nodes", "8", "--size", "64MiB" if SANITIZED else "96MiB"]


def processes_of(folder):
    """Pids whose command line names the folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if folder.encode() in open(f"/proc/{pid}/cmdline", "rb").read():
                found.append(int(pid))
    return found


@contextlib.contextmanager
def demo(*options):
    """A running demo whose temporary files are in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="gn-demo-") as folder:
        process = subprocess.Popen([PROGRAM, "demo", *SMALL, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=dict(os.environ, TMPDIR=folder))
        try:
            yield process, folder
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            for pid in processes_of(folder):  # of a failed test
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def check_nothing_is_left(folder):
    wait_for("the end of its nodes", lambda: not processes_of(folder), 8)
    check(os.listdir(folder) == [], f"left behind: {os.listdir(folder)}")


def a_demo_tells_its_story_and_leaves_nothing():
    with demo() as (process, folder):
        out = process.communicate(timeout=60 * PATIENCE)[0].decode()
        check(process.returncode == 0, f"exit {process.returncode}: {out[-2000:]}")
        check([int(n) for n in re.findall(r"^(\d)\. ", out, re.M)] == list(range(1, 9)), f"its steps: {out}")
        check("\x1b" not in out and "Done in" in out, out)
        check_nothing_is_left(folder)


def an_interrupted_demo_leaves_nothing():
    rng = random.Random(1)
    for number in (signal.SIGINT, signal.SIGTERM):
        with demo() as (process, folder):
            check(process.stdout.readline() is not None, "it says nothing")
            wait_for("its nodes", lambda: len(processes_of(folder)) >= 4)
            time.sleep(rng.random())  # anywhere in the story
            process.send_signal(number)
            process.communicate(timeout=20 * PATIENCE)
            check(process.returncode in (0, 1, 130), f"exit {process.returncode}")
            check_nothing_is_left(folder)


def nodes_of_a_killed_demo_end_by_themselves():
    with demo() as (process, folder):
        wait_for("its nodes", lambda: len(processes_of(folder)) >= 4)
        process.kill()
        process.wait()
        wait_for("the end of its nodes", lambda: not processes_of(folder), 8)


def impossible_demos_are_refused():
    for options in (["--nodes", "7"], ["--nodes", "65"], ["--size", "much"]):
        check(run("demo", *options).returncode == 2, f"{options}")


if __name__ == "__main__":
    main(a_demo_tells_its_story_and_leaves_nothing, an_interrupted_demo_leaves_nothing,
         nodes_of_a_killed_demo_end_by_themselves, impossible_demos_are_refused)
