"""A DataFrame whole, with texts, missing values and names, as the program `handgrad train` takes it."""

import numpy as np
import pandas as pd

import handgrad

rng = np.random.default_rng(0)
rooms = rng.integers(1, 6, size=400)
homes = pd.DataFrame({"rooms": rooms, "city": rng.choice(["Rome", "Oslo", "Lima"], size=400),
                      "built": rng.integers(1900, 2020, size=400).astype(float)})
homes["price"] = 50.0 * rooms + 80.0 * (homes["city"] == "Oslo") + 0.3 * (homes["built"] - 1900) + rng.normal(0, 8, size=400)
homes.loc[::10, "built"] = np.nan

model = handgrad.fit(homes, target="price", impute="median", test=0.2, seed=1).model
print(handgrad.evaluate(model, homes).metrics)
new = pd.DataFrame({"rooms": [3, 3], "city": ["Oslo", "Rome"], "built": [1950, None]})
print(model.predict(new).round(0))
print(model.jacobian(new).to_frame().round(2).to_string(index=False))
model.save("homes.model")  # the program reads it: handgrad report homes.model ...
