// The verbs of the program: one list for the dispatch, the help and the sections of a configuration file.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::cli {

/// Each takes the words behind the verb and returns the exit code; a user's mistake raises Error.
int train(std::vector<std::string> words);
int predict(std::vector<std::string> words);
int evaluate(std::vector<std::string> words);
int cross_validate(std::vector<std::string> words);
int tune(std::vector<std::string> words);
int encode(std::vector<std::string> words);
int check(std::vector<std::string> words);
int explain(std::vector<std::string> words);
int compare(std::vector<std::string> words);
int grade(std::vector<std::string> words);
int inspect(std::vector<std::string> words);
int diagnose(std::vector<std::string> words);
int sensitivity(std::vector<std::string> words);
int report(std::vector<std::string> words);
int verify_run(std::vector<std::string> words);
int export_model(std::vector<std::string> words);
int import_model(std::vector<std::string> words);
int bench(std::vector<std::string> words);

struct Verb {
    std::string_view name;
    std::string_view call;
    std::string_view summary;
    int (*run)(std::vector<std::string> words);
};

inline constexpr std::array verb_list{
    Verb{"train", "DATA --target COL -o MODEL", "reads a table, trains a network, writes one model file", train},
    Verb{"predict", "MODEL DATA [-o OUT]", "applies a model to a table and writes its predictions as CSV", predict},
    Verb{"evaluate", "MODEL DATA", "loss and metrics of a model on a labelled table", evaluate},
    Verb{"cv", "DATA --target COL [--folds K]",
         "cross-validation: what a training is worth, by rows that it has not seen", cross_validate},
    Verb{"tune", "DATA --target COL --trials N -o MODEL",
         "searches settings by cross-validation, trains with the best on all rows, writes the model", tune},
    Verb{"encode", "MODEL DATA [-o X.npz|.csv]", "writes a table as the network sees it, for other programs", encode},
    Verb{"inspect", "MODEL", "layers, conventions, columns, provenance and checksums of a model file", inspect},
    Verb{"check", "MODEL DATA", "proves the gradients of a model on rows of a table, in its own precision", check},
    Verb{"explain", "MODEL [DATA --row N] | --sizes N,N,...",
         "the forward and backward tables of a network, and one step on one row in numbers", explain},
    Verb{"compare", "MODEL DATA --gradients FILE | --answers FILE --row N",
         "somebody else's gradients, or a filled exercise sheet, against ours; mistakes by name", compare},
    Verb{"grade", "MODEL DATA FOLDER", "marks every exercise sheet and gradient file of a folder: score, marks, causes",
         grade},
    Verb{"diagnose", "MODEL DATA", "which layer starves, which factor does it, what would change it", diagnose},
    Verb{"sensitivity", "MODEL DATA", "how much each column moves each output", sensitivity},
    Verb{"report", "MODEL DATA -o FILE", "one page in HTML: curves, gradient flow, certificate, every derivative",
         report},
    Verb{"verify-run", "LOG [DATA]",
         "a logged training once more: the same weights after each epoch, or the first to differ", verify_run},
    Verb{"export", "MODEL --to c99|casadi|npz|onnx|torch -o PATH", "writes a model for other programs to run or read",
         export_model},
    Verb{"import", "FILE -o MODEL", "a network of PyTorch, scikit-learn or ONNX as a model", import_model},
    Verb{"bench", "[--workload T1,...]", "the limits of this machine, and how near workloads come to them", bench},
};

inline const Verb* find_verb(std::string_view name) {
    for (const Verb& verb : verb_list) {
        if (verb.name == name) {
            return &verb;
        }
    }
    return nullptr;
}

inline std::vector<std::string> verb_names() {
    std::vector<std::string> names;
    names.reserve(verb_list.size());
    for (const Verb& verb : verb_list) {
        names.emplace_back(verb.name);
    }
    return names;
}

}  // namespace handgrad::cli
