# The front door: `make` builds, `make demo` shows, `make test` proves. Each installs what it lacks first.
.PHONY: all packages program tests demo demo-fashion test test-long test-kill tarball wheel verdicts tidy threads emulated \
        faults fuzz coverage mutations bench bench-reading bench-decimals bench-instructions proof scores equations format clean

# What users need; the tests are compiled by `make test` alone.
all: packages
	@tools/build

packages:
	@mkdir -p build
	@tools/install-packages

# The program alone, which is all that the demonstrations need.
program: packages
	@tools/build handgrad_program

# Suites and examples, linked with the library that users get.
tests: packages
	@tools/build tests

demo: program
	@tools/demo

demo-fashion: program
	@tools/demo-fashion

test: packages
	@tools/test

# What is too long for `make test`, in stages that are skipped while nothing has changed since they passed; one of them
# alone: tools/test --long STAGE.
test-long: packages
	@tools/test --long

# The committed tree as build/handgrad-VERSION.tar.gz.
tarball:
	@tools/tarball

# The wheels of the Python package in build/wheels, for pip; the stage `wheel` of `make test-long` tests them.
wheel: packages
	@tools/wheel

# Single stages of `make test-long`, whether or not anything has changed.
tidy: packages
	@tools/test --long --again tidy

threads: packages
	@tools/test --long --again threads-all

emulated: packages
	@tools/test --long --again emulated

# Every allocation and every call of the operating system fails once, in every verb.
faults: packages
	@tools/test --long --again faults

# A minute of libFuzzer on every reader of a stranger's bytes; `tests/fuzz/run --seconds 600 csv` for more of one.
fuzz: packages
	@tools/test --long --again fuzz

# Which branches of the readers the tests take.
coverage:
	@tools/coverage

# Two hundred trainings, killed at random moments and gone on with.
test-kill: packages
	@tools/test --long --again kills

# Formulas broken on purpose, for the tests (`make test` runs that too) and for the certificate; then what surrounds them,
# of which `make test` runs a sample.
mutations: tests
	@tools/build
	@tools/python-environment
	@tools/mutate.py
	@tools/mutate.py --certificate
	@tools/mutate.py --around

# What check and compare say of right and of planted wrong gradients, as a table (docs/compare.md).
verdicts: program
	@tools/python-environment
	@HANDGRAD_PROGRAM=build/release/cli/handgrad PYTHONPATH=tests/python .venv/bin/python tests/python/test_verdict_bank.py

# All floats of every elementary function on every instruction set, and against MPFR: long (docs/numerics.md).
proof: packages
	@tools/build elementary_proof
	@tools/build elementary_levels
	@build/release/tests/elementary_levels
	@build/release/tests/elementary_proof

# The workloads beside today's peers, in turn, in one run: writes docs/performance.md. About 20 minutes, and 6 GB of peers.
bench: all
	@bench/peers-environment
	@/usr/bin/python3 bench/compare.py

# Reading a table and starting up, beside peers.
bench-reading: all
	@bench/peers-environment
	@cmake --build --preset release --target read_table
	@.venv-peers/bin/python bench/reading.py
	@.venv-peers/bin/python bench/start.py

# Our reader of decimal numbers beside fast_float and the standard library's, with a check of the bits.
bench-decimals: packages
	@tools/install-packages bench/packages.txt
	@g++ -std=c++20 -O3 -DNDEBUG -ffp-contract=off -I. tests/slow/decimals.cpp handgrad/data/decimal.cpp -o build/decimals
	@build/decimals

# Instructions of a step, counted by valgrind, beside bench/instructions.json: the same on a busy machine.
bench-instructions: all
	@tools/install-packages bench/packages.txt
	@cmake --build --preset release --target repeat_workload
	@bench/instructions.py

# Scores on held-out rows of public tables beside scikit-learn's; writes docs/scores.md. About an hour, nearly all of it
# the peers', whose results are kept in build/quality.
scores: all
	@bench/quality-environment
	@.venv-quality/bin/python bench/quality.py

# Writes docs/equations.md anew.
equations:
	@tools/equations.py

format: packages
	@tools/format

clean:
	rm -rf build .venv .venv-package
