"""Man pages and completion, as the program prints them: a typesetter has nothing to object, bash completes with them."""
import filecmp
import os
import shutil
import subprocess
import tempfile

from libswarm import PATIENCE, PROGRAM, check, main, run

NAMES = run("help", "--names").stdout.decode().splitlines()


def page_of(name):
    return run("help", "--man", *name.split()).stdout


def tool(*command, data):
    return subprocess.run(command, input=data, capture_output=True, timeout=60 * PATIENCE)


def groff_renders_every_page_without_a_warning():
    if not shutil.which("groff"):
        return "SKIPPED: groff is missing (apt install groff-base)"
    pages = [page_of("")] + [page_of(name) for name in NAMES]
    check(len(pages) > 20, "no pages")
    for name, page in zip(["ghostnet"] + NAMES, pages):
        done = tool("groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou", data=page)
        text = done.stdout.decode()
        check(done.returncode == 0 and not done.stderr, f"{name}: {done.stderr.decode()}")
        for part in ("NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "--data-dir"):
            check(part in text, f"{name}: no {part}")
        check("\n.B " not in text and "\\fI" not in text, f"{name}: requests in the text")
    bad = tool("groff", "-man", "-ww", "-Tutf8", data=pages[0] + b".NONSENSE\n\\fQx\n")
    check(bad.stderr, "groff warns of nothing: this test cannot fail")
    return f"{len(pages)} pages"


def the_build_wrote_the_same_pages():
    folder = os.path.join(os.environ.get("GN_BUILD_DIR", ""), "manual")
    if not os.path.exists(os.path.join(folder, "made")):
        return "SKIPPED: this build installs nothing"
    wanted = {"ghostnet.1": page_of("")}
    wanted.update({f"ghostnet-{name.replace(' ', '-')}.1": page_of(name) for name in NAMES})
    check(set(os.listdir(os.path.join(folder, "man1"))) == set(wanted), f"{os.listdir(os.path.join(folder, 'man1'))}")
    for name, page in wanted.items():
        check(open(os.path.join(folder, "man1", name), "rb").read() == page, f"{name} is old")
    with tempfile.NamedTemporaryFile() as f:
        f.write(run("help", "--completion").stdout)
        f.flush()
        check(filecmp.cmp(f.name, os.path.join(folder, "completion"), False), "the completion is old")


def complete(*words):
    """What bash offers for the last word."""
    quoted = " ".join("'%s'" % w for w in words)
    script = run("help", "--completion").stdout.decode() + (
        f"COMP_WORDS=(ghostnet {quoted}); COMP_CWORD={len(words)}; _ghostnet; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
    done = tool("bash", "-u", "-c", script, data=b"")
    check(done.returncode == 0 and not done.stderr, f"completing {words}: {done.stderr.decode()}")
    return done.stdout.decode().split()


def bash_completes_commands_options_and_values():
    check(tool("bash", "-n", data=run("help", "--completion").stdout).returncode == 0, "bash -n refuses it")
    firsts = list(dict.fromkeys(name.split()[0] for name in NAMES))
    check(complete("") == firsts, f"{complete('')}")
    check(complete("st") == ["stop", "status"], f"{complete('st')}")
    check(complete("kv", "") == [n.split()[1] for n in NAMES if n.startswith("kv ")], f"{complete('kv', '')}")
    check(complete("config", "s") == ["show"], "config s")
    check(set(complete("put", "--t")) == {"--ttl", "--timeout"}, f"{complete('put', '--t')}")
    check(complete("kv", "put", "key", "--if") == ["--if-version"], "options of two words")
    check(complete("run", "--log-format", "") == ["text", "json"] and complete("run", "--mode", "c") == ["client"], "values")
    check(complete("help", "dem") == ["demo"], "help")
    check(complete("nonsense", "--") == [] and complete("share", "") == [], "what bash does itself")


if __name__ == "__main__":
    main(groff_renders_every_page_without_a_warning, the_build_wrote_the_same_pages, bash_completes_commands_options_and_values)
