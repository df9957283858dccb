"""scikit-learn: `partial_fit`, an epoch of mini-batches a call, in float; solver, batch and width as the workload's."""

import warnings

import numpy as np
import sklearn
import worker
import workloads
from sklearn.neural_network import MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")
ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def estimator(widths, activation="relu", classify=False, **options):
    return (MLPClassifier if classify else MLPRegressor)(
        hidden_layer_sizes=widths[1:-1], activation=ACTIVATIONS[activation], alpha=0.0, momentum=0.0,
        nesterovs_momentum=False, random_state=0, **options)


def with_weights(model, widths, x, y, classes):
    """A model that has been called once, which makes its arrays, and then has the workload's first weights."""
    options = {"classes": classes} if classes is not None else {}
    model.partial_fit(x, y, **options)
    for layer, (w, b) in enumerate(workloads.first_weights(widths)):
        model.coefs_[layer][...] = w
        model.intercepts_[layer][...] = b
    return model


def prepare_training(job):
    x, one_hot = workloads.data(job)
    classify = job.loss != "squared"
    y = one_hot
    if job.loss == "softmax":
        y = one_hot.argmax(axis=1)
    elif y.shape[1] == 1:
        y = y[:, 0].astype(int) if classify else y[:, 0]
    classes = np.unique(y) if classify else None

    def train(shuffle):
        model = estimator(job.widths, job.activation, classify, solver=job.optimizer, batch_size=job.batch,
                          learning_rate_init=job.learning_rate, shuffle=shuffle)
        model = with_weights(model, job.widths, x[:job.batch], y[:job.batch], classes)
        return lambda steps: [model.partial_fit(x, y) for _ in range(steps // job.batches)], model

    def check(epochs):
        run, model = train(True)
        run(epochs * job.batches)
        return list(zip(model.coefs_, model.intercepts_))

    variants = [("partial_fit, rows in order", train(False)[0]), ("partial_fit, rows shuffled", train(True)[0])]
    if job.widths[0] > 1000:
        del variants[1]  # seconds a step, and the slower of the two
    return worker.Prepared(variants, worker.check_training(job, check), job.batches)


def prepare_inference(workload):
    widths, x = workloads.shape_of(workload), workloads.inputs(workload)
    y = np.zeros((1, widths[-1]) if widths[-1] > 1 else 1, np.float32)
    model = with_weights(estimator(widths, batch_size=1), widths, x[:1], y, None)

    def run(steps):
        for _ in range(steps):
            model.predict(x)

    return worker.Prepared([("predict", run)], workloads.same(model.predict(x), workloads.outputs(workload, x)))


def prepare(workload):
    job = workloads.TRAINING.get(workload)
    return prepare_training(job) if job else prepare_inference(workload)


if __name__ == "__main__":
    worker.serve(prepare, lambda: {"scikit-learn": sklearn.__version__})
