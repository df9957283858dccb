"""PyTorch: eager with its fused optimizers, or (HANDGRAD_COMPILE=1) whole steps in one graph by torch.compile."""

import os

import numpy as np
import torch
import torch.nn.functional as F
import worker
import workloads
from workloads import BETA1, BETA2, EPSILON

COMPILE = os.environ.get("HANDGRAD_COMPILE") == "1"
ACTIVATIONS = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}

torch.set_num_threads(worker.THREADS)
torch.set_flush_denormal(True)


def weights(widths, dtype=np.float32):
    """[W out × in, b, …]: PyTorch's own layout."""
    return [torch.from_numpy(array) for w, b in workloads.first_weights(widths, dtype) for array in (w.T.copy(), b)]


def pairs(parameters):
    """Back to [(W in × out, b)] in NumPy."""
    arrays = [p.detach().numpy().copy() for p in parameters]
    return [(w.T, b) for w, b in zip(arrays[::2], arrays[1::2])]


def network(parameters, x, activation="relu"):
    for i in range(0, len(parameters) - 2, 2):
        x = ACTIVATIONS[activation](F.linear(x, parameters[i], parameters[i + 1]))
    return F.linear(x, parameters[-2], parameters[-1])


def loss(job, parameters, x, y):
    z = network(parameters, x, job.activation)
    if job.loss == "squared":
        return F.mse_loss(z, y, reduction="sum") / (2 * job.batch)
    return F.binary_cross_entropy_with_logits(z, y) if job.loss == "binary" else F.cross_entropy(z, y)


def batches_of(job):
    x, y = workloads.data(job)
    if job.loss == "softmax":
        y = y.argmax(axis=1)  # class numbers, which cross_entropy takes faster than one-hot rows
    return list(zip(torch.from_numpy(x).split(job.batch), torch.from_numpy(y).split(job.batch)))


def compiled(function):
    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, dynamic=False)


def eager_training(job, batches, **options):
    def train(steps):
        parameters = [torch.nn.Parameter(p) for p in weights(job.widths)]
        if job.optimizer == "adam":
            optimizer = torch.optim.Adam(parameters, job.learning_rate, (BETA1, BETA2), EPSILON, **options)
        else:
            optimizer = torch.optim.SGD(parameters, job.learning_rate, **options)
        for step in range(steps):
            optimizer.zero_grad()
            loss(job, parameters, *batches[step % len(batches)]).backward()
            optimizer.step()
        return pairs(parameters)
    return train


def compiled_training(job, batches, unroll):
    """`unroll` whole steps in one graph: gradient, then the optimizer written out on its result."""
    gradient = torch.func.grad(lambda parameters, x, y: loss(job, parameters, x, y))

    def steps_of(parameters, m, v, powers, rows):
        for x, y in rows:
            gradients = gradient(parameters, x, y)
            if job.optimizer == "sgd":
                for p, g in zip(parameters, gradients):
                    p.sub_(g * job.learning_rate)
                continue
            powers.mul_(torch.tensor([BETA1, BETA2]))
            scale, correction = job.learning_rate / (1 - powers[0]), torch.rsqrt(1 - powers[1])
            for p, g, m_p, v_p in zip(parameters, gradients, m, v):
                m_p.mul_(BETA1).add_(g, alpha=1 - BETA1)
                v_p.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
                p.sub_(scale * m_p / (v_p.sqrt() * correction + EPSILON))

    run = compiled(steps_of)
    groups = [batches[i:i + unroll] for i in range(0, len(batches), unroll)]

    def train(steps):
        parameters = weights(job.widths)
        m, v = ([torch.zeros_like(p) for p in parameters] if job.optimizer == "adam" else [] for _ in range(2))
        powers = torch.ones(2)
        with torch.no_grad():
            for step in range(steps // unroll):
                run(parameters, m, v, powers, groups[step % len(groups)])
        return pairs(parameters)
    return train


def prepare_training(job):
    batches = batches_of(job)
    unroll = 1
    if COMPILE:
        # Unrolling saves calls of the graph; where a step is long, it only makes compiling long.
        if max(job.widths) <= 256 and job.widths[0] < 100:
            unroll = min(job.batches, 8 if job.optimizer == "sgd" else 4)
        variants = [(f"compiled, {unroll} step{'s' * (unroll > 1)} a call", compiled_training(job, batches, unroll))]
    else:
        names = ("fused", "foreach")
        variants = [(f"eager, {name} optimizer", eager_training(job, batches, **{name: True})) for name in names]
    check = [worker.check_training(job, lambda epochs, train=train: train(epochs * job.batches))
             for _, train in variants][0]
    return worker.Prepared(variants, check, unroll)


def prepare_gradient(job, evaluations=8):
    x, y = batches_of(job)[0]
    value_and_gradient = torch.func.grad_and_value(lambda parameters, x, y: loss(job, parameters, x, y))
    parameters = weights(job.widths, job.dtype)

    def functional(many):
        return [value_and_gradient(weights, x, y) for weights in many]

    def autograd(many):
        for weights in many:
            for p in weights:
                p.grad = None
            loss(job, weights, x, y).backward()

    if COMPILE:
        evaluate, many = compiled(functional), [[p * (1 + 1e-3 * i) for p in parameters] for i in range(evaluations)]
        got = pairs(evaluate(many)[0][0])
    else:
        evaluate, many = autograd, [[p.clone().requires_grad_() for p in parameters]] * evaluations
        evaluate(many)
        got = pairs([p.grad for p in many[0]])
    wanted = workloads.loss_and_gradient(job, workloads.first_weights(job.widths, job.dtype), *workloads.data(job))[1]
    check = [workloads.same(g, w, 1e-12) for layers in zip(got, wanted) for g, w in zip(*layers)][0]

    def run(steps):
        for _ in range(steps // evaluations):
            evaluate(many)

    return worker.Prepared([(f"compiled, {evaluations} evaluations a call, double" if COMPILE else
                             "eager autograd, double", run)], check, evaluations)


def prepare_inference(workload):
    x = torch.from_numpy(workloads.inputs(workload))
    n, r, k = workloads.shape_of(workload)
    model = torch.nn.Sequential(torch.nn.Linear(n, r), torch.nn.ReLU(), torch.nn.Linear(r, k)).eval()
    for p, w in zip(model.parameters(), weights((n, r, k))):
        p.data.copy_(w)
    if COMPILE:
        from torch._inductor import config
        config.freezing = True  # the weights are constants: packed once
        function, setting = compiled(model), "from Python, compiled, frozen weights"
    else:
        parameters = [p.detach() for p in model.parameters()]
        function, setting = lambda x: network(parameters, x), "from Python, eager functions"

    def run(steps):
        with torch.no_grad() if COMPILE else torch.inference_mode():
            for _ in range(steps):
                function(x)

    with torch.no_grad():
        check = workloads.same(function(x).numpy(), workloads.outputs(workload, workloads.inputs(workload)))
    return worker.Prepared([(setting, run)], check)


def prepare_jacobian(workload):
    x = torch.from_numpy(workloads.inputs(workload))
    parameters = weights(workloads.shape_of(workload))
    function = torch.func.vmap(torch.func.jacrev(lambda row: network(parameters, row)))
    if COMPILE:
        function = compiled(function)

    def run(steps):
        with torch.no_grad():
            for _ in range(steps):
                function(x)

    with torch.no_grad():
        check = workloads.same(function(x).numpy(), workloads.jacobians(workload, workloads.inputs(workload)))
    return worker.Prepared([("jacrev+vmap" + ", compiled" * COMPILE, run)], check)


def prepare(workload):
    job = workloads.TRAINING.get(workload)
    if job:
        return prepare_training(job) if job.optimizer else prepare_gradient(job)
    return prepare_jacobian(workload) if workload.startswith("J1") else prepare_inference(workload)


if __name__ == "__main__":
    if COMPILE:
        from torch._inductor import config
        config.cpp_wrapper = True  # the calls between kernels are compiled too
    worker.serve(prepare, lambda: {"PyTorch": torch.__version__})
