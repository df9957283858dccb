// Exercise sheets, marked: perfect ones, ones with a mistake of which later answers follow, ones with blanks.
#include "handgrad/compare/marking.hpp"
#include "handgrad/explain/compose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "handgrad/document/render.hpp"
#include "handgrad/train/fit.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/student.hpp"

namespace handgrad::compare {
namespace {

using student::Habits;
using student::Mistake;
using student::Sheet;

explain::Explanation problem(const Architecture& shape, LossFunction loss, double rate = 0.25, std::uint64_t seed = 5) {
    explain::Explanation e =
        explain::explain(shape, loss, {.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = rate}});
    const auto net = BasicMlp<double>::random(shape, seed);
    std::vector<double> x, y;
    for (std::size_t i = 0; i < shape.inputs(); ++i) {
        x.push_back(std::sin(static_cast<double>(seed) - 3.0 + 5.0 * static_cast<double>(i)));
    }
    for (std::size_t k = 0; k < shape.outputs(); ++k) {
        y.push_back(k == 1 ? 1.0 : 0.0);
    }
    e.row.emplace().trace = trace<double>(net, loss, x, y, e.step);
    return e;
}

struct Named {
    const char* name;
    explain::Explanation e;
};

/// Tables 1–2, 3–4 and 5 of the derivation, deeper ones, and softmax.
const std::vector<Named>& problems() {
    static const std::vector<Named> all{
        {"regression", problem({.sizes = {3, 4, 2}}, Loss::squared_error)},
        {"sigmoid", problem({.sizes = {3, 4, 2}, .hidden = Activation::sigmoid, .output = Activation::sigmoid},
                            Loss::squared_error)},
        {"entropy", problem({.sizes = {3, 4, 2}, .hidden = Activation::sigmoid, .output = Activation::sigmoid},
                            Loss::binary_cross_entropy)},
        {"three", problem({.sizes = {3, 4, 4, 2}, .hidden = Activation::sigmoid}, Loss::squared_error)},
        {"three_relu", problem({.sizes = {4, 4, 4, 3}}, Loss::squared_error)},
        {"softmax", problem({.sizes = {3, 4, 3}, .hidden = Activation::sigmoid, .output = Activation::softmax},
                            Loss::cross_entropy)}};
    return all;
}

std::string number(double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.17g", value);
    return text;
}

/// The sheet of blanks with the numbers put in, those of each symbol in their order.
std::string text_of(const explain::Explanation& e, const Sheet& sheet) {
    const std::string blank = "\n" + document::render_text(explain::compose(e, {.blank = true}));
    std::string text;
    std::size_t at = 0;
    for (const explain::Quantity& quantity : asked_quantities(e.derivation)) {
        const std::size_t line = blank.find("\n" + quantity.symbol + " = ", at);
        EXPECT_NE(line, std::string::npos) << quantity.symbol;
        text += blank.substr(at, line - at);
        at = line;
        const auto found = sheet.find(quantity.symbol);
        for (std::size_t k = 0; found != sheet.end() && k < found->second.size(); ++k) {
            const std::size_t hole = blank.find("____", at);
            text += blank.substr(at, hole - at) + (std::isnan(found->second[k]) ? "____" : number(found->second[k]));
            at = hole + 4;
        }
    }
    return text + blank.substr(at);
}

std::string json_of(const explain::Explanation& e, const Sheet& sheet) {
    const std::vector<explain::Quantity> asked = asked_quantities(e.derivation);
    const auto list = [&](const char* name, const char* key, std::size_t first, std::size_t count) {
        std::string text = std::string("\"") + name + "\":[";
        for (std::size_t i = first; i < first + count; ++i) {
            const auto found = sheet.find(asked[i].symbol);
            text += std::string(i == first ? "" : ",") + "{\"" + key + "\":\"" + asked[i].symbol + "\",\"value\":[";
            for (std::size_t r = 0; r < asked[i].rows; ++r) {
                text += std::string(r == 0 ? "" : ",") + (asked[i].vector ? "" : "[");
                for (std::size_t c = 0; c < asked[i].columns; ++c) {
                    const std::size_t k = r * asked[i].columns + c;
                    text += c == 0 ? "" : ",";
                    text += found == sheet.end() || std::isnan(found->second[k]) ? "null" : number(found->second[k]);
                }
                text += asked[i].vector ? "" : "]";
            }
            text += "]}";
        }
        return text + "]";
    };
    const std::size_t L = e.derivation.architecture.layers();
    return "{\"event\":\"explanation\",\"row\":{\"number\":1},\"loss\":" +
           (sheet.contains("l") ? number(sheet.at("l")[0]) : "null") + "," + list("forward", "symbol", 0, 2 * L) + "," +
           list("jacobians", "symbol", 2 * L + 1, L + 1) + "," + list("deltas", "symbol", 3 * L + 2, L) + "," +
           list("backward", "symbol", 4 * L + 2, 2 * L) + "," + list("update", "parameter", 6 * L + 2, 2 * L) + "}\n";
}

Marking marked(const explain::Explanation& e, const Sheet& sheet) {
    const std::vector<Answer> answers = read_answers(text_of(e, sheet), "sheet.txt", e.derivation);
    const std::vector<Answer> from_json = read_answers(json_of(e, sheet), "sheet.json", e.derivation);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        EXPECT_EQ(answers[i].values, from_json[i].values) << answers[i].symbol;
    }
    return mark_answers(e, answers);
}

std::string described(const Marking& marking) {
    std::string text;
    for (const MarkedAnswer& answer : marking.answers) {
        text += answer.symbol + " " + std::string(name(answer.mark)) +
                (answer.cause ? " " + std::string(name(*answer.cause)) : "") + " " + answer.follows_from + "\n";
    }
    return text;
}

const MarkedAnswer& find(const Marking& marking, const std::string& symbol) {
    return *std::ranges::find(marking.answers, symbol, &MarkedAnswer::symbol);
}

void expect_all_right(const Marking& marking, const std::string& what) {
    EXPECT_EQ(marking.count(Mark::right), marking.answers.size()) << what << "\n" << described(marking);
    EXPECT_TRUE(marking.passed());
}

/// Whether the mistake changes what is written there; some change nothing, such as a slope that is 1 anyway.
bool shows(const explain::Explanation& e, const Habits& habits) {
    const Sheet wrong = student::filled(e, habits);
    const Sheet right = student::filled(e, {});
    const student::Vector& a = wrong.at(habits.wrong_at);
    const student::Vector& b = right.at(habits.wrong_at);
    double largest = 0.0, difference = 0.0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        if (std::isnan(a[k])) {
            return false;
        }
        largest = std::max(largest, std::fabs(b[k]));
        difference = std::max(difference, std::fabs(a[k] - b[k]));
    }
    return difference > 0.02 * largest;
}

bool finite(const Sheet& sheet) {
    return std::ranges::all_of(sheet, [](const auto& entry) {
        return std::ranges::all_of(entry.second, [](double v) { return std::isfinite(v); });
    });
}

// --- Right ----------------------------------------------------------------------------------------------------------

TEST(Marking, APerfectSheetIsAllRightWithAllDigitsSixFourOrThree) {
    for (const auto& [name, e] : problems()) {
        for (const int digits : {17, 6, 4, 3}) {
            Sheet sheet = student::truth(e);
            for (auto& [symbol, values] : sheet) {
                for (double& v : values) {
                    v = student::rounded(v, digits);
                }
            }
            expect_all_right(marked(e, sheet), name + (" " + std::to_string(digits)));
        }
    }
}

TEST(Marking, RoundingOnTheWayIsNoMistake) {
    for (const auto& [name, e] : problems()) {
        for (const int digits : {6, 4, 3}) {
            expect_all_right(marked(e, student::filled(e, {.digits = digits})), name + (" " + std::to_string(digits)));
        }
    }
}

TEST(Marking, RoundingOnTheWayIsNoMistakeWhereTheOutputIsNearlySaturated) {
    // ŷ = 0.99…: three digits of it are few of 1 − ŷ, which the loss is made of.
    explain::Explanation e = problems()[2].e;
    BasicMlp<double> net = BasicMlp<double>::random(e.derivation.architecture, 5);
    const explain::Trace before = e.row->trace;
    for (std::size_t k = 0; k < 2; ++k) {
        net.bias(1)[k] += 4.61 - before.forward[2](k, 0);
    }
    e.row->trace = trace<double>(net, e.derivation.loss_function, before.x.values(), before.y.values(), e.step);
    ASSERT_NEAR(e.row->trace.forward[3](0, 0), 0.99, 0.001);
    const Marking marking = marked(e, student::filled(e, {.digits = 3}));
    EXPECT_EQ(marking.count(Mark::right), marking.answers.size()) << described(marking);
    // Had ŷ been left blank, the loss would be judged by ours, and be wrong: three digits of it are not what was used.
    Sheet sheet = student::filled(e, {.digits = 2});
    sheet.erase("yhat");
    EXPECT_EQ(find(marked(e, sheet), "l").mark, Mark::wrong);
}

TEST(Marking, ThreeDigitsAreEnoughAndTwoAreNot) {
    const explain::Explanation& e = problems()[1].e;
    Sheet sheet = student::truth(e);
    for (double& v : sheet["dl/dW1"]) {
        v *= 1.004;
    }
    EXPECT_EQ(find(marked(e, sheet), "dl/dW1").mark, Mark::right);
    for (double& v : sheet["dl/dW1"]) {
        v *= 1.006;
    }
    EXPECT_EQ(find(marked(e, sheet), "dl/dW1").mark, Mark::wrong);
}

/// One linear layer z = w x + b and what stands in the place of its numbers.
explain::Explanation linear(const std::vector<double>& w, const std::vector<double>& b, const std::vector<double>& x,
                            const std::vector<double>& y) {
    const Architecture shape{.sizes = {x.size(), b.size()}};
    explain::Explanation e = explain::explain(shape, Loss::squared_error, {});
    auto net = BasicMlp<double>::zeros(shape);
    std::ranges::copy(w, net.weight(0).data());
    std::ranges::copy(b, net.bias(0).begin());
    e.row.emplace().trace = trace<double>(net, Loss::squared_error, x, y, e.step);
    return e;
}

TEST(Marking, ThreeDecimalsOfTheLargestNumberAreEnoughForTheSmallOnesBesideIt) {
    const explain::Explanation e = linear({1.2344, 0.0044}, {0, 0}, {1}, {0, 0});
    EXPECT_EQ(find(marked(e, {{"z1", {1.234, 0.004}}}), "z1").mark, Mark::right);
    EXPECT_EQ(find(marked(e, {{"z1", {1.234, 0.001}}}), "z1").mark, Mark::wrong);
    EXPECT_EQ(find(marked(e, {{"z1", {1.234, -0.004}}}), "z1").mark, Mark::wrong);
}

TEST(Marking, TermsThatWereRoundedMayCancel) {
    const explain::Explanation e = linear({1.0 / 3.0, -1.0 / 7.0}, {0}, {3.1, 7.2}, {0});
    ASSERT_NEAR(e.row->trace.forward[0](0, 0), 0.00476, 1e-5);  // 1.03333 − 1.02857; with three decimals 1.033 − 1.029
    EXPECT_EQ(find(marked(e, {{"z1", {0.004}}}), "z1").mark, Mark::right);
    EXPECT_EQ(find(marked(e, {{"z1", {0.0}}}), "z1").mark, Mark::wrong);
    EXPECT_EQ(find(marked(e, {{"z1", {-0.00476}}}), "z1").mark, Mark::wrong);
}

TEST(Marking, AnOutputThatHitsItsTargetMayBeWrittenAsTheTarget) {
    const explain::Explanation e = linear({1}, {0}, {0.7}, {0.7000001});
    ASSERT_NE(e.row->trace.jacobians[0].at(0, 0), 0.0);
    const Sheet sheet{{"yhat", {0.7}}, {"dl/dyhat", {0}}, {"dl/dz1", {0}}, {"dl/dW1", {0}}, {"dl/db1", {0}}};
    EXPECT_EQ(marked(e, sheet).count(Mark::right), 5u);
    EXPECT_EQ(marked(e, {{"dl/dyhat", {0}}, {"dl/db1", {0}}, {"dl/dW1", {0}}}).count(Mark::right), 3u);
}

// --- One mistake ----------------------------------------------------------------------------------------------------

struct Planted {
    Mistake mistake;
    std::set<Cause> causes;
};

/// Everything after it worked out from it: that one is wrong by its name, later ones follow or are right.
void expect_one_wrong(const Named& named, const Habits& habits, const std::set<Cause>& causes) {
    const auto& [network, e] = named;
    const std::string what = std::string(network) + ", mistake " + std::to_string(static_cast<int>(habits.mistake)) +
                             " at " + habits.wrong_at;
    const Marking marking = marked(e, student::filled(e, habits));
    bool before = true;
    for (const MarkedAnswer& answer : marking.answers) {
        if (answer.symbol == habits.wrong_at) {
            before = false;
            if (answer.mark == Mark::imprecise && number(answer.answer).size() <= 5) {
                return;  // 0.01 for 0.005 may be rounding
            }
            EXPECT_EQ(answer.mark, Mark::wrong) << what;
            ASSERT_TRUE(answer.cause.has_value()) << what;
            EXPECT_TRUE(causes.contains(*answer.cause)) << what << ": " << name(*answer.cause);
        } else if (before) {
            EXPECT_EQ(answer.mark, Mark::right) << what << ": " << answer.symbol;
        } else {
            EXPECT_TRUE(answer.mark == Mark::right || answer.mark == Mark::follows)
                << what << ": " << answer.symbol << " " << name(answer.mark);
            EXPECT_EQ(answer.follows_from, answer.mark == Mark::follows ? habits.wrong_at : "") << what;
        }
    }
    EXPECT_EQ(marking.count(Mark::wrong), 1u) << what;
}

std::vector<Planted> mistakes_at(const explain::Explanation& e, std::size_t i) {
    std::vector<Planted> all{
        {Mistake::sign, {Cause::sign}}, {Mistake::twice, {Cause::factor_2}}, {Mistake::half, {Cause::factor_half}}};
    const explain::Quantity quantity = asked_quantities(e.derivation)[i];
    const std::string& symbol = quantity.symbol;
    const Architecture& shape = e.derivation.architecture;
    const std::size_t L = shape.layers();
    const bool jacobian = i > 2 * L + 1 && i < 3 * L + 2;
    const bool delta = i >= 3 * L + 2 && i < 4 * L + 2;
    const bool weight = (i >= 4 * L + 2) && !quantity.vector;
    const std::size_t layer = i < 2 * L ? i / 2 : jacobian ? 3 * L + 1 - i : 4 * L + 1 - i;
    const bool square_before = i < 2 * L && i % 2 == 0 && shape.sizes[layer] == shape.sizes[layer + 1];
    const bool square_above = delta && layer + 1 < L && shape.sizes[layer + 1] == shape.sizes[layer + 2];
    if (weight || square_before || square_above) {
        all.push_back({Mistake::transposed, {Cause::transposed}});
    }
    if (jacobian || delta) {
        const bool last = layer + 1 == L;
        all.push_back(
            {Mistake::without_slope, {last ? Cause::missing_output_derivative : Cause::missing_hidden_derivative}});
        if (shape.activation(layer) != Activation::softmax) {
            // With ReLU′(0) = 1 the slope at the activation is 1 everywhere, as if it were missing.
            all.push_back({Mistake::slope_at_activation,
                           {shape.activation(layer) == Activation::relu ? Cause::missing_hidden_derivative
                                                                        : Cause::derivative_at_activation}});
        }
    }
    EXPECT_FALSE(symbol.empty());
    return all;
}

TEST(Marking, OnlyTheFirstMistakeCounts) {
    std::size_t planted = 0;
    for (const Named& named : problems()) {
        const std::vector<explain::Quantity> asked = asked_quantities(named.e.derivation);
        for (std::size_t i = 0; i < asked.size(); ++i) {
            for (const auto& [mistake, causes] : mistakes_at(named.e, i)) {
                for (const int digits : {17, 4}) {
                    const Habits habits{.wrong_at = asked[i].symbol, .mistake = mistake, .digits = digits};
                    // The logarithm of what is below 0 is nothing that anybody would write down.
                    if (shows(named.e, habits) && finite(student::filled(named.e, habits))) {
                        expect_one_wrong(named, habits, causes);
                        ++planted;
                    }
                }
            }
        }
    }
    EXPECT_GT(planted, 800u);
}

/// One of the three networks with other widths and depths, or softmax.
Named any_network(Draw& draw) {
    const std::size_t kind = draw.whole(0, 3);
    Architecture shape{.sizes = {draw.whole(1, 6)}};
    for (std::size_t depth = draw.whole(1, 3); depth > 0; --depth) {
        shape.sizes.push_back(draw.whole(1, 6));
    }
    shape.sizes.push_back(kind == 3 ? draw.whole(2, 4) : draw.whole(1, 3));
    shape.hidden = draw.coin() ? Activation::sigmoid : Activation::relu;
    shape.output = kind == 0 ? Activation::identity : kind == 3 ? Activation::softmax : Activation::sigmoid;
    const Loss loss = kind < 2 ? Loss::squared_error : kind == 2 ? Loss::binary_cross_entropy : Loss::cross_entropy;
    return {"random", problem(shape, loss, draw.coin() ? 0.01 : 0.3, draw.whole(6, 100000))};
}

TEST(Marking, RoundingIsForgivenAndMistakesAreFoundInAnyNetwork) {
    Draw draw(9);
    for (int n = 0; n < 25; ++n) {
        const Named named = any_network(draw);
        const std::vector<explain::Quantity> asked = asked_quantities(named.e.derivation);
        for (const int digits : {3, 6}) {
            expect_all_right(marked(named.e, student::filled(named.e, {.digits = digits})), named.name);
            for (const explain::Quantity& quantity : asked) {
                for (const auto& [mistake, cause] :
                     {std::pair(Mistake::sign, Cause::sign), std::pair(Mistake::twice, Cause::factor_2),
                      std::pair(Mistake::half, Cause::factor_half)}) {
                    const Habits habits{.wrong_at = quantity.symbol, .mistake = mistake, .digits = digits};
                    if (shows(named.e, habits) && finite(student::filled(named.e, habits))) {
                        expect_one_wrong(named, habits, {cause});
                    }
                }
            }
        }
    }
}

TEST(Marking, AWrongSignOfOneNumberIsWrong) {
    Draw draw(10);
    for (int n = 0; n < 25; ++n) {
        const auto [name, e] = any_network(draw);
        const Sheet truth = student::truth(e);
        for (const auto& [symbol, values] : truth) {
            const student::Vector sizes = values;
            const double largest =
                std::fabs(*std::ranges::max_element(sizes, {}, [](double v) { return std::fabs(v); }));
            for (std::size_t k = 0; k < values.size(); ++k) {
                if (std::fabs(values[k]) > 0.01 * largest) {
                    Sheet sheet = truth;
                    sheet[symbol][k] = -values[k];
                    const Marking marking = mark_answers(e, read_answers(json_of(e, sheet), "s", e.derivation));
                    EXPECT_EQ(find(marking, symbol).mark, Mark::wrong) << symbol;
                }
            }
        }
    }
}

/// The numbers of a network whose first bias is another one: every z₁ is wrong, and all the rest follows, but for the
/// updated bias itself, which moves from where it is. For activations and losses that the student has not learnt.
TEST(Marking, WithEveryActivationAndLossAllFollowsFromAWrongFirstStep) {
    std::size_t pairs = 0;
    for (const Activation hidden : all_activations) {
        for (const Activation output : all_activations) {
            for (const Loss loss : all_losses) {
                if (!facts(hidden).elementwise || raised([&] { check_pair(output, loss); }) != "nothing") {
                    continue;
                }
                const std::string what =
                    std::string(name(hidden)) + ", " + std::string(name(output)) + ", " + std::string(name(loss));
                const explain::Explanation e =
                    problem({.sizes = {3, 4, 3}, .hidden = hidden, .output = output}, loss, 0.25, 10);
                const explain::Trace& t = e.row->trace;
                if (!finite(student::truth(e))) {  // relu and poisson: the logarithm of an output that is 0
                    continue;
                }
                ++pairs;
                expect_all_right(marked(e, student::truth(e)), what);

                auto net = BasicMlp<double>::random(e.derivation.architecture, 10);
                for (double& b : net.bias(0)) {
                    b += 0.4;
                }
                explain::Explanation other = e;
                other.row->trace = trace<double>(net, loss, t.x.values(), t.y.values(), e.step);
                Sheet sheet = student::truth(other);
                for (double& b : sheet["linear1.bias"]) {
                    b -= 0.4;
                }
                const Marking marking = marked(e, sheet);
                EXPECT_EQ(find(marking, "z1").mark, Mark::wrong) << what;
                EXPECT_EQ(marking.count(Mark::wrong), 1u) << what << "\n" << described(marking);
                EXPECT_EQ(find(marking, "dl/dz1").follows_from,
                          find(marking, "dl/dz1").mark == Mark::follows ? "z1" : "");
            }
        }
    }
    EXPECT_GT(pairs, 300u);
}

TEST(Marking, WhoTakesTheSlopeFromTheActivationFollowsToo) {
    for (const Named& named : problems()) {
        for (const char* symbol : {"z1", "z2", "z3"}) {
            const Habits habits{.wrong_at = symbol, .mistake = Mistake::half, .slope_from_activation = true};
            expect_one_wrong(named, habits, {Cause::factor_half});
        }
    }
}

TEST(Marking, WhoTakesTheOutputsDeltaInOneStepFollowsToo) {
    for (const std::size_t which : {2u, 5u}) {
        for (const char* symbol : {"z3", "yhat", "dl/dyhat", "dyhat/dz3"}) {
            const Habits habits{.wrong_at = symbol, .mistake = Mistake::half, .output_delta_in_one = true};
            expect_one_wrong(problems()[which], habits, {Cause::factor_half});
        }
    }
}

TEST(Marking, TheOutputsDeltaMaySkipFactorsThatAreWrongThemselves) {
    const explain::Explanation& e = problems()[2].e;
    // ŷ − y from a wrong ŷ, with another mistake in ∂l/∂ŷ.
    Sheet sheet = student::filled(e, {.wrong_at = "yhat", .mistake = Mistake::half, .output_delta_in_one = true});
    for (double& v : sheet["dl/dyhat"]) {
        v = -v;
    }
    Marking marking = marked(e, sheet);
    EXPECT_EQ(find(marking, "dl/dyhat").mark, Mark::wrong);
    EXPECT_EQ(find(marking, "dl/dz3").mark, Mark::follows) << described(marking);
    EXPECT_EQ(marking.count(Mark::wrong), 2u);
    // σ(z₃) − y from a wrong z₃, with another mistake in ŷ and no factors.
    sheet = student::filled(e, {.wrong_at = "z3", .mistake = Mistake::half, .output_delta_in_one = true});
    for (double& v : sheet["yhat"]) {
        v /= 3.0;
    }
    for (const char* symbol : {"l", "dl/dyhat", "dyhat/dz3"}) {
        sheet.erase(symbol);
    }
    marking = marked(e, sheet);
    EXPECT_EQ(find(marking, "yhat").mark, Mark::wrong);
    EXPECT_EQ(find(marking, "dl/dz3").mark, Mark::follows) << described(marking);
    EXPECT_EQ(marking.count(Mark::wrong), 2u);
}

TEST(Marking, TheCauseOfASecondMistakeIsSoughtFromTheFirstAndFromOurs) {
    const explain::Explanation& e = problems()[1].e;
    // δ₁ without its slope, from a δ₃ that was written twice as large.
    const Sheet doubled = student::filled(e, {.wrong_at = "dl/dz3", .mistake = Mistake::twice});
    Sheet sheet = student::filled(e, {.wrong_at = "dl/dz1", .mistake = Mistake::without_slope});
    for (double& v : sheet["dl/dz1"]) {
        v *= 2.0;
    }
    Marking marking = marked(e, {{"dl/dz3", doubled.at("dl/dz3")}, {"dl/dz1", sheet["dl/dz1"]}});
    EXPECT_EQ(find(marking, "dl/dz3").cause, Cause::factor_2);
    EXPECT_EQ(find(marking, "dl/dz1").cause, Cause::missing_hidden_derivative);
    // The true gradient with another sign, though δ₃ was wrong.
    sheet = student::truth(e);
    for (double& v : sheet["dl/dz3"]) {
        v *= 3.0;
    }
    for (double& v : sheet["dl/dW2"]) {
        v = -v;
    }
    marking = marked(e, sheet);
    EXPECT_FALSE(find(marking, "dl/dz3").cause);
    EXPECT_EQ(find(marking, "dl/dW2").cause, Cause::sign);
}

TEST(Marking, TheWrongLayersAreNamed) {
    const explain::Explanation& e = problems()[3].e;
    const Marking first = marked(e, student::filled(e, {.wrong_at = "dl/dz1", .mistake = Mistake::without_slope}));
    EXPECT_THAT(find(first, "dl/dz1").wrong_layers, testing::ElementsAre(0u));
    const Marking second = marked(e, student::filled(e, {.wrong_at = "dl/dz3", .mistake = Mistake::without_slope}));
    EXPECT_THAT(find(second, "dl/dz3").wrong_layers, testing::ElementsAre(1u));
}

TEST(Marking, ACauseIsFoundInAGradientWhoseFactorsWereLeftBlank) {
    const explain::Explanation& e = problems()[3].e;
    const Sheet sheet = student::filled(e, {.wrong_at = "dl/dz1", .mistake = Mistake::without_slope});
    const Marking marking = marked(e, {{"dl/dW1", sheet.at("dl/dW1")}, {"dl/db1", sheet.at("dl/db1")}});
    for (const char* symbol : {"dl/dW1", "dl/db1"}) {
        EXPECT_EQ(find(marking, symbol).mark, Mark::wrong);
        EXPECT_EQ(find(marking, symbol).cause, Cause::missing_hidden_derivative);
        EXPECT_THAT(find(marking, symbol).wrong_layers, testing::ElementsAre(0u));
    }
    EXPECT_EQ(marking.count(Mark::blank), marking.answers.size() - 2);
}

TEST(Marking, WhatComesRightFromAWrongAnswerIsRight) {
    const explain::Explanation& e = problems()[1].e;
    Sheet sheet = student::truth(e);
    sheet["z1"][2] += 1.0;
    const Marking marking = marked(e, sheet);
    EXPECT_EQ(marking.count(Mark::wrong), 1u);
    EXPECT_EQ(marking.count(Mark::right), marking.answers.size() - 1);
}

TEST(Marking, TheEntryThatIsFurthestOffIsShownWithWhatBelongsThere) {
    const explain::Explanation& e = problems()[1].e;
    Sheet sheet = student::filled(e, {.wrong_at = "dl/dz3", .mistake = Mistake::twice});
    sheet["dl/dW2"][5] += 0.5;
    const Marking marking = marked(e, sheet);
    const MarkedAnswer answer = find(marking, "dl/dW2");
    EXPECT_EQ(answer.mark, Mark::wrong);
    EXPECT_FALSE(answer.cause);
    EXPECT_THAT(answer.where, testing::ElementsAre(1u, 1u));
    EXPECT_DOUBLE_EQ(answer.answer, sheet["dl/dW2"][5]);
    EXPECT_DOUBLE_EQ(answer.expected, e.row->trace.gradients[2](1, 1));
    EXPECT_NEAR(answer.from_own, 2.0 * answer.expected, 1e-12);
    EXPECT_EQ(find(marking, "linear2.bias").follows_from, "dl/dz3");
}

TEST(Marking, ASecondMistakeIsFoundInWhatFollowsFromTheFirst) {
    const explain::Explanation& e = problems()[1].e;
    Sheet sheet = student::filled(e, {.wrong_at = "z1", .mistake = Mistake::half});
    for (double& v : sheet["dl/dW2"]) {
        v = -v;
    }
    const Marking marking = marked(e, sheet);
    EXPECT_EQ(find(marking, "z1").cause, Cause::factor_half);
    EXPECT_EQ(find(marking, "dl/dW2").mark, Mark::wrong);
    EXPECT_EQ(find(marking, "dl/dW2").cause, Cause::sign);
    EXPECT_EQ(marking.count(Mark::wrong), 3u) << described(marking);  // and the update of W2, which is of the right one
}

TEST(Marking, SumsOverUnitsOfABiasAreNamed) {
    const explain::Explanation& e = problems()[1].e;
    Sheet sheet = student::truth(e);
    const student::Vector d = sheet["dl/db1"];
    double sum = 0.0;
    for (const double v : d) {
        sum += v;
    }
    sheet["dl/db1"].assign(d.size(), sum);
    EXPECT_EQ(find(marked(e, sheet), "dl/db1").cause, Cause::bias_sum);
}

TEST(Marking, TheOtherSlopeAtTheKinkIsNamed) {
    const Architecture shape{.sizes = {2, 2, 1}};
    explain::Explanation e = explain::explain(shape, Loss::squared_error, {});
    auto net = BasicMlp<double>::random(shape, 1);
    std::ranges::fill(net.weight(0).row(0), 0.0);  // z₁ of the first unit is 0
    net.bias(0)[0] = 0.0;
    const std::vector<double> x{0.5, 1.5}, y{1.0};
    e.row.emplace().trace = trace<double>(net, Loss::squared_error, x, y, e.step);
    Sheet sheet = student::truth(e);
    ASSERT_EQ(sheet["dz2/dz1"][0], 1.0);
    sheet["dz2/dz1"][0] = 0.0;
    EXPECT_EQ(find(marked(e, sheet), "dz2/dz1").cause, Cause::relu_at_zero);
}

// --- The update -----------------------------------------------------------------------------------------------------

TEST(Marking, AStepInTheWrongDirectionIsSeenAtSixDigitsThoughThreeHideIt) {
    const explain::Explanation e = problem({.sizes = {3, 4, 2}}, Loss::squared_error, 1e-4);
    for (const auto& [mistake, cause] :
         {std::pair(Mistake::sign, Cause::sign), std::pair(Mistake::twice, Cause::factor_2),
          std::pair(Mistake::half, Cause::factor_half)}) {
        const Marking marking =
            marked(e, student::filled(e, {.wrong_at = "linear2.weight", .mistake = mistake, .digits = 6}));
        for (std::size_t k = 0; k < 8; ++k) {
            const double w = e.row->trace.parameters[2].values()[k], moved = e.row->trace.updated[2].values()[k];
            ASSERT_LT(3.0 * std::fabs(moved - w), 0.0005);
        }
        EXPECT_EQ(find(marking, "linear2.weight").mark, Mark::wrong);
        EXPECT_EQ(find(marking, "linear2.weight").cause, cause);
        EXPECT_EQ(marking.count(Mark::wrong), 1u);
    }
    for (const int digits : {3, 4, 6, 17}) {
        expect_all_right(marked(e, student::filled(e, {.digits = digits})), std::to_string(digits));
    }
}

TEST(Marking, OptimizersAndPenaltiesFollowTheirOwnRule) {
    for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw}) {
        explain::Explanation e = problems()[1].e;
        e.step = {.optimizer = {.kind = kind, .learning_rate = 0.1}, .penalty = kind == OptimizerKind::adamw ? 0 : 0.3};
        const auto net = BasicMlp<double>::random(e.derivation.architecture, 5);
        const explain::Trace before = e.row->trace;
        e.row->trace = trace<double>(net, e.derivation.loss_function, before.x.values(), before.y.values(), e.step);
        Sheet sheet = student::truth(e);
        expect_all_right(marked(e, sheet), "optimizer");
        for (const char* symbol : {"dl/db2", "dl/dW2"}) {
            for (double& v : sheet[symbol]) {
                v = -v;
            }
        }
        // A step of Adam's depends on the sign of the gradient alone: the other way.
        BasicMlp<double> moved = net, gradient = BasicMlp<double>::zeros_like(net);
        for (std::size_t k = 0; k < 2; ++k) {
            gradient.bias(1)[k] = sheet["dl/db2"][k];
        }
        std::ranges::copy(sheet["dl/dW2"], gradient.weight(1).data());
        penalty(net, e.step.penalty, 1, &gradient);
        Optimizer<double>(net, e.step.optimizer).update(moved, gradient);
        sheet["linear2.bias"] = {moved.bias(1).begin(), moved.bias(1).end()};
        sheet["linear2.weight"] = {moved.weight(1).data(), moved.weight(1).data() + 8};
        const Marking marking = marked(e, sheet);
        EXPECT_EQ(find(marking, "dl/db2").cause, Cause::sign);
        EXPECT_EQ(find(marking, "dl/dW2").cause, Cause::sign);
        EXPECT_EQ(find(marking, "linear2.bias").mark, Mark::follows);
        EXPECT_EQ(find(marking, "linear2.weight").mark, Mark::follows);
        EXPECT_EQ(marking.count(Mark::wrong), 2u);
    }
}

// --- Blanks ---------------------------------------------------------------------------------------------------------

TEST(Marking, ABlankSheetIsAllBlankAndPasses) {
    for (const auto& [name, e] : problems()) {
        const Marking marking = marked(e, {});
        EXPECT_EQ(marking.count(Mark::blank), marking.answers.size()) << name;
        EXPECT_TRUE(marking.passed());
        EXPECT_EQ(marking.partly_blank(), 0u);
    }
}

TEST(Marking, OfWhatIsPartlyFilledTheNumbersAreMarkedAndTheRestIsCounted) {
    const explain::Explanation& e = problems()[1].e;
    Sheet sheet = student::truth(e);
    sheet["z1"][1] = sheet["dl/dW1"][0] = sheet["dl/dW1"][7] = NAN;
    sheet["dl/dW2"][0] = NAN;
    sheet["dl/dW2"][3] += 1.0;
    sheet.erase("dl/db1");
    const Marking marking = marked(e, sheet);
    EXPECT_EQ(find(marking, "z1").mark, Mark::right);
    EXPECT_EQ(find(marking, "z1").left_blank, 1u);
    EXPECT_EQ(find(marking, "dl/dW1").mark, Mark::right);
    EXPECT_EQ(find(marking, "dl/dW1").written, 10u);
    EXPECT_EQ(find(marking, "dl/dW2").mark, Mark::wrong);
    EXPECT_THAT(find(marking, "dl/dW2").where, testing::ElementsAre(0u, 3u));
    EXPECT_EQ(find(marking, "dl/db1").mark, Mark::blank);
    EXPECT_EQ(marking.partly_blank(), 4u);
    EXPECT_EQ(marking.count(Mark::right), marking.answers.size() - 2);
}

TEST(Marking, AMistakeIsFollowedThroughBlanks) {
    for (const Named& named : problems()) {
        Sheet sheet = student::filled(named.e, {.wrong_at = "z1", .mistake = Mistake::half});
        for (const char* symbol : {"z2", "dl/dyhat", "dyhat/dz3", "dz2/dz1", "dl/dz3", "dl/dz1", "dl/dW2"}) {
            sheet.erase(symbol);
        }
        const Marking marking = marked(named.e, sheet);
        EXPECT_EQ(marking.count(Mark::wrong), 1u) << named.name << "\n" << described(marking);
        EXPECT_EQ(find(marking, "z3").mark, Mark::follows);
        EXPECT_EQ(find(marking, "z3").follows_from, "z1");
    }
}

TEST(Marking, WhereABlankWasTakenFromTheTruthThatIsRightToo) {
    const explain::Explanation& e = problems()[1].e;
    const Sheet sheet = student::filled(e, {.wrong_at = "z1", .mistake = Mistake::half, .skipped = {"z2", "z3"}});
    EXPECT_EQ(marked(e, sheet).count(Mark::wrong), 1u);
}

// --- Odd numbers ----------------------------------------------------------------------------------------------------

TEST(Marking, ADeadLayersZerosAreRightAndAnythingElseIsWrong) {
    const Architecture shape{.sizes = {2, 3, 1}};
    explain::Explanation e = explain::explain(shape, Loss::squared_error, {});
    auto net = BasicMlp<double>::random(shape, 1);
    std::ranges::fill(net.bias(0), -10.0);
    const std::vector<double> x{0.5, 0.5}, y{1.0};
    e.row.emplace().trace = trace<double>(net, Loss::squared_error, x, y, e.step);
    Sheet sheet = student::truth(e);
    expect_all_right(marked(e, sheet), "dead");
    sheet["dl/dW1"][0] = 1e-9;
    EXPECT_EQ(find(marked(e, sheet), "dl/dW1").mark, Mark::wrong);
}

TEST(Marking, AnEntryThatIsInfiniteInOursIsNotJudged) {
    // σ(z) is 1 to the last digit, so ∂l/∂ŷ as written is infinite.
    const Architecture shape{.sizes = {1, 1}, .output = Activation::sigmoid};
    explain::Explanation e = explain::explain(shape, Loss::binary_cross_entropy, {});
    auto net = BasicMlp<double>::random(shape, 1);
    net.bias(0)[0] = 60.0;
    const std::vector<double> x{0.5}, y{0.0};
    e.row.emplace().trace = trace<double>(net, Loss::binary_cross_entropy, x, y, e.step);
    ASSERT_TRUE(std::isinf(e.row->trace.jacobians[0].at(0, 0)));
    Sheet sheet = student::truth(e);
    sheet["dl/dyhat"] = {1e20};
    expect_all_right(marked(e, sheet), "infinite");
}

TEST(Marking, AbsurdNumbersAreWrongAndNothingWorse) {
    for (const auto& [name, e] : problems()) {
        for (const double absurd : {1e300, -1e300, 0.0, 1e-300}) {
            Sheet sheet = student::truth(e);
            for (auto& [symbol, values] : sheet) {
                std::ranges::fill(values, absurd);
            }
            const Marking marking = marked(e, sheet);
            EXPECT_GT(marking.count(Mark::wrong), 0u) << name;
            EXPECT_EQ(marking.count(Mark::blank), 0u);
        }
    }
}

// --- Digits ---------------------------------------------------------------------------------------------------------

/// Answers written with `digits` significant digits, or with so many decimals.
std::vector<Answer> written(const explain::Explanation& e, const Sheet& sheet, int digits, int decimals) {
    std::string text;
    for (const explain::Quantity& quantity : asked_quantities(e.derivation)) {
        const std::size_t length = quantity.vector ? quantity.rows : quantity.columns;
        const student::Vector& values = sheet.at(quantity.symbol);
        text += quantity.symbol + " =";
        for (std::size_t k = 0; k < values.size(); ++k) {
            char cell[64];
            std::snprintf(cell, sizeof cell, decimals >= 0 ? "%.*f" : "%#.*g", decimals >= 0 ? decimals : digits,
                          values[k]);
            text += std::string(k % length == 0 ? " [ " : " ") + cell + (k % length + 1 == length ? " ]" : "");
        }
        text += "\n";
    }
    return read_answers(text, "sheet.txt", e.derivation);
}

TEST(Marking, WhoeverRoundsToTheDigitsAskedForIsRight) {
    for (const auto& [name, e] : problems()) {
        for (const int digits : {2, 3, 4, 5, 8}) {
            const Marking marking =
                mark_answers(e, written(e, student::filled(e, {.digits = digits}), digits, -1), {.digits = digits});
            EXPECT_EQ(marking.count(Mark::right), marking.answers.size()) << name << digits << "\n"
                                                                          << described(marking);
            EXPECT_EQ(marking.score(), 1.0);
        }
    }
}

TEST(Marking, TwoDecimalsWhereThreeDigitsAreAskedForAreTooFewAndNotWrong) {
    std::size_t imprecise = 0;
    for (const auto& [name, e] : problems()) {
        for (const int decimals : {1, 2}) {
            const Marking marking = mark_answers(e, written(e, student::truth(e), 0, decimals));
            EXPECT_EQ(marking.count(Mark::wrong), 0U) << name << "\n" << described(marking);
            for (const MarkedAnswer& answer : marking.answers) {
                EXPECT_EQ(answer.mark == Mark::imprecise, answer.slip == Slip::too_few_digits);
            }
            imprecise += marking.count(Mark::imprecise);
            EXPECT_EQ(marking.passed(), marking.count(Mark::imprecise) == 0);
        }
    }
    EXPECT_GT(imprecise, 20U);
}

TEST(Marking, FewDigitsOfAWrongNumberAreWrong) {
    const explain::Explanation e = linear({1.2344, 0.0044}, {0, 0}, {1}, {0, 0});
    const auto mark_of = [&](const char* row) {
        return mark_answers(e, read_answers("z1 = [ " + std::string(row) + " ]\n", "s", e.derivation)).answers[0].mark;
    };
    EXPECT_EQ(mark_of("1.2 0.0044"), Mark::imprecise);
    EXPECT_EQ(mark_of("1.23 0.00"), Mark::imprecise);
    EXPECT_EQ(mark_of("1 0.0044"), Mark::imprecise);
    EXPECT_EQ(mark_of("1.3 0.0044"), Mark::wrong);
    EXPECT_EQ(mark_of("2 0.0044"), Mark::wrong);
    EXPECT_EQ(mark_of("1.234 1"), Mark::wrong);
    EXPECT_EQ(mark_of("-1.2 -0.0044"), Mark::wrong);
    const explain::Explanation small = linear({0.6, 0.3}, {0, 0}, {1}, {0, 0});
    for (const char* row : {"1 0.3", "0.6 0"}) {  // rounded to whole numbers, but that is no digit of them
        const auto answers = read_answers("z1 = [ " + std::string(row) + " ]\n", "s", small.derivation);
        EXPECT_EQ(mark_answers(small, answers).answers[0].mark, Mark::wrong) << row;
    }
}

TEST(Marking, ToleranceTakesThePlaceOfDigits) {
    const explain::Explanation& e = problems()[1].e;
    Sheet sheet = student::truth(e);
    for (double& v : sheet["dl/dW1"]) {
        v *= 1.03;
    }
    const std::vector<Answer> answers = read_answers(json_of(e, sheet), "s", e.derivation);
    EXPECT_EQ(find(mark_answers(e, answers), "dl/dW1").mark, Mark::wrong);
    EXPECT_EQ(find(mark_answers(e, answers, {.tolerance = 0.05}), "dl/dW1").mark, Mark::right);
    EXPECT_EQ(find(mark_answers(e, answers, {.digits = 2}), "dl/dW1").mark, Mark::right);
    EXPECT_EQ(find(mark_answers(e, answers, {.digits = 2, .tolerance = 0.01}), "dl/dW1").mark, Mark::wrong);
    const explain::Explanation whole = linear({2, -3}, {1, 1}, {1}, {0, 0});
    EXPECT_EQ(
        mark_answers(whole, read_answers("z1 = 3 -2\n", "s", whole.derivation), {.tolerance = 0.0}).count(Mark::right),
        1U);
}

TEST(Marking, WhatCannotBeReadIsNotJudgedAndCostsOnlyItself) {
    const explain::Explanation e = linear({2, -3}, {1, 1}, {1}, {0, 0});
    const auto marking_of = [&](const char* text) { return mark_answers(e, read_answers(text, "s", e.derivation)); };
    Marking marking = marking_of("z1 = three -2\nyhat = 3 -2\n");
    EXPECT_EQ(marking.answers[0].mark, Mark::unreadable);  // not right: a number of it is not known
    EXPECT_DOUBLE_EQ(marking.score(), 1.5 / static_cast<double>(marking.answers.size()));
    EXPECT_EQ(marking.answers[0].written, 1U);
    EXPECT_EQ(marking.answers[0].left_blank, 0U);
    EXPECT_EQ(marking.unreadable(), 1U);
    EXPECT_FALSE(marking.passed());
    marking = marking_of("z1 = three two\nyhat = 3 -2\n");
    EXPECT_EQ(marking.answers[0].mark, Mark::unreadable);
    EXPECT_EQ(find(marking, "yhat").mark, Mark::right);
    EXPECT_EQ(find(marking, "l").mark, Mark::blank);
    EXPECT_DOUBLE_EQ(marking.score(), 1.0 / static_cast<double>(marking.answers.size()));
}

// --- Slips of the forward pass ---------------------------------------------------------------------------------------

/// The problem with other numbers in the table than the network sees.
explain::Explanation with_raw_cells(explain::Explanation e) {
    for (const double x : e.row->trace.x.values()) {
        e.row->inputs.push_back({.name = "x", .cell = "", .number = 50.0 + 20.0 * x});
    }
    for (const double y : e.row->trace.y.values()) {
        e.row->outputs.push_back({.name = "y", .cell = "", .number = 3.0 + 4.0 * y});
    }
    return e;
}

/// δ aᵀ, row by row.
student::Vector outer(const student::Vector& delta, const student::Vector& a) {
    student::Vector dW;
    for (const double d : delta) {
        for (const double v : a) {
            dW.push_back(d * v);
        }
    }
    return dW;
}

TEST(Marking, SlipsOfTheForwardPassAreNamed) {
    for (const Named& named : problems()) {
        const explain::Explanation e = with_raw_cells(named.e);
        const explain::Trace& t = e.row->trace;
        const Sheet truth = student::truth(e);
        const auto expect_slip = [&](const std::string& symbol, const student::Vector& values, Slip slip) {
            Sheet sheet = truth;
            double difference = 0.0, largest = 0.0;
            for (std::size_t k = 0; k < values.size(); ++k) {
                difference = std::max(difference, std::fabs(values[k] - truth.at(symbol)[k]));
                largest = std::max(largest, std::fabs(truth.at(symbol)[k]));
            }
            sheet[symbol] = values;
            const MarkedAnswer answer = find(marked(e, sheet), symbol);
            if (difference > 0.02 * largest) {
                EXPECT_EQ(answer.mark, Mark::wrong) << named.name << " " << symbol;
                EXPECT_EQ(answer.slip, slip) << named.name << " " << symbol << " " << answer.cause_name();
            } else {
                EXPECT_FALSE(answer.slip);
            }
        };
        const auto product = [&](std::size_t l, const student::Vector& from, bool bias) {
            const Matrix<double>& W = t.parameters[2 * l];
            student::Vector z(W.rows(), 0.0);
            for (std::size_t i = 0; i < W.rows(); ++i) {
                z[i] = bias ? t.parameters[2 * l + 1](i, 0) : 0.0;
                for (std::size_t j = 0; j < W.columns(); ++j) {
                    z[i] += W(i, j) * from[j];
                }
            }
            return z;
        };
        const student::Vector x(t.x.values().begin(), t.x.values().end());
        student::Vector raw = x;
        std::ranges::transform(raw, raw.begin(), [](double v) { return 50.0 + 20.0 * v; });
        expect_slip("z1", product(0, x, false), Slip::missing_bias);
        expect_slip("z1", product(0, raw, true), Slip::raw_input);
        expect_slip("z3", product(1, truth.at("z2"), false), Slip::missing_bias);
        expect_slip("z3", product(1, truth.at("z1"), true), Slip::missing_activation);
        expect_slip("z2", truth.at("z1"), Slip::missing_activation);
        if (e.derivation.architecture.output != Activation::identity) {
            const std::size_t L = e.derivation.architecture.layers();
            expect_slip("yhat", truth.at("z" + std::to_string(2 * L - 1)), Slip::missing_activation);
        }
        expect_slip("dl/dW1", outer(truth.at("dl/dz1"), raw), Slip::raw_input);
        expect_slip("dl/dW2", outer(truth.at("dl/dz3"), truth.at("z1")), Slip::missing_activation);
        if (e.derivation.loss_function.kind == Loss::squared_error) {
            student::Vector slope;
            for (std::size_t k = 0; k < t.y.rows(); ++k) {
                slope.push_back(2.0 * (truth.at("yhat")[k] - (3.0 + 4.0 * t.y(k, 0))));
            }
            expect_slip("dl/dyhat", slope, Slip::raw_target);
        }
    }
}

}  // namespace
}  // namespace handgrad::compare
