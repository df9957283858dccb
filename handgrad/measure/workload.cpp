// The table of workloads, its names, and how many operations each of them needs.
#include "handgrad/measure/workload.hpp"

#include <algorithm>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/wording.hpp"
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
        {"S1", training, {8, 64, 1}, relu, identity, squared_error, adam, 32, 128},
        {"S2", training, {30, 64, 1}, sigmoid, sigmoid, binary_cross_entropy, adam, 32, 128},
        {"S3", training, {64, 128, 10}, relu, softmax, cross_entropy, adam, 64, 64},
        {"M1", training, {64, 256, 10}, relu, identity, squared_error, sgd, 128, 32},
        {"M2", training, {784, 256, 10}, relu, softmax, cross_entropy, adam, 128, 64},
        {"M3", training, {54, 128, 7}, relu, softmax, cross_entropy, adam, 256, 32},
        {"D1", training, {4, 32, 16, 4}, tanh, identity, squared_error, adam, 10000, 1},
        {"L1", training, {784, 1024, 10}, relu, identity, squared_error, sgd, 256, 16},
        {"L2", training, {4096, 4096, 1000}, relu, identity, squared_error, sgd, 512, 2, false, true},
    };
    const std::vector<std::vector<std::size_t>> shapes{{10, 32, 1}, {64, 64, 64}, {784, 256, 10}};
    for (const auto& sizes : shapes) {
        list.push_back({.id = "I1/" + joined(sizes), .kind = WorkloadKind::single, .sizes = sizes});
    }
    for (const auto& sizes : shapes) {
        list.push_back({.id = "I2/" + joined(sizes), .kind = WorkloadKind::bulk, .sizes = sizes, .batch = 65536});
    }
    for (const auto& sizes : {shapes[0], shapes[1]}) {
        for (const std::size_t rows : {std::size_t{1}, std::size_t{1024}}) {
            list.push_back({.id = "J1/" + joined(sizes) + "/" + std::to_string(rows),
                            .kind = WorkloadKind::jacobian,
                            .sizes = sizes,
                            .batch = rows});
        }
    }
    // Odd shapes, and beside them the nearest whose widths are whole vectors.
    const auto odd = [&](const std::vector<std::size_t>& sizes, std::size_t rows) {
        list.push_back({.id = "O/" + joined(sizes) + "/" + std::to_string(rows),
                        .sizes = sizes,
                        .update = sgd,
                        .batch = rows,
                        .batches = 64});
    };
    odd({13, 50, 3}, 37);
    odd({16, 48, 4}, 40);
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
double weights(const Workload& workload, std::size_t layers) {
    double sum = 0.0;
    for (std::size_t l = 1; l <= layers; ++l) {
        sum += static_cast<double>(workload.sizes[l - 1]) * static_cast<double>(workload.sizes[l]);
    }
    return sum;
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
    const double rows = static_cast<double>(workload.batch);
    if (workload.kind == WorkloadKind::function) {
        return rows * operations(workload.function, outputs_of_row(workload)).flops;
    }
    const std::size_t layers = workload.sizes.size() - 1;
    const double forward = weights(workload, layers);
    switch (workload.kind) {
        case WorkloadKind::training:
        case WorkloadKind::gradient:
            return 2.0 * rows * (3.0 * forward - weights(workload, 1));
        case WorkloadKind::jacobian:
            return 2.0 * rows * (forward + static_cast<double>(workload.sizes.back()) * weights(workload, layers - 1));
        case WorkloadKind::single:
        case WorkloadKind::bulk:
        case WorkloadKind::function:
            break;
    }
    return 2.0 * rows * forward;
}

double parameters(const Workload& workload) {
    double sum = 0.0;
    for (std::size_t l = 1; l < workload.sizes.size(); ++l) {
        sum += (static_cast<double>(workload.sizes[l - 1]) + 1.0) * static_cast<double>(workload.sizes[l]);
    }
    return sum;
}

}  // namespace handgrad::measure
