"""Probabilities that mean what they say: of the rows that get 70 %, about 70 % should be what was said."""

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.model_selection import train_test_split

from handgrad import MLPClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(8000, 2))
truth = 1 / (1 + np.exp(-(2 * X[:, 0] * X[:, 1] + X[:, 0])))  # which a network never sees
y = rng.random(8000) < truth
X_train, X_test, y_train, y_test, _, truth = train_test_split(X, y, truth, random_state=0)

network = MLPClassifier(hidden_layer_sizes=(20,), early_stopping=True, learning_rate_init=0.005, random_state=0)
proba = network.fit(X_train, y_train).predict_proba(X_test)[:, 1]
happened, said = calibration_curve(y_test, proba, n_bins=5)
for s, h in zip(said, happened):
    print(f"said {100 * s:3.0f} %, happened {100 * h:3.0f} %")
print(f"from the true probabilities {abs(proba - truth).mean():.3f} on average")
