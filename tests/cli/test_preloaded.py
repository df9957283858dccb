"""What only shows under a system that fails or watches: a small library, loaded before the others, stands in for it."""

import os
import subprocess

import pytest

WATCHED = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One line a call into the file WATCHED_LOG: its name and what it is about. FSYNC_FAILS=file|directory makes that one fail. */
static void note(const char* call, const char* about) {
    FILE* log = fopen(getenv("WATCHED_LOG"), "a");
    fprintf(log, "%s %s\n", call, about);
    fclose(log);
}
static const char* kind_of(int fd) {
    struct stat info;
    fstat(fd, &info);
    return S_ISDIR(info.st_mode) ? "directory" : "file";
}
int fsync(int fd) {
    const char* failing = getenv("FSYNC_FAILS");
    note("fsync", kind_of(fd));
    if (failing != NULL && strcmp(failing, kind_of(fd)) == 0) {
        errno = EIO;
        return -1;
    }
    return 0;
}
int rename(const char* from, const char* to) {
    int (*real)(const char*, const char*) = (int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename");
    note("rename", strrchr(to, '/') != NULL ? strrchr(to, '/') + 1 : to);
    return real(from, to);
}
ssize_t write(int fd, const void* bytes, size_t count) {
    ssize_t (*real)(int, const void*, size_t) = (ssize_t (*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
    if (fd > 2) {
        note("write", kind_of(fd));
    }
    return real(fd, bytes, count);
}
"""

WRONG_TANH = r"""
#define _GNU_SOURCE
#include <complex.h>
#include <dlfcn.h>

/* The derivative that a complex step reads off is 1 % too large. */
double complex ctanh(double complex z) {
    double complex (*real)(double complex) = (double complex (*)(double complex))dlsym(RTLD_NEXT, "ctanh");
    double complex value = real(z);
    return CMPLX(creal(value), 1.01 * cimag(value));
}
"""


def compiled(folder, source):
    (folder / "preloaded.c").write_text(source)
    library = folder / "preloaded.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, folder / "preloaded.c", "-ldl"], check=True, timeout=60)
    return library


@pytest.fixture(scope="module")
def watching(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("watching"), WATCHED)


def calls(handgrad, library, *words, **environment):
    """What ran, and which calls it made from the writing of a file on."""
    log = handgrad.folder / "calls.log"
    log.unlink(missing_ok=True)
    ran = handgrad(*words, environment={"LD_PRELOAD": str(library), "WATCHED_LOG": str(log), **environment})
    lines = log.read_text().splitlines() if log.exists() else []
    return ran, [line for line, before in zip(lines, ["", *lines], strict=False) if line != before]


def saving(name):
    return ["write file", "fsync file", f"rename {name}", "fsync directory"]


def test_every_file_is_flushed_then_renamed_then_its_directory_flushed(regression, watching):
    """Without the first a crash may leave an empty model under the name of a good one; without the second, the old."""
    for words, name in ((("train", "t.csv", "--target", "y", "--epochs", 1, "-o", "n.model"), "n.model"),
                        (("predict", "m.model", "t.csv", "-o", "p.csv"), "p.csv"),
                        (("encode", "m.model", "t.csv", "-o", "x.npz"), "x.npz"),
                        (("report", "m.model", "t.csv", "-o", "r.html"), "r.html")):
        ran, seen = calls(regression, watching, *words)
        assert ran.code == 0, ran.err
        assert seen == saving(name), words


@pytest.mark.parametrize("failing", ["file", "directory"])
def test_a_flush_that_fails_is_exit_6(regression, watching, failing):
    before = (regression.folder / "m.model").read_bytes()
    ran, seen = calls(regression, watching, "train", "t.csv", "--target", "y", "--epochs", 1, "-o", "m.model",
                      FSYNC_FAILS=failing)
    assert ran.code == 6 and "m.model: cannot flush" in ran.err and os.strerror(5) in ran.err
    first = saving("m.model")[:2 if failing == "file" else 4]
    assert seen[:len(first)] == first  # then other places are tried, where it fails too
    if failing == "file":  # the old file stays, and no temporary one
        assert (regression.folder / "m.model").read_bytes() == before
        assert not list(regression.folder.glob("*.tmp*"))


def test_check_fails_with_exit_1_when_gradient_and_witness_differ(handgrad, tmp_path):
    """A mathematical library whose complex tanh is wrong: the witness of hidden layers is then 1 % beside the gradient."""
    handgrad.write("t.csv", "a,b,y\n" + "".join(f"{i / 7},{i * i % 5},{i * 3 % 7 / 2}\n" for i in range(24)))
    assert handgrad("train", "t.csv", "--target", "y", "--hidden", 4, "--hidden-activation", "tanh", "--epochs", 2, "-o",
                    "m.model").code == 0
    assert handgrad("check", "m.model", "t.csv").code == 0
    broken = {"LD_PRELOAD": str(compiled(tmp_path, WRONG_TANH))}
    ran = handgrad("check", "m.model", "t.csv", "--json", environment=broken)
    certificate, = ran.events
    verdicts = {tensor["name"]: tensor["verdict"] for tensor in certificate["parameters"]}
    assert certificate["verdict"] == "FAIL" and ran.code == 1
    assert verdicts["linear1.weight"] == verdicts["linear1.bias"] == "FAIL" and verdicts["linear2.bias"] == "PASS"
    ran = handgrad("check", "m.model", "t.csv", environment=broken)
    assert ran.code == 1 and ran.out.splitlines()[-1].startswith("FAIL: ")
