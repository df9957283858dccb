"""The network and its five steps: forward, loss, backward, update, each a call of its own."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handgrad import _core
from handgrad._arrays import direction, rows, texts
from handgrad._arrays import weights as weights_of
from handgrad.errors import UsageError

__all__ = ["SGD", "Adam", "AdamW", "Mlp", "Optimizer", "loss"]

Array = NDArray[Any]


class _Arrays(Mapping[str, Array]):
    """Arrays over a network's memory: what takes the place of one is written into it, and none can be taken out."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            raise KeyError(f"{name!r}; there are {', '.join(self._arrays)}")
        return self._arrays[name]

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        self[name][...] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return repr(self._arrays)

    def update(self, values: Mapping[str, ArrayLike]) -> None:
        """Writes all of them, or none where a name or a shape does not fit."""
        arrays = {name: np.asarray(value) for name, value in values.items()}
        for name, array in arrays.items():
            np.broadcast_to(array, self[name].shape)
        for name, array in arrays.items():
            self[name] = array

    def __ior__(self, values: Mapping[str, ArrayLike]) -> Self:
        self.update(values)
        return self


def _sizes(given: Sequence[int]) -> list[int]:
    """Widths as whole numbers, of NumPy's too."""
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError(f"sizes: a list of whole numbers (inputs, width of each hidden layer, outputs) is expected, not {given!r}")
    sizes = [operator.index(size) for size in given]
    for number, size in enumerate(sizes, start=1):
        if size < 0:
            raise UsageError(f"size {number} of {len(sizes)} is {size}; inputs, width of each hidden layer and outputs "
                             "are 1 or more")
    return sizes


def _seed(given: int) -> int:
    seed = operator.index(given)
    if not 0 <= seed < 2**64:
        raise UsageError(f"seed = {seed} is out of range: a whole number from 0 to 2^64 - 1, or None for zeros")
    return seed


class Mlp(_core.Network):
    """A network Linear -> f -> ... -> Linear -> g with its gradient.

    sizes: inputs, width of each hidden layer, outputs. hidden: the activation f of all hidden layers, or one for each.
    output: the activation g. dtype: float32 or float64, of the weights and of every step. seed: of the first weights,
    drawn as the convention says; None for zeros. convention: handgrad, pytorch or sklearn, which fixes reductions,
    slopes at kinks, penalty, momentum and first weights.

    parameters and gradients are dicts of arrays under the names of model files (linear1.weight is outputs x inputs,
    linear1.bias, linear2.weight ...) over the network's own memory: what is written there is what the network uses.
    """

    def __init__(self, sizes: Sequence[int], hidden: str | Sequence[str] = "relu", output: str = "identity", *,
                 dtype: Any = "float32", seed: int | None = 0, convention: str = "handgrad",
                 leaky_slope: float = 0.01) -> None:
        super().__init__(_sizes(sizes), texts(hidden, "hidden"), output, convention, float(leaky_slope), np.dtype(dtype).name,
                         None if seed is None else _seed(seed))
        self._show_memory()

    def _show_memory(self) -> None:
        self._parameters = _Arrays(super().arrays())
        self._gradients = _Arrays(_core.gradients(self))

    @property
    def parameters(self) -> _Arrays:
        """The weights and biases by their names in files, arrays over the network's memory; what is put in the place of
        one, or of all (a dict), is written into it."""
        return self._parameters

    @parameters.setter
    def parameters(self, values: Mapping[str, ArrayLike]) -> None:
        self._parameters.update(values)

    @property
    def gradients(self) -> _Arrays:
        """What backward() has added up, likewise."""
        return self._gradients

    @gradients.setter
    def gradients(self, values: Mapping[str, ArrayLike]) -> None:
        self._gradients.update(values)

    # --- The five steps -------------------------------------------------------------------------------------------

    def forward(self, x: ArrayLike) -> _core.Tape:
        """Step 2, Eq. (2): what the pass leaves behind for backward(); its `output` is yhat, (rows, outputs), and its
        `layers` are z and a of every layer. x: (rows, inputs), which is not copied and must not change before
        backward()."""
        return _core.forward(self, x)

    def backward(self, tape: _core.Tape, dy: Any, *, inputs: bool = False) -> Array | None:
        """Step 4, Table 2: adds the gradient of the loss by every parameter to `gradients`. dy: what loss() gave for
        this tape, or your own derivative of the loss by yhat, (rows, outputs). With inputs=True the derivative by x
        comes back, (rows, inputs). To be called before the weights change."""
        by_inputs: Array | None = _core.backward(self, tape, dy, inputs)
        return by_inputs

    def zero_gradients(self) -> None:
        """Sets all gradients to 0."""
        _core.zero_gradients(self)

    # --- What it answers ------------------------------------------------------------------------------------------

    def __call__(self, x: ArrayLike) -> Array:
        """yhat, (rows, outputs), of x, (rows, inputs). A row's answer depends on no other row."""
        result: Array = self.outputs(x)
        return result

    predict = __call__

    def jacobian(self, x: ArrayLike) -> Array:
        """The derivative of each output by each input at each row of x: (rows, outputs, inputs), derivation, section
        7."""
        result: Array = self.jacobians(x)
        return result

    def vjp(self, x: ArrayLike, v: ArrayLike) -> Array:
        """v dyhat/dx, (rows, inputs), with v (rows, outputs): the derivative by x of a loss that has v by yhat."""
        result: Array = self.vector_jacobian(x, v)
        return result

    def jvp(self, x: ArrayLike, u: ArrayLike) -> Array:
        """dyhat/dx u, (rows, outputs), with u (rows, inputs): how the outputs change along u."""
        result: Array = self.jacobian_vector(x, u)
        return result

    def hessian(self, x: ArrayLike, v: ArrayLike | None = None) -> Array:
        """The second derivative of each output by each two inputs at each row of x: (rows, outputs, inputs, inputs),
        symmetric; with v (rows, outputs) that of v yhat: (rows, inputs, inputs). At a kink of an activation its own
        second derivative counts as 0. Derivation, section 7.8."""
        result: Array = self.hessians(x) if v is None else self.weighted_hessians(x, v)
        return result

    def hvp(self, x: ArrayLike, v: ArrayLike, u: ArrayLike) -> Array:
        """The second derivative of v yhat by the inputs times u, (rows, inputs), with v (rows, outputs) and u (rows,
        inputs), without making the matrix: hessian(x, v) @ u."""
        result: Array = self.hessian_vector(x, v, u)
        return result

    # --- Derivatives by the weights: P parameters, in the order of `parameters`, each row by row ---------------------

    def parameter_jacobian(self, x: ArrayLike) -> Array:
        """The derivative of each output by each parameter at each row of x: (rows, outputs, P), (L3) of
        docs/derivations/levenberg_marquardt.md, as the equations below."""
        result: Array = _core.parameter_jacobian(self, rows(x, self.dtype, "x"))
        return result

    def parameter_jvp(self, x: ArrayLike, v: ArrayLike) -> Array:
        """How the outputs change, (rows, outputs), when the parameters move along v (P): parameter_jacobian(x) @ v
        without the matrix, (L1)."""
        result: Array = _core.parameter_along(self, rows(x, self.dtype, "x"), direction(v, self.dtype, "v"), False)
        return result

    def parameter_second(self, x: ArrayLike, v: ArrayLike) -> Array:
        """The second derivative of the outputs, (rows, outputs), along v (P), (L2)."""
        result: Array = _core.parameter_along(self, rows(x, self.dtype, "x"), direction(v, self.dtype, "v"), True)
        return result

    def parameter_vjp(self, x: ArrayLike, u: ArrayLike) -> Array:
        """The gradient (P) of a loss that has u (rows, outputs) by yhat, summed over rows, (L4)."""
        result: Array = _core.parameter_transposed(self, rows(x, self.dtype, "x"), rows(u, self.dtype, "u"))
        return result

    def hessian_vector_product(self, x: ArrayLike, y: ArrayLike, v: ArrayLike, loss: str = "squared_error", *,
                               sample_weight: ArrayLike | None = None, huber_delta: float = 1.0,
                               quantile: float = 0.5) -> Array:
        """The second derivative of the mean loss by all parameters times v (P): (P), (L6), (L7); without a penalty."""
        return self._loss_product(x, y, v, loss, sample_weight, huber_delta, quantile, False)

    def gauss_newton_product(self, x: ArrayLike, y: ArrayLike, v: ArrayLike, loss: str = "squared_error", *,
                             sample_weight: ArrayLike | None = None, huber_delta: float = 1.0,
                             quantile: float = 0.5) -> Array:
        """The same without the second derivatives of the network: (P), (L5)."""
        return self._loss_product(x, y, v, loss, sample_weight, huber_delta, quantile, True)

    def _loss_product(self, x: ArrayLike, y: ArrayLike, v: ArrayLike, loss: str, sample_weight: ArrayLike | None,
                      huber_delta: float, quantile: float, gauss_newton: bool) -> Array:
        of_rows = weights_of(sample_weight, self.dtype)
        result: Array = _core.loss_product(self, rows(x, self.dtype, "x"), rows(y, self.dtype, "y"),
                                           direction(v, self.dtype, "v"), of_rows, loss, huber_delta, quantile,
                                           gauss_newton)
        return result

    def row_gradients(self, x: ArrayLike, y: ArrayLike, loss: str = "squared_error", *, huber_delta: float = 1.0,
                      quantile: float = 0.5) -> dict[str, Array]:
        """The gradient of each row's own loss: under each parameter's name an array (rows, *shape)."""
        return _core.row_gradients(self, rows(x, self.dtype, "x"), rows(y, self.dtype, "y"), loss, huber_delta,
                                   quantile)

    # --- The shape ------------------------------------------------------------------------------------------------

    @property
    def sizes(self) -> list[int]:
        """Inputs, widths of the hidden layers, outputs."""
        sizes: list[int] = self.described()["sizes"]
        return sizes

    def __repr__(self) -> str:
        d = self.described()
        hidden = d["hidden"][0] if len(set(d["hidden"])) == 1 else d["hidden"]
        return (f"Mlp({d['sizes']}, hidden={hidden!r}, output={d['output']!r}, dtype={d['dtype']!r}, "
                f"convention={d['convention']!r})")

    def save(self, path: str | os.PathLike[str], *, features: Sequence[str] | None = None,
             targets: Sequence[str] | None = None, loss: str = "squared_error",
             allow_nonfinite: bool = False) -> None:
        """Writes a model file that load() and the program `handgrad` read: its inputs are columns of these names (x1, x2
        ... where none are given) as they stand, its outputs these targets (y1, y2 ...). loss: what the program judges it by.
        Raises ModelError for weights that are not finite, unless these are allowed."""
        inputs = [f"x{i}" for i in range(1, self.sizes[0] + 1)] if features is None else [str(name) for name in features]
        outputs = [f"y{i}" for i in range(1, self.sizes[-1] + 1)] if targets is None else [str(name) for name in targets]
        model = _core.model_of_network(self, inputs, outputs, [], False, "regression", loss, 0.0,
                                       allow_nonfinite=allow_nonfinite)
        model.save(os.fspath(path))

    @staticmethod
    def load(path: str | os.PathLike[str], *, allow_nonfinite: bool = False) -> Mlp:
        """The network of a model file, whatever wrote it; handgrad.load() has its columns and classes too. Raises
        FileError; ModelError for what is no sound model, also for weights that are not finite unless these are
        allowed."""
        return copy_of(_core.load_model(os.fspath(path), allow_nonfinite).network())

    def copy(self) -> Mlp:
        """Another network of the same weights, its gradients 0."""
        return copy_of(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[Any, Any]) -> Mlp:
        return self.copy()

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._show_memory()


def copy_of(network: _core.Network) -> Mlp:
    """A network of its own with the shape and the weights of another."""
    d = network.described()
    net = Mlp(d["sizes"], d["hidden"] or "relu", d["output"], dtype=d["dtype"], seed=None, convention=d["convention"],
              leaky_slope=d["leaky_slope"])
    net.flat()[...] = network.flat()
    return net


def loss(name: str, output: ArrayLike, y: ArrayLike, *, weights: ArrayLike | None = None, huber_delta: float = 1.0,
         quantile: float = 0.5, convention: str = "handgrad") -> tuple[float, Any]:
    """Step 3, Eq. (3), Table 5: the mean of the loss over the rows, and its derivative by the outputs for backward().

    name: squared_error, binary_cross_entropy, cross_entropy, absolute_error, huber, quantile or poisson. output: that
    of a tape, whose logits are used then, so that nothing cancels where yhat is close to 0 or 1 and the convention is
    the network's; or any array yhat, (rows, outputs). y: (rows, outputs). weights: one a row, not negative. The derivative is an
    array to look at: np.asarray(dy), (rows, outputs), as Eq. (11) and (19) write it, computed when it is first looked at;
    when the weights have changed by then it raises UsageError."""
    return _core.loss(name, output, y, weights, huber_delta, quantile, convention)


class Optimizer:
    """Step 5, Eq. (4), for one network; SGD, Adam and AdamW say how. learning_rate may be changed between steps. A copy,
    or what pickle gives back, remembers the same steps and goes on with the first network of that shape that it steps:
    a copy of its own."""

    _kind = ""

    def __init__(self, learning_rate: float, **settings: Any) -> None:
        self._settings = {"learning_rate": float(learning_rate)} | settings
        self._stepper = _core.Stepper(self._kind, self._settings)
        self.learning_rate = learning_rate

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self._settings, "learning_rate": self.learning_rate, "state": self._stepper.state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._settings, self.learning_rate = state["settings"], state["learning_rate"]
        self._stepper = _core.Stepper(self._kind, self._settings)
        if state["state"] is not None:
            self._stepper.take(state["state"])

    def __repr__(self) -> str:
        settings = self._settings | {"learning_rate": self.learning_rate}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    def step(self, net: Mlp) -> None:
        """Moves every parameter of `net` by its `gradients`."""
        self._stepper.step(net, self.learning_rate)

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self._stepper.steps


class SGD(Optimizer):
    """w <- w - eta g; with momentum as the network's convention keeps it. weight_decay: the L2 penalty's strength."""

    _kind = "sgd"

    def __init__(self, learning_rate: float = 1e-3, *, momentum: float = 0.0, nesterov: bool = False,
                 weight_decay: float = 0.0) -> None:
        super().__init__(learning_rate, momentum=float(momentum), nesterov=bool(nesterov),
                         weight_decay=float(weight_decay))


class Adam(Optimizer):
    """w <- w - eta m/(sqrt(v) + eps), m and v corrected running means of g and g^2. weight_decay: the L2 penalty's
    strength."""

    _kind = "adam"

    def __init__(self, learning_rate: float = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
                 weight_decay: float = 0.0) -> None:
        super().__init__(learning_rate, beta1=float(beta1), beta2=float(beta2), epsilon=float(epsilon),
                         weight_decay=float(weight_decay))


class AdamW(Adam):
    """w <- w - eta alpha w, then as Adam; weight_decay is alpha."""

    _kind = "adamw"

    def __init__(self, learning_rate: float = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
                 weight_decay: float = 0.3) -> None:
        super().__init__(learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=weight_decay)


def _make_derivative_an_array() -> None:
    """A LossDerivative computes with arrays as its numbers would."""
    kind: Any = _core.LossDerivative

    def as_array(self: Any, dtype: Any = None, copy: bool | None = None) -> Array:
        numbers: Array = self.array()
        return numbers.astype(dtype, copy=bool(copy)) if dtype is not None or copy else numbers

    def attribute(self: Any, name: str) -> Any:
        """What an array has beside: shape, dtype, sum() ..."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.array(), name)

    def by_arrays(self: Any, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        return getattr(ufunc, method)(*(i.array() if isinstance(i, kind) else i for i in inputs), **more)

    kind.__array__ = as_array
    kind.__array_ufunc__ = by_arrays
    kind.__getitem__ = lambda self, index: self.array()[index]
    kind.__len__ = lambda self: len(self.array())
    kind.__iter__ = lambda self: iter(self.array())
    kind.__repr__ = lambda self: repr(self.array())
    kind.__getattr__ = attribute
    for name in dir(np.lib.mixins.NDArrayOperatorsMixin):
        method = getattr(np.lib.mixins.NDArrayOperatorsMixin, name)
        if callable(method) and name.startswith("__") and name.strip("_") in _OPERATORS:
            setattr(kind, name, method)


_OPERATORS = {prefix + name for name in ("add", "sub", "mul", "truediv", "pow", "matmul") for prefix in ("", "r")} | {
    "neg", "pos", "abs", "lt", "le", "gt", "ge", "eq", "ne"}
_make_derivative_an_array()
