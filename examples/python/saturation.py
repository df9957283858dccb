"""A network that does not learn: which layer starves, and what would change it?"""

import numpy as np

import handgrad

rng = np.random.default_rng(0)
table = {f"x{i}": rng.normal(size=300) * 1000 for i in range(1, 4)}
table["y"] = np.sign(table["x1"]) + 0.1 * rng.normal(size=300)
model = handgrad.fit(table, "y", scale="none", hidden=[16, 16], hidden_activation="sigmoid", epochs=20, seed=0).model
print(handgrad.diagnose(model, table))
