#!/usr/bin/env python3
"""Start and run time of the programs of a release, as a ratio to the native build. Fails above 1.5.

  .github/packaging/times.py NATIVE PROGRAMS LAB     PROGRAMS holds TARGET/entra-pg; LAB is entra-pg-lab

A program that needs an emulator is compared with the native build in the same emulator: arm64 in qemu-user
with x86-64 in qemu-user. For Windows, the time that Wine takes to start a program that only loads the same
libraries is subtracted, and the time of /bin/true from the native build. The time of a run is the sum of
`duration_ms` of healthy scenarios; the others are processor times.
"""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

LIMIT = 1.5
# Differences below this are noise: of the clock, or of an emulator's start.
NOISE_MS, NOISE_OF_EMULATOR_MS = 1, 10
REPEATS = 15
BUNDLE = "fixtures/reports/many-faults.json"
COMMANDS = {"start": ["--version"], "replay": ["replay", BUNDLE], "explain": ["explain", "AADSTS50076"]}
SCENARIOS = ["healthy/public", "healthy/client-secret", "healthy/private-endpoint", "healthy/proxy", "healthy/pooler",
             "healthy/group"]
WINE = "/usr/lib/wine/wine64"
WINE_ENVIRONMENT = {"WINEDEBUG": "-all", "DISPLAY": "", "WINEDLLOVERRIDES": "mscoree,mshtml="}


def milliseconds(command, environment):
    """The median time that a command keeps a processor busy: these commands wait for nothing, and other work on the
    machine does not change it."""
    taken = []
    for _ in range(REPEATS):
        started = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=os.environ | environment)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode not in [0, 1]:
            sys.exit(f"FAIL exit code {started.returncode} of {' '.join(map(str, command))}")
        taken.append((used.ru_utime + used.ru_stime) * 1000)
    return statistics.median(taken)


class Runner:
    """How a program is started, and what the start of an empty program takes."""

    def __init__(self, program, prefix=(), environment=None, empty=None, command=None):
        self.program, self.prefix, self.environment = program, list(prefix), environment or {}
        self.command = command
        self.empty = milliseconds([*self.prefix, empty], self.environment) if empty else 0

    def figures(self, lab):
        figures = {name: milliseconds([*self.prefix, self.program, *words], self.environment) - self.empty
                   for name, words in COMMANDS.items()}
        figures["healthy runs"] = self.healthy(lab)
        return figures

    def healthy(self, lab):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "entra-pg"
            words = " ".join(f"'{word}'" for word in [*self.prefix, self.program])
            program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            program.chmod(0o755)
            os.chmod(folder, 0o755)
            command = self.command or [lab, "table"]
            done = subprocess.run([*command, *SCENARIOS, "--reports", folder], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, check=False,
                                  env=os.environ | {"ENTRA_PG": str(program), "LAB": str(lab)})
            if done.returncode:
                sys.exit(f"FAIL healthy scenarios with {self.program}: {done.stderr[-2000:]}")
            reports = [json.loads(path.read_text()) for path in pathlib.Path(folder).glob("*.json")]
        assert len(reports) == len(SCENARIOS), reports
        return sum(report["duration_ms"] for report in reports)


def in_wine(program, folder, lab):
    """A runner with a program to compare with that only loads the same libraries, and a server that runs all the time."""
    source, empty = folder / "empty.c", folder / "empty.exe"
    imports = subprocess.run(["x86_64-w64-mingw32-objdump", "-p", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    loads = "".join(f'LoadLibraryA("{name}"); ' for name in re.findall(r"DLL Name: (\S+)", imports))
    source.write_text(f"#include <windows.h>\nint main(void) {{ {loads}return 0; }}\n")
    subprocess.run(["x86_64-w64-mingw32-gcc", "-O2", "-s", "-o", empty, source], check=True)
    cross = pathlib.Path(os.environ.get("CROSS", "target/windows")).resolve()
    environment = WINE_ENVIRONMENT | {"WINEPREFIX": str(cross / "wine")}
    # A copy: tests/windows puts what Wine lacks beside it, which is no part of the archive.
    program = pathlib.Path(shutil.copy2(program, folder))
    os.environ["ENTRA_PG_EXE"] = str(program)
    subprocess.run(["tests/windows", "lab", SCENARIOS[0]], check=True, env=os.environ | {"LAB": str(lab)}, stdout=sys.stderr)
    subprocess.Popen(["/usr/lib/wine/wineserver64", "-p60"], env=os.environ | environment).wait()
    return Runner(program, [WINE], environment, empty, ["tests/windows", "lab"])


def report(name, figures, base, noise=NOISE_MS):
    ratios = {what: value / max(base[what], 0.1) for what, value in figures.items()}
    line = ", ".join(f"{what} {value:.1f} ms ({ratios[what]:.2f})" for what, value in figures.items())
    print(f"     {name}: {line}", file=sys.stderr, flush=True)
    slow = [what for what, ratio in ratios.items() if ratio > LIMIT and figures[what] - base[what] > noise]
    if slow:
        sys.exit(f"FAIL {name} takes more than {LIMIT} times as long as the native build: {', '.join(slow)}")


def main(native, programs, lab):
    native, lab, programs = pathlib.Path(native).resolve(), pathlib.Path(lab).resolve(), pathlib.Path(programs).resolve()
    base = Runner(native).figures(lab)
    report("native", base, base)
    for linux in sorted(programs.glob("x86_64-unknown-linux-*/entra-pg")):
        report(linux.parent.name, Runner(linux).figures(lab), base)
    arm = next(iter(sorted(programs.glob("aarch64-unknown-linux-*/entra-pg"), reverse=True)), None)
    if arm and shutil.which("qemu-aarch64") and shutil.which("qemu-x86_64"):
        emulated = Runner(native, [shutil.which("qemu-x86_64")]).figures(lab)
        report("native, in qemu", emulated, emulated)
        report(f"{arm.parent.name}, in qemu", Runner(arm, [shutil.which("qemu-aarch64")]).figures(lab), emulated,
               NOISE_OF_EMULATOR_MS)
    for windows in programs.glob("x86_64-pc-windows-*/entra-pg.exe"):
        if not pathlib.Path(WINE).exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            plain = Runner(native, empty="/bin/true").figures(lab)
            report("native, without an empty program's time", plain, plain)
            report(f"{windows.parent.name}, without Wine's start", in_wine(windows, pathlib.Path(folder), lab).figures(lab), plain,
                   NOISE_OF_EMULATOR_MS)


if __name__ == "__main__":
    main(*sys.argv[1:])
