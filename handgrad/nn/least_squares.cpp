// Blocks of rows of J dealt out to threads, each of which owns rows of JᵀJ.
#include "handgrad/nn/least_squares.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "handgrad/base/thread_pool.hpp"
#include "handgrad/kernels/table.hpp"

namespace handgrad {
namespace {

using kernels::RowWork;
using kernels::UpperTriangle;
using kernels::WeightLeaf;

/// Fewer operations than this are done before a second thread has heard of them.
constexpr double worth_a_thread = 4e5;

std::size_t stride_of(std::size_t parameters) { return kernels::round_up(parameters + 1, kernels::row_padding); }

}  // namespace

double LeastSquares::bytes_for(std::size_t parameters) {
    const double square = static_cast<double>(parameters + 1) * static_cast<double>(stride_of(parameters));
    return 2.0 * square * sizeof(double);
}

LeastSquares::LeastSquares(const BasicMlp<double>& net, SquaresProblem problem, const Execution& execution)
    : shape_(net.architecture()),
      problem_(std::move(problem)),
      kernels_(kernels::kernels<double>(execution.level())),
      threads_(execution.most_threads()),
      parameters_(net.parameters().size()),
      stride_(stride_of(parameters_)),
      normal_((parameters_ + 1) * stride_),
      factor_((parameters_ + 1) * stride_),
      room_(2 * math::cholesky_rows * (stride_ + kernels::row_padding)),
      right_(stride_),
      solution_(stride_),
      half_gradient_(parameters_) {
    for (std::size_t l = 0; l < net.layers(); ++l) {
        activations_.push_back(shape_.activation(l));
    }
}

WeightLeaf<double> LeastSquares::leaf_of(const BasicMlp<double>& net) const {
    return {.net = {.sizes = shape_.sizes.data(),
                    .layers = shape_.layers(),
                    .activation = activations_.data(),
                    .settings = shape_.activation_settings(),
                    .parameters = net.parameters().data()},
            .loss = {.kind = Loss::squared_error,
                     .parameters = {},
                     .output = shape_.output,
                     .settings = shape_.activation_settings()},
            .parameters = parameters_,
            .x = problem_.x.data(),
            .x_stride = problem_.x.stride(),
            .y = problem_.y.data(),
            .y_stride = problem_.y.stride(),
            .weights = problem_.weights.empty() ? nullptr : problem_.weights.data(),
            .share = problem_.row_share};
}

UpperTriangle<double> LeastSquares::triangle(AlignedVector<double>& numbers, std::size_t rows) const {
    return {.data = numbers.data(), .stride = stride_, .n = rows};
}

double LeastSquares::sum(RowWork work, const WeightLeaf<double>& all) {
    const double operations = 6.0 * static_cast<double>(parameters_) * static_cast<double>(problem_.x.rows());
    const LeafSums<double>::Task task{.rows = problem_.x.rows(),
                                      .numbers = work == RowWork::squares ? 0 : parameters_,
                                      .room = WeightLeaf<double>::room_for(all.net),
                                      .threads = operations < worth_a_thread ? 1 : threads_};
    return leaves_(task, [&](std::size_t first, std::size_t in_leaf, double* sums, double* room) {
        WeightLeaf<double> leaf = all;
        leaf.first = first;
        leaf.rows = in_leaf;
        leaf.sum = sums;
        leaf.room = room;
        return kernels_.weight_leaf(work, leaf);
    });
}

double LeastSquares::operator()(const BasicMlp<double>& net) {
    const double of_rows = problem_.row_share * sum(RowWork::squares, leaf_of(net));
    double of_parameters = 0.0;
    for (std::size_t p = 0; p < parameters_; ++p) {
        const double w = net.parameters()[p];
        of_parameters += problem_.penalties[p] * (w * w);
    }
    return of_rows + of_parameters;
}

void LeastSquares::linearise(const BasicMlp<double>& net) {
    const std::size_t rows = problem_.x.rows(), outputs = shape_.outputs();
    const std::size_t block = kernels::ResidualPanels::block_rows(outputs), blocks = kernels::parts(rows, block);
    const double operations =
        0.5 * static_cast<double>(rows * outputs) * static_cast<double>(parameters_) * static_cast<double>(parameters_);
    const std::size_t threads = operations < worth_a_thread ? 1 : std::min(threads_, blocks);
    const std::size_t together = threads == 1 ? 1 : std::min(2 * threads, blocks);
    const WeightLeaf<double> all = leaf_of(net);
    rooms_.resize(std::max(rooms_.size(), threads));
    panels_.resize(std::max(panels_.size(), together));
    for (std::size_t i = 0; i < threads; ++i) {
        rooms_[i].resize(WeightLeaf<double>::room_for(all.net));
    }
    for (std::size_t i = 0; i < together; ++i) {
        panels_[i].resize(stride_ * kernels::ResidualPanels::terms(block, outputs));
    }
    std::ranges::fill(normal_, 0.0);
    const auto rows_of = [&](std::size_t b) { return std::min(block, rows - b * block); };
    const auto work = [&](Team& team) {
        for (std::size_t first = 0; first < blocks; first += together) {
            const std::size_t end = std::min(first + together, blocks);
            for (std::size_t b = first + team.index(); b < end; b += team.size()) {
                WeightLeaf<double> leaf = all;
                leaf.first = b * block;
                leaf.rows = rows_of(b);
                leaf.room = rooms_[team.index()].data();
                leaf.result = panels_[b - first].data();
                kernels_.weight_leaf(RowWork::residuals, leaf);
            }
            team.barrier();
            for (std::size_t b = first; b < end; ++b) {
                kernels_.add_squares(panels_[b - first].data(), kernels::ResidualPanels::terms(rows_of(b), outputs),
                                     triangle(normal_, parameters_ + 1), team.index(), team.size());
            }
            team.barrier();
        }
    };
    ThreadPool::shared().run(threads, work);
    for (std::size_t p = 0; p < parameters_; ++p) {
        double* const row = normal_.data() + p * stride_;
        row[p] += problem_.penalties[p];
        row[parameters_] += problem_.penalties[p] * net.parameters()[p];
        half_gradient_[p] = row[parameters_];
    }
}

double LeastSquares::largest_diagonal() const {
    double largest = 0.0;
    for (std::size_t p = 0; p < parameters_; ++p) {
        largest = std::max(largest, normal_[p * stride_ + p]);
    }
    return largest;
}

bool LeastSquares::step(double mu, std::span<double> v) {
    std::copy_n(normal_.begin(), parameters_ * stride_, factor_.begin());
    for (std::size_t p = 0; p < parameters_; ++p) {
        factor_[p * stride_ + p] += mu;
    }
    const UpperTriangle<double> U = triangle(factor_, parameters_);
    if (kernels_.cholesky(U, parameters_ + 1, room_.data()) < parameters_) {
        return false;
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
        solution_[p] = -factor_[p * stride_ + parameters_];
    }
    kernels_.solve_upper(U, solution_.data());
    std::copy_n(solution_.begin(), parameters_, v.begin());
    return true;
}

void LeastSquares::acceleration(const BasicMlp<double>& net, std::span<const double> v, std::span<double> a) {
    WeightLeaf<double> leaf = leaf_of(net);
    leaf.v = v.data();
    sum(RowWork::bent_transposed, leaf);
    std::ranges::transform(leaves_.sums(), right_.begin(), [](double number) { return -number; });
    const UpperTriangle<double> U = triangle(factor_, parameters_);
    kernels_.solve_lower(U, right_.data(), solution_.data());
    kernels_.solve_upper(U, solution_.data());
    std::copy_n(solution_.begin(), parameters_, a.begin());
}

}  // namespace handgrad
