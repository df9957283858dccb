"""What a user's program looks like to a checker of types; tests/wheel/test_types.py has it checked, and nobody runs it."""

import handgrad

levels: list[str] = handgrad.simd_levels()
version: str = handgrad.__version__
