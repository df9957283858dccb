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
