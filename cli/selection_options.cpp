// The settings are those of train, from the same table; where it goes and how it is kept is another matter.
#include "cli/selection_options.hpp"

#include <array>
#include <utility>

#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/training_tables.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {

void declare_folds(Arguments& arguments, SelectionGiven& given) {
    arguments.group("Folds");
    arguments.option("--folds", "K", "so many parts, each judged by a training on all others (5)",
                     into(given.how.folds, 2));
    arguments.option("--repeats", "R", "deal the rows anew so many times, with the seeds that follow --seed (1)",
                     into(given.how.repeats, 1));
    arguments.flag("--ordered",
                   "the rows are in order of time: each fold is learned from all rows before it, the first part only "
                   "teaches",
                   into(given.how.ordered));
    arguments.flag("--stratify,!--no-stratify", "each fold gets its share of every class", into(given.how.stratified));
    arguments.option("--score", "METRIC",
                     "the metric that counts first, as evaluate has it (log_loss; rmse; without either the first)",
                     into(given.score));
    arguments.option("--save-folds", "FILE", "write as CSV in which fold each row judges", into(given.folds_file));
}

void declare_fits(Arguments& arguments, SelectionGiven& given, std::string json_help) {
    using namespace settings;
    static constexpr std::array useless{
        test.name, init_from.name, target_jacobian.name, jacobian_weight.name, allow_kinks.name, allow_nonfinite.name};
    declare_settings(arguments, given.train, given.said, useless);
    arguments.group("Machine and output");
    declare_machine(arguments, given.train.fit.training.execution);
    declare_output(arguments, given.train.show, std::move(json_help));
    arguments.notes(setting_lists());
}

void settle_fits(SelectionGiven& given) {
    if (!given.train.validation_file.empty()) {
        usage_error(
            "--validation: rows of another table would judge every fold alike; name a share of the rows, as 0.2");
    }
    settle_settings(given.train, given.said);
    selection::check_score(given.score);
    if (!given.folds_file.empty()) {
        refuse_to_overwrite(given.folds_file, given.train.data, "--save-folds");
        refuse_to_overwrite(given.folds_file, given.train.reading.target_file, "--save-folds");
        check_writable(given.folds_file);
    }
    tell_machine(given.train.fit.training.execution, given.train.show);
}

Table read_table_of(const SelectionGiven& given) { return std::move(read_tables(given.train).data); }

void save_folds(const SelectionGiven& given, const Table& table, Task task) {
    if (given.folds_file.empty()) {
        return;
    }
    Output file(given.folds_file);
    file.write(selection::folds_csv(selection::make_folds(table, given.train.fit, task, given.how), table.rows));
    file.finish();
}

}  // namespace handgrad::cli
