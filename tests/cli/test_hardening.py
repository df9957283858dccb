"""The program that users get is built so that an overrun, should there be one, is caught rather than used."""

import shutil
import subprocess

import pytest
from cli_support import PROGRAM


@pytest.fixture(name="read", scope="module")
def reader_of_the_program():
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not here")

    def read(what):
        return subprocess.run(["readelf", "--wide", what, PROGRAM], capture_output=True, text=True, check=True).stdout
    return read


def test_it_lies_at_random_addresses_with_tables_that_cannot_be_written(read):
    assert "DYN (Position-Independent Executable file)" in read("--file-header")
    assert "GNU_RELRO" in read("--program-headers") and "BIND_NOW" in read("--dynamic")


def test_stacks_and_copies_are_checked(read):
    symbols = read("--dyn-syms")
    assert "__stack_chk_fail" in symbols and "__memcpy_chk" in symbols
