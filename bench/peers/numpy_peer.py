"""NumPy with its OpenBLAS: the step written by hand, every product and pass into arrays made once."""

import numpy as np
import threadpoolctl
import worker
import workloads
from workloads import BETA1, BETA2, EPSILON


class Network:
    """Hand-written passes over one batch size, nothing allocated in a step."""

    def __init__(self, widths, batch, activation="relu", loss="squared", dtype=np.float32):
        self.parameters = workloads.first_weights(widths, dtype)
        self.activation, self.loss, self.batch = activation, loss, batch
        self.a = [np.empty((batch, width), dtype) for width in widths[1:]]
        self.delta = [np.empty_like(a) for a in self.a]
        self.slope = [np.empty_like(a) for a in self.a]
        self.gradient = [(np.empty_like(w), np.empty_like(b)) for w, b in self.parameters]

    def activate(self, a):
        if self.activation == "relu":
            np.maximum(a, 0, out=a)
        elif self.activation == "tanh":
            np.tanh(a, out=a)
        else:
            self.sigmoid(a)

    @staticmethod
    def sigmoid(a):
        np.negative(a, out=a)
        np.exp(a, out=a)
        a += 1
        np.reciprocal(a, out=a)

    def forward(self, x):
        for (w, b), a in zip(self.parameters, self.a):
            np.dot(x, w, out=a)
            a += b
            if a is not self.a[-1]:
                self.activate(a)
            x = a
        return x

    def backward(self, x, y):
        """The gradient; the loss itself only where it is asked for by T3, as the steps do not need it."""
        z, delta = self.a[-1], self.delta[-1]
        if self.loss == "binary":
            self.sigmoid(z)
        elif self.loss == "softmax":
            z -= z.max(axis=1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(axis=1, keepdims=True)
        np.subtract(z, y, out=delta)
        value = np.vdot(delta, delta) / (2 * self.batch) if self.loss == "squared" else None
        delta *= delta.dtype.type(1 / self.batch)
        for layer in reversed(range(len(self.parameters))):
            below = self.a[layer - 1] if layer else x
            gw, gb = self.gradient[layer]
            np.dot(below.T, delta, out=gw)
            np.add.reduce(delta, axis=0, out=gb)
            if layer:
                slope, lower = self.slope[layer - 1], self.delta[layer - 1]
                np.dot(delta, self.parameters[layer][0].T, out=lower)
                if self.activation == "relu":
                    np.greater(below, 0, out=slope, casting="unsafe")
                elif self.activation == "tanh":
                    np.multiply(below, below, out=slope)
                    np.subtract(1, slope, out=slope)
                else:
                    np.subtract(1, below, out=slope)
                    slope *= below
                lower *= slope
                delta = lower
        return value


class Optimizer:
    def __init__(self, job, network):
        self.pairs = [pair for layer in zip(network.parameters, network.gradient) for pair in zip(*layer)]
        self.rate, self.adam, self.step = np.float32(job.learning_rate), job.optimizer == "adam", 0
        self.m, self.v, self.scratch = ([np.zeros_like(p) for p, _ in self.pairs] for _ in range(3))

    def update(self):
        self.step += 1
        if not self.adam:
            for p, g in self.pairs:
                g *= self.rate
                p -= g
            return
        scale = np.float32(self.rate / (1 - BETA1**self.step))
        correction = np.float32(1 / np.sqrt(1 - BETA2**self.step))
        for (p, g), m, v, s in zip(self.pairs, self.m, self.v, self.scratch):
            m *= np.float32(BETA1)
            np.multiply(g, np.float32(1 - BETA1), out=s)
            m += s
            v *= np.float32(BETA2)
            np.multiply(g, g, out=g)
            g *= np.float32(1 - BETA2)
            v += g
            np.sqrt(v, out=s)
            s *= correction
            s += np.float32(EPSILON)
            np.divide(m, s, out=s)
            s *= scale
            p -= s


def prepare_training(job):
    x, y = workloads.data(job)
    batches = [(x[i:i + job.batch], y[i:i + job.batch]) for i in range(0, len(x), job.batch)]

    def train(steps):
        network = Network(job.widths, job.batch, job.activation, job.loss)
        optimizer = Optimizer(job, network)
        for step in range(steps):
            rows = batches[step % len(batches)]
            network.forward(rows[0])
            network.backward(*rows)
            optimizer.update()
        return network.parameters

    return worker.Prepared([("sgemm and passes by hand", train)],
                           worker.check_training(job, lambda epochs: train(epochs * job.batches)))


def prepare_gradient(job):
    x, y = workloads.data(job)
    network = Network(job.widths, job.batch, job.activation, job.loss, job.dtype)

    def run(steps):
        for _ in range(steps):
            network.forward(x)
            network.backward(x, y)

    run(1)
    wanted = workloads.loss_and_gradient(job, workloads.first_weights(job.widths, job.dtype), x, y)[1]
    check = [workloads.same(g, w, 1e-12) for got, want in zip(network.gradient, wanted) for g, w in zip(got, want)][0]
    return worker.Prepared([("dgemm and passes by hand", run)], check)


def prepare_inference(workload):
    x = workloads.inputs(workload)
    network = Network(workloads.shape_of(workload), len(x))

    def run(steps):
        for _ in range(steps):
            network.forward(x)

    return worker.Prepared([("sgemm and passes by hand", run)],
                           workloads.same(network.forward(x), workloads.outputs(workload, x)))


def prepare_jacobian(workload):
    x = workloads.inputs(workload)
    (w1, b1), (w2, _) = workloads.first_weights(workloads.shape_of(workload))
    z, kept = np.empty((len(x), len(b1)), np.float32), np.empty((len(x), w2.shape[1], len(b1)), np.float32)
    jacobian = np.empty((len(x), w2.shape[1], len(w1)), np.float32)
    mask, out, back = np.empty_like(z), w2.T.copy(), w1.T.copy()

    def run(steps):
        for _ in range(steps):
            np.dot(x, w1, out=z)
            np.add(z, b1, out=z)
            np.greater(z, 0, out=mask, casting="unsafe")
            np.multiply(mask[:, None, :], out[None], out=kept)
            np.dot(kept.reshape(-1, len(b1)), back, out=jacobian.reshape(-1, len(w1)))

    run(1)
    return worker.Prepared([("(mask ∘ W₂) W₁ by hand, sgemm", run)],
                           workloads.same(jacobian, workloads.jacobians(workload, x)))


def prepare_sgemm(size=1024):
    """The reference line of the machine: seconds of a product of size³."""
    a, b = (np.random.default_rng(seed).standard_normal((size, size), np.float32) for seed in (0, 1))
    c = np.empty_like(a)

    def run(steps):
        for _ in range(steps):
            np.dot(a, b, out=c)

    run(1)
    return worker.Prepared([("sgemm", run)], workloads.same(c, a.astype(np.float64) @ b.astype(np.float64)))


def prepare(workload):
    job = workloads.TRAINING.get(workload)
    if job:
        return prepare_training(job) if job.optimizer else prepare_gradient(job)
    return {"I1": prepare_inference, "I2": prepare_inference, "J1": prepare_jacobian}[workload[:2]](workload) \
        if workload != "sgemm" else prepare_sgemm()


def versions():
    blas = next((info for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"), {})
    return {"NumPy": np.__version__,
            "OpenBLAS of NumPy": f"{blas.get('version')} ({blas.get('architecture')} kernels)"}


if __name__ == "__main__":
    worker.serve(prepare, versions)
