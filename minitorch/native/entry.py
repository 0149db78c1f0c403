"""Native functions that Python calls like its own: some 10 ns a call, where ctypes takes 300.

    define ptr @first(ptr %self, ptr %arguments, i64 %count)      CPython's METH_FASTCALL
    first = entry(library, "first", words)                        a builtin function, as ``len`` is one
    first(x, y)                                                   x

CPython calls such a function with the object that it is bound to, with the addresses of its arguments' objects behind each
other, and with their number. It gets back an object, counted once for the caller, or null where an exception was set.
LLVM's text can say such a function as well as C. It runs with Python's lock, and keeps it unless it gives it up.

What native code knows of an object is where its parts lie (``DATA``), and what CPython's own functions tell. Where those
aren't to be had (another Python, or one without the lock) ``AVAILABLE`` is False: there, call by ctypes.

torch: torch/csrc/Module.cpp lists its functions in a table of PyMethodDef, in the same way
"""

import ctypes
import sys
import sysconfig
from functools import lru_cache

__all__ = ["AVAILABLE", "DATA", "declared", "entry", "python_symbols"]

DATA = object.__basicsize__
"""Where an array object keeps the address of its data: right behind what every Python object begins with."""

FASTCALL = 0x80
"""CPython's METH_FASTCALL."""

AVAILABLE = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
"""Whether Python can be entered so."""

PYTHON = {
    "PyDict_GetItem": "ptr (ptr, ptr)", "PyDict_Next": "i32 (ptr, ptr, ptr, ptr)", "PyDict_Size": "i64 (ptr)",
    "PyErr_BadArgument": "i32 ()", "PyErr_Occurred": "ptr ()", "PyFloat_AsDouble": "double (ptr)",
    "PyFloat_FromDouble": "ptr (double)",
    "PyLong_AsLongLong": "i64 (ptr)", "PyLong_FromLongLong": "ptr (i64)", "PyObject_CallNoArgs": "ptr (ptr)",
    "PyObject_GetAttr": "ptr (ptr, ptr)", "PyObject_IsTrue": "i32 (ptr)", "PyObject_Vectorcall": "ptr (ptr, ptr, i64, ptr)",
    "PyTuple_New": "ptr (i64)", "PyType_GenericAlloc": "ptr (ptr, i64)", "Py_DecRef": "void (ptr)", "Py_IncRef": "void (ptr)",
}  # fmt: skip
"""CPython's functions that native code calls, and their types."""


def declared(*names):
    """LLVM text that declares some of CPython's functions.

    >>> declared("Py_IncRef", "PyErr_Occurred")
    'declare void @Py_IncRef(ptr)\\ndeclare ptr @PyErr_Occurred()\\n'
    """
    return "".join([f"declare {PYTHON[name].replace(' (', f' @{name}(')}\n" for name in names])


def python_symbols(*names):
    """{name: address} of some of CPython's functions, for ``link.load``."""
    return {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value for name in names}


class MethodDef(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = [
        ("name", ctypes.c_char_p), ("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)
    ]  # fmt: skip


@lru_cache(None)
def method_at(name, address):
    """The table for a function. It stays for good: CPython looks into it while it takes the function apart, whatever went before."""
    return MethodDef(name.encode(), address, FASTCALL, None)


def entry(library, name, words=(), held=()):
    """The native function ``name`` of a Library as a builtin function of Python.

    It is bound to a row of ``words`` of 8 bytes, which it finds in the object ``%self`` as it finds an array's data. They are
    its ``__self__``, to be changed from Python.   held: what else must live as long as it does.

    >>> from minitorch.native.link import link
    >>> body = "%x = load ptr, ptr %arguments call void @Py_IncRef(ptr %x) ret ptr %x"
    >>> text = declared("Py_IncRef") + f"define ptr @first(ptr %self, ptr %arguments, i64 %count) {{ {body} }}"
    >>> first = entry(link(text, symbols=python_symbols("Py_IncRef")), "first")
    >>> first("a", "b")
    'a'
    """
    bound = type("Words", (ctypes.c_int64 * len(words),), {})(*words)
    bound.held = library, held
    method = method_at(name, library.address(name))
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return make(ctypes.addressof(method), bound, None)
