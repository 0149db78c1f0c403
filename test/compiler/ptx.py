"""CUDA text to PTX, the GPU's assembly language: by NVRTC or by nvcc, whichever is installed. Neither needs a GPU."""

import ctypes
import importlib.util
import shutil
import subprocess
import tempfile
from ctypes import byref, c_char_p, c_size_t, c_void_p
from pathlib import Path

__all__ = ["AVAILABLE", "ptx"]


def nvrtc_library():
    """NVRTC of the package nvidia-cuda-nvrtc-cu12, or None."""
    try:
        spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    folders = [Path(place, "lib") for place in spec.submodule_search_locations or ()] if spec else []
    found = [path for folder in folders for path in sorted(folder.glob("libnvrtc.so.*"))]
    return ctypes.CDLL(str(found[0])) if found else None


NVRTC, NVCC = nvrtc_library(), shutil.which("nvcc")
AVAILABLE = NVRTC is not None or NVCC is not None


def ptx(text, architecture):
    """The PTX of a text for an architecture, as "compute_80". AssertionError with the compiler's words where it refuses."""
    return by_nvrtc(text, architecture) if NVRTC is not None else by_nvcc(text, architecture)


def by_nvrtc(text, architecture):
    program, size = c_void_p(), c_size_t()
    assert NVRTC.nvrtcCreateProgram(byref(program), text.encode(), b"kernels.cu", 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    failed = NVRTC.nvrtcCompileProgram(program, len(options), (c_char_p * len(options))(*options))
    kind = "ProgramLog" if failed else "PTX"
    getattr(NVRTC, f"nvrtcGet{kind}Size")(program, byref(size))
    found = ctypes.create_string_buffer(size.value)
    getattr(NVRTC, f"nvrtcGet{kind}")(program, found)
    NVRTC.nvrtcDestroyProgram(byref(program))
    assert not failed, f"{found.value.decode()}\n{text}"
    return found.value.decode()


def by_nvcc(text, architecture):
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "kernels.cu"), Path(folder, "kernels.ptx")
        source.write_text(text)
        done = subprocess.run([NVCC, f"-arch={architecture}", "-std=c++17", "-ptx", source, "-o", made], capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stderr}\n{text}"
        return made.read_text()
