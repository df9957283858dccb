#!/usr/bin/python3
"""Times handgrad beside its peers, each at its best setting, in turn in one run; writes docs/performance.md.

Usage: bench/compare.py [--quick] [--workload T1,S1] [--peer JAX,PyTorch] [--skip-torch-compile] [-o PAGE]

Every peer is a process of its own that compiles and checks itself first and is then asked, round after round, to time
one stretch of at least 0.2 s; it stands still (SIGSTOP) while anything else is timed. With the page come its raw
numbers (.json) and a plot (.svg) of the same name. The program is build/release/cli/handgrad, or the one that
HANDGRAD_PROGRAM names. RTNeural takes part when RTNEURAL_SOURCE names a checkout of it. A run of everything takes less
than 30 minutes.
"""

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import platform
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from peers import page

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "bench" / "peers"
BUILT = ROOT / "build" / "peers"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad"))
RTNEURAL = os.environ.get("RTNEURAL_SOURCE")
CORES = sorted(os.sched_getaffinity(0))[:2]
PREPARE_SECONDS, MEASURE_SECONDS = 150, 60  # more than that is taken for a peer that hangs
LATE_MINUTES = 20  # from then on two rounds must do, and torch.compile is left out
LAST_MINUTES = 28  # from then on no peer is prepared any more: a busy machine must not make it a run without end

SHAPES = ["10-32-1", "64-64-64", "784-256-10"]
GROUPS = {**{name: [name] for name in "T1 T2 T3 S1 S2 S3 M1 M2 M3 D1 L1".split()},
          "I1": [f"I1/{shape}" for shape in SHAPES],
          "I2": [f"I2/{shape}" for shape in SHAPES],
          "J1": [f"J1/{shape}/{rows}" for shape in SHAPES[:2] for rows in (1, 1024)],
          "E": [f"E/{name}" for name in "exp tanh sigmoid log erf log1p expm1".split()],
          "L2": ["L2"]}  # the last, as it takes longest and has no aim
START = time.monotonic()
TRAINING = "T[123]|S[123]|M[123]|D1|L[12]"
LONG = "M[123]|D1|L[12]|I2/.*"  # where a second core may help what is compiled


class NotMeasured(Exception):
    """The reason why there is no number."""


@dataclass
class Contender:
    """One peer in one setting: a process that answers as bench/peers/worker.py says."""

    peer: str
    command: list
    serves: str  # pattern of the workloads' ids
    threads: int = 1
    environment: dict = field(default_factory=dict)
    setting: str = ""
    broken: str | None = None  # why it cannot run at all
    process: subprocess.Popen | None = None

    @property
    def log(self):
        name = f"{self.peer} {self.setting} {self.threads}".replace(" ", "-").replace("/", "-")
        return BUILT / "log" / f"{name}.log"

    def start(self):
        if self.broken:
            raise NotMeasured(self.broken)
        if self.process and self.process.poll() is None:
            return
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}  # its own choice of kernels is best
        environment |= {"OMP_NUM_THREADS": str(self.threads), "OPENBLAS_NUM_THREADS": str(self.threads),
                        "HANDGRAD_THREADS": str(self.threads), "TORCHINDUCTOR_CACHE_DIR": str(BUILT / "torch"),
                        "TORCHINDUCTOR_COMPILE_THREADS": "1", "PYTHONWARNINGS": "ignore"} | self.environment
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            # A process that stands still cannot see that this one has ended: the kernel is to end it.
            command = ["setpriv", "--pdeathsig", "KILL", *pinned(self.threads, self.command)]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            env=environment, bufsize=0)

    def ask(self, question, seconds):
        """The answer, a dict. The process runs from the question to the answer and at no other time."""
        self.start()
        try:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.write(question.encode() + b"\n")
            line = b""
            deadline = time.monotonic() + seconds
            while not line.endswith(b"\n"):
                if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                    self.kill()
                    raise NotMeasured(f"no answer to '{question}' in {seconds} s")
                part = self.process.stdout.read(65536)
                if not part:
                    raise BrokenPipeError
                line += part
            self.process.send_signal(signal.SIGSTOP)
            answer = json.loads(line)
        except (BrokenPipeError, ProcessLookupError, json.JSONDecodeError):
            self.kill()
            raise NotMeasured(f"ended at '{question}': {self.last_words()}") from None
        if "error" in answer:
            raise NotMeasured(answer["error"])
        return answer

    def last_words(self):
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "it said nothing")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def pinned(threads, command):
    return ["taskset", "-c", ",".join(map(str, CORES[:threads])), *map(str, command)]


def output_of(*command, default=""):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return default


def compiled(name, source, flags):
    """(path of the program, reason why there is none). Compiles only what changed."""
    compiler = ["g++", "-std=c++17"] if source.endswith("pp") else ["gcc", "-std=gnu11"]
    command = [*compiler, "-O3", "-march=native", str(PEERS / source), *flags[0], "-o", str(BUILT / name), *flags[1]]
    text = "\n".join([*command, *((PEERS / part).read_text(encoding="utf-8") for part in (source, "runner.h"))])
    stamp, digest = BUILT / f"{name}.stamp", hashlib.sha256(text.encode()).hexdigest()
    if not ((BUILT / name).exists() and stamp.exists() and stamp.read_text() == digest):
        say(f"compiling {name}")
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            error = next((line for line in result.stderr.split("\n") if "error" in line), result.stderr[:200])
            for path, shown in ((str(ROOT) + "/", ""), (RTNEURAL, "RTNEURAL_SOURCE")):
                error = error.replace(path, shown) if path else error
            return BUILT / name, "does not compile: " + error
        stamp.write_text(digest)
    return BUILT / name, None


def native(peer, name, source, serves, flags=((), ()), setting="", broken=None):
    path = BUILT / name
    if not broken:
        path, broken = compiled(name, source, flags)
    return Contender(peer, [path], serves, setting=setting, broken=broken)


def rtneural_contenders():
    serves = "I1/.*"
    if not RTNEURAL:
        return [native("RTNeural", "rtneural", "", serves,
                       broken="its source is not at hand: RTNEURAL_SOURCE names no checkout")]
    source = Path(RTNEURAL)
    version = output_of("git", "-C", RTNEURAL, "log", "-1", "--format=%h of %cs", default="unknown")
    common = ["-DRTNEURAL_NAMESPACE=RTNeural", "-DRTNEURAL_DEFAULT_ALIGNMENT=32", "-DRTNEURAL_AVX_ENABLED=1",
              f'-DHANDGRAD_RTNEURAL_VERSION="{version}"', f"-I{source}", f"-I{source / 'modules/json'}", f"-I{ROOT}"]
    backends = {"Eigen": ["-DRTNEURAL_USE_EIGEN=1", f"-I{source / 'modules/Eigen'}"],
                "xsimd": ["-DRTNEURAL_USE_XSIMD=1", f"-I{source / 'modules/xsimd/include'}"],
                "standard library": ["-DRTNEURAL_USE_STL=1"]}
    contenders = []
    for backend, flags in backends.items():
        broken = None
        if backend == "xsimd" and not (source / "modules/xsimd/include").exists():
            broken = "the checkout is without its submodule modules/xsimd"
        contenders.append(native("RTNeural", f"rtneural-{backend.split()[0].lower()}", "rtneural_peer.cpp", serves,
                                 ([*common, *flags], []), f"fixed shape, {backend}", broken))
    return contenders


def contenders(options):
    def python(peer, script, serves, threads, setting="", **environment):
        return Contender(peer, [PYTHON, PEERS / script], serves, threads, environment, setting)

    everything = f"{TRAINING}|I[12]/.*|J1/.*"
    fann, sleef = (output_of("pkg-config", "--modversion", name, default="unknown") for name in ("fann", "sleef"))
    made = [python("JAX", "jax_peer.py", everything, threads) for threads in (1, 2)]
    made += [python("PyTorch", "torch_peer.py", everything, threads) for threads in (1, 2)]
    made.append(python("PyTorch", "torch_peer.py", f"{LONG}|I1/.*", 2, "passive waiting", OMP_WAIT_POLICY="passive"))
    if not options.skip_torch_compile:
        made += [python("PyTorch", "torch_peer.py", everything if threads == 1 else LONG, threads, "torch.compile",
                        HANDGRAD_COMPILE="1") for threads in (1, 2)]
    made += [python("scikit-learn", "sklearn_peer.py", "T[12]|S[123]|M[123]|D1|L[12]|I[12]/.*", threads)
             for threads in (1, 2)]
    made += [python("NumPy", "numpy_peer.py", f"{everything}|sgemm", threads) for threads in (1, 2)]
    made += [python("ONNX Runtime", "onnx_peer.py", "I[12]/.*", threads) for threads in (1, 2)]
    made.append(native("FANN", "fann", "fann_peer.c", "T[12]|I1/.*",
                       ([f'-DHANDGRAD_FANN_VERSION="{fann}"'], ["-lfloatfann", "-lm"])))
    made += rtneural_contenders()
    made.append(native("SLEEF", "sleef", "sleef_peer.c", "E/.*",
                       ([f'-DHANDGRAD_SLEEF_VERSION="{sleef}"'], ["-lsleef", "-lm"])))
    if options.peer:
        made = [contender for contender in made if contender.peer.lower() in options.peer.lower().split(",")]
    return made


def ours(group, threads, machine):
    """{id: event} of one call of our own program."""
    words = ["bench", "--workload", group, "--threads", threads, "--repetitions", 1, "--json"]
    try:
        result = subprocess.run(pinned(threads, [PROGRAM, *words]), capture_output=True, text=True, check=True,
                                timeout=2 * MEASURE_SECONDS)
        events = [json.loads(line) for line in result.stdout.split("\n") if line.startswith("{")]
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().split("\n")
        raise NotMeasured(f"handgrad bench: {lines[0][:200] or f'status {error.returncode}'}") from None
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        raise NotMeasured(f"handgrad bench: {error}") from None
    for event in events:
        if event.get("event") == "machine":
            note_machine(machine, threads, event)
    found = {event["id"]: event for event in events if event.get("event") == "workload"}
    for event in found.values():
        event.setdefault("seconds_per_step", event.get("seconds_per_element"))
    return found


def note_machine(machine, threads, event):
    """Keeps the best that the machine was measured to reach."""
    best = machine.setdefault("measured", {}).setdefault(str(threads), {"gflops_peak": 0, "bandwidth_gb_s": {}})
    best["gflops_peak"] = max(best["gflops_peak"], event.get("gflops_peak") or 0)
    best["simd"] = event.get("simd")
    for level, rate in (event.get("bandwidth_gb_s") or {}).items():
        best["bandwidth_gb_s"][level] = max(rate or 0, best["bandwidth_gb_s"].get(level, 0))


def measure_group(group, rivals, rounds, results, with_ours=True):
    """All rounds of a workload, or of a few that our program times together."""
    ids = GROUPS.get(group, [group])
    for workload in ids:
        results["workloads"][workload] = {"ours": {}, "peers": []}
    ready = {workload: [] for workload in ids}
    for rival in rivals:
        for workload in ids:
            if not re.fullmatch(rival.serves, workload):
                continue
            entry = {"peer": rival.peer, "setting": rival.setting, "threads": rival.threads, "seconds": []}
            results["workloads"][workload]["peers"].append(entry)
            try:
                if minutes_taken() > LAST_MINUTES:
                    raise NotMeasured(f"left out, as the run had taken {LAST_MINUTES} minutes")
                answer = rival.ask(f"prepare {workload}", PREPARE_SECONDS)
                said = answer["setting"]
                entry["setting"] = f"{said}, {rival.setting}" if rival.environment.get("OMP_WAIT_POLICY") else said
                entry["check"] = answer["check"]
                ready[workload].append((rival, entry))
            except NotMeasured as reason:
                entry["not_measured"] = str(reason)
                say(f"  {rival.peer} {rival.setting}: {reason}")
    for _ in range(rounds):
        for threads in range(1, len(CORES) + 1) if with_ours else ():
            try:
                for workload, event in ours(group, threads, results["machine"]).items():
                    if workload in ready:
                        own = results["workloads"][workload]["ours"].setdefault(str(threads), {})
                        own.setdefault("events", []).append(event)
            except NotMeasured as reason:
                for workload in ids:
                    own = results["workloads"][workload]["ours"].setdefault(str(threads), {})
                    own["not_measured"] = str(reason)
        for workload in ids:
            for rival, entry in ready[workload]:
                if "not_measured" in entry:
                    continue
                try:
                    entry["seconds"].append(rival.ask(f"measure {workload}", MEASURE_SECONDS)["seconds"])
                except NotMeasured as reason:
                    entry["not_measured"] = str(reason)
    for workload, measured in ready.items():
        for rival, _ in measured:
            with contextlib.suppress(NotMeasured):
                rival.ask(f"release {workload}", 30)
        say("  " + page.one_line(workload, results["workloads"][workload]))


def minutes_taken():
    return (time.monotonic() - START) / 60


def machine():
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    caches = {}
    for index in sorted(Path(f"/sys/devices/system/cpu/cpu{CORES[0]}/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            caches[f"L{level}"] = size
    return {"model": names[0] if names else platform.machine(), "cores": len(names), "used_cores": CORES,
            "caches": caches, "load_average_at_start": round(os.getloadavg()[0], 2)}


def versions(rivals):
    found = {"handgrad": output_of(str(PROGRAM), "--version", default="handgrad, not built"),
             "compiler": output_of("g++", "--version").split("\n")[0], "Python": output_of(str(PYTHON), "--version")}
    found = {key: value.removeprefix("handgrad ").removeprefix("Python ") for key, value in found.items()}
    for peer in dict.fromkeys(rival.peer for rival in rivals):
        for rival in (rival for rival in rivals if rival.peer == peer):
            try:
                found.pop(peer, None)
                found |= rival.ask("versions", 60)
                break
            except NotMeasured as reason:
                found.setdefault(peer, f"not measured: {reason}")
    return found


def say(text):
    print(text, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", help=f"only these, of {','.join(GROUPS)}")
    parser.add_argument("--peer", help="only these, as JAX,PyTorch")
    parser.add_argument("--repetitions", type=int, help="rounds (default: 5)")
    parser.add_argument("--quick", action="store_true", help="two rounds of short stretches, no torch.compile")
    parser.add_argument("--skip-torch-compile", action="store_true", help="compiling takes minutes")
    parser.add_argument("--redraw", type=Path, metavar="JSON", help="measure nothing; make the page from these numbers")
    parser.add_argument("-o", "--output", type=Path,
                        help="the page (default: docs/performance.md; build/performance.md when not all is measured)")
    options = parser.parse_args()
    options.skip_torch_compile |= options.quick
    options.repetitions = options.repetitions or (2 if options.quick else 5)
    if options.output is None:
        partial = options.quick or options.workload or options.peer
        options.output = options.redraw.with_suffix(".md") if options.redraw else \
            ROOT / ("build" if partial else "docs") / "performance.md"
    return options


def measured(options):
    subprocess.run([ROOT / "bench" / "peers-environment"], check=True)
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is missing: build it by `make`")
    if not shutil.which("taskset"):
        sys.exit("taskset is missing: it comes with the package util-linux")
    BUILT.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(BUILT / "log", ignore_errors=True)
    os.environ["HANDGRAD_STRETCH"] = "0.05" if options.quick else "0.2"
    results = {"schema": 1, "date": f"{datetime.date.today():%Y-%m-%d}",
               "commit": output_of("git", "rev-parse", "--short=12", "HEAD", default="unknown"),
               "changed": bool(output_of("git", "status", "--porcelain", "--", "handgrad", "cli", "bench")),
               "rounds": options.repetitions, "stretch_seconds": float(os.environ["HANDGRAD_STRETCH"]),
               "machine": machine(), "workloads": {}}
    rivals = contenders(options)
    try:
        results["versions"] = versions(rivals)
        measure_group("sgemm", rivals, options.repetitions, results, with_ours=False)
        chosen = options.workload.split(",") if options.workload else list(GROUPS)
        for group in chosen:
            rounds = options.repetitions
            minutes = minutes_taken()
            if minutes > LATE_MINUTES:
                rounds = min(2, rounds)
                for rival in rivals:
                    if rival.setting == "torch.compile":
                        rival.broken = f"left out after {LATE_MINUTES} minutes"
            say(f"{group}, after {minutes:.1f} minutes")
            measure_group(group, rivals, rounds, results)
            (BUILT / "so-far.json").write_text(json.dumps(results), encoding="utf-8")  # for --redraw when stopped
    finally:
        for rival in rivals:
            rival.kill()
    results["minutes"] = round(minutes_taken(), 1)
    return results


def main():
    options = arguments()
    if options.workload and (unknown := set(options.workload.split(",")) - set(GROUPS)):
        sys.exit(f"no such workload: {', '.join(sorted(unknown))}; choose from: {', '.join(GROUPS)}")
    if options.redraw:
        results = json.loads(options.redraw.read_text(encoding="utf-8"))
    else:
        results = measured(options)
    numbers, plot = options.output.with_suffix(".json"), options.output.with_suffix(".svg")
    numbers.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    drawn = subprocess.run([PYTHON, PEERS / "plot.py", numbers, plot], check=False).returncode == 0
    options.output.write_text(page.page(results, plot.name if drawn else None), encoding="utf-8")
    say(f"{shlex.quote(str(options.output))} written")


if __name__ == "__main__":
    main()
