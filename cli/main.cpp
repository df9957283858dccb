// The program: finds the verb, runs it, and turns what it raises into a message and an exit code.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/setting_options.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/not_enough_memory.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/version.hpp"

namespace handgrad::cli {
namespace {

constexpr int internal_error_exit = 1;

std::string help() {
    std::string text =
        "handgrad: trains small neural networks on tables, with every derivative in the open\n"
        "\n"
        "Examples\n"
        "  handgrad train houses.csv --target price -o price.model\n"
        "  handgrad evaluate price.model sold_houses.csv\n"
        "  handgrad predict price.model new_houses.csv -o prices.csv\n"
        "  handgrad check price.model houses.csv\n"
        "  handgrad explain price.model sold_houses.csv --row 3\n"
        "  handgrad compare price.model batch.csv --gradients mine.npz\n"
        "  handgrad inspect price.model\n"
        "  handgrad bench --workload T1,S1\n"
        "\n"
        "Verbs\n";
    for (const Verb& verb : verb_list) {
        text += two_columns(fmt::format("{} {}", verb.name, verb.call), verb.summary);
    }
    text +=
        "\n"
        "handgrad VERB --help says more about each; handgrad --version says which version this is.\n"
        "Data goes to standard output, everything else to standard error.\n";
    return text;
}

int print(const std::string& text) {
    Output output;
    output.show(text);
    output.finish();
    return 0;
}

int run(std::vector<std::string> words) {
    const std::string first = words.empty() ? "--help" : words.front();
    if (first == "--help" || first == "-h" || (first == "help" && words.size() == 1)) {
        return print(help());
    }
    if (first == "--version") {
        return print(fmt::format("handgrad {}\n", version));
    }
    if (first == "help") {  // handgrad help train
        return run({words[1], "--help"});
    }
    const Verb* verb = find_verb(first);
    if (verb == nullptr && first.starts_with('-')) {
        throw Error(ErrorKind::usage,
                    fmt::format("'{}': a verb comes first: {}", first, fmt::join(verb_names(), ", ")));
    }
    if (verb == nullptr) {
        throw Error(ErrorKind::usage, fmt::format("unknown verb '{}'{}; choose from: {}", first,
                                                  did_you_mean(first, verb_names()), fmt::join(verb_names(), ", ")));
    }
    refuse_standard_output_in(words);
    return verb->run({words.begin() + 1, words.end()});
}

std::string program_name(const Verb* verb) {
    return verb == nullptr ? "handgrad" : fmt::format("handgrad {}", verb->name);
}

/// Says so without a single allocation.
int complain_of_memory(const std::bad_alloc& error, const Verb* verb) {
    const auto put = [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); };
    put("handgrad");
    if (verb != nullptr) {
        put(" ");
        put(verb->name);
    }
    put(": there is not enough memory for this");
    if (const auto* known = dynamic_cast<const NotEnoughMemory*>(&error)) {
        put(", which ");
        put(known->what());
    }
    put("\n");
    return static_cast<int>(ErrorKind::io);
}

/// Raises std::bad_alloc alone.
int run_and_report(int count, char** arguments, const Verb* verb) {
    const auto complain = [&](std::string_view cause, int exit_code) {
        tell(fmt::format("{}: {}", program_name(verb), cause));
        return exit_code;
    };
    try {
        return run({arguments + 1, arguments + count});
    } catch (const Error& error) {
        complain(error.what() + said_to(error.settings(), declared_options()), 0);
        if (error.kind() == ErrorKind::usage) {
            tell(fmt::format("({} --help lists what can be said)", program_name(verb)));
        }
        return static_cast<int>(error.kind());
    } catch (const ReaderGone&) {
        return reader_gone_exit;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return complain(fmt::format("this is a fault of the program, please report it: {}", error.what()),
                        internal_error_exit);
    }
}

/// A library that cannot pass on that there is no memory (toml++ parses in functions that raise nothing) ends here.
/// What the program was about to write stays as it was.
[[noreturn]] void end_without_memory() {
    try {
        if (const std::exception_ptr raised = std::current_exception()) {
            std::rethrow_exception(raised);
        }
    } catch (const std::bad_alloc& error) {
        std::_Exit(complain_of_memory(error, nullptr));
    } catch (...) {
        // below
    }
    std::abort();
}

}  // namespace
}  // namespace handgrad::cli

int main(int count, char** words) {
    using namespace handgrad::cli;
    ignore_signals_of_writing();  // tests/cli/test_io_faults.py knows the begin of main by it
    fill_closed_streams();
    std::set_terminate(end_without_memory);
    const Verb* verb = nullptr;
    if (count > 1) {
        verb = find_verb(words[1]);
    }
    try {
        return run_and_report(count, words, verb);
    } catch (const std::bad_alloc& error) {
        return complain_of_memory(error, verb);
    }
}
