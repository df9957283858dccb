"""Training of a network on arrays in one call."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import ArrayLike

from handgrad import _core
from handgrad.errors import DivergedError
from handgrad._arrays import at_most, rows, whole
from handgrad._arrays import weights as row_weights
from handgrad._progress import Bar
from handgrad.network import Mlp

__all__ = ["Epoch", "Training", "train"]


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: its number from 1, the mean loss over its batches as they were seen, the loss on the
    validation rows (NaN without) and the learning rate of its last step."""

    epoch: int
    loss: float
    validation_loss: float
    learning_rate: float


@dataclass(frozen=True)
class Training:
    """How a training went. stopped: `epochs` (all that were asked for), `early`, `callback`, `interrupted` (Ctrl-C), or
    of `lbfgs`, `bfgs` and `lm` `gradient`, `no_progress`, `evaluations`.
    best_epoch: whose weights the network holds now."""

    epochs: int
    best_epoch: int
    stopped: str
    history: list[Epoch] = field(repr=False)

    @property
    def loss(self) -> float:
        """Of the last epoch; NaN where there was none."""
        return self.history[-1].loss if self.history else math.nan


def train(net: Mlp, x: ArrayLike, y: ArrayLike, *, loss: str = "squared_error", epochs: int | None = None,
          batch: int = 32, optimizer: str = "adam", learning_rate: float = 1e-3, weights: ArrayLike | None = None,
          validation: tuple[ArrayLike, ArrayLike] | None = None, early_stopping: int | None = None,
          callback: Callable[[Epoch], Any] | None = None, threads: int | None = None, verbose: bool = False,
          **settings: Any) -> Training:
    """Trains `net` in place on x, (rows, inputs), and y, (rows, outputs), on the kernels.

    weights: one a row. validation: a pair (x, y) that judges each epoch. early_stopping: end after so many epochs
    without a lower validation loss, and give back the best weights. callback: called after each epoch, when `net` holds
    its weights; returning False ends the training. threads: at most so many; None: all that pay; no result depends on
    it. verbose: a progress bar, in a terminal or a notebook. settings: momentum, nesterov, beta1, beta2, epsilon, weight_decay, schedule, seed, shuffle, huber_delta,
    quantile, allow_nonfinite, of the optimizers `lbfgs` and `bfgs`, whose epochs are iterations over all rows at once, tol,
    max_fun, lbfgs_memory, as `handgrad train --help` describes them.

    Ctrl-C ends it between two batches, keeps the weights as they are then (with early stopping the best) and returns;
    history tells of whole epochs. Raises DivergedError at the first value that is
    not finite, when `net` holds the weights of the last good epoch."""
    dtype = net.dtype
    counts = {"epochs": epochs, "batch": batch, "early_stopping": early_stopping}
    counts = {name: value if value is None else whole(value, name) for name, value in counts.items()}
    chosen: dict[str, Any] = {"loss": loss, "optimizer": optimizer, "learning_rate": float(learning_rate)} | counts
    chosen = {name: value for name, value in (chosen | settings).items() if value is not None} | {"epochs": counts["epochs"]}
    judges = None
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise TypeError("validation: a pair of arrays (x, y) that judges each epoch is expected; of one table "
                            "x[48:], y[48:] are some of its rows")
        judges = (rows(validation[0], dtype, "validation"), rows(validation[1], dtype, "validation"))
    training = _core.Training(net, rows(x, dtype, "x"), rows(y, dtype, "y"), row_weights(weights, dtype), chosen,
                              None, at_most(threads), judges)
    stopped = training.done()
    shown = ExitStack()
    bar = shown.enter_context(Bar(training.epochs)) if verbose else None
    try:
        while stopped is None:
            epoch = Epoch(*training.next())
            stopped = training.done()
            if bar is not None:
                bar.step(loss=epoch.loss, validation_loss=epoch.validation_loss)
            if callback is not None:
                training.store(net)
                if callback(epoch) is False:
                    stopped = "callback"
    except KeyboardInterrupt:
        stopped = "interrupted"
    except DivergedError:
        training.store(net)
        raise
    finally:
        shown.close()
    training.store_result(net)
    history = [Epoch(*each) for each in training.history()]
    return Training(len(history), training.best_epoch, stopped, history)
