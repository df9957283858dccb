"""The settings that tests of `train` name, so that a new default changes nothing of what they test."""

FIXED = {"--init": "by_activation", "--hidden": "32", "--optimizer": "adam", "--schedule": "constant", "--epochs": "200", "--validation": "0.2"}

ALL_ROWS = ("lbfgs", "bfgs", "lm")


def with_fixed_settings(words):
    """The words of a call of the program; those of a training that reads no configuration with what they leave open."""
    words = list(map(str, words))
    trains = words[:1] == ["train"] and any(word.startswith("--target") for word in words)
    if not trains or "--config" in words or "--help" in words:
        return words
    said = {word.split("=")[0] for word in words}
    if "--convention" in said:
        said.add("--init")  # which the convention names
    if words[words.index("--optimizer") + 1 if "--optimizer" in said else 0] in ALL_ROWS:
        said.add("--schedule")  # which means nothing to them
    return words + [word for option, value in FIXED.items() if option not in said for word in (option, value)]
