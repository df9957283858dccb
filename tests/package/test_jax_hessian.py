"""Second derivatives in double beside JAX's, where JAX is installed: every activation, depths 1 to 4, odd shapes."""

import numpy as np
import pytest

import handgrad

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

ACTIVATIONS = {
    "identity": lambda z: z, "relu": jax.nn.relu, "leaky_relu": lambda z: jax.nn.leaky_relu(z, 0.01), "elu": jax.nn.elu,
    "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "softplus": jax.nn.softplus, "silu": jax.nn.silu,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False), "gelu_tanh": lambda z: jax.nn.gelu(z, approximate=True),
    "exp": jnp.exp, "softmax": jax.nn.softmax}
SHAPES = ([3, 2], [5, 7, 1], [4, 9, 3], [35, 6, 2], [3, 5, 4, 2], [2, 7, 5, 6, 3])


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax", "exp"])
@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "softmax"])
def test_second_derivatives_are_those_of_jax(hidden, output):
    for number, sizes in enumerate(SHAPES):
        net = handgrad.Mlp(sizes, hidden, output, dtype="float64", seed=number)
        draw = np.random.default_rng(number)
        for values in net.parameters.values():
            values[...] = draw.uniform(-1, 1, values.shape) / np.sqrt(values.shape[-1])
        x = draw.uniform(-1, 1, (5, sizes[0]))
        layers = [(np.array(net.parameters[f"linear{layer}.weight"]), np.array(net.parameters[f"linear{layer}.bias"]))
                  for layer in range(1, len(sizes))]

        def network(a, layers=layers):
            for at, (W, b) in enumerate(layers):
                a = ACTIVATIONS[output if at + 1 == len(layers) else hidden](W @ a + b)
            return a

        expected = np.asarray(jax.vmap(jax.hessian(network))(x))
        found = net.hessian(x)
        scale = max(1.0, np.abs(expected).max())
        assert np.abs(found - expected).max() <= 1e-11 * scale, (sizes, hidden, output)
