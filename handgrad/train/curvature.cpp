// Sums in the order of train/vectors.hpp; everything else is one number at a time.
#include "handgrad/train/curvature.hpp"

#include <algorithm>
#include <limits>

#include "handgrad/train/vectors.hpp"

namespace handgrad {
namespace {

/// Whether a pair keeps H positive definite in spite of rounding.
bool curves(double sy, double yy) { return sy > std::numeric_limits<double>::epsilon() * yy; }

void scale(double factor, std::span<double> x) {
    for (double& number : x) {
        number *= factor;
    }
}

}  // namespace

void LimitedMemory::direction(std::span<const double> g, std::span<double> direction) {
    std::ranges::transform(g, direction.begin(), [](double number) { return -number; });
    alphas_.resize(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
        alphas_[i] = dot(pairs_[i].s, direction) / pairs_[i].sy;
        add_multiple(-alphas_[i], pairs_[i].y, direction);
    }
    if (!pairs_.empty()) {
        scale(pairs_.back().sy / pairs_.back().yy, direction);
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        const double beta = dot(pairs_[i].y, direction) / pairs_[i].sy;
        add_multiple(alphas_[i] - beta, pairs_[i].s, direction);
    }
}

bool LimitedMemory::add(std::span<const double> s, std::span<const double> y) {
    const double sy = dot(s, y), yy = dot(y, y);
    if (!curves(sy, yy)) {
        return false;
    }
    if (pairs_.size() == most_) {
        std::ranges::rotate(pairs_, pairs_.begin() + 1);
    } else {
        pairs_.push_back({.s = std::vector<double>(size_), .y = std::vector<double>(size_), .sy = 0.0, .yy = 0.0});
    }
    Pair& newest = pairs_.back();
    std::ranges::copy(s, newest.s.begin());
    std::ranges::copy(y, newest.y.begin());
    newest.sy = sy;
    newest.yy = yy;
    return true;
}

void LimitedMemory::append_to(std::vector<double>& numbers) const {
    for (const Pair& pair : pairs_) {
        numbers.insert(numbers.end(), pair.s.begin(), pair.s.end());
        numbers.insert(numbers.end(), pair.y.begin(), pair.y.end());
    }
}

bool LimitedMemory::take(std::span<const double> numbers) {
    if (numbers.size() % (2 * size_) != 0) {
        return false;
    }
    clear();
    for (std::size_t at = 0; at < numbers.size(); at += 2 * size_) {
        if (!add(numbers.subspan(at, size_), numbers.subspan(at + size_, size_))) {
            return false;
        }
    }
    return true;
}

void DenseInverseHessian::direction(std::span<const double> g, std::span<double> direction) const {
    if (H_.empty()) {
        std::ranges::transform(g, direction.begin(), [](double number) { return -number; });
        return;
    }
    for (std::size_t i = 0; i < size_; ++i) {
        direction[i] = -dot(std::span(H_).subspan(i * size_, size_), g);
    }
}

bool DenseInverseHessian::add(std::span<const double> s, std::span<const double> y) {
    const double sy = dot(s, y), yy = dot(y, y);
    if (!curves(sy, yy)) {
        return false;
    }
    if (H_.empty()) {
        H_.assign(size_ * size_, 0.0);
        for (std::size_t i = 0; i < size_; ++i) {
            H_[i * size_ + i] = sy / yy;
        }
    }
    for (std::size_t i = 0; i < size_; ++i) {
        Hy_[i] = dot(std::span(H_).subspan(i * size_, size_), y);
    }
    const double rho = 1.0 / sy;
    const double factor = (1.0 + dot(y, Hy_) * rho) * rho;
    for (std::size_t i = 0; i < size_; ++i) {
        double* const row = H_.data() + i * size_;
        for (std::size_t j = 0; j < size_; ++j) {  // the same bits as the entry (j, i): H stays symmetric
            row[j] += factor * (s[i] * s[j]) - rho * (s[i] * Hy_[j] + Hy_[i] * s[j]);
        }
    }
    return true;
}

bool DenseInverseHessian::take(std::span<const double> numbers) {
    if (!numbers.empty() && numbers.size() != size_ * size_) {
        return false;
    }
    H_.assign(numbers.begin(), numbers.end());
    return true;
}

}  // namespace handgrad
