"""What `plan` says against what `run` takes: compare.py PROGRAM [PROBE.yaml ...] (all probe files by default).

For each probe file: a run, after which this machine knows the speed; the plan (its own seconds, and what it expects); a
second run (seconds, processor seconds, the most memory). Times mean something on a machine that does nothing else.
SMALL=--small takes the files' overlays, RUNS=1 lets the first run stand for the second. A file whose models or data are
not there is skipped.
"""

import glob
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def timed(arguments, environment):
    """Ends with (status, output, talk, seconds, processor seconds, peak bytes)."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.monotonic()
        process = subprocess.Popen(arguments, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        return (os.waitstatus_to_exitcode(status), out.read(), err.read(), seconds,
                usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def duration(text):
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+) (s|min|h|d)\b", text))


def main():
    program, probes = sys.argv[1], sys.argv[2:] or sorted(glob.glob("probes/*.yaml"))
    small = os.environ.get("SMALL", "").split()
    form = "{:36} {:>7} {:>9} {:>9} {:>6} {:>9} {:>9} {:>9} {:>6}"
    print(form.format("probe file", "plan s", "expected", "run s", "ratio", "CPU s", "plan GB", "run GB", "ratio"))
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, THETASCOPE_CACHE=folder + "/cache")
        for probe in probes:
            options = [probe] + small
            if probe.endswith(("hendel.yaml", "todd.yaml")):
                # Their formats are for checkpoints: the shipped models do not know the words.
                options += ["--model", "data/models/softmax", "--set", "template=arrow"]

            def run(name):
                return timed([program, "run", *options, "--quiet", "--out", f"{folder}/{name}"], environment)

            first = run("first")
            if first[0] == 66:
                print(f"skipped: {probe}: {first[2].splitlines()[-1]}", flush=True)
                continue
            plan = timed([program, "plan", *options], environment)
            last = first if os.environ.get("RUNS") == "1" else run("second")
            for name, ending in (("run", first), ("plan", plan), ("run", last)):
                if ending[0] != 0:
                    sys.exit(f"{name} {probe} ended with {ending[0]}: {ending[2]}")
            row = re.split(r"\s{2,}", plan[1].strip().splitlines()[-1].strip())
            expected = duration(row[-1])
            held = re.search(r"the program itself takes ([\d.]+) more", plan[2])
            memory = float(row[-2]) * 1e9 + float(held.group(1)) * 1e9
            print(form.format(
                probe.removeprefix("probes/"), f"{plan[3]:.1f}", f"{expected:.1f}", f"{last[3]:.1f}",
                f"{expected / last[3]:.2f}", f"{last[4]:.1f}", f"{memory / 1e9:.3f}", f"{last[5] / 1e9:.3f}",
                f"{memory / last[5]:.2f}"), flush=True)
            subprocess.run(["rm", "-r", f"{folder}/first"] + ([f"{folder}/second"] if last is not first else []))


main()
