#!/usr/bin/env python3
"""Start and run time of the programs of a release, as a ratio to the native build. Fails above 1.5.

  .github/packaging/times.py NATIVE PROGRAMS LAB     PROGRAMS holds TARGET/entra-pg; LAB is entra-pg-lab

Compared are the processor times of commands that wait for nothing and of healthy runs in the lab, which other work
on the machine changes little, and `duration_ms` of these runs. Each is the least of several.

A program that needs an emulator is compared with the native build in the same emulator: arm64 in qemu-user with
x86-64 in qemu-user. For Windows, the time that Wine takes to load the same program and its libraries, without any of
its work, is subtracted, and the time of /bin/true from the native build. Healthy runs in Wine are printed and not
compared: their requests to Wine's server, which is another process, are a large part of them.
"""
import json
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

LIMIT = 1.5
# Differences below this are noise: of the clock, of an emulator's start, and of Wine's, which takes 30 ms.
NOISE_MS, NOISE_OF_EMULATOR_MS, NOISE_OF_WINE_MS = 1, 10, 5
REPEATS, ROUNDS = 15, 2
BUNDLE = "fixtures/reports/many-faults.json"
COMMANDS = {"start": ["--version"], "replay": ["replay", BUNDLE], "explain": ["explain", "AADSTS50076"]}
SCENARIOS = ["healthy/public", "healthy/client-secret", "healthy/private-endpoint", "healthy/proxy", "healthy/pooler",
             "healthy/group"]
HEALTHY, DURATION = "healthy run", "its duration"
WINE = "/usr/lib/wine/wine64"
# The C library of Debian's libc6-arm64-cross, which a program that is not static needs in the emulator.
ARM64_LIBRARIES = pathlib.Path("/usr/aarch64-linux-gnu")
WINE_ENVIRONMENT = {"WINEDEBUG": "-all", "DISPLAY": "", "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe="}
# Runs a command and appends its processor time to a file.
MEASURE = """#!{python}
import os, subprocess, sys
started = subprocess.Popen({command!r} + sys.argv[1:])
_, status, used = os.wait4(started.pid, 0)
started.returncode = os.waitstatus_to_exitcode(status)
with open({file!r}, "a") as file:
    file.write(f"{{(used.ru_utime + used.ru_stime) * 1000}}\\n")
sys.exit(started.returncode)
"""


class Meter:
    """A program in `folder` that runs a command, and the processor times of its runs in milliseconds."""

    def __init__(self, folder, command):
        self.program, self.file = pathlib.Path(folder) / "entra-pg", pathlib.Path(folder) / "times"
        self.program.write_text(MEASURE.format(python=sys.executable, command=list(map(str, command)), file=str(self.file)))
        self.program.chmod(0o755)
        self.file.touch(0o666)
        # The lab's users write into it.
        os.chmod(folder, 0o777)
        os.chmod(self.file, 0o666)

    def take(self):
        times = [float(line) for line in self.file.read_text().splitlines()]
        self.file.write_text("")
        return times


def milliseconds(commands, environment):
    """The least time that each command keeps a processor busy. They take turns, so that a load is on all of them."""
    taken = {name: [] for name in commands}
    for _ in range(REPEATS):
        for name, command in commands.items():
            started = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env=os.environ | environment)
            _, status, used = os.wait4(started.pid, 0)
            started.returncode = os.waitstatus_to_exitcode(status)
            if started.returncode not in [0, 1]:
                sys.exit(f"FAIL exit code {started.returncode} of {' '.join(map(str, command))}")
            taken[name].append((used.ru_utime + used.ru_stime) * 1000)
    return {name: min(times) for name, times in taken.items()}


class Runner:
    """How a program is started, here and in the lab, and an empty program whose times are subtracted."""

    def __init__(self, program, prefix=(), environment=None, empty=None):
        self.command, self.environment = [*prefix, program], environment or {}
        self.empty = [*prefix, empty] if empty else None
        self.in_lab, self.empty_in_lab = self.command, self.empty
        self.lab_environment = {}

    def figures(self, lab):
        commands = {name: [*self.command, *words] for name, words in COMMANDS.items()}
        times = milliseconds(commands | ({"empty": self.empty} if self.empty else {}), self.environment)
        without = times.pop("empty", 0)
        return {name: time - without for name, time in times.items()} | self.healthy(lab)

    def healthy(self, lab):
        """Mean processor time and duration of healthy runs."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
            meter, empty = Meter(folder, self.in_lab), Meter(other, self.empty_in_lab or [])
            runs = []
            for name in SCENARIOS:
                runs.append(self.scenario(lab, name, meter))
                if self.empty_in_lab:
                    subprocess.run([lab, "show", SCENARIOS[0], "--", empty.program], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, check=True)
            without = min(empty.take(), default=0)
        processor, duration = (statistics.mean(values) for values in zip(*runs))
        return {HEALTHY: processor - without, DURATION: duration}

    def scenario(self, lab, name, meter):
        durations = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([lab, "table", name, "--jobs", "1", "--reports", folder], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True, check=False,
                                      env=os.environ | {"ENTRA_PG": str(meter.program)} | self.lab_environment)
                if done.returncode:
                    sys.exit(f"FAIL {name} with {self.command[-1]}: {done.stderr[-2000:]}")
                durations += [json.loads(path.read_text())["duration_ms"] for path in pathlib.Path(folder).glob("*.json")]
        assert len(durations) == ROUNDS, durations
        return min(meter.take()), min(durations)


def without_work(program):
    """The same Windows program, which the system loads as a whole and which returns at its entry point."""
    image = bytearray(program.read_bytes())
    header, = struct.unpack_from("<I", image, 0x3C)
    sections, size_of_optional = struct.unpack_from("<H12xH", image, header + 6)
    entry, = struct.unpack_from("<I", image, header + 24 + 16)
    for number in range(sections):
        # VirtualSize, VirtualAddress, SizeOfRawData, PointerToRawData
        size, address, _, raw = struct.unpack_from("<4I", image, header + 24 + size_of_optional + 40 * number + 8)
        if address <= entry < address + size:
            at = raw + entry - address
            image[at:at + 3] = b"\x31\xc0\xc3" # xor eax, eax; ret
            return bytes(image)
    sys.exit(f"FAIL {program} has no entry point")


def in_wine(program, folder, lab):
    """A runner whose empty program is the same one without its work, with a server that runs all the time. None
    without Wine."""
    empty = folder / "empty.exe"
    empty.write_bytes(without_work(program))
    # A copy: tests/windows puts what Wine lacks beside it, which is no part of the archive.
    program = pathlib.Path(shutil.copy2(program, folder))
    made = subprocess.run(["tests/windows", "lab", SCENARIOS[0]], check=False, stdout=sys.stderr,
                          env=os.environ | {"ENTRA_PG_EXE": str(program), "LAB": str(lab)}).returncode
    if made == 77:
        return None
    if made:
        sys.exit(f"FAIL {SCENARIOS[0]} in Wine")
    cross = pathlib.Path(os.environ.get("CROSS", "target/windows")).resolve()
    environment = WINE_ENVIRONMENT | {"WINEPREFIX": str(cross / "wine")}
    subprocess.Popen(["/usr/lib/wine/wineserver64", "-p60"], env=os.environ | environment).wait()
    runner = Runner(program, [WINE], environment, empty)
    # The command that tests/windows made for the lab, and the same for the empty program.
    command = (cross / "entra-pg").read_text()
    assert command.count(f'"{program}"') == 1, command
    (folder / "empty").write_text(command.replace(f'"{program}"', f'"{empty}"'))
    (folder / "empty").chmod(0o755)
    folder.chmod(0o755)
    runner.in_lab, runner.empty_in_lab = [cross / "entra-pg"], [folder / "empty"]
    runner.lab_environment = {"ENTRA_PG_SYSTEM": "windows"}
    return runner


def report(name, figures, base, noise=NOISE_MS, ignored=()):
    ratios = {what: value / max(base[what], 0.1) for what, value in figures.items()}
    line = ", ".join(f"{what} {value:.1f} ms ({ratios[what]:.2f})" for what, value in figures.items())
    print(f"     {name}: {line}", file=sys.stderr, flush=True)
    slow = [what for what, ratio in ratios.items() if ratio > LIMIT and figures[what] - base[what] > noise
            and what not in ignored]
    if slow:
        sys.exit(f"FAIL {name} takes more than {LIMIT} times as long as the native build: {', '.join(slow)}")


def main(native, programs, lab):
    native, lab, programs = pathlib.Path(native).resolve(), pathlib.Path(lab).resolve(), pathlib.Path(programs).resolve()
    base = Runner(native).figures(lab)
    report("native", base, base)
    for linux in sorted(programs.glob("x86_64-unknown-linux-*/entra-pg")):
        report(linux.parent.name, Runner(linux).figures(lab), base)
    arm = sorted(programs.glob("aarch64-unknown-linux-*/entra-pg"))
    if arm and shutil.which("qemu-aarch64") and shutil.which("qemu-x86_64"):
        emulated = Runner(native, [shutil.which("qemu-x86_64")]).figures(lab)
        report("native, in qemu", emulated, emulated)
        for linux in arm:
            if linux.parent.name.endswith("-gnu") and not ARM64_LIBRARIES.exists():
                print(f"     {linux.parent.name} is not compared: install libc6-arm64-cross", file=sys.stderr)
                continue
            emulator = [shutil.which("qemu-aarch64"), "-L", str(ARM64_LIBRARIES)]
            report(f"{linux.parent.name}, in qemu", Runner(linux, emulator).figures(lab), emulated, NOISE_OF_EMULATOR_MS)
    for windows in programs.glob("x86_64-pc-windows-*/entra-pg.exe"):
        if not pathlib.Path(WINE).exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            runner = in_wine(windows, pathlib.Path(folder), lab)
            if runner:
                plain = Runner(native, empty="/bin/true").figures(lab)
                report("native, without an empty program's time", plain, plain)
                report(f"{windows.parent.name}, without Wine's start", runner.figures(lab), plain, NOISE_OF_WINE_MS,
                       [HEALTHY, DURATION])


if __name__ == "__main__":
    main(*sys.argv[1:])
