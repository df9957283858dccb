"""Exported C on a Cortex-M4, compiled with no warning, within its bytes, and with the program's bits under QEMU."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cortex_m4  # noqa: E402  (after the path that leads to it)

pytestmark = pytest.mark.skipif(bool(cortex_m4.MISSING), reason=f"{', '.join(cortex_m4.MISSING)} not there: "
                                "tools/install-packages tests/microcontroller/packages.txt")


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_small_network_takes_less_than_four_kilobytes(tmp_path, activation):
    cortex_m4.train(tmp_path, 10, 1, "32", activation)
    cortex_m4.export(tmp_path, "--float-only")
    assert cortex_m4.sizes(tmp_path, "-DNET_WITHOUT_JACOBIAN").all <= 4096
    assert cortex_m4.execute(tmp_path).forward_stack <= 512


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh"])
def test_every_activation_has_its_bits(tmp_path, activation):
    """In float, whose fma the processor has: outputs, ∂ŷ/∂x and ∂²ŷ/∂x²."""
    cortex_m4.train(tmp_path, 4, 2, "7,5", activation)
    cortex_m4.export(tmp_path, "--hessian", "--raw", "--float-only")
    assert cortex_m4.execute(tmp_path).selftest == 0


def test_double_which_the_processor_lacks_is_within_the_bound(tmp_path):
    """newlib's fma of double rounds twice; selftest() says so."""
    cortex_m4.train(tmp_path, 4, 2, "7,5", "tanh", "--dtype", "f64")
    cortex_m4.export(tmp_path)
    cortex_m4.sizes(tmp_path)
    assert cortex_m4.execute(tmp_path, "double").selftest == 1
