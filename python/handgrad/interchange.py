"""Networks from and for PyTorch and scikit-learn; neither is imported before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad.network import Mlp

if TYPE_CHECKING:
    from handgrad.estimators import MLPClassifier, MLPRegressor

__all__ = ["from_sklearn", "from_torch", "to_sklearn", "to_torch"]


def _needs(package: str, name: str) -> ImportError:
    return ImportError(f"{name} needs {package}, which is not installed: pip install {package}")


# --- PyTorch ---------------------------------------------------------------------------------------------------------

# What nn.Sequential may hold between its Linear layers: the name of the class, what must hold of it, and our name.
TORCH_ACTIVATIONS: dict[str, Any] = {
    "Identity": lambda module: "identity",
    "ReLU": lambda module: "relu",
    "LeakyReLU": lambda module: "leaky_relu",
    "ELU": lambda module: "elu" if module.alpha == 1.0 else None,
    "Sigmoid": lambda module: "sigmoid",
    "Tanh": lambda module: "tanh",
    "Softplus": lambda module: "softplus" if module.beta == 1 else None,
    "SiLU": lambda module: "silu",
    "GELU": lambda module: "gelu" if module.approximate == "none" else "gelu_tanh",
    "Softmax": lambda module: "softmax" if module.dim in (1, -1) else None,
}
# What does nothing to rows of a trained network.
TORCH_NOTHING = ("Dropout", "Flatten")


def _flattened(module: Any) -> list[Any]:
    if type(module).__name__ == "Sequential":
        _refuse_more_than_a_chain(module)
        return [inner for child in module for inner in _flattened(child)]
    return [module]


def _refuse_more_than_a_chain(part: Any) -> None:
    """What a module does beside its formula would be lost: hooks, and weights that are computed from others."""
    hooks = [name for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
             if getattr(part, name, None)]
    if hooks:
        raise ValueError(f"from_torch: {part} has hooks ({', '.join(name.strip('_') for name in hooks)}), which a "
                         "network of formulas has not; remove them first")
    if hasattr(part, "parametrizations"):
        raise ValueError(f"from_torch: the weights of {part} are parametrized; "
                         "torch.nn.utils.parametrize.remove_parametrizations makes them plain")


def _torch_layers(module: Any) -> tuple[list[Any], list[str], set[float]]:
    """The Linear layers, the activation behind each, and the slopes of leaky ones."""
    linear: list[Any] = []
    activations: list[str] = []
    slopes: set[float] = set()
    for part in _flattened(module):
        kind = type(part).__name__
        _refuse_more_than_a_chain(part)
        if kind == "Linear":
            linear.append(part)
            activations.append("identity")
        elif kind in TORCH_ACTIVATIONS:
            name = TORCH_ACTIVATIONS[kind](part)
            if name is None or not linear or activations[-1] != "identity":
                raise ValueError(f"from_torch: {part} has no counterpart in a chain of Linear layers and activations")
            activations[-1] = name
            if name == "leaky_relu":
                slopes.add(float(part.negative_slope))
        elif kind not in TORCH_NOTHING:
            raise ValueError(f"from_torch: {kind} is neither Linear nor one of {', '.join(TORCH_ACTIVATIONS)}")
    if not linear:
        raise ValueError("from_torch: the module has no Linear layer")
    if len(slopes) > 1:
        raise ValueError(f"from_torch: the leaky ReLUs have several slopes, {sorted(slopes)}; one network has one")
    return linear, activations, slopes


def from_torch(module: Any) -> Mlp:
    """The network of a torch.nn.Sequential of Linear layers and activations, with its weights and PyTorch's conventions.

    float32 or float64 as the module's weights are. Raises ValueError for a module that is no such chain, naming the
    part."""
    linear, activations, slopes = _torch_layers(module)
    sizes = [linear[0].in_features, *(layer.out_features for layer in linear)]
    for before, layer in zip(sizes[:-1], linear):
        if layer.in_features != before:
            raise ValueError(f"from_torch: {layer} takes {layer.in_features} inputs, the layer before gives {before}")
    dtype = "float64" if linear[0].weight.dtype.is_floating_point and linear[0].weight.element_size() == 8 else "float32"
    net = Mlp(sizes, activations[:-1] or "relu", activations[-1], dtype=dtype, seed=None, convention="pytorch",
              leaky_slope=next(iter(slopes), 0.01))
    for number, layer in enumerate(linear, start=1):
        net.parameters[f"linear{number}.weight"][...] = layer.weight.detach().cpu().numpy()
        if layer.bias is not None:
            net.parameters[f"linear{number}.bias"][...] = layer.bias.detach().cpu().numpy()
    return net


def to_torch(net: Mlp) -> Any:
    """The same network as a torch.nn.Sequential, with copies of the weights."""
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise _needs("torch", "to_torch") from error
    d = net.described()
    makers: dict[str, Any] = {
        "identity": None, "relu": torch.nn.ReLU, "leaky_relu": lambda: torch.nn.LeakyReLU(d["leaky_slope"]),
        "elu": torch.nn.ELU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "softplus": torch.nn.Softplus,
        "silu": torch.nn.SiLU, "gelu": torch.nn.GELU, "gelu_tanh": lambda: torch.nn.GELU(approximate="tanh"),
        "softmax": lambda: torch.nn.Softmax(dim=1),
    }
    dtype = getattr(torch, d["dtype"])
    parts = []
    for number, activation in enumerate([*d["hidden"], d["output"]], start=1):
        if activation not in makers:
            raise ValueError(f"to_torch: torch.nn has no module for the activation {activation}")
        layer = torch.nn.Linear(d["sizes"][number - 1], d["sizes"][number], dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(net.parameters[f"linear{number}.weight"].copy()))
            layer.bias.copy_(torch.from_numpy(net.parameters[f"linear{number}.bias"].copy()))
        parts.append(layer)
        if makers[activation] is not None:
            parts.append(makers[activation]())
    return torch.nn.Sequential(*parts)


# --- scikit-learn ----------------------------------------------------------------------------------------------------

# What a fitted estimator is made of, beside weights; those that are there.
FITTED = ("classes_", "_label_binarizer", "n_features_in_", "feature_names_in_", "n_iter_", "n_layers_", "n_outputs_",
          "out_activation_", "t_", "loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_",
          "_no_improvement_count")


def _carry(source: Any, target: Any) -> None:
    for name in FITTED:
        if name in source.__dict__:
            setattr(target, name, source.__dict__[name])


def from_sklearn(estimator: Any) -> MLPRegressor | MLPClassifier:
    """handgrad's estimator with the parameters, weights and history of a fitted sklearn.neural_network.MLPRegressor or
    MLPClassifier."""
    import handgrad
    from handgrad import _core

    kind = type(estimator).__name__
    if kind not in ("MLPRegressor", "MLPClassifier") or not hasattr(estimator, "coefs_"):
        raise ValueError(f"from_sklearn: a fitted MLPRegressor or MLPClassifier is expected, not {kind}")
    own: MLPRegressor | MLPClassifier = getattr(handgrad, kind)(**estimator.get_params())
    sizes = [estimator.coefs_[0].shape[0], *(weight.shape[1] for weight in estimator.coefs_)]
    names = {"logistic": "sigmoid"}
    own._network = _core.Network(sizes, [names.get(estimator.activation, estimator.activation)] * (len(sizes) - 2),
                                 names.get(estimator.out_activation_, estimator.out_activation_), "sklearn", 0.01,
                                 np.dtype(estimator.coefs_[0].dtype).name, None)
    own.coefs_ = estimator.coefs_
    own.intercepts_ = estimator.intercepts_
    _carry(estimator, own)
    return own


def to_sklearn(estimator: MLPRegressor | MLPClassifier) -> Any:
    """scikit-learn's estimator with the parameters, weights and history of a fitted one of handgrad. Raises ValueError
    for what scikit-learn's have not: other activations and losses."""
    import sklearn.neural_network  # type: ignore[import-untyped,unused-ignore]

    kind = getattr(sklearn.neural_network, type(estimator).__name__, None)
    if kind is None or not hasattr(estimator, "coefs_"):
        raise ValueError(f"to_sklearn: a fitted MLPRegressor or MLPClassifier is expected, not {type(estimator).__name__}")
    if estimator.activation not in ("identity", "logistic", "tanh", "relu"):
        raise ValueError(f"to_sklearn: scikit-learn has no activation {estimator.activation!r}")
    canonical = estimator._output_activation()
    if estimator.out_activation_ != canonical:
        raise ValueError(f"to_sklearn: scikit-learn's output would be {canonical}, not {estimator.out_activation_}")
    known = kind().get_params()
    if "loss" in known and estimator.loss not in ("squared_error", "poisson"):
        raise ValueError(f"to_sklearn: scikit-learn has no loss {estimator.loss!r}")
    theirs = kind(**{name: value for name, value in estimator.get_params().items() if name in known})
    theirs.coefs_ = [np.ascontiguousarray(weight) for weight in estimator.coefs_]
    theirs.intercepts_ = [bias.copy() for bias in estimator.intercepts_]
    _carry(estimator, theirs)
    return theirs
