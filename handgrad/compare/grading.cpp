// Files in the order of their names; an Error of one becomes its row.
#include "handgrad/compare/grading.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/explain/compose.hpp"

namespace handgrad::compare {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t most_bytes_of_sheet = std::uintmax_t{4} << 20U;
constexpr std::array sheet_endings{".txt", ".text", ".md", ".markdown", ".csv", ".tsv", ".json"};
constexpr std::array gradient_endings{".npz", ".safetensors"};

std::string ending_of(const fs::path& path) {
    std::string ending = path.extension().string();
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return ending;
}
template <class List>
bool is_one_of(const List& endings, const std::string& ending) {
    return std::ranges::find(endings, ending) != endings.end();
}

/// All regular files that are not hidden, by name.
std::vector<fs::path> files_in(const fs::path& folder, const std::vector<fs::path>& skipped) {
    std::error_code failed;
    std::vector<fs::path> files;
    const auto hidden = [](const fs::path& path) { return path.filename().string().starts_with('.'); };
    const auto is_skipped = [&](const fs::path& path) {
        return std::ranges::any_of(skipped, [&](const fs::path& other) {
            std::error_code none;
            return fs::equivalent(path, other, none);
        });
    };
    fs::recursive_directory_iterator at(folder, failed);
    while (!failed && at != fs::recursive_directory_iterator()) {
        const fs::directory_entry& entry = *at;
        std::error_code gone;
        if (entry.is_directory(gone) && hidden(entry.path())) {
            at.disable_recursion_pending();
        } else if (entry.symlink_status(gone).type() == fs::file_type::regular && !hidden(entry.path()) &&
                   !is_skipped(entry.path())) {
            files.push_back(entry.path());
        }
        at.increment(failed);
    }
    if (failed) {
        throw Error(ErrorKind::io, folder.string() + ": the folder cannot be read (" + failed.message() +
                                       "); check the name and the rights")
            .at_file(folder.string(), failed.value());
    }
    std::ranges::sort(files);
    return files;
}

/// Raises Error(data) where nothing looks like what is to be graded.
void check_any(const std::vector<fs::path>& files, const fs::path& folder) {
    const auto known = [](const fs::path& path) {
        const std::string ending = ending_of(path);
        return is_one_of(sheet_endings, ending) || is_one_of(gradient_endings, ending);
    };
    if (std::ranges::none_of(files, known)) {
        std::string there = "the folder holds no file";
        if (!files.empty()) {
            there = "of " + plural(files.size(), "file") + " none is a sheet or a gradient";
        }
        throw Error(ErrorKind::data, folder.string() + ": " + there +
                                         "; answer sheets end in .txt, .md, .csv, .tsv or .json, gradients in .npz or "
                                         ".safetensors");
    }
}

class Grader {
public:
    Grader(const Model& model, const Table& table, fs::path folder, const GradingOptions& options)
        : model_(model), table_(table), folder_(std::move(folder)), options_(options) {}

    GradedFile grade(const fs::path& path) {
        GradedFile file{.name = path.lexically_relative(folder_).generic_string(), .kind = {}, .problem = {}};
        const std::string ending = ending_of(path);
        try {
            const bool gradients = is_one_of(gradient_endings, ending);
            const std::string no_sheet = why_no_sheet(file.name, {});
            if (!gradients && !no_sheet.empty()) {
                file.problem = no_sheet;
            } else if (gradients || begins_like_archive(path)) {
                file.kind = GradedKind::gradients;
                judge_gradients(path, file);
            } else {
                file.kind = GradedKind::sheet;
                mark_sheet(path, file);
            }
        } catch (const Error& error) {
            file.problem = without_place(error.what(), path);
        }
        return file;
    }

private:
    static bool begins_like_archive(const fs::path& path) {
        std::error_code failed;
        const std::uintmax_t size = fs::file_size(path, failed);
        return !failed && size > 1 && size <= most_bytes_of_sheet && read_file(path).starts_with("PK");
    }

    /// The file's name stands in its row already.
    static std::string without_place(std::string message, const fs::path& path) {
        const std::string place = path.string();
        if (!message.starts_with(place)) {
            return message;
        }
        message.erase(0, place.size());
        if (message.starts_with(": ")) {
            return message.substr(2);
        }
        return "line " + message.substr(1);
    }

    void mark_sheet(const fs::path& path, GradedFile& file) {
        if (fs::file_size(path) > most_bytes_of_sheet) {
            file.problem = "larger than 4 MiB: no sheet is that long";
            return;
        }
        const std::string sheet = read_file(path);
        file.problem = why_no_sheet(file.name, sheet);
        if (!file.problem.empty()) {
            return;
        }
        const SheetSays says = sheet_says(sheet, path.string());
        if (!says.row && !options_.row) {
            // What is no sheet at all says so first.
            read_answers(sheet, path.string(), explanation(1).derivation);
            throw Error(ErrorKind::data, "the sheet does not say which row it is about; give the row").about("row");
        }
        const std::size_t row = options_.row.value_or(says.row.value_or(1));
        check_row_of_sheet(sheet, path.string(), row);
        const explain::Explanation& own = explanation(row);
        const ReadSheet read = read_sheet(sheet, path.string(), own.derivation);
        const MarkingOptions how{.digits = says.digits.value_or(explain::usual_digits_wanted),
                                 .tolerance = options_.tolerance};
        file.marking = mark_answers(own, read, how);
    }

    void judge_gradients(const fs::path& path, GradedFile& file) {
        const std::vector<NamedArray> theirs = read_gradients(path.string());
        const auto judged_on = [&](const Table& table) {
            return compare_gradients(model_, table, theirs, path.string(), options_.allow_extra);
        };
        file.comparison = judged_on(table_);
        if (options_.row && file.score() < 1.0 && table_.rows > 1) {
            const std::vector<std::size_t> row{*options_.row - 1};
            GradedFile of_row{.name = {}, .kind = {}, .problem = {}};
            of_row.comparison = judged_on(select_rows(table_, row));
            if (of_row.score() > file.score()) {
                file.comparison = std::move(of_row.comparison);
            }
        }
    }

    /// Worked through once for all sheets.
    const explain::Explanation& explanation(std::size_t row) {
        const auto known = by_row_.find(row);
        if (known != by_row_.end()) {
            return known->second;
        }
        return by_row_.emplace(row, explain::explain(model_, options_.step, table_, row - 1, options_.allow_extra))
            .first->second;
    }

    const Model& model_;
    const Table& table_;
    fs::path folder_;
    const GradingOptions& options_;
    std::map<std::size_t, explain::Explanation> by_row_;
};

void add_once(std::vector<std::string>& to, std::string_view cause) {
    if (!cause.empty() && std::ranges::find(to, cause) == to.end()) {
        to.emplace_back(cause);
    }
}

}  // namespace

std::string_view verdict_of(const ComparedTensor& tensor) { return name(tensor.judgement.verdict); }

double GradedFile::score() const {
    if (marking) {
        return marking->score();
    }
    if (!comparison || comparison->tensors.empty()) {
        return 0.0;
    }
    const auto passed = std::ranges::count(comparison->tensors, true, &ComparedTensor::pass);
    return static_cast<double>(passed) / static_cast<double>(comparison->tensors.size());
}

std::vector<std::string> GradedFile::causes() const {
    std::vector<std::string> result;
    if (marking) {
        for (const MarkedAnswer& answer : marking->answers) {
            add_once(result, answer.cause_name());
        }
    }
    if (comparison) {
        for (const ComparedTensor& tensor : comparison->tensors) {
            for (const Cause cause : tensor.causes) {
                add_once(result, compare::name(cause));
            }
        }
    }
    return result;
}

std::size_t Grading::graded() const {
    return static_cast<std::size_t>(std::ranges::count_if(files, &GradedFile::graded));
}

double Grading::mean_score() const {
    double sum = 0.0;
    for (const GradedFile& file : files) {
        sum += file.score();
    }
    return sum / static_cast<double>(std::max<std::size_t>(graded(), 1));
}

Grading grade(const Model& model, const Table& table, const fs::path& folder, const GradingOptions& options) {
    const std::vector<fs::path> files = files_in(folder, options.skipped);
    check_any(files, folder);
    Grading grading{.folder = folder.string(), .files = {}};
    Grader grader(model, table, folder, options);
    if (options.row) {  // a row that is not there is the caller's mistake, not that of each sheet
        explain::explain(model, options.step, table, *options.row - 1, options.allow_extra);
    }
    for (const fs::path& path : files) {
        grading.files.push_back(grader.grade(path));
    }
    return grading;
}

}  // namespace handgrad::compare
