// Every option of `train`, in the groups of the help: the settings of the library's table, and what belongs to files
// and the machine.
#include "cli/train_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <memory>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>

#include "cli/network_options.hpp"
#include "cli/setting_options.hpp"
#include "cli/text.hpp"
#include "handgrad/base/error.hpp"

namespace handgrad::cli {
namespace {

/// A share of the rows into `held`, or the name of a table into `file`.
void parse_held_out(const Given& given, const Setting& setting, HeldOut& held, std::string& file) {
    const std::string& text = only_value(given);
    held.fraction = 0.0;
    file.clear();
    if (parse_number(text).problem == NumberProblem::not_a_number) {
        file = text;
    } else {
        held.fraction = parse_real(given.place + " (a share of the rows, or a file)", text, setting.range);
    }
}

/// What was said, of which some means nothing to some optimizers.
using Said = std::set<std::string>;

/// Declares each setting of the library's table, and between the groups what belongs to them.
class DeclareSettings {
public:
    DeclareSettings(Arguments& arguments, TrainOptionsGiven& given, Said& said)
        : arguments_(arguments), given_(given), said_(said) {}

    template <class F>
    void operator()(const Setting& setting, F&& field) {
        begin(setting.group);
        using Plain = std::remove_cvref_t<F>;
        constexpr bool optional_flag = std::same_as<Plain, std::optional<bool>>;
        bool negatable = optional_flag;
        if constexpr (std::same_as<Plain, bool>) {
            negatable = field;
        }
        const SettingValue& value = defaults_.at(std::string(setting.name));
        std::string otherwise(setting.otherwise);
        if (otherwise.empty() && value != SettingValue(false)) {
            otherwise = setting_text(value);
        }
        declare_setting(arguments_, setting, choice_names(field), otherwise, negatable,
                        [&said = said_, &setting, set = setter(setting, field)](const Given& given) {
                            said.emplace(setting.name);
                            set(given);
                        });
    }

private:
    void begin(SettingGroup group) {
        if (group_ == group) {
            return;
        }
        if (group_ == SettingGroup::table) {
            declare_reading(arguments_, given_.reading, true);
        }
        switch (group) {
            case SettingGroup::table:
                arguments_.group(
                    "Table (.csv .tsv .txt with a header; .npy and IDX (-ubyte) with --target-file; all also .gz)");
                break;
            case SettingGroup::network:
                arguments_.group("Network");
                break;
            case SettingGroup::training:
                arguments_.group("Training");
                break;
        }
        group_ = group;
    }

    template <class F>
    Setter setter(const Setting& setting, F&& field) {
        return into_setting(setting, field);
    }
    Setter setter(const Setting& setting, HeldOut& field) {
        return [&setting, &field, &file = given_.test_file](const Given& given) {
            parse_held_out(given, setting, field, file);
        };
    }
    Setter setter(const Setting& setting, std::optional<HeldOut>& field) {
        return [&setting, &field, &file = given_.validation_file](const Given& given) {
            parse_held_out(given, setting, field.emplace(), file);
        };
    }

    Arguments& arguments_;
    TrainOptionsGiven& given_;
    Said& said_;
    std::optional<SettingGroup> group_;
    SettingValues defaults_ = setting_values(FitOptions());
};

/// The lists behind --hidden-activation, --loss, --optimizer and --schedule.
std::string lists() {
    std::string text = "Activations, of z\n";
    for (const Activation activation : all_activations) {
        text += two_columns(facts(activation).name, facts(activation).formula);
    }
    text += "\nLosses, one output's share, d = yhat - y\n";
    for (const Loss loss : all_losses) {
        text += two_columns(facts(loss).name, facts(loss).formula);
    }
    text += "\nOptimizers, of a weight w with gradient g\n";
    for (const OptimizerFacts& optimizer : optimizer_list) {
        text += two_columns(optimizer.name, optimizer.formula);
    }
    text += "\nSchedules of the learning rate eta; t is the share of the training that is done\n";
    for (const ScheduleFacts& schedule : schedule_list) {
        text += two_columns(schedule.name, schedule.formula);
    }
    return text +
           "\nExit codes: 0 done, 2 usage, 3 bad data, 4 bad model file, 5 diverged, 6 reading or writing failed,\n"
           "128 + N interrupted by signal N: 129 a hang-up, 130 Ctrl-C, 143 SIGTERM, 138, 140 and 152 SIGUSR1, SIGUSR2 "
           "and\n"
           "SIGXCPU, by which batch systems announce the end; 141 when nobody reads the events any more. After these "
           "and\n"
           "5 the model has been written; where there are checkpoints those of an interrupted training are what is "
           "kept,\n"
           "and --resume goes on.\n";
}

/// `10` epochs, or `30s`.
Setter into_interval(TrainOptionsGiven& given, bool& said) {
    return [&given, &said](const Given& value) {
        const std::string& text = only_value(value);
        const std::string number = text.substr(0, text.size() - (text.ends_with('s') ? 1 : 0));
        said = true;
        if (parse_number(number).problem == NumberProblem::not_a_number) {
            usage_error(fmt::format("{}: '{}' is neither a number of epochs, as 10, nor of seconds, as 600s or 0.5s",
                                    value.place, text));
        }
        if (number != text) {
            given.checkpoint_epochs = 0;
            given.checkpoint_seconds = parse_real(value.place + " (seconds)", number, settings::above_0);
        } else {
            given.checkpoint_epochs =
                parse_count(value.place + " (a number of epochs, or of seconds as in 30s)", text, 1);
            given.checkpoint_seconds = 0.0;
        }
    };
}

/// A name that is empty is that of a variable of the shell which was not set.
void refuse_empty(const std::string& place, const std::string& folder) {
    if (folder.empty()) {
        usage_error(fmt::format("{}: the name of the folder is empty", place));
    }
}
Setter into_folder(std::string& folder) {
    return [&folder](const Given& value) {
        folder = only_value(value);
        refuse_empty(value.place, folder);
    };
}

/// The options about checkpoints, and what was told to the training that is gone on with.
class CheckpointOptions {
public:
    CheckpointOptions(Arguments& arguments, TrainOptionsGiven& given) : given_(given) {
        arguments.group("Checkpoints, so that nothing is lost");
        arguments.option("--checkpoint", "DIR",
                         "keep in this folder what is needed to go on: the last two checkpoints and the best",
                         into_folder(folder_));
        arguments.option("--checkpoint-every", "N|Ns", "after so many epochs, or so many seconds (60s)",
                         into_interval(given, every_));
        arguments.option("--resume", "DIR",
                         "go on with the training whose checkpoints are there, to the same bits as if it had never "
                         "stopped; what is not said is as it was said then",
                         into_folder(resume_));
        arguments.option(
            "--continue", "MODEL",
            "go on with a finished model, on these rows, for --epochs more: its columns, network and weights, "
            "and its settings where nothing is said",
            into(given.continued_file));
        arguments.flag("--keep-training",
                       "the model keeps its optimizer's state, so that --continue goes on as if it had not ended",
                       into(given.fit.keep_training));
        arguments.recall("--resume", [this](const std::string& folder) { return told_then(folder); });
        arguments.recall("--continue", [this](const std::string& file) { return continued(file); });
    }

    /// Opens the folder of --checkpoint, if it is there, once all has been said.
    void settle() {
        std::error_code ignored;
        const bool same = folder_ == resume_ || std::filesystem::equivalent(folder_, resume_, ignored);
        if (!resume_.empty() && !folder_.empty() && !same) {
            usage_error("--checkpoint: the checkpoints go on in the folder of --resume; leave one of the two out");
        }
        if (resume_.empty() && folder_.empty() && every_) {
            usage_error("--checkpoint-every: say with --checkpoint in which folder");
        }
        if (resume_.empty() && !folder_.empty()) {
            if (std::filesystem::exists(folder_, ignored)) {
                begin_in_folder(given_, folder_);
            } else {  // not made for a call that comes to nothing
                given_.new_folder = folder_;
            }
        }
    }

    /// What has to be said is missing: in a folder without checkpoints nothing of it is remembered.
    [[nodiscard]] Error explained(const Error& error) const {
        const bool missing = given_.data.empty() || given_.output.empty() || given_.fit.columns.targets.empty();
        if (empty_.empty() || !missing || error.kind() != ErrorKind::usage) {
            return error;
        }
        return Error(error.kind(),
                     fmt::format("--resume: there is no checkpoint in {} to go on from, so that all of the "
                                 "training has to be said, and it begins: {}",
                                 empty_, error.what()));
    }

private:
    /// The settings of the model become what holds where nothing is said.
    Arguments::Told continued(const std::string& file) {
        given_.continued = std::make_unique<Model>(given_.remembered.open(
            "--continue", file, [&] { return load_model(file, given_.fit.training.allow_nonfinite); }));
        Model& model = *given_.continued;
        if (given_.resumed) {
            refuse_another_base(given_.resumed->model, model, file);
        }
        if (model.settings.empty()) {
            throw Error(ErrorKind::model, fmt::format("{}: it does not say how it was trained, so that nothing goes on "
                                                      "with it; --init-from takes its weights",
                                                      file));
        }
        apply_settings(given_.fit, model.settings, file);
        given_.fit.init_from.reset();
        given_.fit.target_jacobian.reset();  // of other rows, unless it is named again
        given_.fit.training.jacobian_weight = TrainOptions().jacobian_weight;
        given_.fit.allow_kinks = false;
        given_.fit.refit.reset();
        given_.fit.conventions = model.architecture().conventions;
        if (const auto refit = model.provenance.find("refit");
            refit != model.provenance.end() && refit->second == "yes") {
            given_.fit.training.early_stopping = 0;  // it has learned from all rows: none is left to judge it
            given_.fit.validation = HeldOut{};
        }
        given_.fit.continue_from = &model;
        return {};
    }

    /// The model that a training went on with, when that is gone on with in its turn.
    static void refuse_another_base(const Model& checkpoint, const Model& base, const std::string& file) {
        const auto noted = checkpoint.provenance.find("continued.hash");
        if (noted == checkpoint.provenance.end()) {
            usage_error(
                "--continue begins a training, and --resume goes on with one that did not begin with a model; leave "
                "one of the two out");
        }
        if (noted->second != parameters_hash(base)) {
            usage_error(
                fmt::format("--continue: {} is not the model with which the training of --resume began, or was written "
                            "anew since; name that model, or begin a training of its own in another folder",
                            file));
        }
    }

    static void refuse_a_file(const std::string& name) {
        const std::filesystem::path path(name);
        const std::string file = path.filename().string();
        std::string way_on = "a finished model is gone on with by --continue";
        if (file == "best.model" || file.starts_with("checkpoint-")) {
            const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
            way_on = fmt::format("--resume {} goes on with the last of its checkpoints", shell_word(folder.string()));
        }
        usage_error(fmt::format("--resume: {} is a file, and a folder of checkpoints is expected; {}", name, way_on));
    }

    static std::string name_another(const std::string& option, const std::string& folder) {
        const std::string named = option == "DATA" ? "FILE" : option + " FILE";
        return fmt::format(
            "That is where the training in {} had it; when it is elsewhere now: handgrad train {} --resume {}", folder,
            named, shell_word(folder));
    }

    Arguments::Told told_then(const std::string& folder) {
        refuse_empty("--resume", folder);
        std::error_code error;
        if (std::filesystem::is_regular_file(folder, error)) {
            refuse_a_file(folder);
        }
        if (!std::filesystem::is_directory(folder, error)) {
            throw Error(ErrorKind::io, fmt::format("--resume: {}: there is no such folder of checkpoints", folder));
        }
        given_.folder = std::make_unique<CheckpointFolder>(folder);
        given_.resumed = given_.folder->latest();
        if (!given_.resumed) {
            empty_ = folder;
            return {};
        }
        const Model& model = given_.resumed->model;
        const auto there = model.provenance.find(std::string(working_folder_key));
        std::vector<std::filesystem::path> folders{"."};
        if (there != model.provenance.end() && !there->second.empty()) {
            folders.insert(folders.begin(), std::filesystem::canonical(folder, error) / there->second);
        }
        Arguments::Told told = told_from_here(told_in(model), folders);
        given_.remembered =
            RememberedFiles(told, [folder](const std::string& option) { return name_another(option, folder); });
        return told;
    }

    static Arguments::Told told_in(const Model& model) {
        return std::visit(
            []<class S>(const S& saved) -> Arguments::Told {
                if constexpr (std::is_same_v<S, std::monostate>) {
                    return {};
                } else {
                    return saved.told;
                }
            },
            model.training);
    }

    TrainOptionsGiven& given_;
    std::string folder_, resume_;
    std::string empty_;  ///< the folder of --resume when there is no checkpoint in it
    bool every_ = false;
};

/// Defaults and checks that depend on several options.
void settle(TrainOptionsGiven& given, const Said& said) {
    FitOptions& fit = given.fit;
    if (given.output.empty()) {
        usage_error("--output is missing: say with -o where to write the model");
    }
    if (given.show.json && given.output == "/dev/stdout") {
        usage_error("--json: the model goes to standard output already; name a file with -o");
    }
    if (fit.columns.targets.empty()) {
        if (given.reading.target_file.empty()) {
            usage_error("--target is missing: say which column to learn (or with --target-file where the labels are)");
        }
        fit.columns.targets = {"y"};
    }
    settle_optimizer(fit, said, given.continued != nullptr);

    ReadOptions as_before;
    if (given.continued) {
        as_before = given.continued->preprocessing.reading;
    }
    fit.reading = given.reading.applied_to(as_before);
    for (const std::string& date : fit.reading.date_columns) {
        for (const auto* names :
             {&fit.columns.drop, &fit.columns.categorical, &fit.columns.ids, &fit.columns.targets}) {
            if (std::ranges::find(*names, date) != names->end()) {
                usage_error(fmt::format("--date: column '{}' is something else too; name it once", date));
            }
        }
    }
    fit.reading.text_columns = fit.columns.categorical;
    fit.reading.spelled_columns = fit.columns.targets;
}

}  // namespace

void begin_in_folder(TrainOptionsGiven& given, const std::string& folder) {
    given.folder = std::make_unique<CheckpointFolder>(folder);
    if (!given.folder->empty()) {
        usage_error(fmt::format(
            "--checkpoint: {} holds the checkpoints of a training: --resume {} goes on with it; for another "
            "one choose another folder, or remove them",
            folder, shell_word(folder)));
    }
}

std::optional<TrainOptionsGiven> parse_train(std::vector<std::string> words, const Arguments::Told& told,
                                             RememberedFiles remembered) {
    TrainOptionsGiven given;
    given.remembered = std::move(remembered);
    Said said;
    Arguments arguments(
        "train",
        {"handgrad train houses.csv --target price -o price.model",
         "handgrad train tumours.csv --target diagnosis --hidden 64,32 --early-stopping 20 -o tumours.model",
         "handgrad train t.csv --target y --optimizer sgd --learning-rate 0.01 --momentum 0.9 --test 0.1 -o y.model",
         "handgrad train train-images-idx3-ubyte.gz --target-file train-labels-idx1-ubyte.gz --epochs 10 -o f.model"});
    arguments.positional("DATA", given.data);
    arguments.group("Files");
    arguments.option("--output,-o", "MODEL", "where to write the model (safetensors); needed", into(given.output));
    arguments.option("--report", "FILE", "also a page in HTML: curves, gradient flow, certificate, derivation",
                     into(given.report));
    for_each_setting(given.fit, DeclareSettings(arguments, given, said));
    arguments.flag("--diagnose",
                   "measure after each epoch how the gradient reaches each layer and how far its weights have come "
                   "(on 256 rows; changes no weight)",
                   into(given.diagnose));
    CheckpointOptions checkpoints(arguments, given);
    arguments.group("Machine and output");
    declare_machine(arguments, given.fit.training.execution);
    declare_output(arguments, given.show, "JSON Lines on standard output: start, epoch for every epoch, done");
    arguments.notes(lists());
    if (!told.empty()) {
        arguments.recall(told);
    }
    try {
        if (!parse_or_help(arguments, std::move(words))) {
            return std::nullopt;
        }
        settle(given, said);
    } catch (const Error& error) {
        throw checkpoints.explained(error);
    }
    given.command = arguments.command({"--output", "--report", "--threads", "--simd", "--json", "--quiet",
                                       "--checkpoint", "--checkpoint-every", "--resume"}) +
                    " --output again.model";
    given.told = arguments.told({"--threads", "--simd", "--json", "--quiet", "--checkpoint", "--resume"});
    checkpoints.settle();
    tell_machine(given.fit.training.execution, given.show);
    return given;
}

}  // namespace handgrad::cli
