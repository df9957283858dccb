"""What a user's program looks like to a checker of types; tests/wheel/test_types.py has it checked, and nobody runs it."""

import numpy as np

import handgrad

levels: list[str] = handgrad.simd_levels()
version: str = handgrad.__version__

x = np.zeros((8, 3), np.float32)
y = np.zeros((8, 1), np.float32)
net = handgrad.Mlp([3, 16, 1], hidden="tanh", dtype="float32", seed=1)
adam = handgrad.Adam(1e-3, weight_decay=1e-4)
for _ in range(3):
    net.zero_gradients()
    tape = net.forward(x)
    value, dy = handgrad.loss("squared_error", tape.output, y)
    net.backward(tape, dy)
    adam.step(net)
weights: np.ndarray = net.parameters["linear1.weight"]
slopes: float = float(net.jacobian(x)[0, 0, 0])
went: handgrad.Training = handgrad.train(net, x, y, epochs=2, callback=lambda epoch: epoch.loss > 0.1)
steps: int = went.epochs + adam.steps

fitted: handgrad.Fit = handgrad.fit({"a": [1.0, 2.0, 3.0] * 5, "b": [0.0, 1.0, 4.0] * 5}, "b", epochs=3)
model: handgrad.Model = fitted.model
model.save("b.model")
answers: np.ndarray = handgrad.load("b.model").predict({"a": [1.5]})
try:
    handgrad.Mlp.load("nowhere.model")
except handgrad.FileError as error:
    text: str = str(error)
