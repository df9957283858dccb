// Takes so many steps of a workload of `handgrad bench` on one thread, and names the compiler; for
// bench/instructions.py, which counts instructions meanwhile.
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/measure/bench.hpp"

namespace {

constexpr int not_available = 3;

/// Throws if the words are not those of the usage.
int run(const std::vector<std::string>& words) {
    using namespace handgrad;
    const std::vector<measure::Workload> workloads = measure::select_workloads({{words.at(1)}}, "WORKLOAD");
    const std::optional<SimdLevel> level = find_simd_level(words.at(2));
    const std::size_t steps = std::stoul(words.at(3));
    if (workloads.size() != 1 || workloads[0].kind == measure::WorkloadKind::function || !level || steps == 0) {
        throw Error(ErrorKind::usage, "one network's WORKLOAD, a LEVEL and a number of STEPS are needed");
    }
    if (!available(*level)) {
        return not_available;
    }
    measure::repeat_workload(workloads[0], {.threads = 1, .simd = *level}, steps);
    std::cout << __VERSION__ << '\n';
    return 0;
}

}  // namespace

int main(int count, char** words) {
    if (count != 4) {
        std::cerr << "usage: repeat_workload WORKLOAD LEVEL STEPS\n";
        return 2;
    }
    try {
        return run({words, words + count});
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
