# The front door: `make` builds, `make demo` shows, `make test` proves. Each installs what it lacks first.
.PHONY: all packages configure-dev demo demo-fashion test tidy mutations bench proof scores equations format clean

all: packages
	@cmake --preset release -Wno-dev >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release

packages:
	@mkdir -p build
	@tools/install-packages

demo: all
	@tools/demo

demo-fashion: all
	@tools/demo-fashion

test: packages
	@tools/test

configure-dev: packages
	@cmake --preset dev -Wno-dev >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }

# clang-tidy on the library and the program: minutes, so not part of `make test`.
tidy: packages
	@tools/tidy

# Formulas broken on purpose; `make test` runs it too.
mutations: configure-dev
	@cmake --build --preset dev --target handgrad
	@tools/mutate.py

# All floats of every elementary function against MPFR: long (docs/numerics.md).
proof: configure-dev
	@cmake --build --preset dev --target elementary_proof
	@build/dev/tests/elementary_proof

# What is measured beside peers.
bench: scores

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
