"""Full-batch training steps by three witnesses of the convention presets: plain NumPy, PyTorch and scikit-learn.

Each takes a Problem, Settings and first weights under the names of the model file, and returns the loss before each
step and the weights after the last.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from program import table_of
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor


@dataclass(frozen=True)
class Problem:
    x: np.ndarray        # rows × n
    y: np.ndarray        # rows × K; 0/1 for classes
    hidden: str
    output: str
    loss: str

    @property
    def target_columns(self):
        """What the table says of y: the number of the class for one-hot rows, else a column for each output."""
        if self.output == "softmax":
            return {"y": self.y.argmax(axis=1)}
        return {f"y{k + 1}": self.y[:, k] for k in range(self.y.shape[1])}

    @property
    def columns(self):
        return table_of(self.x, self.target_columns)


@dataclass(frozen=True)
class Settings:
    optimizer: str
    learning_rate: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "constant"
    steps: int = 8

    @property
    def rates(self):
        """Of each step. `step`: a tenth from half of the steps on, a hundredth from three quarters on."""
        tenth, hundredth = self.steps // 2, self.steps * 3 // 4
        if self.schedule == "constant":
            tenth = hundredth = self.steps
        return [self.learning_rate * (1.0 if t < tenth else 0.1 if t < hundredth else 0.01)
                for t in range(self.steps)]

    @property
    def options(self):
        """The same for the program, which takes one step an epoch when the batch is full."""
        chosen = ["--optimizer", self.optimizer, "--learning-rate", self.learning_rate, "--schedule", self.schedule,
                  "--epochs", self.steps]
        chosen += ["--momentum", self.momentum] if self.momentum else []
        chosen += ["--nesterov"] if self.nesterov else []
        chosen += ["--weight-decay", self.weight_decay] if self.weight_decay else []
        return chosen


# --- NumPy, by the row `handgrad` of the table of conventions -------------------------------------------------------


def _sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


_HIDDEN = {"relu": (lambda z: np.maximum(z, 0.0), lambda z: np.where(z >= 0.0, 1.0, 0.0)),
           "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z)),
           "tanh": (np.tanh, lambda z: 1.0 - np.tanh(z) ** 2)}


def _numpy_output(problem, z):
    """The mean loss over the rows, and its derivative by the logits z."""
    y, rows, outputs = problem.y, *problem.y.shape
    match problem.output, problem.loss:
        case "identity", "squared_error":
            return np.sum((z - y) ** 2) / rows, 2.0 * (z - y) / rows
        case "sigmoid", "binary_cross_entropy":
            loss = -np.mean(y * np.log(_sigmoid(z)) + (1.0 - y) * np.log(_sigmoid(-z)))
            return loss, (_sigmoid(z) - y) / outputs / rows
        case "softmax", "cross_entropy":
            p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            return -np.sum(y * np.log(p)) / rows, (p - y) / rows
        case "identity", "absolute_error":
            return np.sum(np.abs(z - y)) / rows, np.where(z >= y, 1.0, -1.0) / rows
    raise ValueError(problem)


def numpy_steps(problem, settings, weights):
    w = {name: weight.copy() for name, weight in weights.items()}
    first = {name: np.zeros_like(weight) for name, weight in w.items()}
    second = {name: np.zeros_like(weight) for name, weight in w.items()}
    f, f_slope = _HIDDEN[problem.hidden]
    alpha = 0.0 if settings.optimizer == "adamw" else settings.weight_decay
    losses = []
    for t, rate in enumerate(settings.rates, start=1):
        z1 = problem.x @ w["linear1.weight"].T + w["linear1.bias"]
        loss, delta2 = _numpy_output(problem, f(z1) @ w["linear2.weight"].T + w["linear2.bias"])
        delta1 = delta2 @ w["linear2.weight"] * f_slope(z1)
        gradient = {"linear1.weight": delta1.T @ problem.x, "linear1.bias": delta1.sum(axis=0),
                    "linear2.weight": delta2.T @ f(z1), "linear2.bias": delta2.sum(axis=0)}
        for name in w:
            if name.endswith("weight"):
                loss += 0.5 * alpha * np.sum(w[name] ** 2)
                gradient[name] += alpha * w[name]
        losses.append(loss)
        for name, g in gradient.items():
            if settings.optimizer == "sgd":
                first[name] = settings.momentum * first[name] - rate * g
                w[name] += settings.momentum * first[name] - rate * g if settings.nesterov else first[name]
            else:
                if settings.optimizer == "adamw" and name.endswith("weight"):
                    w[name] -= rate * settings.weight_decay * w[name]
                first[name] = 0.9 * first[name] + 0.1 * g
                second[name] = 0.999 * second[name] + 0.001 * g**2
                root = np.sqrt(second[name] / (1.0 - 0.999**t))
                w[name] -= rate * first[name] / (1.0 - 0.9**t) / (root + 1e-8)
    return losses, w


# --- PyTorch --------------------------------------------------------------------------------------------------------

_TORCH_ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp,
                      "identity": lambda z: z}
_TORCH_LOSSES = {"squared_error": torch.nn.functional.mse_loss,
                 "binary_cross_entropy": torch.nn.functional.binary_cross_entropy,
                 "absolute_error": torch.nn.functional.l1_loss,
                 "huber": torch.nn.functional.huber_loss,
                 "poisson": lambda yhat, y: torch.nn.functional.poisson_nll_loss(yhat, y, log_input=False, eps=0.0)}


def _torch_loss(problem, logits):
    if problem.output == "softmax":
        return torch.nn.functional.cross_entropy(logits, torch.tensor(problem.y.argmax(axis=1)))
    return _TORCH_LOSSES[problem.loss](_TORCH_ACTIVATIONS[problem.output](logits), torch.tensor(problem.y))


def torch_steps(problem, settings, weights):
    outputs, inputs = weights["linear2.weight"].shape[0], weights["linear1.weight"].shape[1]
    width = weights["linear1.bias"].size
    linear = [torch.nn.Linear(inputs, width).double(), torch.nn.Linear(width, outputs).double()]
    parameters = {f"linear{layer}.{kind}": getattr(linear[layer - 1], kind)
                  for layer in (1, 2) for kind in ("weight", "bias")}
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.tensor(weights[name]))
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    match settings.optimizer:
        case "sgd":
            optimizer = torch.optim.SGD(parameters.values(), **common, momentum=settings.momentum,
                                        nesterov=settings.nesterov)
        case "adam":
            optimizer = torch.optim.Adam(parameters.values(), **common)
        case "adamw":
            optimizer = torch.optim.AdamW(parameters.values(), **common)
    losses = []
    for rate in settings.rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = _torch_loss(problem, linear[1](_TORCH_ACTIVATIONS[problem.hidden](linear[0](torch.tensor(problem.x)))))
        loss.backward()
        # PyTorch adds αw to each gradient without saying which loss that belongs to: this one.
        alpha = 0.0 if settings.optimizer == "adamw" else settings.weight_decay
        losses.append(loss.item() + 0.5 * alpha * sum((p**2).sum().item() for p in parameters.values()))
        optimizer.step()
    return losses, {name: parameter.detach().numpy() for name, parameter in parameters.items()}


# --- scikit-learn ---------------------------------------------------------------------------------------------------

_SKLEARN_ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}
_SKLEARN_OUTPUTS = {("identity", "squared_error"): "identity", ("sigmoid", "binary_cross_entropy"): "logistic",
                    ("softmax", "cross_entropy"): "softmax"}


def sklearn_steps(problem, settings, weights):
    estimator = (MLPRegressor if problem.output == "identity" else MLPClassifier)(
        hidden_layer_sizes=(weights["linear1.bias"].size,), activation=_SKLEARN_ACTIVATIONS[problem.hidden],
        solver=settings.optimizer, alpha=settings.weight_decay, batch_size=len(problem.x),
        learning_rate_init=settings.learning_rate, momentum=settings.momentum, nesterovs_momentum=settings.nesterov,
        shuffle=False, max_iter=1)
    y = problem.y.argmax(axis=1) if problem.output == "softmax" else np.squeeze(problem.y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(problem.x, y)  # brings the weights into being; they and the optimizer's state are replaced below
    assert estimator.out_activation_ == _SKLEARN_OUTPUTS[problem.output, problem.loss]
    for layer in (0, 1):
        estimator.coefs_[layer] = weights[f"linear{layer + 1}.weight"].T.copy()
        estimator.intercepts_[layer] = weights[f"linear{layer + 1}.bias"].copy()
    del estimator._optimizer
    losses = []
    for t, rate in enumerate(settings.rates):
        if t > 0 and settings.optimizer == "sgd":
            estimator._optimizer.learning_rate = rate
        elif t > 0:
            estimator._optimizer.learning_rate_init = rate
        estimator.partial_fit(problem.x, y)
        losses.append(estimator.loss_)
    trained = {}
    for layer in (0, 1):
        trained[f"linear{layer + 1}.weight"] = estimator.coefs_[layer].T
        trained[f"linear{layer + 1}.bias"] = estimator.intercepts_[layer]
    return losses, trained
