"""A pendulum that a network has learned, in CasADi: swung up by an optimizer that has the network's derivatives. Of the tests and
of bench/optimal_control.py."""

import subprocess
import time

import casadi
import numpy as np
from onnx_witness import Network
from package_support import run


def external(model, folder, name="net", *words):
    """The function that CasADi makes of a model's C."""
    run("export", model, "--to", "casadi", "-o", folder / f"{name}.c", "--quiet", *words)
    subprocess.run(["gcc", "-std=c99", "-O3", "-march=native", "-fPIC", "-shared", f"{name}.c", "-lm", "-o", f"{name}.so"], cwd=folder, check=True)
    return casadi.external(name, str(folder / f"{name}.so"))


def in_symbols(network):
    """The same network written in CasADi's own symbols."""
    x = casadi.SX.sym("x", network.sizes[0])
    a = x
    for place, (w, b) in enumerate(network.layers, 1):
        z = casadi.DM(w.astype(float)) @ a + casadi.DM(b.astype(float))
        a = z if place == len(network.layers) else casadi.tanh(z)
    return casadi.Function("symbols", [x], [a])


STEPS, DT = 60, 0.05


def swing_up(f):
    """From hanging to standing upright in three seconds with little torque, the acceleration being f([angle, speed,
    torque]): iterations, seconds within the optimizer, cost."""
    opti = casadi.Opti()
    state, torque = opti.variable(2, STEPS + 1), opti.variable(1, STEPS)
    acceleration = f.map(STEPS)(casadi.vertcat(state[:, :-1], torque))
    opti.minimize(casadi.sumsqr(torque) * DT)
    opti.subject_to(state[0, 1:] == state[0, :-1] + DT * state[1, 1:])
    opti.subject_to(state[1, 1:] == state[1, :-1] + DT * acceleration)
    opti.subject_to(state[:, 0] == 0)
    opti.subject_to(state[:, STEPS] == casadi.DM([np.pi, 0.0]))
    opti.subject_to(opti.bounded(-6, torque, 6))
    opti.set_initial(state[0, :], np.linspace(0, np.pi, STEPS + 1))
    opti.solver("ipopt", {"print_time": 0}, {"print_level": 0, "sb": "yes"})
    start = time.perf_counter()
    solution = opti.solve()
    return solution.stats()["iter_count"], time.perf_counter() - start, float(solution.value(opti.f))


def learned_pendulum(folder):
    """A model that has learned a pendulum's acceleration from 2000 of its moments, and the same network in symbols."""
    rng = np.random.default_rng(0)
    angle, speed, torque = rng.uniform([-2, -8, -6], [5, 8, 6], (2000, 3)).T
    rows = np.column_stack([angle, speed, torque, -9.81 * np.sin(angle) - 0.1 * speed + torque])
    np.savetxt(folder / "moments.csv", rows, "%.17g", ",", header="angle,speed,torque,acceleration", comments="")
    run("train", folder / "moments.csv", "--target", "acceleration", "--hidden", "32", "--hidden-activation", "tanh", "--dtype", "f64",
        "--learning-rate", "0.01", "--schedule", "cosine", "--epochs", "400", "--validation", "0", "--scale", "none", "--no-scale-target",
        "-o", folder / "pendulum.model", "--quiet")
    run("export", folder / "pendulum.model", "--to", "npz", "-o", folder / "weights.npz", "--quiet")
    network = Network((3, 32, 1), "tanh", "identity", np.float64)
    with np.load(folder / "weights.npz") as file:
        network.layers = [(file["linear1.weight"], file["linear1.bias"]), (file["linear2.weight"], file["linear2.bias"])]
    return external(folder / "pendulum.model", folder, "pendulum", "--raw"), in_symbols(network)
