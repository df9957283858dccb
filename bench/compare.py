#!/usr/bin/python3
"""Times handgrad beside its peers, each at its best setting, in turn in one run; writes docs/performance.md.

Usage: bench/compare.py [--quick] [--workload T1,S1] [--peer JAX,PyTorch] [--skip-torch-compile] [-o PAGE]

What is compared, and why, stands in bench/workloads.toml; docs/performance.md is written only when all of it was
measured. Every peer is a process of its own that compiles and checks itself first and is then asked, round after round,
to time one stretch of at least 0.2 s; it stands still (SIGSTOP) while anything else is timed. With the page come its
raw numbers (.json) and a plot (.svg) of the same name. The program is build/release/cli/handgrad, or the one that
HANDGRAD_PROGRAM names. After an hour no peer is prepared any more; --complete build/performance.json measures what such a
run, or one that was stopped (build/peers/so-far.json), has left out.

Two peers need what no package has; where it is not at hand, their rows say so:

    RTNEURAL_SOURCE     a checkout of github.com/jatinchowdhury18/RTNeural with its submodules (Debian's xsimd does not
                        compile with it); XSIMD_SOURCE: a checkout of the commit of xsimd that RTNeural pins, if
                        modules/xsimd is empty
    ONNXRUNTIME_SOURCE  a folder with onnxruntime_c_api.h and the headers that it includes, or a checkout of
                        github.com/microsoft/onnxruntime; without it ONNX Runtime is called from Python alone
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

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "bench" / "peers"
sys.path.insert(0, str(PEERS))

import limits  # noqa: E402  (after the path that leads to it)
import page  # noqa: E402
import table  # noqa: E402


BUILT = ROOT / "build" / "peers"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad"))
SOURCES = ("RTNEURAL_SOURCE", "XSIMD_SOURCE", "ONNXRUNTIME_SOURCE")
# For a machine that can neither compile nor install: --build-only for its processor here, what that made there, where
# HANDGRAD_COMMIT names the commit.
MARCH, PREBUILT = os.environ.get("HANDGRAD_MARCH", "native"), "HANDGRAD_PREBUILT" in os.environ
CORES = sorted(os.sched_getaffinity(0))[:2]
PREPARE_SECONDS, MEASURE_SECONDS = 150, 60  # more than that is taken for a peer that hangs
REFERENCE = "sgemm"  # a line of the machine's, by NumPy
LATE_MINUTES = 50  # from then on two rounds must do, and torch.compile is left out
LAST_MINUTES = 60  # from then on no peer is prepared any more: a busy machine must not make it a run without end

GROUPS = table.groups()
CLOCK = {"start": time.monotonic()}
LONG = "M.|D.|L.|I2/.*"  # where a second core may help what is compiled
ONE_ROW = "I1/.*|J1/.*/1"


class NotMeasured(Exception):
    """The reason why there is no number."""


@dataclass
class Contender:
    """One peer in one setting: a process that answers as bench/peers/worker.py says."""

    peer: str
    command: list
    only: str = ".*"  # pattern of the ids of workloads that this setting is for, among those of the peer
    threads: int = 1
    environment: dict = field(default_factory=dict)
    setting: str = ""
    broken: str | None = None  # why it cannot run at all
    own: bool = False  # another door of handgrad's
    process: subprocess.Popen | None = None

    def serves(self, workload):
        row = table.COMPARED.get(workload)
        if row is None:
            return workload == REFERENCE and self.peer == "NumPy"
        return (self.own or self.peer in row.peers) and re.fullmatch(self.only, workload) is not None

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


def shown(error):
    """Without the paths of this machine."""
    for path, name in ((str(ROOT) + "/", ""), *((os.environ.get(key), key) for key in SOURCES)):
        error = error.replace(path, name) if path else error
    return error


def is_built(path, command):
    """Whether the program was made by this command from what its sources and their headers are now."""
    stamp, depends = Path(f"{path}.stamp"), Path(f"{path}.d")
    if not (path.exists() and stamp.exists() and depends.exists()):
        return False
    return stamp.read_text(encoding="utf-8") == digest_of(command, depends)


def digest_of(command, depends):
    digest = hashlib.sha256("\n".join(command).encode())
    for name in depends.read_text(encoding="utf-8").replace("\\\n", " ").split()[1:]:
        if not name.startswith("/usr/") and Path(name).exists():
            digest.update(Path(name).read_bytes())
    return digest.hexdigest()


def compiled(name, source, compiler, flags=(), libraries=()):
    """(path of the program, reason why there is none). Compiles only what changed."""
    path = BUILT / name
    if PREBUILT:
        return path, None if path.exists() else "it was not brought along"
    command = [*compiler, f"-march={MARCH}", *map(str, flags), str(source), "-MMD", "-MF", f"{path}.d", "-o", str(path),
               *map(str, libraries)]
    if not is_built(path, command):
        say(f"compiling {name}")
        path.unlink(missing_ok=True)
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if result.returncode:
            error = next((line for line in result.stderr.split("\n") if "error" in line), result.stderr[:200])
            return path, "does not compile: " + shown(error)
        Path(f"{path}.stamp").write_text(digest_of(command, Path(f"{path}.d")), encoding="utf-8")
    return path, None


def is_at_hand(compiler):
    return PREBUILT or shutil.which(compiler) is not None


CC, CXX = ["gcc", "-std=gnu11", "-O3"], ["g++", "-std=c++17", "-O3"]


def wanted_peer(options, peer):
    return not options.peer or peer.lower() in options.peer.lower().split(",")


def native(options, peer, name, source, compiler=None, flags=(), libraries=(), broken=None, **settings):
    """A contender that is compiled first, unless it is not wanted or cannot be."""
    path = BUILT / name
    if wanted_peer(options, peer) and not broken:
        path, broken = compiled(name, PEERS / source, compiler or (CXX if source.endswith("pp") else CC), flags,
                                libraries)
    return Contender(peer, [path], broken=broken, **settings)


def shapes(*ids):
    """The shapes of these workloads, once each, as X(10, 32, 1)."""
    found = dict.fromkeys(row.widths for row in table.COMPARED.values() if row.family in ids and len(row.widths) == 3)
    return " ".join(f"X({', '.join(map(str, widths))})" for widths in found)


def rtneural_folders():
    """({name: folder} of RTNeural and of what it brings along, reason why there is none)."""
    source = os.environ.get("RTNEURAL_SOURCE")
    if not source or not (Path(source) / "RTNeural" / "RTNeural.h").exists():
        return {}, "its source is not at hand: RTNEURAL_SOURCE names no checkout of it"
    modules = Path(source) / "modules"
    return {"RTNeural": Path(source), "json": modules / "json", "Eigen": modules / "Eigen",
            "xsimd": Path(os.environ.get("XSIMD_SOURCE", modules / "xsimd")) / "include"}, None


def rtneural_contenders(options):
    """Its backends in the ways that were fastest somewhere: GCC and clang, with and without -ffast-math."""
    folders, broken = rtneural_folders()
    version = output_of("git", "-C", str(folders.get("RTNeural", ".")), "log", "-1", "--format=%h of %cs",
                        default="unknown")
    clang = next((name for name in ("clang++-16", "clang++-14", "clang++") if is_at_hand(name)), None)
    wide = MARCH == "x86-64-v4" or "avx512f" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    backends = {"xsimd": ["-DRTNEURAL_USE_XSIMD=1", f"-DRTNEURAL_DEFAULT_ALIGNMENT={64 if wide else 32}"],
                "Eigen": ["-DRTNEURAL_USE_EIGEN=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=32"],  # it knows no 64
                "standard library": ["-DRTNEURAL_USE_STL=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=32"]}
    made = []
    for backend, compiler, fast in (("xsimd", "g++", True), ("xsimd", "g++", False), ("xsimd", clang, True),
                                    ("Eigen", "g++", True), ("Eigen", "g++", False), ("Eigen", clang, True),
                                    ("standard library", "g++", True)):
        reason = broken
        if compiler is None:
            reason = reason or "clang is missing"
        if backend == "xsimd" and not broken and not (folders["xsimd"] / "xsimd" / "xsimd.hpp").exists():
            reason = "the checkout is without its submodule modules/xsimd, and XSIMD_SOURCE names none"
        setting = f"fixed shape, {backend}, {compiler}{', -ffast-math' * fast}"
        flags = ["-DRTNEURAL_NAMESPACE=RTNeural", "-DRTNEURAL_AVX_ENABLED=1", *backends[backend],
                 *["-ffast-math"] * fast, f'-DHANDGRAD_RTNEURAL_VERSION="{version}"',
                 f'-DHANDGRAD_SETTING="{setting}"', f"-DHANDGRAD_SHAPES={shapes('I1')}", f"-I{ROOT}",
                 *[f"-isystem{folder}" for folder in folders.values()]]
        name = f"rtneural-{backend.split()[0]}-{compiler}{'-fast' * fast}".lower()
        made.append(native(options, "RTNeural", name, "rtneural_peer.cpp", [compiler, "-std=c++17", "-O3"], flags,
                           broken=reason, setting=setting))
    return made


def exported_models():
    """The folder with the networks for the peers that are called through C and C++; made when it is not there."""
    folder, names = BUILT / "models", [row.shape for row in table.COMPARED.values() if row.family == "I1"]
    made_by = [PEERS / name for name in ("export.py", "onnx_peer.py", "workloads.py")] + [
        ROOT / ".venv-peers" / "handgrad-packages.txt"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_by) + " ".join(names).encode()).hexdigest()
    stamp = folder / "stamp"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        say("exporting the networks for the doors of C and C++")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        result = subprocess.run([PYTHON, PEERS / "export.py", folder, *names], capture_output=True, text=True,
                                check=False)
        if result.returncode:
            raise NotMeasured(f"its networks cannot be exported: {shown(result.stderr.strip().split(chr(10))[-1])}")
        stamp.write_text(digest, encoding="utf-8")
    return folder


def header_folder():
    """Of onnxruntime_c_api.h, or None."""
    source = Path(os.environ.get("ONNXRUNTIME_SOURCE") or "/nonexistent")
    folders = [source, source / "include", source / "include/onnxruntime/core/session"]
    return next((folder for folder in folders if (folder / "onnxruntime_c_api.h").exists()), None)


def door_contenders(options):
    """One-row inference through C and C++."""
    packages = next((ROOT / ".venv-peers" / "lib").glob("python3*/site-packages"), Path("/nonexistent"))
    broken, models = None, Path()
    if wanted_peer(options, "ONNX Runtime") or wanted_peer(options, "PyTorch"):
        try:
            models = exported_models()
        except NotMeasured as reason:
            broken = str(reason)
    exported = [f'-DHANDGRAD_MODELS="{models}"', f"-I{ROOT}"]
    header = header_folder()
    library = next((packages / "onnxruntime" / "capi").glob("libonnxruntime.so*"), None)
    no_header = None if header else "its header is not at hand: ONNXRUNTIME_SOURCE names none; called from Python alone"
    onnx = native(options, "ONNX Runtime", "onnxruntime", "onnx_peer.c",
                  flags=[*exported, f'-DHANDGRAD_ONNXRUNTIME="{library}"', f"-isystem{header}"],
                  libraries=["-lm", "-ldl"], broken=broken or no_header, only="I1/.*", setting="C API")
    torch, lib = packages / "torch" / "include", packages / "torch" / "lib"
    pytorch = native(options, "PyTorch", "pytorch", "torch_peer.cpp", ["g++", "-std=c++20", "-O2"],
                     [*exported, f"-isystem{torch}", f"-isystem{torch / 'torch/csrc/api/include'}"],
                     [f"-L{lib}", f"-Wl,-rpath,{lib}", "-Wl,--no-as-needed", "-ltorch", "-ltorch_cpu", "-lc10"],
                     broken=broken, only="I1/.*", setting="C++")
    return [onnx, pytorch]


def sleef_contenders(options):
    version = output_of("pkg-config", "--modversion", "sleef", default="unknown")
    made = []
    for name, flags in (("deterministic", []), ("not deterministic", ["-DHANDGRAD_FASTEST"])):
        made.append(native(options, "SLEEF", f"sleef-{name.split()[0]}", "sleef_peer.c",
                           flags=[f'-DHANDGRAD_SLEEF_VERSION="{version}"', *flags], libraries=["-lsleef", "-lm"],
                           setting=name))
    return made


def fann_contender(options):
    trainings = " ".join(f"X({row.id}, {', '.join(map(str, row.widths))}, {row.rows}, {row.batches})"
                         for row in table.COMPARED.values() if row.trains and "FANN" in row.peers)
    version = output_of("pkg-config", "--modversion", "fann", default="unknown")
    return native(options, "FANN", "fann", "fann_peer.c",
                  flags=[f'-DHANDGRAD_FANN_VERSION="{version}"', f"-DHANDGRAD_TRAINING={trainings}"],
                  libraries=["-lfloatfann", "-lm"])


def fixed_shape_contenders(options):
    """Our own door for networks that are known when compiling: its worker speaks as runner.h does."""
    source = ROOT / "bench" / "fixed_predictor.cpp"
    if not source.exists():
        return []
    made = []
    for compiler in ("g++", "clang++-16", "clang++-14"):
        if not is_at_hand(compiler):
            continue
        flags = [f"-I{ROOT}", f"-DHANDGRAD_SHAPES={shapes('I1', 'J1')}",
                 f'-DHANDGRAD_SETTING="fixed shape, {compiler}"']
        name = f"fixed-{compiler}"
        path, broken = compiled(name, source, [compiler, "-std=c++20", "-O3"], flags)
        made.append(Contender("handgrad", [path], only=ONE_ROW, setting=f"fixed shape, {compiler}", broken=broken,
                              own=True))
    return made


def python_contenders(options):
    def python(peer, script, threads, only=".*", setting="", **environment):
        return Contender(peer, [PYTHON, PEERS / script], only, threads, environment, setting)

    made = [python("JAX", "jax_peer.py", threads) for threads in (1, 2)]
    older = ROOT / ".venv-peers" / "jax-0.10"
    if older.exists():
        made += [python("JAX", "jax_peer.py", threads, "(?!L2).*", "0.10", PYTHONPATH=str(older)) for threads in (1, 2)]
    made.append(python("JAX", "jax_peer.py", 1, ONE_ROW, "compiled loop", HANDGRAD_LOOP="1"))
    made += [python("PyTorch", "torch_peer.py", threads) for threads in (1, 2)]
    made.append(python("PyTorch", "torch_peer.py", 2, f"{LONG}|I1/.*", "passive waiting", OMP_WAIT_POLICY="passive"))
    if not options.skip_torch_compile:
        made += [python("PyTorch", "torch_peer.py", threads, ".*" if threads == 1 else LONG, "torch.compile",
                        HANDGRAD_COMPILE="1") for threads in (1, 2)]
    made += [python("scikit-learn", "sklearn_peer.py", threads) for threads in (1, 2)]
    made += [python("NumPy", "numpy_peer.py", threads) for threads in (1, 2)]
    made += [python("ONNX Runtime", "onnx_peer.py", threads) for threads in (1, 2)]
    return [contender for contender in made if wanted_peer(options, contender.peer)]


def contenders(options):
    made = [*fixed_shape_contenders(options), *python_contenders(options), *door_contenders(options),
            fann_contender(options), *rtneural_contenders(options), *sleef_contenders(options)]
    return [contender for contender in made if contender.own or wanted_peer(options, contender.peer)]


def ours(group, threads, machine):
    """{id: event} of one call of our own program."""
    words = ["bench", "--workload", ",".join(GROUPS[group]), "--threads", threads, "--repetitions", 1, "--stretch",
             os.environ["HANDGRAD_STRETCH"], "--json"]
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
    best = machine.setdefault("measured", {}).setdefault(str(threads), {"bandwidth_gb_s": {}})
    for peak in ("gflops_peak", "gflops_peak_double"):
        best[peak] = max(best.get(peak, 0), event.get(peak) or 0)
    best["simd"] = machine["simd"] = event.get("simd")
    for level, rate in (event.get("bandwidth_gb_s") or {}).items():
        best["bandwidth_gb_s"][level] = max(rate or 0, best["bandwidth_gb_s"].get(level, 0))


def measure_group(group, rivals, rounds, results, with_ours=True):
    """All rounds of a workload, or of a few that our program times together."""
    ids = GROUPS.get(group, [group])
    for workload in ids:
        results["workloads"][workload] = {"ours": {}, "doors": [], "peers": []}
    ready = {workload: [] for workload in ids}
    for rival in rivals:
        for workload in ids:
            if not rival.serves(workload):
                continue
            entry = {"peer": rival.peer, "setting": rival.setting, "threads": rival.threads, "seconds": []}
            results["workloads"][workload]["doors" if rival.own else "peers"].append(entry)
            try:
                if minutes_taken() > LAST_MINUTES:
                    raise NotMeasured(f"left out, as the run had taken {LAST_MINUTES} minutes")
                answer = rival.ask(f"prepare {workload}", PREPARE_SECONDS)
                said = answer["setting"]
                told_apart = {"OMP_WAIT_POLICY", "PYTHONPATH"} & rival.environment.keys()
                entry["setting"] = f"{said}, {rival.setting}" if told_apart else said
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
        say("  " + page.one_line(workload, results))


def minutes_taken():
    return (time.monotonic() - CLOCK["start"]) / 60


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
    for peer in dict.fromkeys(rival.peer for rival in rivals if not rival.own):
        for rival in (rival for rival in rivals if rival.peer == peer):
            try:
                found.pop(peer, None)
                found |= rival.ask("versions", 60)
                if peer == "JAX" and any(other.setting == "0.10" for other in rivals):
                    found["JAX"] += " and 0.10.2"
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
    parser.add_argument("--build-only", action="store_true", help="compile peers, for a machine without compilers")
    parser.add_argument("--redraw", type=Path, metavar="JSON", help="measure nothing; make the page from these numbers")
    parser.add_argument("--complete", type=Path, metavar="JSON",
                        help="measure what these numbers of the same program lack, and add it to them")
    parser.add_argument("-o", "--output", type=Path,
                        help="the page (default: docs/performance.md; build/performance.md when not all is measured)")
    options = parser.parse_args()
    options.skip_torch_compile |= options.quick
    options.repetitions = options.repetitions or (2 if options.quick else 5)
    if options.output is None:
        partial = options.workload or options.peer or options.skip_torch_compile
        options.output = ROOT / ("build" if partial else "docs") / "performance.md"
        if options.redraw:
            options.output = options.redraw.with_suffix(".md")
    return options


PUBLISHED = ROOT / "docs" / "performance.md"


def allowed_output(output, results):
    """Where the page may go: the published one shows all of the table or is not written."""
    left_out = limits.missing(results)
    if output.resolve() != PUBLISHED or not left_out:
        return output
    say(f"{PUBLISHED.relative_to(ROOT)} is left as it is, since not all of bench/workloads.toml was measured:")
    for what in left_out:
        say(f"  {what}")
    return ROOT / "build" / "performance.md"


def tree():
    """What was compiled; with HANDGRAD_COMMIT that commit, elsewhere."""
    if commit := os.environ.get("HANDGRAD_COMMIT"):
        return {"commit": commit, "changed": False}
    return {"commit": output_of("git", "rev-parse", "--short=12", "HEAD", default="unknown"),
            "changed": bool(output_of("git", "status", "--porcelain", "--", "handgrad", "cli", "bench"))}


def begun(options):
    """The numbers to go on with: none yet, or those of --complete, which must be of the program that is there now."""
    now = {"schema": 2, "date": f"{datetime.date.today():%Y-%m-%d}", **tree(), "prebuilt": PREBUILT,
           "rounds": options.repetitions, "stretch_seconds": float(os.environ["HANDGRAD_STRETCH"]),
           "machine": machine(), "workloads": {}}
    if not options.complete:
        return now
    before = json.loads(options.complete.read_text(encoding="utf-8"))
    same = subprocess.run(["git", "diff", "--quiet", before["commit"], "--", "handgrad", "cli", "bench/peers",
                           "bench/fixed_predictor.cpp", "bench/workloads.toml"], cwd=ROOT, check=False).returncode == 0
    if not same or before["machine"]["model"] != now["machine"]["model"]:
        sys.exit(f"{options.complete}: of commit {before['commit']} on {before['machine']['model']}, and not of this program "
                 "and machine; measure all anew")
    return before


def chosen_groups(options, results):
    if options.workload:
        return options.workload.split(",")
    if not options.complete:
        return list(GROUPS)
    lacking = {what.split(":")[0] for what in limits.missing(results)}
    return [group for group in GROUPS if lacking & set(GROUPS.get(group) or [group])]


def measured(options):
    if not PREBUILT:
        subprocess.run([ROOT / "bench" / "peers-environment"], check=True)
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is missing: build it by `make`")
    if not shutil.which("taskset"):
        sys.exit("taskset is missing: it comes with the package util-linux")
    BUILT.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(BUILT / "log", ignore_errors=True)
    os.environ["HANDGRAD_STRETCH"] = "0.05" if options.quick else "0.2"
    results = begun(options)
    rivals = contenders(options)
    CLOCK["start"] = time.monotonic()  # what compiling took is no part of the run
    try:
        results["versions"] = versions(rivals)
        measure_group(REFERENCE, rivals, options.repetitions, results, with_ours=False)
        for group in chosen_groups(options, results):
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
    results["minutes"] = round(results.get("minutes", 0) + minutes_taken(), 1)
    return results


def main():
    options = arguments()
    if options.build_only:
        BUILT.mkdir(parents=True, exist_ok=True)
        broken = [f"{rival.peer}, {rival.setting}: {rival.broken}" for rival in contenders(options) if rival.broken]
        sys.exit("\n".join(broken) or 0)
    if options.workload and (unknown := set(options.workload.split(",")) - set(GROUPS)):
        sys.exit(f"no such workload: {', '.join(sorted(unknown))}; choose from: {', '.join(GROUPS)}")
    if options.redraw:
        results = json.loads(options.redraw.read_text(encoding="utf-8"))
    else:
        results = measured(options)
    options.output = allowed_output(options.output, results)
    numbers, plot = options.output.with_suffix(".json"), options.output.with_suffix(".svg")
    numbers.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    drawn = subprocess.run([PYTHON, PEERS / "plot.py", numbers, plot], check=False).returncode == 0
    options.output.write_text(page.page(results, plot.name if drawn else None), encoding="utf-8")
    say(f"{shlex.quote(str(options.output))} written")


if __name__ == "__main__":
    main()
