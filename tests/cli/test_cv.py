"""`handgrad cv`: folds by scikit-learn's rules, scores as train and evaluate give them on files of the folds, and bad input."""

import csv
import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from cli_support import classification_table, regression_table

sklearn = pytest.importorskip("sklearn.model_selection")


def uneven_table(rows=157):
    """CSV with a class of uneven shares, a group, and a number that tells something of the class."""
    numbers = random.Random(4)
    lines = ["x,z,place,kind"]
    for _ in range(rows):
        kind = numbers.choices("abc", (6, 3, 1))[0]
        lines.append(f"{'abc'.index(kind) + numbers.gauss(0, 0.4):.4f},{numbers.gauss(0, 1):.4f},p{numbers.randrange(23)},{kind}")
    return "\n".join(lines) + "\n"


def folds_of(handgrad, *words):
    """The fold of each row by repeat, from 1; 0 where it never judges."""
    ran = handgrad("cv", "t.csv", *words, "--save-folds", "folds.csv", "--epochs", 1, "--hidden", 2, "--quiet")
    assert ran.code == 0, ran.err
    with open(handgrad.folder / "folds.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row.pop("row")) for row in rows] == list(range(1, len(rows) + 1))
    return np.array([[int(cell or 0) for cell in row.values()] for row in rows]).T


def test_folds_keep_scikit_learns_rules(handgrad):
    text = uneven_table()
    handgrad.write("t.csv", text)
    table = list(csv.DictReader(text.splitlines()))
    kinds, places = ([row[name] for row in table] for name in ("kind", "place"))
    repeats = folds_of(handgrad, "--target", "kind", "--drop", "place", "--folds", 4, "--repeats", 3)
    assert repeats.shape == (3, len(table)) and not (repeats[0] == repeats[1]).all()
    theirs = [Counter(kinds[i] for i in test) for _, test in sklearn.StratifiedKFold(4).split(kinds, kinds)]
    for dealt in repeats:
        ours = [Counter(kind for kind, fold in zip(kinds, dealt, strict=True) if fold == k) for k in (1, 2, 3, 4)]
        for kind in "abc":  # as many of each class in a fold as scikit-learn puts there, in some order
            assert sorted(fold[kind] for fold in ours) == sorted(fold[kind] for fold in theirs)
        assert sorted(sum(fold.values()) for fold in ours) == sorted(sum(fold.values()) for fold in theirs)

    (dealt,) = folds_of(handgrad, "--target", "kind", "--drop", "place", "--folds", 4, "--no-stratify")
    assert sorted(Counter(dealt).values()) == sorted(len(test) for _, test in sklearn.KFold(4).split(kinds))

    for more in ((), ("--no-stratify",)):
        (dealt,) = folds_of(handgrad, "--target", "kind", "--folds", 4, "--group", "place", *more)
        where = defaultdict(set)
        for place, fold in zip(places, dealt, strict=True):
            where[place].add(fold)
        assert all(len(folds) == 1 for folds in where.values()) and set(dealt) == {1, 2, 3, 4}


def test_ordered_folds_are_those_of_time_series_split(handgrad):
    handgrad.write("t.csv", regression_table(61))
    (dealt,) = folds_of(handgrad, "--target", "y", "--folds", 6, "--ordered")
    expected = np.zeros(61, int)
    for k, (train, test) in enumerate(sklearn.TimeSeriesSplit(6).split(expected), 1):
        expected[test] = k
        assert train.tolist() == list(range(test[0]))
    assert dealt.tolist() == expected.tolist()
    ran = handgrad("cv", "t.csv", "--target", "y", "--folds", 6, "--ordered", "--epochs", 1, "--json")
    assert [fold["training_rows"] for fold in ran.events[0]["folds"]] == [len(train) for train, _ in sklearn.TimeSeriesSplit(6).split(expected)]


@pytest.mark.parametrize(("text", "target", "more"), [
    (uneven_table(), "kind", ("--drop", "place", "--hidden", 5)),  # early stopping within the fold, then all its rows
    (regression_table(), "y", ("--hidden", "6,3", "--epochs", 7, "--optimizer", "sgd", "--learning-rate", 0.01, "--seed", 11))])
def test_scores_are_those_of_train_and_evaluate_on_files_of_the_folds(handgrad, text, target, more):
    handgrad.write("t.csv", text)
    words = ["--target", target, *more]
    ran = handgrad("cv", "t.csv", *words, "--folds", 3, "--repeats", 2, "--save-folds", "folds.csv", "--json", "--threads", 2)
    trial, done = ran.events
    assert (ran.code, trial["event"], done["event"]) == (0, "trial", "done")
    head, *lines = text.splitlines()
    with open(handgrad.folder / "folds.csv", newline="") as file:
        dealt = [[int(row["repeat1"]), int(row["repeat2"])] for row in csv.DictReader(file)]
    judged = []
    for fold in trial["folds"]:
        def put(name, inside, fold=fold):
            its = [line for line, of in zip(lines, dealt, strict=True) if (of[fold["repeat"] - 1] == fold["fold"]) == inside]
            handgrad.write(name, "\n".join([head, *its]) + "\n")
            return len(its)

        assert (put("learn.csv", False), put("judge.csv", True)) == (fold["training_rows"], fold["test_rows"])
        seed = (11 if "--seed" in more else 0) + fold["repeat"] - 1
        own = [word for i, word in enumerate(words) if "--seed" not in words[max(0, i - 1):i + 1]]
        trained = handgrad.shell(f"handgrad train learn.csv {' '.join(map(str, own))} --seed {seed} -o fold.model --quiet")
        assert trained.code == 0, trained.err
        (evaluation,) = handgrad("evaluate", "fold.model", "judge.csv", "--json").events
        assert evaluation["metrics"] == fold["metrics"]
        judged.append(evaluation["metrics"][trial["score"]])
    assert trial["scores"] == judged
    assert trial["mean"] == done["mean"] == pytest.approx(np.mean(judged), rel=1e-14)
    assert trial["sd"] == pytest.approx(np.std(judged, ddof=1), rel=1e-13)
    assert set(trial["metrics"]) == set(evaluation["metrics"])
    assert handgrad("cv", "t.csv", *words, "--folds", 3, "--repeats", 2, "--json", "--threads", 1).events[0]["metrics"] == trial["metrics"]


def test_the_table_shows_each_fold_with_a_picture_on_eighty_places(handgrad):
    handgrad.write("t.csv", classification_table())
    ran = handgrad("cv", "t.csv", "--target", "class", "--epochs", 3)
    assert ran.code == 0
    heading, *lines = ran.out.splitlines()
    assert heading.split() == ["fold", "rows", "log_loss", "accuracy", "balanced_accuracy", "roc_auc"]
    assert [line.split()[0] for line in lines[:8]] == ["1", "2", "3", "4", "5", "mean", "sd", "constant"]
    assert all(line.count("*") == 1 for line in lines[:5]) and lines[5].count("|") == 1
    assert max(map(len, (heading, *lines[:8]))) <= 80
    assert "5 folds, each with its share of every class; 5 fits in" in ran.err
    assert handgrad("cv", "t.csv", "--target", "class", "--epochs", 3, "--quiet").err == ""


@pytest.mark.parametrize(("text", "words", "code", "says"), [
    ("x,y\n1,a\n2,a\n3,a\n", ("--folds", 2), 3, "all rows are of one class, so that any model is right"),
    ("x,y\n1,a\n2,b\n3,a\n4,b\n5,c\n6,a\n7,b\n", (), 3, "t.csv:6: column 'y': 'c' is judged in fold"),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n", (), 3, "3 rows with a label cannot be dealt to 5 folds; take fewer folds, or give more rows (--folds)"),
    ("x,g,y\n1,1,0.5\n2,1,1.5\n3,2,2.5\n4,2,2.25\n5,1,1.125\n6,1,7.5\n", ("--group", "g"), 3, "2 groups cannot be dealt to 5 folds"),
    ("x,y\n1,0.5\n2,\n3,2.5\n4,\n", ("--drop-missing-labels", "--folds", 3), 3, "2 rows with a label cannot be dealt to 3 folds"),
    ("x,w,y\n1,1,0.5\n2,0,1.5\n3,0,2.5\n4,0,1.25\n", ("--weight", "w", "--folds", 2), 3, "in fold "),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n4,1.25\n", ("--folds", 1), 2, "--folds"),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n4,1.25\n", ("--folds", 2, "--test", 0.2), 2, "unknown option '--test'"),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n4,1.25\n", ("--folds", 2, "--validation", "v.csv"), 2, "name a share of the rows"),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n4,1.25\n", ("--folds", 2, "--score", "accuracy"), 2, "this task has no 'accuracy'; choose from"),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n4,1.25\n", ("--folds", 2, "--score", "rsme"), 2, "did you mean 'rmse'?"),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n4,1.25\n", ("--folds", 2, "--ordered", "--repeats", 2), 2, "one way only"),
    ("x,y\n1,0.5\n2,1.5\n3,2.5\n4,1.25\n", ("--folds", 2, "--save-folds", "t.csv"), 2, "is the file that is read"),
])
def test_what_cannot_be_done_is_said(handgrad, text, words, code, says):
    handgrad.write("t.csv", text)
    handgrad.write("v.csv", text)
    ran = handgrad("cv", "t.csv", "--target", "y", "--epochs", 1, *words)
    assert (ran.code, ran.out) == (code, "") and says in ran.err, ran.err


def test_a_fold_that_diverges_is_named_and_the_rest_is_told(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("cv", "t.csv", "--target", "y", "--optimizer", "sgd", "--learning-rate", 1e12, "--epochs", 3)
    assert ran.code == 5 and "fold 1: " in ran.out and "no scores: a fold has none" in ran.out
    ran = handgrad("cv", "t.csv", "--target", "y", "--optimizer", "sgd", "--learning-rate", 1e12, "--epochs", 3, "--json")
    trial, done = ran.events
    assert (ran.code, trial["scores"], trial["mean"], done["mean"]) == (5, [], None, None)
    assert all(fold["failure"] and fold["stopped"] == "diverged" for fold in trial["folds"])


def test_a_constant_target_has_errors_but_no_r2(handgrad):
    handgrad.write("t.csv", "x,y\n" + "".join(f"{i * i % 13},2.5\n" for i in range(30)))
    ran = handgrad("cv", "t.csv", "--target", "y", "--task", "regression", "--epochs", 2, "--json")
    assert ran.code == 0
    assert ran.events[0]["metrics"]["r2"]["mean"] is None and ran.events[0]["mean"] is not None


def test_ctrl_c_ends_with_what_there_is(handgrad):
    import signal
    import time

    handgrad.write("t.csv", regression_table())
    process = handgrad.start("cv", "t.csv", "--target", "y", "--epochs", 100000000, "--threads", 1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and b"interrupted: 0 of 5 folds have ended" in out and b"stopping" in err
