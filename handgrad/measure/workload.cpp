// The table of workloads, its names, and how many operations each of them needs.
#include "handgrad/measure/workload.hpp"

#include <algorithm>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/measure/operations.hpp"

namespace handgrad::measure {
namespace {

std::string joined(const std::vector<std::size_t>& sizes) {
    std::string text;
    for (const std::size_t size : sizes) {
        add_item(text, "-", std::to_string(size));
    }
    return text;
}

std::vector<Workload> make_workloads() {
    using enum Activation;
    using enum Loss;
    using enum UpdateKind;
    constexpr auto training = WorkloadKind::training;
    std::vector<Workload> list{
        {"T1", training, {10, 32, 1}, relu, identity, squared_error, sgd, 32, 128},
        {"T2", training, {16, 64, 1}, relu, identity, squared_error, sgd, 64, 64},
        {"T3", WorkloadKind::gradient, {24, 8, 2}, tanh, identity, squared_error, none, 200, 1, true},
        {"T4", training, {13, 50, 3}, relu, identity, squared_error, sgd, 37, 64},
        {"T5", training, {7, 33, 1}, relu, identity, squared_error, sgd, 32, 128},
        {"S1", training, {8, 64, 1}, relu, identity, squared_error, adam, 32, 128},
        {"S2", training, {30, 64, 1}, sigmoid, sigmoid, binary_cross_entropy, adam, 32, 128},
        {"S3", training, {64, 128, 10}, relu, softmax, cross_entropy, adam, 64, 64},
        {"S4", training, {11, 47, 5}, relu, softmax, cross_entropy, adam, 33, 128},
        {"M1", training, {64, 256, 10}, relu, identity, squared_error, sgd, 128, 32},
        {"M2", training, {784, 256, 10}, relu, softmax, cross_entropy, adam, 128, 64},
        {"M3", training, {54, 128, 7}, relu, softmax, cross_entropy, adam, 256, 32},
        {"M4", training, {61, 129, 9}, relu, softmax, cross_entropy, adam, 101, 32},
        {"D1", training, {4, 32, 16, 4}, tanh, identity, squared_error, adam, 10000, 1},
        {"D2", training, {5, 17, 11, 3}, tanh, identity, squared_error, adam, 1001, 1},
        {"L1", training, {784, 1024, 10}, relu, identity, squared_error, sgd, 256, 16},
        {"L2", training, {4096, 4096, 1000}, relu, identity, squared_error, sgd, 512, 1, false, true},
    };
    const auto predictor = [&](std::string_view before, WorkloadKind kind, const std::vector<std::size_t>& sizes,
                               std::size_t rows = 1) {
        const bool jacobian = kind == WorkloadKind::jacobian;
        list.push_back({.id = std::string(before) + joined(sizes) + when(jacobian, "/" + std::to_string(rows)),
                        .kind = kind,
                        .sizes = sizes,
                        .batch = rows});
    };
    constexpr std::size_t many = 65536;
    using Shapes = std::vector<std::vector<std::size_t>>;
    for (const auto& sizes : Shapes{{10, 32, 1}, {64, 64, 64}, {784, 256, 10}, {13, 50, 3}, {5, 17, 2}, {61, 129, 9}}) {
        predictor("I1/", WorkloadKind::single, sizes);
    }
    for (const auto& sizes : Shapes{{10, 32, 1}, {64, 64, 64}, {784, 256, 10}, {13, 50, 3}, {61, 129, 9}}) {
        predictor("I2/", WorkloadKind::bulk, sizes, many);
    }
    for (const auto& sizes : Shapes{{10, 32, 1}, {64, 64, 64}, {13, 50, 3}}) {
        predictor("J1/", WorkloadKind::jacobian, sizes, 1);
        predictor("J1/", WorkloadKind::jacobian, sizes, 1024);
    }
    // The nearest neighbours of odd shapes above whose hidden widths are whole vectors: O/ and the id of the odd one,
    // with a shape of their own where the id has one.
    list.insert(list.end(), {
                                {"O/T4", training, {16, 48, 4}, relu, identity, squared_error, sgd, 40, 64},
                                {"O/T5", training, {8, 32, 1}, relu, identity, squared_error, sgd, 32, 128},
                                {"O/S4", training, {12, 48, 4}, relu, softmax, cross_entropy, adam, 32, 128},
                                {"O/M4", training, {64, 128, 8}, relu, softmax, cross_entropy, adam, 96, 32},
                                {"O/D2", training, {4, 16, 16, 4}, tanh, identity, squared_error, adam, 1000, 1},
                            });
    for (const auto& sizes : Shapes{{16, 48, 4}, {4, 16, 2}, {64, 128, 8}}) {
        predictor("O/I1/", WorkloadKind::single, sizes);
    }
    for (const auto& sizes : Shapes{{16, 48, 4}, {64, 128, 8}}) {
        predictor("O/I2/", WorkloadKind::bulk, sizes, many);
    }
    predictor("O/J1/", WorkloadKind::jacobian, {16, 48, 4}, 1);
    predictor("O/J1/", WorkloadKind::jacobian, {16, 48, 4}, 1024);
    // Odd outputs, inputs and rows.
    const auto odd = [&](const std::vector<std::size_t>& sizes, std::size_t rows) {
        list.push_back({.id = "O/" + joined(sizes) + "/" + std::to_string(rows),
                        .sizes = sizes,
                        .update = sgd,
                        .batch = rows,
                        .batches = 64});
    };
    odd({16, 64, 1}, 32);
    odd({16, 64, 2}, 32);
    odd({1, 64, 4}, 32);
    odd({2, 64, 4}, 32);
    odd({16, 64, 4}, 1);
    odd({16, 64, 4}, 2);
    odd({16, 64, 4}, 3);
    odd({16, 64, 4}, 4);
    const auto function = [&](std::string_view f, std::string_view detail = {}) {
        list.push_back({.id = "E/" + std::string(f) + when(!detail.empty(), "/") + std::string(detail),
                        .kind = WorkloadKind::function,
                        .batch = function_numbers,
                        .function = f,
                        .detail = detail});
    };
    for (const std::string_view f :
         {"exp", "expm1", "log", "log1p", "tanh", "tanh+slope", "erf", "erfc", "sigmoid", "sigmoid+slope", "relu",
          "leaky_relu", "elu", "softplus", "silu", "gelu", "gelu_tanh"}) {
        function(f);
    }
    for (const std::string_view f : {"softmax", "cross_entropy"}) {
        function(f, "10");
    }
    function("binary_cross_entropy");
    for (const std::string_view level : {"L1", "L2", "L3", "memory"}) {
        function("adam", level);
    }
    return list;
}

/// `I1/10-32-1` stands for itself; `I1` and `I1/` for all that begin so.
bool stands_for(std::string_view name, std::string_view id) {
    return name == id || (!name.empty() && id.starts_with(name) && (name.ends_with('/') || id[name.size()] == '/'));
}

[[noreturn]] void unknown(const std::string& name, const std::string& place) {
    std::vector<std::string> heads, known;
    for (const Workload& workload : all_workloads()) {
        const std::string head = workload.id.substr(0, workload.id.find('/'));
        if (std::ranges::find(heads, head) == heads.end()) {
            heads.push_back(head);
        }
        known.push_back(workload.id);
    }
    known.insert(known.begin(), heads.begin(), heads.end());
    std::string choice;
    for (const std::string& head : heads) {
        add_item(choice, ", ", head);
    }
    throw Error(ErrorKind::usage, place + ": unknown '" + name + "'" + did_you_mean(name, known) +
                                      "; choose from: " + choice + ", or one of their parts such as I1/10-32-1");
}

/// Σ d_{l−1}d_l over the first `layers` layers.
double weights(const std::vector<std::size_t>& sizes, std::size_t layers) {
    double sum = 0.0;
    for (std::size_t l = 1; l <= layers; ++l) {
        sum += static_cast<double>(sizes[l - 1]) * static_cast<double>(sizes[l]);
    }
    return sum;
}

/// Of a workload that is no function, if its layers had these sizes.
double flops_of(const Workload& workload, const std::vector<std::size_t>& sizes) {
    const double rows = static_cast<double>(workload.batch);
    const std::size_t layers = sizes.size() - 1;
    const double forward = weights(sizes, layers);
    if (workload.kind == WorkloadKind::training || workload.kind == WorkloadKind::gradient) {
        return 2.0 * rows * (3.0 * forward - weights(sizes, 1));
    }
    if (workload.kind == WorkloadKind::jacobian) {
        return 2.0 * rows * (forward + static_cast<double>(sizes.back()) * weights(sizes, layers - 1));
    }
    return 2.0 * rows * forward;
}

}  // namespace

const std::vector<Workload>& all_workloads() {
    static const std::vector<Workload> list = make_workloads();
    return list;
}

std::vector<Workload> select_workloads(std::span<const std::string> names, const std::string& place) {
    const std::vector<Workload>& all = all_workloads();
    for (const std::string& name : names) {
        if (std::ranges::none_of(all, [&](const Workload& w) { return stands_for(name, w.id); })) {
            unknown(name, place);
        }
    }
    std::vector<Workload> selected;
    std::ranges::copy_if(all, std::back_inserter(selected), [&](const Workload& w) {
        return names.empty() ? !w.on_request
                             : std::ranges::any_of(names, [&](const auto& name) { return stands_for(name, w.id); });
    });
    return selected;
}

double flops(const Workload& workload) {
    if (workload.kind == WorkloadKind::function) {
        return static_cast<double>(workload.batch) * operations(workload.function, outputs_of_row(workload)).flops;
    }
    return flops_of(workload, workload.sizes);
}

double flops_in_whole_vectors(const Workload& workload, std::size_t lanes) {
    if (workload.kind == WorkloadKind::function) {
        return flops(workload);
    }
    std::vector<std::size_t> sizes = workload.sizes;
    for (std::size_t l = 1; l < sizes.size(); ++l) {
        const bool hidden = l + 1 < sizes.size();
        if (hidden || sizes[l] >= kernels::narrow_outputs) {
            sizes[l] = (sizes[l] + lanes - 1) / lanes * lanes;
        }
    }
    return flops_of(workload, sizes);
}

double parameters(const Workload& workload) {
    double sum = 0.0;
    for (std::size_t l = 1; l < workload.sizes.size(); ++l) {
        sum += (static_cast<double>(workload.sizes[l - 1]) + 1.0) * static_cast<double>(workload.sizes[l]);
    }
    return sum;
}

}  // namespace handgrad::measure
