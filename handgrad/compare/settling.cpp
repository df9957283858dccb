// One name for each tensor.
#include "handgrad/compare/settling.hpp"

#include "handgrad/base/wording.hpp"

namespace handgrad::compare {
namespace {

std::string joined(const std::vector<Cause>& causes) {
    std::string text;
    for (const Cause cause : causes) {
        add_item(text, "+", name(cause));
    }
    return text;
}

/// The explanations among which one tensor's numbers do not decide.
struct Open {
    std::vector<const Conjecture*> options;
};

/// Those of one number of causes that fit about as well as the best of them.
Open open_at(const TensorSearch& search, std::size_t causes) {
    double best = 1.0;
    for (const Conjecture& e : search.found()) {
        if (e.causes.size() == causes) {
            best = std::min(best, e.residual);
        }
    }
    Open open;
    for (const Conjecture& e : search.found()) {
        if (e.causes.size() == causes && e.residual <= std::max(10.0 * best, 0.01)) {
            open.options.push_back(&e);
        }
    }
    return open;
}

/// Takes over the cause of one conjecture and notes the others that lead to the same numbers.
void take_cause(const Conjecture& chosen, const Open& open, ComparedTensor& tensor) {
    tensor.causes = chosen.causes;
    tensor.detail = chosen.detail;
    tensor.factor = chosen.factor;
    tensor.wrong_layers = chosen.wrong_layers;
    const auto note = [&](const std::string& other) {
        if (other != joined(tensor.causes) && std::ranges::find(tensor.coincide, other) == tensor.coincide.end()) {
            tensor.coincide.push_back(other);
        }
    };
    for (const Conjecture* e : open.options) {
        note(joined(e->causes));
    }
    for (const std::vector<Cause>& other : chosen.coincide) {
        std::vector<Cause> all = chosen.causes;
        std::erase_if(all, [](Cause c) {
            return c == Cause::sign || c == Cause::factor_2 || c == Cause::factor_half || c == Cause::factor_outputs ||
                   c == Cause::factor_rows || c == Cause::accumulated;
        });
        all.insert(all.end(), other.begin(), other.end());
        std::ranges::sort(all);
        note(joined(all));
    }
}

/// Fewest causes first; then what explains most tensors; then the order in which they were tried. One that could be
/// chance counts only when it explains another tensor too. Whether there is one.
bool name_cause(const TensorSearch& search, const std::map<std::string, std::size_t>& votes, double from_right,
                ComparedTensor& tensor) {
    constexpr double nearer = 10.0;  // than to the right gradient, where that is not refuted
    const auto votes_for = [&](const Conjecture& e) {
        const auto found = votes.find(joined(e.causes));
        return found == votes.end() ? std::size_t{0} : found->second;
    };
    for (std::size_t causes = 1; causes <= most_factors; ++causes) {
        const Conjecture* chosen = nullptr;
        const Open open = open_at(search, causes);
        for (const Conjecture* e : open.options) {
            const bool clear = tensor.judgement.failed > 0 || nearer * e->distance <= from_right;
            if (clear && votes_for(*e) > 0 && (chosen == nullptr || votes_for(*e) > votes_for(*chosen))) {
                chosen = e;
            }
        }
        if (chosen != nullptr) {
            take_cause(*chosen, open, tensor);
            return true;
        }
    }
    return false;
}

void replace(std::vector<Cause>& causes, Cause old, Cause now) {
    std::ranges::replace(causes, old, now);
    std::ranges::sort(causes);
    causes.erase(std::unique(causes.begin(), causes.end()), causes.end());
}

}  // namespace

bool all_zeros(const Compared& compared) {
    const std::vector<double>* theirs = compared.search.values();
    return theirs != nullptr && std::ranges::all_of(*theirs, [](double v) { return v == 0.0; });
}

std::map<std::string, std::size_t> votes_of(const std::vector<Compared>& compared) {
    std::map<std::string, std::size_t> votes;
    for (const auto& [parameter, search] : compared) {
        std::map<std::string, bool> own;
        for (const Conjecture& e : search.found()) {
            if (is_strong(e)) {
                own[joined(e.causes)] = true;
            }
        }
        for (const auto& [causes, _] : own) {
            ++votes[causes];
        }
    }
    return votes;
}

void settle(const TensorSearch& search, const std::map<std::string, std::size_t>& votes, const TensorSums& right,
            ComparedTensor& tensor) {
    certify::Judgement& judgement = tensor.judgement;
    if (judgement.verdict == certify::Verdict::pass) {
        return;
    }
    const bool named = !search.pass() && name_cause(search, votes, search.distance(right.all.value), tensor);
    if (named) {
        judgement.verdict = certify::Verdict::fail;
        judgement.doubt = certify::Doubt::none;
    } else if (judgement.verdict == certify::Verdict::fail) {
        tensor.causes = {Cause::unexplained};
    }
}

void settle_together(Comparison& comparison, const std::vector<Compared>& compared, Loss loss) {
    std::vector<ComparedTensor>& tensors = comparison.tensors;
    for (std::size_t i = 1; i < tensors.size(); ++i) {
        const bool bias_behind_weight =
            compared[i].parameter % 2 == 1 && compared[i - 1].parameter + 1 == compared[i].parameter;
        const std::vector<Cause>& weight = tensors[i - 1].causes;
        if (bias_behind_weight && !has(weight, Cause::factor_rows) && !has(weight, Cause::unexplained)) {
            replace(tensors[i].causes, Cause::factor_rows, Cause::bias_sum);
        }
        if (bias_behind_weight && !has(weight, Cause::part_of_batch) && has(tensors[i].causes, Cause::part_of_batch)) {
            replace(tensors[i].causes, Cause::part_of_batch, Cause::bias_sum);
        }
    }
    const bool doubled =
        std::ranges::all_of(tensors, [](const ComparedTensor& t) { return has(t.causes, Cause::factor_2); });
    if (!doubled) {
        return;
    }
    for (ComparedTensor& tensor : tensors) {
        std::vector<Cause> other = tensor.causes;
        replace(other, Cause::factor_2, Cause::accumulated);
        if (loss != Loss::squared_error && tensor.coincide.empty()) {
            std::swap(other, tensor.causes);
        }
        tensor.coincide.push_back(joined(other));
    }
}

std::string place_to_look(const Comparison& comparison, const std::vector<Compared>& compared, std::size_t index,
                          std::size_t layers) {
    const auto verdict_of = [&](std::size_t parameter) -> const certify::Verdict* {
        for (std::size_t i = 0; i < compared.size(); ++i) {
            if (compared[i].parameter == parameter) {
                return &comparison.tensors[i].judgement.verdict;
            }
        }
        return nullptr;
    };
    const auto passes = [&](std::size_t parameter) {
        const certify::Verdict* verdict = verdict_of(parameter);
        return verdict != nullptr && *verdict == certify::Verdict::pass;
    };
    const std::size_t parameter = compared[index].parameter, l = parameter / 2;
    const bool bias = parameter % 2 == 1;
    const std::string number = std::to_string(l + 1);
    if (!bias && passes(parameter + 1)) {
        return input_name(l) + ", or its place in the outer product: " + bias_name(l) + " is right, so delta is";
    }
    if (bias && passes(parameter - 1)) {
        return "the sum of delta over rows: " + weight_name(l) + " is right, so delta is";
    }
    if (l + 1 == layers) {
        return "dl/dyhat or dyhat/d" + z_name(l) + ": the last layer is wrong already";
    }
    const std::string above = std::to_string(l + 2);
    if (passes(parameter + 2) || passes(2 * (l + 1))) {
        return "W(" + above + "), f' of layer " + number + ", or their order: layer " + above + " is right, layer " +
               number + " is not";
    }
    return "layer " + above + " first: what is wrong there comes down to this one";
}

}  // namespace handgrad::compare
