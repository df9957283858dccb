// One fit of one fold, to its end or as far as a share of its epochs, from where it stood before.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/base/deal_out.hpp"
#include "handgrad/select/cross_validation.hpp"
#include "handgrad/select/folds.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::selection {

/// Raises Error(usage) for options that a fold has no use for, or that would let it see other rows than its own.
void refuse_useless(const FitOptions& options);

/// The options as a fold's fit takes them: the task decided for all folds, the seed of the repeat, one thread.
FitOptions options_of_fold(FitOptions options, Task task, const Fold& fold);

struct FoldFit {
    FoldScore score;
    std::optional<Model> paused = {};  ///< where a fit stands that has not come to its end, for fit() to go on
    std::vector<std::string> notices = {};
    bool interrupted = false;  ///< `stop` has ended it: there is no score
};

/// Fits options_of_fold(), in the rows of fold.training as a table of their own, and evaluates fold.test. With a
/// `share` below 1 it pauses after ⌈share · epochs⌉ epochs, rounded so that a share of a product is its factor, and is
/// judged as it stands. Goes on from `from`, what the same fit was paused with, or begins: the numbers are the same.
/// Raises what fit() and evaluate() raise, naming the fold.
FoldFit fit_fold(const Table& table, const FitOptions& options, const Fold& fold, double share, const Model* from,
                 const std::function<bool()>& stop);

/// Calls fit(i) once for each i below `count`, side by side in up to `threads` threads. Throws what the first of them
/// that fails throws, whatever the number of threads; those behind it may not have begun then.
template <class Fit>
void run_fits(std::size_t threads, std::size_t count, const Fit& fit) {
    std::vector<std::exception_ptr> thrown(count);
    std::atomic<bool> failed{false};
    deal_out(threads, count, [&] {
        return [&](std::size_t i) {
            if (failed) {  // all before it have begun
                return;
            }
            try {
                fit(i);
            } catch (...) {
                thrown[i] = std::current_exception();
                failed = true;
            }
        };
    });
    for (const std::exception_ptr& one : thrown) {
        if (one) {
            std::rethrow_exception(one);
        }
    }
}

}  // namespace handgrad::selection
