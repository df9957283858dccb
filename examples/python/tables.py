"""From a frame with texts and gaps to a model that the program opens, and what is to be known of it."""

import numpy as np
import pandas as pd

import handgrad

rng = np.random.default_rng(0)
houses = pd.DataFrame({"area": rng.uniform(30, 200, 300), "city": rng.choice(["Rome", "Oslo", None], 300)})
houses["price"] = 2.5 * houses["area"] + 40 * (houses["city"] == "Rome") + rng.normal(0, 5, 300)

fit = handgrad.fit(houses, "price", test=0.2, impute="mean", seed=0)
model = fit.model
print(f"r2 on rows that it has not seen: {fit.metrics['test']['r2']:.2f}")
print(f"a square metre more in Rome: {model.jacobian(houses).to_frame()['d(price)/d(area)'].mean():.1f}")
print(f"one house: {model.predictor()({'area': 120.0, 'city': 'Rome'}):.0f}")
print(f"every derivative checked: {handgrad.check(model, houses).verdict}")
print(f"starved layers: {[layer['name'] for layer in handgrad.diagnose(model, houses).layers if layer['starved']]}")
model.save("house.model")  # handgrad inspect house.model
