// One run after the other into one certificate.
#include "handgrad/certify/certified_runs.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/certify/claims.hpp"
#include "handgrad/certify/second_derivatives.hpp"
#include "handgrad/data/dataset_rows.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad::certify {
namespace {

/// Batches are made of so many rows again and again: a prime number, so that each row comes by in every place of a
/// tile.
constexpr std::size_t rows_again = 31;
/// One row and two have loops of their own; 13 is no multiple of a tile; then more than a leaf, and more than are ever
/// taken together, both prime.
constexpr std::array<std::size_t, 5> lengths{1, 2, 13, kernels::leaf_rows + 37, kernels::most_rows_together + 5};
/// ∂ŷ/∂x is looked at for no more numbers than this in a batch.
constexpr std::size_t most_slopes = std::size_t{1} << 18;

template <class T>
constexpr std::string_view precision_name = std::is_same_v<T, float> ? "f32" : "f64";

/// A batch of so many rows: the first rows of the sample again and again, and what it should come to.
template <class T>
struct Batch {
    BasicDataset<T> rows;
    BasicDataset<double> distinct;  ///< each row once …
    std::vector<double> times;      ///< … and how often it stands in `rows`
    Expectation expected;           ///< of the gradient alone
};

template <class T>
class Runs {
public:
    Runs(const Model& model, const BasicDataset<T>& sample, const Execution& execution)
        : model_(model),
          net_(std::get<BasicMlp<T>>(model.net)),
          wide_(convert<double>(net_)),
          sample_(sample),
          execution_(execution),
          order_(first_rows(sample)) {}

    Certificate all() {
        whole_sample();
        for (const std::size_t length : lengths) {
            batch(length);
        }
        training_steps();
        in_user_units();
        return std::move(result_);
    }

private:
    /// Rows that batches are made of: the first ones, but one that counts before all of them.
    static std::vector<std::size_t> first_rows(const BasicDataset<T>& sample) {
        std::vector<std::size_t> rows = all_rows(sample.rows());
        const auto counts = std::ranges::find_if(rows, [&](std::size_t row) { return sample.weight(row) > 0.0; });
        if (counts == rows.end()) {
            throw Error(ErrorKind::data, "certificate: " + plural(sample.rows(), "row") +
                                             " of weight 0 have no loss whose gradient could be checked; take more "
                                             "rows, or give one of them a weight");
        }
        std::rotate(rows.begin(), counts, counts + 1);
        rows.resize(std::min(rows.size(), rows_again));
        return rows;
    }

    /// The rows as they are, in the model's precision and in double, where formulas show that float's roundings hide.
    void whole_sample() {
        const std::string rows = plural(sample_.rows(), "row");
        const BasicDataset<double> data = in_double(sample_);
        const std::vector<RowDerivatives> found =
            witnessed_rows(wide_, model_.loss, data, true, execution_.most_threads());
        Expectation expected = expected_derivatives(wide_, model_.loss, data, found, arithmetic_of<T>(),
                                                    {.threads = execution_.most_threads()});
        for (const std::size_t row : order_) {
            found_.push_back(found[row]);
        }
        result_ = judge_claims(wide_, widened(engine_derivatives(net_, model_.loss, sample_, execution_)), expected,
                               arithmetic_of<T>());
        input_ = std::move(expected.input);
        result_.rows = sample_.rows();
        result_.carrying_rows = carrying_rows(sample_);
        name_run(result_, rows + " in " + std::string(precision_name<T>));
        note_run(result_, result_.parameters.front().run);
        second_derivatives<T>(net_, sample_.x, data, found);
        if constexpr (std::is_same_v<T, float>) {
            second_derivatives<double>(wide_, data.x, data, found);
            reweighted(found);
            Certificate in_f64 =
                judge_claims(wide_, engine_derivatives(wide_, model_.loss, data, execution_),
                             expected_derivatives(wide_, model_.loss, data, found, arithmetic_of<double>(),
                                                  {.threads = execution_.most_threads()}),
                             arithmetic_of<double>());
            name_run(in_f64, rows + " in f64");
            merge(std::move(in_f64), true);
        }
    }

    /// ∂²ŷ/∂x² of the first rows in the arithmetic of S; the expectation in the model's own stays for the table's
    /// units.
    template <class S>
    void second_derivatives(const BasicMlp<S>& net, MatrixView<const S> x, const BasicDataset<double>& data,
                            std::span<const RowDerivatives> found) {
        const std::size_t rows = rows_of_hessians(wide_, sample_.rows());
        if (rows == 0) {
            return;
        }
        std::vector<BoundedNumber> expected =
            expected_hessians(wide_, model_.loss, data.x.view().rows_from(0, rows), data.y.view().rows_from(0, rows),
                              found.first(rows), arithmetic_of<S>(), execution_.most_threads());
        CertifiedTensor tensor = judge_hessians(
            wide_, engine_hessians<S>(net, x.rows_from(0, rows), execution_).values(), expected, arithmetic_of<S>());
        if constexpr (std::is_same_v<S, T>) {
            curves_ = std::move(expected);
        }
        take_hessian(std::move(tensor),
                     "second derivatives of " + plural(rows, "row") + " in " + std::string(precision_name<S>));
    }
    /// Notes the run, and keeps the worst.
    void take_hessian(CertifiedTensor tensor, const std::string& run) {
        const Verdict verdict = tensor.judgement.verdict;
        result_.runs.push_back({.what = run,
                                .verdict = verdict,
                                .tensors = 1,
                                .judged = verdict == Verdict::undetermined ? 0U : 1U,
                                .doubt = tensor.judgement.doubt});
        tensor.run = run;
        if (result_.hessian.entries == 0 ||
            worse(verdict, result_.hessian.judgement.verdict) != result_.hessian.judgement.verdict) {
            result_.hessian = std::move(tensor);
        }
        settle();
    }

    void note_run(const Certificate& certificate, const std::string& what) {
        CertifiedRun run{.what = what};
        const auto note = [&](const CertifiedTensor& tensor) {
            run.verdict = worse(run.verdict, tensor.judgement.verdict);
            if (tensor.entries == 0) {
                return;
            }
            ++run.tensors;
            if (tensor.judgement.verdict == Verdict::undetermined) {
                run.doubt = tensor.judgement.doubt;
            } else {
                ++run.judged;
            }
        };
        std::ranges::for_each(certificate.parameters, note);
        note(certificate.input);
        result_.runs.push_back(std::move(run));
    }

    /// Where the terms of a sum over rows cancel, as at the end of a training, float has no digits of it left. Rows
    /// that count differently do not cancel, and go through the same loops.
    void reweighted(std::span<const RowDerivatives> found) {
        const auto hidden = [](const CertifiedTensor& tensor) {
            const Doubt doubt = tensor.judgement.doubt;
            return doubt == Doubt::no_digits || doubt == Doubt::part_hidden;
        };
        if (std::ranges::none_of(result_.parameters, hidden)) {
            return;
        }
        BasicDataset<T> weighted = sample_;
        weighted.weights.clear();
        const RandomStream stream(0, Purpose::certificate, 1);
        for (std::size_t row = 0; row < sample_.rows(); ++row) {
            weighted.weights.push_back(static_cast<T>(sample_.weight(row) * 2.0 * stream.uniform(row)));
        }
        if (!(weighted.total_weight() > 0.0)) {
            return;
        }
        ClaimedDerivatives<double> claimed = widened(engine_derivatives(net_, model_.loss, weighted, execution_));
        claimed.jacobians = {};  // weights are nothing to them
        Certificate again =
            judge_claims(wide_, claimed, gradient_of(in_double(weighted), found, {}), arithmetic_of<T>());
        name_run(again, plural(sample_.rows(), "weighted row") + " in " + std::string(precision_name<T>));
        for (std::size_t i = 0; i < result_.parameters.size(); ++i) {
            if (hidden(result_.parameters[i])) {
                result_.parameters[i] = again.parameters[i];
            }
        }
        note_run(again, again.parameters.front().run);
        settle();
    }

    /// `times` as in expected_derivatives(), in the arithmetic of the kernels of T.
    [[nodiscard]] Expectation gradient_of(const BasicDataset<double>& data, std::span<const RowDerivatives> found,
                                          std::span<const double> times) const {
        return expected_derivatives(wide_, model_.loss, data, found, arithmetic_of<T>(),
                                    {.times = times, .input = false, .threads = execution_.most_threads()});
    }

    [[nodiscard]] Batch<T> make_batch(std::size_t length) const {
        const std::size_t distinct = std::min(length, order_.size());
        std::vector<std::size_t> order;
        std::vector<double> times(distinct, 0.0);
        for (std::size_t i = 0; i < length; ++i) {
            order.push_back(order_[i % distinct]);
            times[i % distinct] += 1.0;
        }
        BasicDataset<double> once = in_double(select_rows(sample_, std::span(order_).first(distinct)));
        Expectation expected = gradient_of(once, found_, times);
        return {select_rows(sample_, order), std::move(once), std::move(times), std::move(expected)};
    }

    void batch(std::size_t length) {
        Batch<T> made = make_batch(length);
        made.expected.input = input_of(rows_of_slopes(length), std::min(length, order_.size()));
        const std::size_t slopes = net_.outputs() * net_.inputs();
        const std::size_t rows = rows_of_slopes(length);
        ClaimedDerivatives<T> claimed{BasicMlp<T>::zeros_like(net_), Matrix<T>(rows, slopes)};
        constexpr std::size_t more = 3;  // a buffer that is not full is a case of its own
        LossGradient<T> gradient(net_, model_.loss, length + more, !made.rows.weights.empty(), execution_);
        gradient(net_, made.rows.x, made.rows.y, claimed.gradient, made.rows.weights);
        Matrix<T> yhat(rows, net_.outputs());
        const BasicPredictor<T> predictor(net_, execution_);
        if (length == 1) {  // a row by itself has loops of its own
            predictor.jacobian(made.rows.x.row(0), yhat.row(0),
                               MatrixView<T>(claimed.jacobians.row(0).data(), net_.outputs(), net_.inputs()));
        } else {
            predictor.jacobian(made.rows.x.view().rows_from(0, rows), yhat, claimed.jacobians);
        }
        Certificate certificate = judge_claims(wide_, widened(claimed), made.expected, arithmetic_of<T>());
        name_run(certificate, plural(length, "row") + " in " + std::string(precision_name<T>));
        merge(std::move(certificate), false);
    }

    /// Of a batch so long ∂ŷ/∂x is looked at for so many rows.
    [[nodiscard]] std::size_t rows_of_slopes(std::size_t length) const {
        const std::size_t slopes = net_.outputs() * net_.inputs();
        assert(slopes != 0);  // the passes of the whole sample refuse a network without layers
        return std::min(length, std::max<std::size_t>(1, most_slopes / slopes));
    }
    /// What ∂ŷ/∂x of the first `rows` rows of a batch should be, in which the first `distinct` come again and again.
    [[nodiscard]] std::vector<BoundedNumber> input_of(std::size_t rows, std::size_t distinct) const {
        const std::size_t slopes = net_.outputs() * net_.inputs();
        std::vector<BoundedNumber> input;
        input.reserve(rows * slopes);
        for (std::size_t row = 0; row < rows; ++row) {
            const auto own = std::span(input_).subspan(order_[row % distinct] * slopes, slopes);
            input.insert(input.end(), own.begin(), own.end());
        }
        return input;
    }

    /// Steps of sgd on a batch of the size that the model was trained with, and on less than half of it: the gradient
    /// is what the weights have moved by, over the learning rate.
    void training_steps() {
        const std::optional<FitOptions> options = recorded_options(model_);
        const std::size_t recorded = options ? options->training.batch : TrainOptions{}.batch;
        const std::size_t batch = std::min(recorded, kernels::most_rows_together + 5);
        training_step(batch);
        if (batch > 2) {
            training_step((batch - 1) / 2);
        }
    }
    /// Two steps on the same rows: the second one shows what the first has left undone, such as a stale copy of W.
    void training_step(std::size_t length) {
        const Batch<T> made = make_batch(length);
        const double rate = learning_rate(made.expected);
        if (!(rate > 0.0 && std::isfinite(rate))) {
            return;
        }
        TrainOptions options{.loss = model_.loss, .epochs = 2, .batch = length, .execution = execution_};
        options.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = rate};
        options.allow_nonfinite = true;
        Trainer<T> trainer(net_, made.rows, options);
        BasicMlp<T> before = net_;
        for (const std::string_view step : {"a training step of ", "a second step of "}) {
            trainer.advance();
            const auto wide = convert<double>(before);
            Expectation expected = made.expected;
            if (trainer.epoch() > 1) {
                const std::size_t threads = execution_.most_threads();
                expected = expected_derivatives(
                    wide, model_.loss, made.distinct, witnessed_rows(wide, model_.loss, made.distinct, false, threads),
                    arithmetic_of<T>(), {.times = made.times, .input = false, .threads = threads});
            }
            const ClaimedDerivatives<double> claimed = moved(before, trainer.net(), rate, expected);
            Certificate certificate = judge_claims(wide, claimed, expected, arithmetic_of<T>());
            name_run(certificate, std::string(step) + plural(length, "row"));
            merge(std::move(certificate), false);
            before = trainer.net();
        }
    }
    /// One by which the weights move by a twentieth of their size: ∞ or NaN where there is nothing to move them.
    [[nodiscard]] double learning_rate(const Expectation& expected) const {
        double weights = 1.0, gradients = 0.0;
        for (const T w : net_.parameters()) {
            weights += static_cast<double>(w) * static_cast<double>(w);
        }
        for (const std::vector<BoundedNumber>& parameter : expected.parameters) {
            for (const BoundedNumber& entry : parameter) {
                gradients += entry.value * entry.value;
            }
        }
        // Rounded to T, so that the step is the same in both precisions.
        return static_cast<double>(static_cast<T>(0.05 * std::sqrt(weights / gradients)));
    }
    /// The gradient by which the weights have moved; what rounding of the weights does to it goes to the bounds.
    [[nodiscard]] ClaimedDerivatives<double> moved(const BasicMlp<T>& before, const BasicMlp<T>& after, double rate,
                                                   Expectation& expected) const {
        ClaimedDerivatives<double> claimed{BasicMlp<double>::zeros_like(wide_), {}};
        std::size_t at = 0;
        for (std::vector<BoundedNumber>& parameter : expected.parameters) {
            for (BoundedNumber& entry : parameter) {
                const auto from = static_cast<double>(before.parameters()[at]);
                const auto to = static_cast<double>(after.parameters()[at]);
                claimed.gradient.parameters()[at] = (from - to) / rate;
                const double sizes = (std::fabs(from) + std::fabs(to)) / rate + std::fabs(entry.value);
                const double rounding = 2.0 * arithmetic_of<T>().unit * sizes;
                entry.usual += rounding;
                entry.error.worst += rounding;
                ++at;
            }
        }
        return claimed;
    }

    /// ∂ŷ/∂x as predict gives it. What a unit of a column is worth to the network, and a unit of the network's output
    /// in the table, is measured here by encoding and decoding.
    void in_user_units();
    /// ∂²ŷ/∂x² likewise, of the first rows of the sample.
    void hessians_in_user_units(std::span<const double> of_input, std::span<const double> of_output);

    static ClaimedDerivatives<double> widened(const ClaimedDerivatives<T>& claimed) {
        return {convert<double>(claimed.gradient), convert<double>(claimed.jacobians)};
    }

    static void name_run(Certificate& certificate, const std::string& run) {
        for (CertifiedTensor& tensor : certificate.parameters) {
            tensor.run = run;
        }
        certificate.input.run = run;
    }

    /// Takes over what is worse than so far. Of a batch that is made of few rows only what it refutes or makes doubtful
    /// counts: that it has few digits says nothing against the rows of the sample (`complete` of such).
    void merge(Certificate certificate, bool complete) {
        note_run(certificate, certificate.input.run);
        const auto take = [&](CertifiedTensor& from, CertifiedTensor& to) {
            const Doubt doubt = from.judgement.doubt;
            const bool counts = complete || from.judgement.verdict == Verdict::fail || doubt == Doubt::unusual ||
                                doubt == Doubt::overflow;
            if (counts && from.judgement.verdict != Verdict::pass &&
                worse(from.judgement.verdict, to.judgement.verdict) != to.judgement.verdict) {
                to = std::move(from);
            }
        };
        for (std::size_t i = 0; i < certificate.parameters.size(); ++i) {
            take(certificate.parameters[i], result_.parameters[i]);
        }
        if (certificate.input.entries > 0) {
            take(certificate.input, result_.input);
        }
        settle();
    }

    void settle() {
        result_.verdict = result_.input.judgement.verdict;
        for (const CertifiedTensor& tensor : result_.parameters) {
            result_.verdict = worse(result_.verdict, tensor.judgement.verdict);
        }
        if (result_.hessian.judgement.verdict == Verdict::fail) {
            result_.verdict = Verdict::fail;
        }
    }

    const Model& model_;
    const BasicMlp<T>& net_;
    BasicMlp<double> wide_;
    const BasicDataset<T>& sample_;
    Execution execution_;
    std::vector<std::size_t> order_;     ///< of the sample, the rows that batches are made of …
    std::vector<RowDerivatives> found_;  ///< … and what the witness has of each
    std::vector<BoundedNumber> curves_;  ///< ∂²ŷ/∂x² of its first rows
    std::vector<BoundedNumber> input_;   ///< ∂ŷ/∂x of all rows of the sample
    Certificate result_;
};

/// x of the network per unit of each column: encoded at shift and at shift + scale; one for each category.
std::vector<double> measured_input_slopes(const Preprocessing& preprocessing) {
    Table table{.source = "certificate", .rows = 2};
    std::vector<double> steps;
    for (const FeatureColumn& feature : preprocessing.features) {
        Column column{.name = feature.name};
        if (feature.categorical()) {
            column.has_texts = true;
            column.texts = {feature.categories.front()};
            column.codes = {0, 0};
            steps.insert(steps.end(), feature.inputs(), 0.0);
        } else {
            column.has_numbers = true;
            column.numbers = {feature.shift, feature.shift + feature.scale};
            steps.push_back(column.numbers[1] - column.numbers[0]);
        }
        table.columns.push_back(std::move(column));
    }
    const std::vector<std::size_t> rows = all_rows(2);
    const BasicDataset<double> encoded =
        apply_preprocessing<double>(preprocessing, table, rows, {.labels = Labels::absent});
    std::vector<double> slopes;
    for (std::size_t j = 0; j < steps.size(); ++j) {
        slopes.push_back(steps[j] == 0.0 ? 1.0 : (encoded.x(1, j) - encoded.x(0, j)) / steps[j]);
    }
    return slopes;
}

/// A unit of each output in the table: what the network's 1 is decoded to, less its 0.
std::vector<double> measured_output_slopes(const Model& model) {
    const std::size_t K = model.architecture().outputs();
    if (model.preprocessing.task != Task::regression) {
        return std::vector<double>(K, 1.0);
    }
    Matrix<double> yhat(2, K);
    std::ranges::fill(yhat.row(1), 1.0);
    const Matrix<double> values = decode(model.preprocessing, model.architecture().output, yhat).values;
    std::vector<double> slopes;
    for (std::size_t k = 0; k < K; ++k) {
        slopes.push_back(values(1, k) - values(0, k));
    }
    return slopes;
}

template <class T>
void Runs<T>::in_user_units() {
    constexpr std::size_t length = 13;
    const std::size_t K = net_.outputs(), n = net_.inputs();
    const Batch<T> made = make_batch(length);
    const std::vector<double> of_input = measured_input_slopes(model_.preprocessing);
    const std::vector<double> of_output = measured_output_slopes(model_);
    Expectation expected{.parameters = {}, .input = input_of(length, std::min(length, order_.size()))};
    // Where shift and scale cancel in a measured slope, and in the scaling itself.
    constexpr double of_measuring = 0x1p-30;
    for (std::size_t i = 0; i < expected.input.size(); ++i) {
        const double slope = std::fabs(of_output[i / n % K] * of_input[i % n]);
        BoundedNumber& entry = expected.input[i];
        const double measured = of_measuring * std::fabs(entry.value);
        entry.value *= of_output[i / n % K] * of_input[i % n];
        entry.size *= slope;
        entry.usual = (entry.usual + measured) * slope;
        entry.error.worst = (entry.error.worst + measured) * slope;
        entry.error.jump *= slope;
    }
    const ClaimedDerivatives<double> claimed{BasicMlp<double>::zeros_like(wide_),
                                             jacobians(model_, made.rows, execution_)};
    Certificate certificate = judge_claims(wide_, claimed, expected, arithmetic_of<T>());
    name_run(certificate, "d(yhat)/d(x) in the table's units");
    if (certificate.input.judgement.verdict == Verdict::fail) {
        certificate.input.factor = "the scale of a column or of a target";
    }
    merge(std::move(certificate), false);
    hessians_in_user_units(of_input, of_output);
}

template <class T>
void Runs<T>::hessians_in_user_units(std::span<const double> of_input, std::span<const double> of_output) {
    const std::size_t K = net_.outputs(), n = net_.inputs(), triangle = n * (n + 1) / 2;
    constexpr std::size_t most_rows = 13;
    const std::size_t rows = std::min(curves_.size() / (K * triangle), most_rows);
    if (rows == 0) {
        return;
    }
    curves_.resize(rows * K * triangle);
    constexpr double of_measuring = 0x1p-29;  // two measured slopes of inputs, and one of the output
    std::size_t at = 0;
    for (std::size_t k = 0; k < rows * K; ++k) {
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = i; j < n; ++j, ++at) {
                BoundedNumber& entry = curves_[at];
                const double slope = std::fabs(of_output[k % K] * of_input[i] * of_input[j]);
                const double measured = of_measuring * std::fabs(entry.value);
                entry.value *= of_output[k % K] * of_input[i] * of_input[j];
                entry.size *= slope;
                entry.usual = (entry.usual + measured) * slope;
                entry.error.worst = (entry.error.worst + measured) * slope;
                entry.error.jump *= slope;
            }
        }
    }
    std::vector<std::size_t> first = all_rows(rows);
    CertifiedTensor tensor = judge_hessians(wide_, hessians(model_, select_rows(sample_, first), execution_).values(),
                                            curves_, arithmetic_of<T>());
    if (tensor.judgement.verdict == Verdict::fail) {
        tensor.factor = "the scale of a column or of a target";
    }
    // Few rows may have few digits, which says nothing against those of the sample.
    if (tensor.judgement.verdict != Verdict::undetermined) {
        take_hessian(std::move(tensor), "second derivatives in the table's units");
    }
}

}  // namespace

template <class T>
Certificate certify_runs(const Model& model, const BasicDataset<T>& sample, const Execution& execution) {
    return Runs<T>(model, sample, execution).all();
}

template Certificate certify_runs(const Model&, const BasicDataset<float>&, const Execution&);
template Certificate certify_runs(const Model&, const BasicDataset<double>&, const Execution&);

}  // namespace handgrad::certify
