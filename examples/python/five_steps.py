"""The five steps of training, by hand: a network with one hidden layer learns y = x1 x2."""

import numpy as np

import handgrad

x = np.stack(np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 8)), axis=-1).reshape(-1, 2).astype("float32")
y = x[:, :1] * x[:, 1:]

net = handgrad.Mlp([2, 16, 1], hidden="relu", output="identity", seed=0)  # step 1, Eq. (1)
adam = handgrad.Adam(0.01)
for epoch in range(501):
    net.zero_gradients()
    tape = net.forward(x)                                       # step 2, Eq. (2)
    loss, dy = handgrad.loss("squared_error", tape.output, y)   # step 3, Eq. (3), (11)
    net.backward(tape, dy)                                      # step 4, Table 2
    adam.step(net)                                              # step 5, Eq. (4)
    if epoch % 250 == 0:
        print(f"epoch {epoch:3d}  loss {loss:.6f}  |dl/dW1| {np.abs(net.gradients['linear1.weight']).max():.4f}")
