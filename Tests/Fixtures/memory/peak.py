"""Runs a command and says how long it took and the most memory that it held at one time.

    python3 peak.py COMMAND…
"""
import resource, subprocess, sys, time

begin = time.monotonic()
status = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(f"{time.monotonic() - begin:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of CPU, peak {peak / 1e9:.2f} GB")
sys.exit(status)
