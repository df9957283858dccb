// Sums over the rows of a table: leaves of rows dealt out to threads, and the tree in which they are added.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "handgrad/base/deal_out.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/math/sum_order.hpp"

namespace handgrad {

/// Keeps its memory for the next call. The bits do not depend on the number of threads (docs/numerics.md).
template <class T>
class LeafSums {
public:
    /// What one call sums.
    struct Task {
        std::size_t rows;     ///< at least one
        std::size_t numbers;  ///< sums of a leaf beside the one that is returned
        std::size_t room;     ///< numbers of scratch of a thread
        std::size_t threads;  ///< at most
    };
    /// Calls leaf(first, rows, sums, room) for each leaf of rows; `sums` is null where there are none. Returns the sum
    /// of what it returns; sums() are then those of the numbers.
    template <class Leaf>
    double operator()(const Task& task, const Leaf& leaf) {
        const std::size_t leaves = (task.rows + math::leaf_rows - 1) / math::leaf_rows;
        const std::size_t threads = std::min(task.threads, leaves);
        prepare(task, threads);
        const auto make = [&](std::size_t i, std::size_t to) {
            if (i % wave_.size() == 0) {
                work_on(task, leaf, threads, i, std::min(wave_.size(), leaves - i));
            }
            if (slots_.size() <= to) {
                slots_.resize(to + 1);
            }
            std::swap(slots_[to], wave_[i % wave_.size()]);
        };
        const auto merge = [&](std::size_t left, std::size_t right) {
            slots_[left].value += slots_[right].value;
            for (std::size_t p = 0; p < slots_[left].numbers.size(); ++p) {
                slots_[left].numbers[p] += slots_[right].numbers[p];
            }
        };
        math::tree(leaves, make, merge);
        return slots_[0].value;
    }
    [[nodiscard]] std::span<const T> sums() const { return slots_[0].numbers; }

private:
    struct LeafSum {
        AlignedVector<T> numbers;
        double value = 0.0;
    };

    void prepare(const Task& task, std::size_t threads) {
        if (rooms_.size() < threads) {
            rooms_.resize(threads);
        }
        for (std::size_t i = 0; i < threads; ++i) {
            rooms_[i].resize(task.room);
        }
        wave_.resize(threads == 1 ? 1 : 4 * threads);
    }
    template <class Leaf>
    void work_on(const Task& task, const Leaf& leaf, std::size_t threads, std::size_t first_leaf, std::size_t count) {
        const auto one = [&](std::size_t i, T* room) {
            LeafSum& sum = wave_[i];
            sum.numbers.resize(task.numbers);
            const std::size_t first = (first_leaf + i) * math::leaf_rows;
            sum.value = leaf(first, std::min(math::leaf_rows, task.rows - first),
                             task.numbers == 0 ? nullptr : sum.numbers.data(), room);
        };
        if (threads == 1) {
            for (std::size_t i = 0; i < count; ++i) {
                one(i, rooms_[0].data());
            }
            return;
        }
        std::atomic<std::size_t> next_room{0};
        deal_out(threads, count, [&] {
            T* const room = rooms_[next_room++].data();
            return [&one, room](std::size_t i) { one(i, room); };
        });
    }

    std::vector<AlignedVector<T>> rooms_;  ///< one for each thread
    std::vector<LeafSum> wave_;            ///< leaves that are worked on together
    std::vector<LeafSum> slots_;           ///< of the tree over leaves
};

}  // namespace handgrad
