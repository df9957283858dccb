// ONNX Runtime through its C API, one row a call, on values that were made once: `Run` on them, or `RunWithBinding`,
// whichever is faster. The header is its own, onnxruntime_c_api.h; the library is that of the package from PyPI,
// -DHANDGRAD_ONNXRUNTIME, opened by its path since the package is without the name that a linker would write down.
#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include "exported.h"
#include "runner.h"

struct session {
    OrtSession* session;
    OrtIoBinding* binding;
    OrtValue *x, *y;
};

static const OrtApi* ort;
static OrtEnv* environment;

static void must(OrtStatus* status) {
    if (status) {
        fprintf(stderr, "ONNX Runtime: %s\n", ort->GetErrorMessage(status));
        exit(1);
    }
}

static void run_values(void* state, long steps) {
    struct session* s = (struct session*)state;
    const char* input = "x";
    const char* output = "y";
    for (long step = 0; step < steps; ++step) {
        must(ort->Run(s->session, NULL, &input, (const OrtValue* const*)&s->x, 1, &output, 1, &s->y));
    }
}

static void run_bound(void* state, long steps) {
    struct session* s = (struct session*)state;
    for (long step = 0; step < steps; ++step) {
        must(ort->RunWithBinding(s->session, NULL, s->binding));
    }
}

static OrtValue* value_of(float* numbers, long count) {
    OrtMemoryInfo* memory;
    OrtValue* value;
    const int64_t shape[] = {1, count};
    must(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    must(ort->CreateTensorWithDataAsOrtValue(memory, numbers, (size_t)count * sizeof *numbers, shape, 2,
                                             ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    return value;
}

static void prepare(const char* workload, struct prepared* answer) {
    long in;
    long hidden;
    long out;
    if (sscanf(workload, "I1/%ld-%ld-%ld", &in, &hidden, &out) != 3) {
        return;
    }
    struct session* s = (struct session*)calloc(1, sizeof *s);
    float* y = (float*)calloc((size_t)out, sizeof *y);
    OrtSessionOptions* options;
    must(ort->CreateSessionOptions(&options));
    must(ort->SetIntraOpNumThreads(options, 1));
    must(ort->SetInterOpNumThreads(options, 1));
    must(ort->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
    must(ort->CreateSession(environment, exported_path(workload, ".onnx"), options, &s->session));
    s->x = value_of(exported_floats(workload, ".x", in), in);
    s->y = value_of(y, out);
    must(ort->CreateIoBinding(s->session, &s->binding));
    must(ort->BindInput(s->binding, "x", s->x));
    must(ort->BindOutput(s->binding, "y", s->y));

    const float* wanted = exported_floats(workload, ".y", out);
    run_values(s, 1);
    check_outputs(y, wanted, out, answer->check, answer->error);
    memset(y, 0, (size_t)out * sizeof *y);
    run_bound(s, 1);
    check_outputs(y, wanted, out, answer->check, answer->error);
    const double values = seconds_by(run_values, s);
    const double bound = seconds_by(run_bound, s);
    answer->run = values < bound ? run_values : run_bound;
    snprintf(answer->setting, sizeof answer->setting, "C API, %s", values < bound ? "Run" : "RunWithBinding");
    answer->state = s;
}

int main(void) {
    static char versions[100];
    void* library = dlopen(HANDGRAD_ONNXRUNTIME, RTLD_NOW);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const OrtApiBase* (*base)(void) = (const OrtApiBase* (*)(void))dlsym(library, "OrtGetApiBase");
    ort = base()->GetApi(17);
    if (!ort) {
        fprintf(stderr, "this library does not know version 17 of the C API\n");
        return 1;
    }
    must(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "handgrad", &environment));
    snprintf(versions, sizeof versions, "{\"ONNX Runtime\": \"%s\"}", base()->GetVersionString());
    serve(prepare, versions);
}
