# The front door: `make` builds, `make demo` shows, `make test` proves. Each installs what it lacks first.
.PHONY: all packages program configure-dev demo demo-fashion test test-long verdicts tidy threads emulated mutations bench bench-reading \
        bench-decimals \
        bench-instructions proof scores equations format clean

all: packages
	@tools/build

packages:
	@mkdir -p build
	@tools/install-packages

# The program alone, which is all that the demonstrations need.
program: packages
	@tools/build handgrad_program

demo: program
	@tools/demo

demo-fashion: program
	@tools/demo-fashion

test: packages
	@tools/test

configure-dev: packages
	@cmake --preset dev -Wno-dev >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }

# clang-tidy on the library and the program: minutes, so not part of `make test`.
tidy: packages
	@tools/tidy

# The kernels and the library's own threads under the thread sanitizer: minutes, so not part of `make test`.
threads: packages
	@cmake --preset tsan -Wno-dev >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset tsan --target base_test nn_test
	@ctest --test-dir build/tsan --output-on-failure --tests-regex 'ThreadPool|Barrier|Engine\.|Predictor'

# An x86-64 processor without AVX and an aarch64 one, emulated: the same bits. Minutes, so not part of `make test`.
emulated: all
	@tools/install-packages tests/emulated/packages.txt
	@tests/emulated/run

# Formulas broken on purpose, for the tests (`make test` runs that too) and for the certificate; then what surrounds them,
# of which `make test` runs a sample.
mutations: configure-dev
	@tools/python-environment
	@cmake --build --preset dev
	@tools/mutate.py
	@tools/mutate.py --certificate
	@tools/mutate.py --around

# What check and compare say of right and of planted wrong gradients, as a table (docs/compare.md).
verdicts: configure-dev
	@tools/python-environment
	@cmake --build --preset dev --target handgrad_program
	@HANDGRAD_PROGRAM=build/dev/cli/handgrad PYTHONPATH=tests/python .venv/bin/python tests/python/test_verdict_bank.py

# What is too long for `make test`: 100 000 networks on which no right gradient may FAIL, mutations, the bank in full.
test-long: configure-dev mutations verdicts
	@cmake --build --preset dev --target certify_test
	@HANDGRAD_NETWORKS=100000 build/dev/tests/certify_test --gtest_filter='WitnessAudit.ARight*'

# All floats of every elementary function against MPFR: long (docs/numerics.md).
proof: configure-dev
	@cmake --build --preset dev --target elementary_proof
	@build/dev/tests/elementary_proof

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

# Scores on held-out rows beside scikit-learn's; writes docs/scores.md.
scores: all
	@/usr/bin/python3 bench/scores.py --fashion -o docs/scores.md

# Writes docs/equations.md anew.
equations:
	@tools/equations.py

format: packages
	@tools/format

clean:
	rm -rf build .venv
