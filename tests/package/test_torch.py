"""Gradients equal those of PyTorch's autograd: every activation, every loss, conventions matched."""

import itertools

import numpy as np
import pytest

import handgrad

torch = pytest.importorskip("torch")

ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
    "elu": torch.nn.functional.elu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": torch.nn.functional.softplus,
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    "exp": torch.exp,
    "softmax": lambda z: torch.softmax(z, dim=1),
}
# From y-hat, as PyTorch's functions take them; the convention pytorch averages over the outputs too.
LOSSES = {
    "squared_error": torch.nn.functional.mse_loss,
    "binary_cross_entropy": torch.nn.functional.binary_cross_entropy,
    "cross_entropy": lambda yhat, y: -(y * torch.log(yhat)).sum(1).mean(),
    "absolute_error": torch.nn.functional.l1_loss,
    "huber": lambda yhat, y: torch.nn.functional.huber_loss(yhat, y, delta=0.7),
    "quantile": lambda yhat, y: torch.maximum(0.3 * (y - yhat), (0.3 - 1) * (y - yhat)).mean(),
    "poisson": lambda yhat, y: torch.nn.functional.poisson_nll_loss(yhat, y, log_input=False, eps=0.0),
}
# Outputs that stay inside the loss's domain.
OUTPUTS = {
    "binary_cross_entropy": ["sigmoid", "softmax"],
    "cross_entropy": ["softmax", "sigmoid"],
    "poisson": ["exp", "softplus", "sigmoid"],
}
PAIRS = [(loss, output) for loss in LOSSES for output in OUTPUTS.get(loss, list(ACTIVATIONS))]
HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]


def autograd(net, x, y, loss, hidden, output):
    """Loss and gradients of the same network, by PyTorch in double."""
    parameters = {name: torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
                  for name, numbers in net.parameters.items()}
    a = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    inputs = a
    layers = len(parameters) // 2
    for layer in range(1, layers + 1):
        z = a @ parameters[f"linear{layer}.weight"].T + parameters[f"linear{layer}.bias"]
        a = ACTIVATIONS[output if layer == layers else hidden](z)
    value = LOSSES[loss](a, torch.tensor(y, dtype=torch.float64))
    value.backward()
    return (value.item(), {name: p.grad.numpy() for name, p in parameters.items()}, inputs.grad.numpy())


@pytest.mark.parametrize(("loss", "output"), PAIRS, ids=lambda name: name)
def test_gradients_equal_autograd(loss, output):
    rng = np.random.default_rng(7)
    for hidden, sizes in itertools.product(HIDDEN, ([4, 6, 3], [4, 5, 6, 3])):
        net = handgrad.Mlp(sizes, hidden, output, dtype="float64", convention="pytorch", seed=11)
        for numbers in net.parameters.values():
            numbers[...] = rng.uniform(-0.5, 0.5, numbers.shape)
        x = rng.normal(size=(9, 4))
        y = rng.dirichlet(np.ones(3), size=9)
        value, gradients, by_x = autograd(net, x, y, loss, hidden, output)
        tape = net.forward(x)
        own, dy = handgrad.loss(loss, tape.output, y, huber_delta=0.7, quantile=0.3)
        net.backward(tape, dy)
        assert own == pytest.approx(value, rel=1e-12), hidden
        for name, right in gradients.items():
            np.testing.assert_allclose(net.gradients[name], right, rtol=1e-10, atol=1e-14, err_msg=f"{hidden} {name}")
        np.testing.assert_allclose(net.backward(tape, dy, inputs=True), by_x, rtol=1e-10, atol=1e-14, err_msg=hidden)


def modules():
    nn = torch.nn
    return [
        nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3), nn.Softmax(dim=1)),
        nn.Sequential(nn.Linear(4, 2)),
        nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.GELU(approximate="tanh"), nn.Dropout(0.5),
                      nn.Sequential(nn.Linear(6, 5, bias=False), nn.LeakyReLU(0.2)), nn.Linear(5, 1), nn.Sigmoid()),
        nn.Sequential(nn.Linear(4, 6), nn.SiLU(), nn.Linear(6, 6), nn.Softplus(), nn.Linear(6, 2)).double(),
        nn.Sequential(nn.Linear(4, 6), nn.Identity(), nn.Linear(6, 2), nn.ELU()),
    ]


@pytest.mark.parametrize("number", range(5))
def test_from_torch_and_back(number):
    module = modules()[number].eval()
    net = handgrad.from_torch(module)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(net.dtype)
    with torch.no_grad():
        expected = module(torch.from_numpy(x)).numpy()
        back = handgrad.to_torch(net)(torch.from_numpy(x)).numpy()
    assert net(x).dtype == expected.dtype
    tolerance = 1e-6 if net.dtype == "float32" else 1e-14
    np.testing.assert_allclose(net(x), expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(back, expected, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(net(torch.from_numpy(x)), net(x))  # a tensor is an array


@pytest.mark.parametrize(("make", "message"), [
    (lambda nn: nn.Sequential(nn.Conv2d(1, 1, 3)), "Conv2d is neither Linear nor one of"),
    (lambda nn: nn.Sequential(nn.ReLU(), nn.Linear(2, 2)), "no counterpart"),
    (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh()), "no counterpart"),
    (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.ELU(alpha=0.5)), "no counterpart"),
    (lambda nn: nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 1)), "takes 2 inputs, the layer before gives 3"),
    (lambda nn: nn.Sequential(), "no Linear layer"),
    (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.1), nn.Linear(2, 2), nn.LeakyReLU(0.2)), "several slopes"),
])
def test_modules_that_are_no_chain_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        handgrad.from_torch(make(torch.nn))
