"""The Jacobian in a root finder: which inputs make a trained network answer (0.3, -0.2)?"""

import numpy as np

import handgrad

rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, size=(500, 2))
y = np.stack([np.sin(x[:, 0]) * x[:, 1], x[:, 0] - x[:, 1] ** 2], axis=1)
net = handgrad.Mlp([2, 32, 2], hidden="tanh", dtype="float64", seed=1)
print(f"loss {handgrad.train(net, x, y, epochs=300, learning_rate=0.01, schedule='cosine').loss:.1e}")

wanted = np.array([0.3, -0.2])
at = np.array([[0.5, 0.5]])
for step in range(20):
    missing = wanted - net(at)[0]
    if abs(missing).max() < 1e-12:
        break
    at[0] += np.linalg.solve(net.jacobian(at)[0], missing)  # Newton
print(f"after {step} steps: x = ({at[0, 0]:.6f}, {at[0, 1]:.6f}), |yhat - wanted| < 1e-12")
