"""Classification, cross-validated and searched over by scikit-learn's own tools."""

from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score

from handgrad import MLPClassifier

X, y = load_iris(return_X_y=True)
classifier = MLPClassifier(hidden_layer_sizes=(10,), learning_rate_init=0.01, max_iter=500, random_state=0)
scores = cross_val_score(classifier, X, y, cv=5)
print(f"accuracy {scores.mean():.3f} +- {scores.std():.3f}")

search = GridSearchCV(classifier, {"alpha": [1e-4, 1.0], "activation": ["relu", "tanh"]}, cv=5).fit(X, y)
print(f"best of {len(search.cv_results_['params'])}: {search.best_params_}")
