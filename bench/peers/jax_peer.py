"""JAX: whole epochs inside one jitted loop around `lax.scan`, so that no step pays for a call from Python. With
HANDGRAD_LOOP=1 one-row calls too: JAX has no door to C or C++ on the processor that comes with its packages, so a
compiled loop that takes row after row shows what such a call would cost at least."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import jaxlib
import worker
import workloads
from jax import lax
from workloads import BETA1, BETA2, EPSILON

jax.config.update("jax_enable_x64", True)  # T3 is in double; every array says its type, so the others stay in float

LOOP = os.environ.get("HANDGRAD_LOOP") == "1"
LOOP_ROWS = 1024
ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}


def linear(x, w, b, layout):
    return (x @ w if layout == "in×out" else lax.dot_general(x, w, (((1,), (1,)), ((), ())))) + b


def network(parameters, x, layout, activation="relu"):
    for w, b in parameters[:-1]:
        x = ACTIVATIONS[activation](linear(x, w, b, layout))
    return linear(x, *parameters[-1], layout)


def weights(widths, layout, dtype="float32"):
    return [(jnp.asarray(w if layout == "in×out" else w.T.copy()), jnp.asarray(b))
            for w, b in workloads.first_weights(widths, dtype)]


def loss_of(job, layout):
    def loss(parameters, x, y):
        z = network(parameters, x, layout, job.activation)
        if job.loss == "squared":
            return ((z - y) ** 2).sum() / (2 * job.batch)
        if job.loss == "binary":
            return (jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-abs(z)))).sum() / job.batch
        return (jax.nn.logsumexp(z, axis=1) - (z * y).sum(axis=1)).sum() / job.batch
    return loss


def step_of(job, layout):
    """(state, (x, y)) to (state, loss). State: parameters, first and second moments, powers of the betas."""
    value_and_gradient = jax.value_and_grad(loss_of(job, layout))
    rate = job.learning_rate

    def sgd(state, rows):
        value, gradient = value_and_gradient(state[0], *rows)
        return (jax.tree.map(lambda p, g: p - rate * g, state[0], gradient), *state[1:]), value

    def adam(state, rows):
        parameters, m, v, power1, power2 = state
        value, gradient = value_and_gradient(parameters, *rows)
        power1, power2 = power1 * BETA1, power2 * BETA2
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradient)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradient)
        scale, correction = rate / (1 - power1), 1 / jnp.sqrt(1 - power2)
        change = lambda p, m, v: p - scale * m / (jnp.sqrt(v) * correction + EPSILON)
        return (jax.tree.map(change, parameters, m, v), m, v, power1, power2), value

    return adam if job.optimizer == "adam" else sgd


def training_variant(job, layout, unroll):
    x, y = (jnp.asarray(part.reshape(job.batches, job.batch, -1)) for part in workloads.data(job))
    parameters = weights(job.widths, layout)
    zeros = jax.tree.map(jnp.zeros_like, parameters) if job.optimizer == "adam" else ()
    state = (parameters, zeros, zeros, jnp.float32(1), jnp.float32(1))
    step = step_of(job, layout)

    @jax.jit
    def train(state, x, y, epochs):
        def epoch(_, carry):
            state, values = lax.scan(step, carry[0], (x, y), unroll=unroll)
            return state, values[-1]
        return lax.fori_loop(0, epochs, epoch, (state, jnp.float32(0)))

    def epochs(count):
        return jax.block_until_ready(train(state, x, y, count))[0][0]

    def parameters_after(count):
        return [(w if layout == "in×out" else w.T, b) for w, b in epochs(count)]

    return (f"scan, weights {layout}" + f", {unroll} steps unrolled" * (unroll > 1),
            lambda steps: epochs(steps // job.batches), parameters_after)


def prepare_training(job):
    unrolls = (1, 4) if job.batches > 32 and job.widths[0] < 100 else (1,)
    variants = [training_variant(job, layout, unroll) for layout in ("in×out", "out×in") for unroll in unrolls]
    checks = [worker.check_training(job, variant[2]) for variant in variants]
    return worker.Prepared([variant[:2] for variant in variants], checks[0], unit=job.batches)


def prepare_gradient(job, evaluations=256):
    """T3: loss and gradient at one set of weights after the other inside one scan; the sums keep all of them alive."""
    x, y = map(jnp.asarray, workloads.data(job))
    layout = "in×out"
    parameters = weights(job.widths, layout, "float64")
    value_and_gradient = jax.value_and_grad(loss_of(job, layout))
    many = jax.tree.map(lambda p: p[None] * (1 + 1e-3 * jnp.arange(evaluations).reshape(-1, *[1] * p.ndim)), parameters)

    @jax.jit
    def run(many, x, y, repetitions):
        def one(total, weights):
            return jax.tree.map(jnp.add, total, value_and_gradient(weights, x, y)), None
        def all_of_them(_, total):
            return lax.scan(one, total, many)[0]
        zeros = (jnp.float64(0), jax.tree.map(jnp.zeros_like, parameters))
        return lax.fori_loop(0, repetitions, all_of_them, zeros)

    gradient = jax.jit(value_and_gradient)(parameters, x, y)[1]
    wanted = workloads.loss_and_gradient(job, workloads.first_weights(job.widths, "float64"), *workloads.data(job))[1]
    check = [worker.workloads.same(g, w, 1e-12) for got, want in zip(gradient, wanted) for g, w in zip(got, want)][0]
    return worker.Prepared([("scan over weights, double",
                             lambda steps: jax.block_until_ready(run(many, x, y, steps // evaluations)))],
                           check, unit=evaluations)


def calls(function, x):
    def run(steps):
        for _ in range(steps):
            function(x).block_until_ready()
    return run


def loop_over_rows(function, x, wanted):
    """run(steps) of LOOP_ROWS at a time, each step the function of one row by itself. Raises if a row's is wrong."""
    rows = jnp.tile(x, (LOOP_ROWS, 1))[:, None, :]

    @jax.jit
    def many(rows, repetitions):
        def one_pass(_, last):
            return lax.scan(lambda carry, row: (carry, function(row)), 0, rows + 0 * last.reshape(-1)[0])[1]
        return lax.fori_loop(0, repetitions, one_pass, jnp.zeros((LOOP_ROWS, *function(x).shape), jnp.float32))

    for row in many(rows, 2)[::LOOP_ROWS - 1]:
        workloads.same(row, wanted)
    return lambda steps: many(rows, steps // LOOP_ROWS).block_until_ready()


def prepare_calls(workload):
    x = jnp.asarray(workloads.inputs(workload))
    variants, check = [], None
    for layout in ("in×out", "out×in"):
        parameters = weights(workloads.shape_of(workload), layout)
        if workload.startswith("J1"):
            functions = {name: jax.vmap(transform(lambda row, p=parameters, l=layout: network(p, row[None], l)[0]))
                         for name, transform in (("jacrev+vmap", jax.jacrev), ("jacfwd+vmap", jax.jacfwd))}
            wanted = workloads.jacobians(workload, workloads.inputs(workload))
        else:
            functions = {"jit": lambda x, p=parameters, l=layout: network(p, x, l)}
            wanted = workloads.outputs(workload, workloads.inputs(workload))
        for name, function in functions.items():
            compiled = jax.jit(function).lower(x).compile()
            check = workloads.same(compiled(x), wanted)
            if LOOP:
                run = loop_over_rows(function, x, wanted)
                variants.append((f"{name}, weights {layout}, a compiled loop over rows", run))
            else:
                variants.append((f"{name}, weights {layout}, called from Python", calls(compiled, x)))
    return worker.Prepared(variants, check, LOOP_ROWS if LOOP else 1)


def prepare(workload):
    job = workloads.TRAINING.get(workload)
    if job is None:
        return prepare_calls(workload)
    return prepare_training(job) if job.optimizer else prepare_gradient(job)


if __name__ == "__main__":
    worker.serve(prepare, lambda: {"JAX": jax.__version__, "jaxlib": jaxlib.__version__})
