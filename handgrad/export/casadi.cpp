// Derivatives are those of the exported C; here they are only summed with seeds and laid out as CasADi has them, column
// after column.
#include "handgrad/export/casadi.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/export/c99.hpp"
#include "handgrad/export/c_text.hpp"

namespace handgrad::exports {
namespace {

/// Behind the C of the model. `$` stands for the function's name, N and K for inputs and outputs.
constexpr const char* begin = R"(
#ifndef casadi_real
#define casadi_real double
#endif
#ifndef casadi_int
#define casadi_int long long int
#endif
#ifndef CASADI_SYMBOL_EXPORT
#if defined(_WIN32)
#define CASADI_SYMBOL_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define CASADI_SYMBOL_EXPORT __attribute__((visibility("default")))
#else
#define CASADI_SYMBOL_EXPORT
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { $_N = @N, $_K = @K, $_ROOM = @N + @K + @K * @N + @K * @N * @N };

/* CasADi gives NULL for an argument of zeros, and for a result that it does not want. */
static const double *$_x(const casadi_real **arg, casadi_real *w)
{
    if (arg[0] != NULL) {
        memcpy(w, arg[0], $_N * sizeof(double));
    } else {
        memset(w, 0, $_N * sizeof(double));
    }
    return w;
}
static double $_seed(const casadi_real *seed, size_t i) { return seed != NULL ? seed[i] : 0.0; }

@MODELstatic void $_columns_of(const double *J, casadi_real *res)
{
    size_t k, i;
    for (k = 0; k < $_K; ++k) {
        for (i = 0; i < $_N; ++i) {
            res[i * $_K + k] = J[k * $_N + i];
        }
    }
}

CASADI_SYMBOL_EXPORT int $(const casadi_real **arg, casadi_real **res, casadi_int *iw, casadi_real *w, int mem)
{
    const double *y = $_values(arg, w);
    (void)iw;
    (void)mem;
    if (y != NULL && res[0] != NULL) {
        memcpy(res[0], y, $_K * sizeof(double));
    }
    return y == NULL;
}
CASADI_SYMBOL_EXPORT int jac_$(const casadi_real **arg, casadi_real **res, casadi_int *iw, casadi_real *w, int mem)
{
    const double *J = $_slopes(arg, w);
    (void)iw;
    (void)mem;
    if (J != NULL && res[0] != NULL) {
        $_columns_of(J, res[0]);
    }
    return J == NULL;
}
CASADI_SYMBOL_EXPORT int fwd1_$(const casadi_real **arg, casadi_real **res, casadi_int *iw, casadi_real *w, int mem)
{
    const double *J = $_slopes(arg, w);
    size_t k, i;
    (void)iw;
    (void)mem;
    for (k = 0; k < $_K && J != NULL && res[0] != NULL; ++k) {
        double sum = 0.0;
        for (i = 0; i < $_N; ++i) {
            sum += J[k * $_N + i] * $_seed(arg[2], i);
        }
        res[0][k] = sum;
    }
    return J == NULL;
}
CASADI_SYMBOL_EXPORT int adj1_$(const casadi_real **arg, casadi_real **res, casadi_int *iw, casadi_real *w, int mem)
{
    const double *J = $_slopes(arg, w);
    size_t k, i;
    (void)iw;
    (void)mem;
    for (i = 0; i < $_N && J != NULL && res[0] != NULL; ++i) {
        double sum = 0.0;
        for (k = 0; k < $_K; ++k) {
            sum += $_seed(arg[2], k) * J[k * $_N + i];
        }
        res[0][i] = sum;
    }
    return J == NULL;
}
/* Of (fwd_y) by x, out_y (nothing), fwd_x. */
CASADI_SYMBOL_EXPORT int jac_fwd1_$(const casadi_real **arg, casadi_real **res, casadi_int *iw, casadi_real *w, int mem)
{
    const double *J = $_slopes(arg, w);
    const double *H = $_curves(arg, w);
    size_t k, i, j;
    (void)iw;
    (void)mem;
    if (J == NULL || H == NULL) {
        return 1;
    }
    for (k = 0; k < $_K && res[0] != NULL; ++k) {
        for (j = 0; j < $_N; ++j) {
            double sum = 0.0;
            for (i = 0; i < $_N; ++i) {
                sum += H[(k * $_N + i) * $_N + j] * $_seed(arg[2], i);
            }
            res[0][j * $_K + k] = sum;
        }
    }
    if (res[2] != NULL) {
        $_columns_of(J, res[2]);
    }
    return 0;
}
/* Of (adj_x) by x, out_y (nothing), adj_y. */
CASADI_SYMBOL_EXPORT int jac_adj1_$(const casadi_real **arg, casadi_real **res, casadi_int *iw, casadi_real *w, int mem)
{
    const double *J = $_slopes(arg, w);
    const double *H = $_curves(arg, w);
    size_t k, i, j;
    (void)iw;
    (void)mem;
    if (J == NULL || H == NULL) {
        return 1;
    }
    for (i = 0; i < $_N && res[0] != NULL; ++i) {
        for (j = 0; j < $_N; ++j) {
            double sum = 0.0;
            for (k = 0; k < $_K; ++k) {
                sum += $_seed(arg[2], k) * H[(k * $_N + i) * $_N + j];
            }
            res[0][j * $_N + i] = sum;
        }
    }
    if (res[2] != NULL) { /* n x K, column after column: J row after row */
        memcpy(res[2], J, sizeof(double) * $_K * $_N);
    }
    return 0;
}

/* Patterns: rows, columns, where each column begins, the rows of its entries. */
)";

/// y, J (row after row) and H lie behind x in w, in this order. NULL where the model cannot use x.
constexpr const char* of_network = R"(static const double *$_values(const casadi_real **arg, casadi_real *w)
{
    $_forward($_x(arg, w), w + $_N);
    return w + $_N;
}
static const double *$_slopes(const casadi_real **arg, casadi_real *w)
{
    double *J = w + $_N + $_K;
    $_jacobian($_x(arg, w), w + $_N, J);
    return J;
}
static const double *$_curves(const casadi_real **arg, casadi_real *w)
{
    double *H = w + $_N + $_K + $_K * $_N;
    $_hessian($_x(arg, w), w + $_N, H);
    return H;
}
)";
constexpr const char* of_columns = R"(static const double *$_slopes(const casadi_real **arg, casadi_real *w)
{
    double *J = w + $_N + $_K;
    return $_derivatives($_x(arg, w), w + $_N, J) == 0 ? J : NULL;
}
static const double *$_curves(const casadi_real **arg, casadi_real *w)
{
    double *H = w + $_N + $_K + $_K * $_N;
    return $_second_derivatives($_x(arg, w), w + $_N, H) == 0 ? H : NULL;
}
)";
constexpr const char* of_targets = R"(static const double *$_values(const casadi_real **arg, casadi_real *w)
{
    return $_predict($_x(arg, w), w + $_N) == 0 ? w + $_N : NULL;
}
)";
constexpr const char* of_outputs = R"(static const double *$_values(const casadi_real **arg, casadi_real *w)
{
    return $_slopes(arg, w) != NULL ? w + $_N : NULL;
}
)";

/// What CasADi asks of a function before it calls it. @FUNCTION stands for its name.
constexpr const char* facts_text = R"(
CASADI_SYMBOL_EXPORT casadi_int @FUNCTION_n_in(void) { return @INS; }
CASADI_SYMBOL_EXPORT casadi_int @FUNCTION_n_out(void) { return @OUTS; }
CASADI_SYMBOL_EXPORT const char *@FUNCTION_name_in(casadi_int i)
{
    static const char *const names[] = {@IN_NAMES};
    return i >= 0 && i < @INS ? names[i] : NULL;
}
CASADI_SYMBOL_EXPORT const char *@FUNCTION_name_out(casadi_int i)
{
    static const char *const names[] = {@OUT_NAMES};
    return i >= 0 && i < @OUTS ? names[i] : NULL;
}
CASADI_SYMBOL_EXPORT const casadi_int *@FUNCTION_sparsity_in(casadi_int i)
{
    static const casadi_int *const patterns[] = {@IN_PATTERNS};
    return i >= 0 && i < @INS ? patterns[i] : NULL;
}
CASADI_SYMBOL_EXPORT const casadi_int *@FUNCTION_sparsity_out(casadi_int i)
{
    static const casadi_int *const patterns[] = {@OUT_PATTERNS};
    return i >= 0 && i < @OUTS ? patterns[i] : NULL;
}
CASADI_SYMBOL_EXPORT int @FUNCTION_work(casadi_int *sz_arg, casadi_int *sz_res, casadi_int *sz_iw, casadi_int *sz_w)
{
    if (sz_arg != NULL) *sz_arg = @INS;
    if (sz_res != NULL) *sz_res = @OUTS;
    if (sz_iw != NULL) *sz_iw = 0;
    if (sz_w != NULL) *sz_w = $_ROOM;
    return 0;
}
)";

constexpr const char* end = R"(
#ifdef __cplusplus
}
#endif
)";

/// An argument or a result: its name and shape, N or K numbers high and wide; without entries where it is not looked
/// at.
struct Place {
    std::string name;
    char rows, columns;
    bool empty = false;
};
struct CasadiFunction {
    std::string prefix;  ///< of its name
    std::vector<Place> in, out;
};

const std::vector<CasadiFunction>& functions() {
    const Place x{"x", 'N', '1'}, y{"y", 'K', '1'}, out_y{"out_y", 'K', '1', true};
    static const std::vector<CasadiFunction> list{
        {"", {x}, {y}},
        {"jac_", {x, out_y}, {{"jac_y_x", 'K', 'N'}}},
        {"fwd1_", {x, out_y, {"fwd_x", 'N', '1'}}, {{"fwd_y", 'K', '1'}}},
        {"adj1_", {x, out_y, {"adj_y", 'K', '1'}}, {{"adj_x", 'N', '1'}}},
        {"jac_fwd1_",
         {x, out_y, {"fwd_x", 'N', '1'}, {"out_fwd_y", 'K', '1', true}},
         {{"jac_fwd_y_x", 'K', 'N'}, {"jac_fwd_y_out_y", 'K', 'K', true}, {"jac_fwd_y_fwd_x", 'K', 'N'}}},
        {"jac_adj1_",
         {x, out_y, {"adj_y", 'K', '1'}, {"out_adj_x", 'N', '1', true}},
         {{"jac_adj_x_x", 'N', 'N'}, {"jac_adj_x_out_y", 'N', 'K', true}, {"jac_adj_x_adj_y", 'N', 'K'}}},
    };
    return list;
}

class CasadiText {
public:
    CasadiText(const Model& model, const CasadiOptions& options) : model_(model), options_(options) {}

    std::string text() {
        const C99Files files = c99(model_, {.name = options_.name, .raw = options_.raw, .hessian = true});
        const std::string include = "#include \"" + options_.name + ".h\"\n";
        std::string text = files.source;
        text.replace(text.find(include), include.size(), files.header);
        text += fill(begin);
        std::map<std::string, std::string> patterns;  // each once
        for (const CasadiFunction& function : functions()) {
            for (const auto* places : {&function.in, &function.out}) {
                for (const Place& place : *places) {
                    patterns[pattern_name(place)] = pattern(place);
                }
            }
        }
        for (const auto& [name, pattern] : patterns) {
            text += pattern;
        }
        for (const CasadiFunction& function : functions()) {
            text += facts(function);
        }
        return text + end;
    }

private:
    [[nodiscard]] std::size_t size(char of) const {
        const std::vector<std::size_t>& sizes = model_.architecture().sizes;
        if (of == '1') {
            return 1;
        }
        return of == 'N' ? sizes.front() : sizes.back();
    }
    [[nodiscard]] std::string fill(const std::string& text) const {
        return filled(text, {{"@MODEL", of_model()},
                             {"@N", std::to_string(size('N'))},
                             {"@K", std::to_string(size('K'))},
                             {"$", options_.name}});
    }
    [[nodiscard]] std::string of_model() const {
        if (!options_.raw) {
            return of_network;
        }
        const bool regression = model_.preprocessing.task == Task::regression;
        return std::string(of_columns) + (regression ? of_targets : of_outputs);
    }

    [[nodiscard]] std::string pattern_name(const Place& place) const {
        return options_.name + "_" + place.rows + "x" + place.columns + (place.empty ? "_empty" : "");
    }
    [[nodiscard]] std::string pattern(const Place& place) const {
        const std::size_t high = size(place.rows), wide = size(place.columns);
        const std::size_t entries = place.empty ? 0 : high;  // of a column
        std::vector<std::string> numbers{std::to_string(high), std::to_string(wide)};
        for (std::size_t j = 0; j <= wide; ++j) {
            numbers.push_back(std::to_string(j * entries));
        }
        for (std::size_t entry = 0; entry < entries * wide; ++entry) {
            numbers.push_back(std::to_string(entry % high));
        }
        return "static const casadi_int " + pattern_name(place) + "[] = " + braced(numbers) + ";\n";
    }

    [[nodiscard]] std::string facts(const CasadiFunction& function) const {
        const auto names = [](const std::vector<Place>& places) {
            std::string list;
            for (const Place& place : places) {
                list += (list.empty() ? "" : ", ") + c_string(place.name);
            }
            return list;
        };
        const auto patterns = [this](const std::vector<Place>& places) {
            std::string list;
            for (const Place& place : places) {
                list += (list.empty() ? "" : ", ") + pattern_name(place);
            }
            return list;
        };
        return fill(filled(facts_text, {{"@FUNCTION", function.prefix + options_.name},
                                        {"@INS", std::to_string(function.in.size())},
                                        {"@OUTS", std::to_string(function.out.size())},
                                        {"@IN_NAMES", names(function.in)},
                                        {"@OUT_NAMES", names(function.out)},
                                        {"@IN_PATTERNS", patterns(function.in)},
                                        {"@OUT_PATTERNS", patterns(function.out)}}));
    }

    const Model& model_;
    CasadiOptions options_;
};

}  // namespace

std::string casadi(const Model& model, const CasadiOptions& options) {
    const auto text = std::ranges::find_if(model.preprocessing.features, &FeatureColumn::categorical);
    if (options.raw && text != model.preprocessing.features.end()) {
        throw Error(ErrorKind::usage,
                    "the column '" + text->name +
                        "' holds categories, which CasADi has no numbers for; export what the network "
                        "sees, or train without this column")
            .about("drop", text->name);
    }
    if (const auto* net = std::get_if<BasicMlp<float>>(&model.net)) {
        Model wide = model;
        wide.net = convert<double>(*net);
        return CasadiText(wide, options).text();
    }
    return CasadiText(model, options).text();
}

}  // namespace handgrad::exports
