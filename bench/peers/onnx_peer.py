"""ONNX Runtime: Gemm, Relu, Gemm with all its graph optimizations, by `run` or with inputs and outputs bound."""

import numpy as np
import onnx
import onnxruntime
import worker
import workloads
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)


def model(widths):
    (w1, b1), (w2, b2) = workloads.first_weights(widths)
    arrays = {"w1": w1.T.copy(), "b1": b1, "w2": w2.T.copy(), "b2": b2}
    nodes = [helper.make_node("Gemm", ["x", "w1", "b1"], ["z"], transB=1), helper.make_node("Relu", ["z"], ["a"]),
             helper.make_node("Gemm", ["a", "w2", "b2"], ["y"], transB=1)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
            for name, width in (("x", widths[0]), ("y", widths[-1]))]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:],
                              [numpy_helper.from_array(array, name) for name, array in arrays.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.checker.check_model(made)
    return made.SerializeToString()


def prepare(workload):
    widths, x = workloads.shape_of(workload), workloads.inputs(workload)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = worker.THREADS
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(model(widths), options, providers=["CPUExecutionProvider"])
    binding, y = session.io_binding(), np.zeros((len(x), widths[-1]), np.float32)
    bound = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in (x, y)]
    binding.bind_ortvalue_input("x", bound[0])
    binding.bind_ortvalue_output("y", bound[1])

    def run(steps):
        for _ in range(steps):
            session.run(None, {"x": x})

    def run_bound(steps):
        for _ in range(steps):
            session.run_with_iobinding(binding)

    run_bound(1)
    wanted = workloads.outputs(workload, x)
    workloads.same(session.run(None, {"x": x})[0], wanted)
    return worker.Prepared([("from Python, run", run), ("from Python, inputs and outputs bound", run_bound)],
                           workloads.same(bound[1].numpy(), wanted))


if __name__ == "__main__":
    worker.serve(prepare, lambda: {"ONNX Runtime": onnxruntime.__version__, "onnx": onnx.__version__})
