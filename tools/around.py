"""Breakages outside math/ and kernels/, and for each the test that must fail: data for tools/mutate.py --around."""

from dataclasses import dataclass

SETTINGS = "tests/python/test_settings.py"
HELD_OUT = "tests/python/test_held_out.py"
NUMBERS = "tests/python/test_printed_numbers.py"
METRICS = "tests/python/test_metrics.py"
PAGE = "tests/python/test_report_page.py"
EVALUATION = "tests/python/test_evaluation.py"
COURSE = "tests/python/test_course_and_advice.py"
PRELOADED = "tests/cli/test_preloaded.py"
BANK = "tests/cli/test_table_bank.py"
TRAIN_OUTPUT = "tests/cli/test_train_output.py"


@dataclass(frozen=True)
class Breakage:
    """What is replaced where, and which test must notice: a file or a node of pytest, or a file of a C++ suite, each
    with the names to choose from it behind ` -k `. Of a header, what is compiled anew for the program."""

    name: str
    file: str
    old: str
    new: str
    test: str
    sources: tuple = ()


FIT = "handgrad/train/fit.cpp"
DECISIONS = "handgrad/train/decisions.cpp"
FITTING = "handgrad/train/fitting.cpp"
SHARING = "handgrad/train/share_out.cpp"
SCORES = "handgrad/train/scores.cpp"
EVALUATING = "handgrad/train/evaluation.cpp"
MINIBATCH = "handgrad/train/minibatch.cpp"
TRAINER = "handgrad/train/trainer.cpp"
OPTIMIZER = "handgrad/train/optimizer.cpp"
APPLY = "handgrad/data/preprocessing_apply.cpp"
PREPROCESSING = "handgrad/data/preprocessing_fit.cpp"
METRICS_SOURCE = "handgrad/train/metrics.cpp"
PREDICTION = "handgrad/train/prediction.cpp"
ATOMIC = "handgrad/base/atomic_file.cpp"
MODEL = "handgrad/store/model.cpp"
TENSORS = "handgrad/store/tensor_file.cpp"
SOUND = "handgrad/store/soundness.cpp"
HISTORY = "handgrad/store/history.cpp"
SETTINGS_SOURCE = "handgrad/train/settings.cpp"
CHECKED_COLUMNS = "handgrad/data/preprocessing_check.cpp"
COLUMNS = "handgrad/data/column_builder.cpp"
FORGED = "tests/cli/test_forged_models.py"
SMALL_FILES = "tests/cli/test_small_files.py"
NONFINITE = "tests/cli/test_nonfinite.py"
TERMINAL = "tests/cli/test_terminal.py"
SENSITIVITY = "handgrad/diagnose/sensitivity.cpp"
CHAIN = "handgrad/diagnose/gradient_chain.cpp"
MLP = "handgrad/nn/mlp.cpp"
GRADING = "handgrad/compare/grading.cpp"
MARKING = "handgrad/compare/marking.cpp"
TRACE = "handgrad/explain/trace.cpp"

FLUSH_AND_RENAME = """    if (::fsync(temporary.file().get()) != 0) {  // never tried again on the same descriptor: the pages may be gone
        fail(path, "flush to the disk", errno);
    }
    close_checked(path, temporary.file());
    temporary.take_the_targets_place();
"""
RENAME_AND_FLUSH = """    temporary.take_the_targets_place();
    if (::fsync(temporary.file().get()) != 0) {
        fail(path, "flush to the disk", errno);
    }
    close_checked(path, temporary.file());
"""

BREAKAGES = (
    # --- train: settings that do not arrive, steps, what is reported
    Breakage("quantile does not reach the loss", FIT, "model.loss.quantile = options.quantile;", "",
             f"{SETTINGS} -k quantile"),
    Breakage("huber_delta does not reach the loss", FIT, "model.loss.huber_delta = options.huber_delta;", "",
             f"{SETTINGS} -k huber_delta"),
    Breakage("leaky_slope does not reach the network", DECISIONS, "shape.leaky_slope = options.leaky_slope;", "",
             f"{SETTINGS} -k leaky_slope"),
    Breakage("conventions do not reach the network", DECISIONS, "shape.conventions = options.conventions;", "",
             f"{SETTINGS} -k convention"),
    Breakage("test rows leak into scales", FIT, "fit_preprocessing(table, rows.all, rows.training, columns)",
             "fit_preprocessing(table, rows.all, rows.all, columns)", f"{HELD_OUT} -k scales"),
    Breakage("test rows leak into fillings", PREPROCESSING,
             "std::vector<double> numbers = present_numbers(table, column, training_rows);\n    if (numbers.empty())",
             "std::vector<double> numbers = present_numbers(table, column, rows);\n    if (numbers.empty())",
             f"{HELD_OUT} -k fillings"),
    Breakage("validation rows are learned from too", SHARING, "rows_.training = std::move(split.kept);",
             "if (purpose != Purpose::validation_split) rows_.training = std::move(split.kept);",
             f"{HELD_OUT} -k judged"),
    Breakage("splits by a seed of their own", SHARING, "stream(options_.training.seed, purpose)",
             "stream(0, purpose)", f"{SETTINGS} -k seed"),
    Breakage("what is left over goes to the first class", "handgrad/data/split.cpp", "remainders[a] > remainders[b] || ", "",
             f"{HELD_OUT} -k remainders"),
    Breakage("a class may be emptied", "handgrad/data/split.cpp", "quotas[s] + 1 < sizes[s]", "quotas[s] < sizes[s]",
             "tests/data/split_test.cpp -k Stratum"),
    Breakage("strata in spite of groups", SHARING, "if (!options_.group.empty()) {\n            const", "if (false) {\n            const",
             f"{HELD_OUT} -k groups"),
    Breakage("a resumed epoch begins anew", MINIBATCH, "batches_ = begun.batches;", "", "tests/train/train_state_test.cpp"),
    Breakage("a resumed divergence goes back to the pause", MINIBATCH, "engine_.load(begun.net);\n        engine_.load_moments(begun.moments);",
             "engine_.load(state.net);\n        engine_.load_moments(state.moments);", "tests/train/train_state_test.cpp"),
    Breakage("a resume forgets the optimizer's steps", "handgrad/store/saved_training.cpp", ".count = {.steps = counts.steps},",
             ".count = {},", "tests/store/saved_training_test.cpp"),
    Breakage("other settings go on all the same", "handgrad/train/same_training.cpp", "if (its != value) {", "if (false) {",
             "tests/train/checkpoint_test.cpp"),
    Breakage("another table goes on all the same", "handgrad/train/same_training.cpp", "if (its != hash) {", "if (false) {",
             "tests/train/checkpoint_test.cpp"),
    Breakage("the checkpoint before the last is not kept", "handgrad/train/checkpoint_folder.cpp", "if (number + 1 < last_) {",
             "if (number < last_) {", "tests/train/checkpoint_test.cpp"),
    Breakage("the best checkpoint is the last", "handgrad/train/checkpoint_folder.cpp", "if (!loss || (lowest_loss_ && *loss >= *lowest_loss_)) {",
             "if (!loss) {", "tests/train/checkpoint_test.cpp"),
    Breakage("two trainings in one folder", "handgrad/base/atomic_file.cpp", "LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK",
             "LOCK_EX | LOCK_NB) != 0 && errno == EBADF", "tests/base/atomic_file_test.cpp"),
    Breakage("temporary files of the living are swept", "handgrad/base/atomic_file.cpp",
             "if (regular && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {", "if (regular) {", "tests/base/atomic_file_test.cpp"),
    Breakage("weights of no use replace the old model", "cli/train.cpp", "(result.usable && !untrained)", "true",
             "tests/cli/test_checkpoints.py -k no_use"),
    Breakage("outputs are compared with inputs by name", "cli/options.cpp", "return std::filesystem::equivalent(one, other, ignored);",
             "return one == other;", "tests/cli/test_checkpoints.py -k outputs"),
    Breakage("a replay compares nothing", "cli/verify_run.cpp", "if (its->second != report.parameters_hash) {", "if (false) {",
             "tests/cli/test_checkpoints.py -k replay_says"),
    Breakage("a log with lines missing is verified", "cli/verify_run.cpp", "if (epoch != before + 1) {", "if (false) {",
             "tests/cli/test_checkpoints.py -k replay_says"),
    Breakage("the model at the end of a log is not looked at", "cli/verify_run.cpp", "comes_to_its_end() && hash != log_.last_hash", "false",
             "tests/cli/test_checkpoints.py -k replay_says"),
    Breakage("a finished model goes on with other columns", FIT, "if (!refusal.settings().empty()) {", "if (false) {",
             "tests/cli/test_checkpoints.py -k keeps_its_columns"),
    Breakage("outputs go among the checkpoints", "cli/train.cpp", "if (inside) {", "if (false) {",
             "tests/cli/test_checkpoints.py -k takes_no_output"),
    Breakage("first weights by a seed of their own", FITTING, "BasicMlp<T>::random(model_.architecture(), options_.training.seed)",
             "BasicMlp<T>::random(model_.architecture(), 0)", f"{SETTINGS} -k first_weights"),
    Breakage("a weighted baseline that ignores weights", FITTING, "const double weight = training.weight(row);",
             "const double weight = 1.0;", f"{HELD_OUT} -k baseline"),
    Breakage("the baseline is that of the judged rows", FITTING, "training_rows_of(table_, options_, rows_, training_)",
             "training_rows_of(table_, options_, rows_, validation_)", f"{HELD_OUT} -k baseline"),
    Breakage("test metrics are those of validation", FITTING, "final_metrics(\"test\", test_);",
             "final_metrics(\"test\", validation_);", f"{HELD_OUT} -k judged"),
    Breakage("the decay of adamw is taken for a penalty", DECISIONS,
             "return optimizer.kind == OptimizerKind::adamw ? 0.0 : optimizer.weight_decay;",
             "return optimizer.weight_decay;", f"{NUMBERS} -k adamw"),
    Breakage("a single linear layer for several hidden ones", DECISIONS,
             "shape.sizes.insert(shape.sizes.end(), options.hidden.begin(), options.hidden.end());",
             "if (options.hidden.size() < 2) shape.sizes.insert(shape.sizes.end(), options.hidden.begin(), options.hidden.end());",
             f"{SETTINGS} -k hidden"),
    Breakage("a schedule moves once an epoch", MINIBATCH, "(epoch - 1) * steps_.size() + number, steps,",
             "(epoch - 1) * steps_.size(), steps,", f"{SETTINGS} -k schedule"),
    Breakage("every epoch in the order of the first", MINIBATCH, "static_cast<std::uint32_t>(epoch)),", "1U),",
             f"{SETTINGS} -k shuffle"),
    Breakage("shuffled by a seed of its own", MINIBATCH, "RandomStream(options_.seed, Purpose::shuffle,",
             "RandomStream(0, Purpose::shuffle,", f"{SETTINGS} -k shuffle"),
    Breakage("the loss of an epoch is a mean of batches", MINIBATCH,
             "loss_sum_ += losses_[i] * steps[i].total_weight;\n                weight_sum_ += steps[i].total_weight;",
             "loss_sum_ += losses_[i];\n                weight_sum_ += 1.0;", f"{SETTINGS} -k batch"),
    Breakage("batches count rows, not weights", MINIBATCH, "sum += data.weight(row);", "sum += 1.0;",
             f"{SETTINGS} -k weight-w"),
    Breakage("the last short batch is left out", MINIBATCH, "steps_((data_.rows() + batch_rows_ - 1) / batch_rows_),",
             "steps_(std::max<std::size_t>(1, data_.rows() / batch_rows_)),", f"{SETTINGS} -k batch"),
    Breakage("scikit-learn's penalty scale in evaluate", TRAINER,
             "penalty_of_batch(alpha, net.architecture().conventions, data.rows())", "alpha", f"{NUMBERS} -k evaluate"),
    Breakage("early stopping waits an epoch longer", TRAINER, "state.epoch - state.best_epoch >= patience",
             "state.epoch - state.best_epoch > patience", f"{SETTINGS} -k early_stopping"),
    Breakage("early stopping keeps the last weights", TRAINER,
             "return parts_->gives_the_best() ? *parts_->state.best : parts_->state.net;",
             "return parts_->state.net;", f"{SETTINGS} -k early_stopping"),
    Breakage("early stopping looks for the largest loss", TRAINER, "report.validation_loss < state.best_loss)",
             "!(report.validation_loss < state.best_loss))", f"{SETTINGS} -k early_stopping"),
    Breakage("validation loss without its weights", TRAINER, "step_.total_weight = data.total_weight();",
             "step_.total_weight = static_cast<double>(data.rows());", f"{SETTINGS} -k validation"),
    Breakage("the decay of adamw takes biases", OPTIMIZER, "result.biases.decay = T(0);", "",
             f"{SETTINGS} -k weight_decay"),
    Breakage("the penalty takes biases by the wrong convention", OPTIMIZER,
             "conventions_.penalty == Penalty::all_parameters", "conventions_.penalty == Penalty::weights_per_row",
             f"{SETTINGS} -k weight_decay"),
    Breakage("the decay of adamw without the rate", OPTIMIZER, "inputs.learning_rate * inputs.options.weight_decay",
             "inputs.options.weight_decay", f"{SETTINGS} -k weight_decay"),
    Breakage("beta1 is fixed", OPTIMIZER, "constants = {.beta1 = o.beta1,\n                          .rest1 = 1.0 - o.beta1,",
             "constants = {.beta1 = 0.9,\n                          .rest1 = 0.1,", f"{SETTINGS} -k beta1"),
    Breakage("beta2 is fixed", OPTIMIZER, ".beta2 = o.beta2,\n                          .rest2 = 1.0 - o.beta2,",
             ".beta2 = 0.999,\n                          .rest2 = 0.001,", f"{SETTINGS} -k beta2"),
    Breakage("epsilon is fixed", OPTIMIZER, ".epsilon = o.epsilon}", ".epsilon = 1e-8}", f"{SETTINGS} -k epsilon"),
    Breakage("bias of the second mean corrected by beta1", OPTIMIZER, "count_.beta2_power *= options_.beta2;",
             "count_.beta2_power *= options_.beta1;", f"{SETTINGS} -k beta2"),
    Breakage("momentum is not used", OPTIMIZER, ".mu = inputs.options.momentum}", ".mu = 0.0}",
             f"{SETTINGS} -k momentum"),
    Breakage("nesterov is not used", OPTIMIZER,
             "options.nesterov ? math::UpdateRule::nesterov_velocity : math::UpdateRule::velocity",
             "math::UpdateRule::velocity", f"{SETTINGS} -k nesterov"),
    Breakage("cosine over half its way", OPTIMIZER, "cosine_of(0.5 * std::numbers::pi * inputs.share)",
             "cosine_of(0.25 * std::numbers::pi * inputs.share)", f"{SETTINGS} -k schedule-cosine"),
    Breakage("the last step after three quarters, not from there on", OPTIMIZER, "4 * inputs.epoch >= 3 * inputs.epochs",
             "4 * inputs.epoch > 3 * inputs.epochs", f"{SETTINGS} -k schedule-step"),
    Breakage("a schedule that does not reach its end", OPTIMIZER, "static_cast<double>(steps - 1)",
             "static_cast<double>(steps)", f"{SETTINGS} -k schedule"),
    Breakage("exponential to a thousandth", OPTIMIZER, "math::exp(-2.0 * std::numbers::ln10", "math::exp(-3.0 * std::numbers::ln10",
             f"{SETTINGS} -k schedule-exponential"),
    Breakage("xavier by the inputs alone", MLP, "case FirstWeights::xavier:\n            return {std::sqrt(6.0 / both), 0.0};",
             "case FirstWeights::xavier:\n            return {std::sqrt(6.0 / in), 0.0};", f"{SETTINGS} -k init"),
    Breakage("first weights all positive", MLP, "bounds.weights * (2.0 * weights.uniform(weight_index++) - 1.0)",
             "bounds.weights * weights.uniform(weight_index++)", f"{SETTINGS} -k init"),

    # --- data: preprocessing and splits
    Breakage("weights of the wrong rows once rows are held out", APPLY,
             "const T weight = static_cast<T>(column.numbers[row]);",
             "const T weight = static_cast<T>(column.numbers[weights.size()]);", f"{SETTINGS} -k validation"),
    Breakage("targets of the wrong rows once rows are held out", APPLY, "reader.read(rows[i], y.row(i).subspan(k, 1));",
             "reader.read(i, y.row(i).subspan(k, 1));", f"{SETTINGS} -k validation"),
    Breakage("the wrong one of two classes is positive", APPLY, "y(i, 0) = static_cast<T>(classes[i]);",
             "y(i, 0) = static_cast<T>(1 - classes[i]);", f"{SETTINGS} -k task"),
    Breakage("deviation of a sample", PREPROCESSING, "squares.value() / static_cast<double>(numbers.size())",
             "squares.value() / static_cast<double>(numbers.size() - 1)", f"{HELD_OUT} -k scales"),
    Breakage("mean and median exchanged", PREPROCESSING, "options.impute == Impute::mean ? mean_of",
             "options.impute != Impute::mean ? mean_of", f"{HELD_OUT} -k fillings"),
    Breakage("the lower middle for a median", PREPROCESSING, "return std::isfinite(sum) ? sum / 2 : below / 2 + *middle / 2;",
             "return below;", f"{HELD_OUT} -k fillings"),
    Breakage("minmax divides by the largest", PREPROCESSING, "spread = *max - *min;", "spread = *max;",
             f"{SETTINGS} -k scale-minmax"),
    Breakage("targets are scaled whatever was said", PREPROCESSING, "scale ? Scale::standard : Scale::none",
             "Scale::standard", f"{SETTINGS} -k scale_target"),
    Breakage("categorical is overheard", PREPROCESSING, "if (has(options.categorical, column.name) || !column.has_numbers) {",
             "if (!column.has_numbers) {", "tests/data/preprocessing_fit_test.cpp"),
    Breakage("drop is overheard", PREPROCESSING,
             "has(options.targets, column.name) || has(fitted.dropped, column.name) ||",
             "has(options.targets, column.name) ||", f"{SETTINGS} -k drop"),
    Breakage("one row too few held out", "handgrad/data/split.cpp", "std::for_each_n(order.begin(), count,",
             "std::for_each_n(order.begin(), count - 1,", "tests/data/split_test.cpp"),
    Breakage("held out are the last rows", "handgrad/data/split.cpp",
             "const std::vector<std::size_t> order = permutation(rows.size(), stream);",
             "std::vector<std::size_t> order = all_rows(rows.size());\n    std::reverse(order.begin(), order.end());", "tests/data/split_test.cpp"),
    Breakage("a damaged gzip file is read as far as it goes", "handgrad/data/gzip.cpp",
             "} else if (status != Z_OK && status != Z_BUF_ERROR) {", "} else if (status == Z_DATA_ERROR) { break;\n        } else if (status != Z_OK && status != Z_BUF_ERROR) {",
             "tests/data/gzip_test.cpp"),
    Breakage("lengths of an IDX file in the other byte order", "handgrad/data/idx.cpp", "length = length << 8U | byte(at + i);",
             "length = length | static_cast<std::size_t>(byte(at + i)) << (8U * i);", "tests/data/idx_test.cpp"),

    # --- metrics and predictions
    Breakage("r2 about an unweighted mean", METRICS_SOURCE,
             "const double mean = weights.mean([&](std::size_t i) { return target(i, k); });",
             "const double mean = Weights({}, target.rows()).mean([&](std::size_t i) { return target(i, k); });",
             f"{METRICS} -k regression"),
    Breakage("rmse without its root", METRICS_SOURCE,
             "rmse_sum += std::sqrt(w.mean([&](std::size_t i) { return square(residual(i)); }));",
             "rmse_sum += w.mean([&](std::size_t i) { return square(residual(i)); });", f"{METRICS} -k regression"),
    Breakage("mae of the sum of residuals", METRICS_SOURCE, "return std::abs(residual(i)); });", "return residual(i); });",
             f"{HELD_OUT} -k judged"),
    Breakage("log_loss of the predicted class", METRICS_SOURCE, "-std::log(probabilities(i, target[i]))",
             "-std::log(probabilities(i, predicted[i]))", f"{METRICS}"),
    Breakage("a tie counts whole in roc_auc", METRICS_SOURCE, "0.5 * tied_negatives", "tied_negatives",
             "tests/train/metrics_test.cpp"),
    Breakage("roc_auc ignores weights", METRICS_SOURCE, "tied += weights[i];", "tied += 1.0;", f"{METRICS}"),
    Breakage("evaluate leaves the penalty out", EVALUATING, "evaluate_loss(net, data, model.loss, model.weight_decay, execution)",
             "evaluate_loss(net, data, model.loss, 0.0, execution)", f"{NUMBERS} -k evaluate"),

    # --- store: files that last
    Breakage("the file is not flushed", ATOMIC, "if (::fsync(temporary.file().get()) != 0) {", "if (false) {",
             f"{PRELOADED} -k flush"),
    Breakage("the directory is not flushed", ATOMIC, "flush_directory_of(target);\n}", "}", f"{PRELOADED} -k flush"),
    Breakage("renamed before it is flushed", ATOMIC, FLUSH_AND_RENAME, RENAME_AND_FLUSH, f"{PRELOADED} -k flush"),
    Breakage("a temporary file is left behind", ATOMIC, "if (!placed_) {", "if (false) {", f"{PRELOADED} -k flush"),
    Breakage("the permissions of the old file are lost", ATOMIC, "keep_permissions(target, temporary.file().get());", "",
             "tests/base/atomic_file_test.cpp"),
    Breakage("a damaged tensor is not noticed", MODEL, 'compare("parameters_hash", xxh3_128_hex(file.data.substr(0, parameters)), "parameters");', "",
             "tests/cli/test_cli_faults.py -k damaged"),
    Breakage("a damaged header is not noticed", MODEL,
             'compare("checksum", header_checksum(file.header, position), "columns and settings");', "",
             "tests/store/model_test.cpp"),
    Breakage("NaN in a model are accepted unasked", "handgrad/store/parameter_tensors.cpp", "!allow_nonfinite && !std::isfinite(*parameter)",
             "allow_nonfinite && !std::isfinite(*parameter)", "tests/cli/test_cli_faults.py -k nonfinite"),
    Breakage("files may pair any loss with any activation", SOUND, "require_none(problem_of_pair(head));", "",
             f"{FORGED} -k poisson"),
    Breakage("files may scale targets that are tied to a range", SOUND, "!scaled || may_scale_target(head)", "true || scaled",
             "tests/store/model_test.cpp"),
    Breakage("files may have a history without losses", HISTORY, "require(names.contains(column),", "require(true || names.empty(),",
             f"{FORGED} -k history"),
    Breakage("files may have a history of other layers", HISTORY,
             "columns.size() == plain.size() || columns == history_columns(metrics, layers)",
             "columns.size() == plain.size() || layers > 0", f"{FORGED} -k other_layers"),
    Breakage("files may have settings of another network", SETTINGS_SOURCE, "if (!names.empty()) {", "if (names.size() > 99) {",
             f"{FORGED} -k hidden"),
    Breakage("files may have categories in any order", CHECKED_COLUMNS, "in_order(categories)", "true",
             f"{FORGED} -k categories"),
    Breakage("what cannot be read back is written", MODEL,
             'check_sound(model, model.architecture(), "model", ErrorKind::usage);', "", "tests/store/model_test.cpp"),
    Breakage("texts of one hash are compared one after the other", COLUMNS, "longest_search = 512;",
             "longest_search = 1000 * 1000 * 1000;", "tests/data/csv_test.cpp"),
    Breakage("gzip unpacks to any size", "handgrad/data/gzip.cpp", "if (produced > limit) {", "if (produced > 4000 * limit) {",
             f"{SMALL_FILES} -k packed_zeros"),
    Breakage("an archive unpacks to any size", "handgrad/data/zip.cpp", "unpacked > limits::unpacked(archive.size())",
             "unpacked > 1000 * limits::unpacked(archive.size())", f"{SMALL_FILES} -k packed_archive"),
    Breakage("texts become a dense table of any size", APPLY, "refuse_huge(fitted, table, rows.size(), sizeof(T));", "",
             f"{SMALL_FILES} -k texts_without_end"),
    Breakage("a device is read to its end", ATOMIC, "if (endless && done >= judged_bytes) {", "if (endless && done < 1) {",
             f"{SMALL_FILES} -k endless_zeros_as_options"),
    Breakage("predictions that are not finite are quiet", PREDICTION,
             "prediction.nonfinite = nonfinite_rows({yhat, z, prediction.values});", "", f"{NONFINITE} -k predict"),
    Breakage("biases that are not finite are healthy", "handgrad/diagnose/diagnosis.cpp", "!all_finite(net.parameters())", "false",
             f"{NONFINITE} -k biases"),
    Breakage("a line end in a name ends a line of a message", "cli/output.cpp", "put(shortened(printable(line), longest_line)",
             "put(shortened(printable(line, Layout::kept), longest_line)", f"{TERMINAL} -k line_end"),
    Breakage("a message is as long as a cell", "cli/output.cpp", "put(shortened(printable(line), longest_line)", "put(printable(line)",
             f"{TERMINAL} -k long_value"),
    Breakage("a page turns the writing round", "handgrad/document/render_html.cpp",
             "without_direction_marks(replace_invalid_utf8(text))", "replace_invalid_utf8(text)", f"{TERMINAL} -k turn"),
    Breakage("a terminal obeys the cells of a table", "cli/output.cpp", "if (to_terminal_) {", "if (to_terminal_ && text.empty()) {",
             f"{TERMINAL} -k even_data"),
    Breakage("a tail behind the tensors is accepted", TENSORS, "if (position != data_bytes) {", "if (position > data_bytes) {",
             "tests/store/tensor_file_test.cpp"),
    Breakage("tensors do not begin at a multiple of 8", TENSORS, "text.resize((text.size() + 7) / 8 * 8, ' ');",
             "text.resize(text.size() / 8 * 8 + 9, ' ');", "tests/python/test_model_file.py -k aligned"),

    # --- diagnose
    Breakage("permutation importance is not divided by its repeats", SENSITIVITY,
             "(after[k] - before[k]) / static_cast<double>(how.repeats)", "(after[k] - before[k])", f"{NUMBERS} -k permutation"),
    Breakage("every repeat shuffles alike", SENSITIVITY, "static_cast<std::uint32_t>(first * how.repeats + repeat)",
             "static_cast<std::uint32_t>(first)", f"{NUMBERS} -k two_rows"),
    Breakage("permutation importance ignores weights", SENSITIVITY, "loss_value(function, layer, y, data.weights)",
             "loss_value(function, layer, y, std::span<const T>())", f"{NUMBERS} -k permutation"),
    Breakage("the best constant answer ignores weights", "handgrad/diagnose/constant_answer.cpp", "sum += shares_[row] * data_.y(row, k);",
             "sum += data_.y(row, k) / static_cast<double>(data_.rows());",
             f"{NUMBERS} -k unexplained"),
    Breakage("a column stays shuffled", SENSITIVITY, "fill([](std::size_t row) { return row; });", "",
             f"{NUMBERS} -k permutation"),
    Breakage("effect of the mean derivative", SENSITIVITY, ".effect = m.rms() * spreads[j],", ".effect = m.mean * spreads[j],",
             f"{NUMBERS} -k effect"),
    Breakage("sd of a sample", SENSITIVITY, "std::sqrt(spread / static_cast<double>(rows))",
             "std::sqrt(spread / static_cast<double>(rows - 1))", f"{NUMBERS} -k effect"),
    Breakage("the border of starvation tenfold", "handgrad/diagnose/starvation.hpp", "double starved_reach = 1e-3;",
             "double starved_reach = 1e-2;", f"{NUMBERS} -k starves",
             ("handgrad/diagnose/starvation.cpp", "handgrad/diagnose/diagnosis.cpp", "handgrad/diagnose/gradient_flow.cpp")),
    Breakage("the border of starvation a tenth", "handgrad/diagnose/starvation.hpp", "double starved_reach = 1e-3;",
             "double starved_reach = 1e-4;", f"{NUMBERS} -k starves",
             ("handgrad/diagnose/starvation.cpp", "handgrad/diagnose/diagnosis.cpp", "handgrad/diagnose/gradient_flow.cpp")),
    Breakage("reach without the input", "handgrad/diagnose/starvation.cpp", "double product = output_gain() * layers_[l].largest_input;",
             "double product = output_gain();", f"{NUMBERS} -k reach"),
    Breakage("gradient_rms by the units", "handgrad/diagnose/diagnosis.cpp",
             ".gradient_rms = layer.gradient / std::sqrt(static_cast<double>(layer.weights)),",
             ".gradient_rms = layer.gradient / std::sqrt(static_cast<double>(layer.units)),", f"{NUMBERS} -k gradient_rms"),
    Breakage("unexplained by the raw squares", CHAIN, "errors.yy[k] - errors.y[k] * errors.y[k]", "errors.yy[k]",
             f"{NUMBERS} -k unexplained"),
    Breakage("the gradient of a row without its bias", "handgrad/diagnose/row_forensics.cpp",
             "(squares(block.input(l, row)) + 1.0L)", "squares(block.input(l, row))", f"{NUMBERS} -k rows_top"),
    Breakage("the cosine by the norm of a row alone", "handgrad/diagnose/row_forensics.cpp", "gradient) / (norm * length))",
             "gradient) / norm)", f"{NUMBERS} -k rows_top"),
    Breakage("a unit is dead when one row finds it flat", CHAIN, "sums.alive[i] = sums.alive[i] || !is_flat;",
             "sums.alive[i] = !is_flat;", f"{NUMBERS} -k dead"),
    Breakage("flat from half of the steepest slope on", CHAIN,
             "return math::Sigmoid::derivative(4.0) / math::Sigmoid::derivative(0.0);", "return 0.5;", f"{NUMBERS} -k dead"),
    Breakage("what-if keeps the old activation", "handgrad/diagnose/what_if.cpp", "changed.hidden = Activation::relu;", "",
             f"{NUMBERS} -k dead"),
    Breakage("the gain of slopes is told as that of weights", "handgrad/diagnose/diagnosis.cpp",
             "split.slopes += log_gain(", "split.weights += log_gain(", f"{NUMBERS} -k powers"),
    Breakage("of two identical units one is counted", "handgrad/diagnose/identical_units.cpp", "(like_before || like_next)",
             "like_before", f"{NUMBERS} -k powers"),
    Breakage("weights rescaled to their own size", "handgrad/diagnose/what_if.cpp",
             "size > 0.0 ? first_weights_size(shape, l) / size : 1.0", "1.0", f"{NUMBERS} -k powers"),
    Breakage("the report does not take metrics over", "handgrad/report/report.cpp", "    report.evaluation = evaluation;", "", f"{NUMBERS} -k report"),
    Breakage("a lack of memory exits 1", "cli/main.cpp", "return static_cast<int>(ErrorKind::io);", "return internal_error_exit;",
             "tests/cli/test_cli_faults.py -k memory"),
    Breakage("rows by their smallest gradients", "handgrad/diagnose/row_forensics.cpp", "return one.norm > other.norm;",
             "return one.norm < other.norm;", "tests/diagnose/row_forensics_test.cpp"),
    Breakage("classes and predictions exchanged", SCORES,
             "counts(target[i], predicted[i]) += 1.0", "counts(predicted[i], target[i]) += 1.0", f"{PAGE} -k confusion"),
    Breakage("a corner of the ROC off by a row", "handgrad/report/report.cpp", "x.push_back(misses / negatives);",
             "x.push_back(misses / (negatives + 1.0));", f"{PAGE} -k roc"),
    Breakage("bars of activations in one bin less", "handgrad/report/report.cpp",
             "(result.highest - result.lowest) * static_cast<double>(bins)",
             "(result.highest - result.lowest) * static_cast<double>(bins - 1)", f"{PAGE} -k activations"),
    Breakage("the way of the weights by their size now", "handgrad/diagnose/gradient_flow.cpp", "std::sqrt(change / size)",
             "std::sqrt(change / (size + change))", f"{PAGE} -k way"),
    Breakage("a fall by the loss before it alone", "handgrad/diagnose/training_course.cpp", ".part = fall / size,",
             ".part = fall / before,", f"{COURSE} -k falling"),
    Breakage("unchanged by twice the step", "handgrad/diagnose/diagnosis.cpp", "static_cast<double>(w[i]) + moves[i]) == w[i]",
             "static_cast<double>(w[i]) + 2.0 * moves[i]) == w[i]", f"{COURSE} -k unchanged"),
    Breakage("a rate is advised for half a weight a step", "handgrad/diagnose/advice.cpp", "constexpr double wanted_step = 0.05",
             "constexpr double wanted_step = 0.5", f"{COURSE} -k learning_rate"),

    Breakage("the Brier score of two classes is not halved", SCORES, "probabilities.columns() == 2 ? 0.5 : 1.0", "1.0",
             f"{EVALUATION} -k brier"),
    Breakage("the bias of few rows stays in the interval", SCORES, "2.0 * seen - expected", "seen", f"{EVALUATION} -k calibration"),
    Breakage("gaps of calibration cancel", SCORES, "seen += share * std::abs(gap);", "seen += share * gap;", f"{EVALUATION} -k calibration"),
    Breakage("precision by the rows that are there", SCORES, "ratio(right[k], said[k])", "ratio(right[k], there[k])",
             f"{EVALUATION} -k each_class"),
    Breakage("the skill without what the baseline varies", SCORES, "(own[i] - left * baseline[i])", "(own[i] - left)",
             f"{EVALUATION} -k skill"),
    Breakage("rows that were learned from judge too", EVALUATING, "std::erase_if(all, [&](std::size_t row) { return learned[row]; });", "",
             f"{EVALUATION} -k recognised"),
    Breakage("a hash of the names alone", SHARING, "add_text(hash, number_bytes<double>(column.numbers));", "", f"{EVALUATION} -k recognised"),
    Breakage("the range of all inputs is that of the lowest", EVALUATING, "x <= known.highest[j]", "true", f"{EVALUATION} -k outside"),

    # --- data: tables as people write them
    Breakage("numbers with signs are texts unless all are", "handgrad/data/number_like.cpp", "2 * (numbers + as_numbers) < all",
             "numbers + as_numbers < all", f"{BANK} -k refused"),
    Breakage("dates are texts unless all are", "handgrad/data/number_like.cpp", "2 * dates_ >= all", "dates_ >= all", f"{BANK} -k refused"),
    Breakage("a slip with a unit makes a column one of units", "handgrad/data/number_like.cpp", "2 * with_unit_ < all", "false",
             f"{BANK} -k refused"),
    Breakage("names of rows are learned from", "handgrad/data/row_names.cpp", "first.name.empty() ||", "false ||", f"{BANK} -k read"),
    Breakage("any different numbers are names of rows", "handgrad/data/row_names.cpp", "good = good && (!counted ||",
             "good = good && (true ||", f"{BANK} -k read"),
    Breakage("eleven numbers in a row are classes", "handgrad/data/task.cpp", "most_in_a_row = 10", "most_in_a_row = 11",
             "tests/data/preprocessing_fit_test.cpp"),
    Breakage("three quarters different are few", "handgrad/data/hopeless_columns.cpp", "2 * texts > rows.size()",
             "4 * texts > 3 * rows.size()", f"{BANK} -k half"),
    Breakage("columns without hope are told one by one", "handgrad/data/hopeless_columns.cpp", "if (kind(other) == why) {",
             "if (other == *first) {", f"{BANK} -k several"),
    Breakage("an unknown category is taken for the first", APPLY, "if (index != unknown) {\n                inputs[index] = T(1);",
             "if (true) {\n                inputs[index == unknown ? 0 : index] = T(1);", f"{SETTINGS} -k unknown"),

    # --- train: how long, and the training on all rows
    Breakage("a refit without the rows for validation", SHARING, "std::ranges::merge(rows.training, rows.validation, std::back_inserter(training));",
             "training = rows.training;", f"{SETTINGS} -k refit"),
    Breakage("a refit for as many epochs as were run", FIT, "const std::size_t epochs = first.training.best_epoch;",
             "const std::size_t epochs = first.training.epochs;", f"{SETTINGS} -k refit"),
    Breakage("a refit by the scales of the rows before", FIT, ".options = whole,\n                                       .rows = all,",
             ".options = whole,\n                                       .rows = once.rows,", f"{SETTINGS} -k refit"),
    Breakage("a refitted model is judged by rows that it has seen", FIT, 'if (second.baseline_on == "test") {', "if (true) {",
             f"{TRAIN_OUTPUT} -k refitted"),
    Breakage("rows are held out of tables of any size", "handgrad/train/decisions.cpp", "|| rows >= fewest_rows_to_share", "|| true",
             f"{TRAIN_OUTPUT} -k leaves_the_rest"),
    Breakage("chosen epochs stop early too", "handgrad/train/decisions.cpp", "const bool open = !patience && !options.training.epochs;",
             "const bool open = !patience;", f"{TRAIN_OUTPUT} -k leaves_the_rest"),
    Breakage("targets that are the same everywhere decide", EVALUATING, "if (!same || columns.targets.size() == 1) {", "if (true) {",
             f"{TRAIN_OUTPUT} -k same_in_all"),
    Breakage("points that do not tell are decimal ones", "handgrad/data/csv.cpp", "            mark_if_undecided(column, i);\n", "",
             f"{BANK} -k refused"),
    Breakage("the page is of the model before the refit", "cli/train.cpp", "report::make_report(result.model, select_rows(judged, shown), options)",
             "report::make_report(result.judged_model.value_or(result.model), select_rows(judged, shown), options)",
             f"{TRAIN_OUTPUT} -k refitted"),

    # --- cli: exit codes and events
    Breakage("check exits 0 on FAIL", "cli/check.cpp", "certificate.verdict != certify::Verdict::pass) {\n        return failed_exit;",
             "certificate.verdict == certify::Verdict::undetermined) {\n        return failed_exit;", f"{PRELOADED} -k check"),
    Breakage("check exits 0 on UNDETERMINED", "cli/check.cpp",
             "certificate.verdict != certify::Verdict::pass) {\n        return failed_exit;",
             "certificate.verdict == certify::Verdict::fail) {\n        return failed_exit;", "tests/cli/test_check.py -k overflows"),
    Breakage("compare exits 0 on a difference", "cli/compare.cpp", "return comparison.pass() ? 0 : difference_exit;", "return 0;",
             "tests/cli/test_compare.py"),
    Breakage("compare exits 0 on a wrong sheet", "cli/compare.cpp", "return marking.passed() ? 0 : difference_exit;", "return 0;",
             "tests/cli/test_explain.py tests/cli/test_compare.py"),
    Breakage("a divergence exits 0", "cli/train.cpp", "return static_cast<int>(ErrorKind::diverged);", "return 0;",
             f"{SETTINGS} -k allow_nonfinite"),
    Breakage("an interrupted training exits 0", "cli/train.cpp", "return 128 + StopSignal::received();", "return 0;",
             "tests/cli/test_signals.py"),
    Breakage("every error exits 2", "cli/main.cpp", "return static_cast<int>(error.kind());", "return 2;",
             "tests/cli/test_cli_faults.py -k damaged"),
    Breakage("a table may be overwritten", "cli/predict.cpp", "refuse_to_overwrite(options.output, options.data);", "",
             "tests/cli/test_cli_faults.py -k overwritten"),
    Breakage("probabilities in the events of all classes but one", "cli/events.cpp",
             "for (std::size_t k = 0; row.probabilities && k < columns.classes.size(); ++k) {",
             "for (std::size_t k = 1; row.probabilities && k < columns.classes.size(); ++k) {", f"{NUMBERS} -k probabilities"),
    Breakage("rms and mean exchanged in an event", "cli/events.cpp", '{"rms", column.rms}', '{"rms", column.mean}',
             f"{NUMBERS} -k effect"),

    # --- faults
    Breakage("a file beyond the limit of sizes ends the program", "cli/output.cpp", "::signal(SIGXFSZ, SIG_IGN);", "",
             "tests/cli/test_io_faults.py -k limit"),
    Breakage("a temporary file of unknown state is left", ATOMIC, "return ::fstat(fd, &info) != 0 || info.st_nlink > 0;",
             "return ::fstat(fd, &info) == 0 && info.st_nlink > 0;", "tests/cli/test_io_faults.py -k predict"),
    Breakage("what cannot pass on that there is no memory aborts", "cli/main.cpp", "    std::set_terminate(end_without_memory);\n", "",
             "tests/cli/test_memory_faults.py -k config"),

    # --- explain, compare
    Breakage("an explained step without the penalty", TRACE, "result.penalty = penalty(net, options.penalty, 1, &gradient);",
             "result.penalty = penalty(net, options.penalty, 1, static_cast<BasicMlp<T>*>(nullptr));", "tests/explain/trace_test.cpp"),
    Breakage("a failed file counts in the mean score", GRADING, "std::max<std::size_t>(graded(), 1)",
             "std::max<std::size_t>(files.size(), 1)", "tests/cli/test_grade.py"),
    Breakage("half a score for every tensor", GRADING, "return static_cast<double>(passed) / static_cast<double>(comparison->tensors.size());",
             "return 0.5 * static_cast<double>(passed) / static_cast<double>(comparison->tensors.size());", "tests/cli/test_grade.py"),
    Breakage("a wrong answer within ten tolerances passes", MARKING, "[](double d) { return d <= 1.0; }",
             "[](double d) { return d <= 10.0; }", "tests/compare/marking_test.cpp"),
)
