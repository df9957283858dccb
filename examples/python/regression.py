"""Regression: scikit-learn's estimator with its arguments, faster, and with the derivatives of what it learned."""

from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from handgrad import MLPRegressor

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
network = MLPRegressor(hidden_layer_sizes=(50,), early_stopping=True, learning_rate_init=0.003, max_iter=1000,
                       random_state=0)
pipeline = make_pipeline(StandardScaler(), network).fit(X_train, y_train)
print(f"R2 on {len(y_test)} rows that it has not seen: {pipeline.score(X_test, y_test):.3f}")

slopes = network.jacobian(pipeline[:-1].transform(X_test))  # (rows, outputs, columns)
steepest = abs(slopes[:, 0]).mean(axis=0).argmax()
print(f"the prediction moves most with column {steepest} ({load_diabetes().feature_names[steepest]})")
