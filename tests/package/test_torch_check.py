"""PyTorch's own derivatives before the certificate: right ones pass, others are named."""

import copy

import numpy as np
import pytest

import handgrad

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(("end", "loss"), [("", "squared_error"), ("Sigmoid", "binary_cross_entropy"), ("Softmax", "cross_entropy")])
def test_torch_is_judged(end, loss):
    torch.manual_seed(0)
    parts = [torch.nn.Linear(3, 6), torch.nn.ReLU(), torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)]
    if end:
        parts.append(torch.nn.Sigmoid() if end == "Sigmoid" else torch.nn.Softmax(dim=1))
    module = torch.nn.Sequential(*parts)
    before = copy.deepcopy(module.state_dict())
    x, y = np.random.default_rng(7).normal(size=(11, 3)), np.random.default_rng(8).random((11, 2))
    y = y / y.sum(1, keepdims=True) if end == "Softmax" else y
    assert handgrad.check_torch(module, x, y, loss=loss).verdict == "PASS"
    assert all((before[name] == value).all() for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert handgrad.check_torch(module.double(), torch.tensor(x), torch.tensor(y), loss=loss).verdict == "PASS"
    wrong = handgrad.check_torch(module, x, y, loss=loss, torch_loss=lambda yhat, y: ((yhat - y) ** 2).sum())
    assert wrong.verdict == "FAIL"
    with pytest.raises(ValueError, match="Conv1d is neither Linear"):
        handgrad.check_torch(torch.nn.Sequential(torch.nn.Conv1d(1, 1, 1)), x, y)


def chain():
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))


def shared():
    inner = torch.nn.Linear(3, 3)
    return torch.nn.Sequential(inner, torch.nn.Tanh(), inner, torch.nn.Tanh(), torch.nn.Linear(3, 2))


def hooked():
    module = chain()
    module[0].register_forward_hook(lambda module, given, result: 2 * result)
    return module


def frozen():
    module = chain()
    module[0].weight.requires_grad_(False)
    return module


def parametrized():
    module = chain()
    torch.nn.utils.parametrizations.orthogonal(module[0])
    return module


@pytest.mark.parametrize(("make", "message"), [
    (lambda: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 2)), "at random"),
    (shared, "share their parameters"), (hooked, "has hooks"), (frozen, "are frozen"), (parametrized, "parametrized"),
    (lambda: torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False)), "has no bias"),
])
def test_what_cannot_be_judged_is_refused(make, message):
    """A FAIL would blame autograd for what the module does beside its formulas."""
    with pytest.raises(ValueError, match=message):
        handgrad.check_torch(make(), np.ones((5, 3)), np.ones((5, 2)))


def test_it_is_judged_wherever_it_is_called():
    x, y = np.random.default_rng(7).normal(size=(5, 3)), np.random.default_rng(8).random((5, 2))
    module = chain()
    dropping = torch.nn.Sequential(*module, torch.nn.Dropout(0.5)).eval()
    with torch.no_grad():
        assert handgrad.check_torch(module, x, y).passed
    with torch.inference_mode():
        assert handgrad.check_torch(dropping, x, y).passed
