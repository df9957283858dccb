"""Small neural networks with every derivative in the open: exact, hand-derived and checked."""

from handgrad._core import simd_levels
from handgrad._core import version as __version__

__all__ = ["__version__", "simd_levels"]
