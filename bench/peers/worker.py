"""What the Python peers share: a worker process that is asked over standard input and times one stretch at a time.

    prepare ID    builds and compiles, checks that the results are right, chooses the fastest of its variants
    measure ID    times one stretch of at least HANDGRAD_STRETCH seconds; answers seconds per step
    release ID    drops what prepare made
    versions      of what it runs

Every answer is one line of JSON; {"error": why} when it cannot.
"""

import json
import math
import os
import sys
import time
import traceback

import workloads

STRETCH = float(os.environ.get("HANDGRAD_STRETCH", 0.2))
THREADS = int(os.environ.get("HANDGRAD_THREADS", 1))


def timed(run, steps):
    start = time.perf_counter()
    run(steps)
    return time.perf_counter() - start


def rate(run, seconds, unit=1):
    """Seconds per step, by a stretch of at least `seconds`; the first call does not count, as it is never typical."""
    steps = unit
    run(steps)
    while (taken := timed(run, steps)) < seconds:
        steps = unit * max(steps // unit + 1, round(steps // unit * min(10, 1.1 * seconds / taken)))
    return min(taken, timed(run, steps) if taken < STRETCH else taken) / steps


def check_training(job, train):
    """train(epochs) returns the parameters after so many epochs from the first weights. Raises if nothing is learnt."""
    x, y = workloads.data(job)
    before = workloads.loss_and_gradient(job, workloads.first_weights(job.widths, job.dtype), x, y)[0]
    after = workloads.loss_and_gradient(job, train(job.epochs_to_learn), x, y)[0]
    if not after < 0.98 * before:
        raise ArithmeticError(f"training does not lower the loss: {before:.4g} before, {after:.4g} after")
    return f"loss {before:.4g} → {after:.4g}"


class Prepared:
    """One workload ready to be timed, in the fastest of its variants [(name, run)]; run(steps): `unit` at a time."""

    def __init__(self, variants, check, unit=1):
        rates = [rate(run, STRETCH / 4, unit) for _, run in variants]
        seconds = min(rates)
        self.setting, self.run = variants[rates.index(seconds)]
        self.check = check
        self.unit = unit
        self.steps = self.steps_for(seconds)

    def steps_for(self, seconds):
        return self.unit * math.ceil(1.05 * STRETCH / seconds / self.unit)

    def measure(self):
        """Seconds a step. A stretch that is too short, as the machine was slower before, does not count."""
        while (taken := timed(self.run, self.steps)) < STRETCH:
            self.steps = max(self.steps + self.unit, self.steps_for(taken / self.steps))
        return taken / self.steps


def serve(prepare, versions):
    """Answers until standard input ends. prepare(id) returns a Prepared."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not fall among the answers
    prepared = {}
    for line in sys.stdin:
        verb, _, workload = line.strip().partition(" ")
        try:
            if verb == "prepare":
                prepared[workload] = prepare(workload)
                answer = {"setting": prepared[workload].setting, "check": prepared[workload].check}
            elif verb == "measure" and workload not in prepared:
                answer = {"error": "the process that was prepared for it has ended"}
            elif verb == "measure":
                answer = {"seconds": prepared[workload].measure()}
            elif verb == "release":
                prepared.pop(workload, None)
                answer = {}
            else:
                answer = versions()
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        answers.write(json.dumps(answer) + "\n")
