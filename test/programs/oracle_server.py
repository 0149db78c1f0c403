"""PyTorch, loaded once: each program runs in a fork of this process, as if Python had started it. That saves two seconds each.

Reads lines of JSON, [script, arguments, folder], and answers each with the exit code; what the program printed is then in
the folder, in ``stdout`` and ``stderr``.
"""

import json
import os
import runpy
import sys
import traceback

import torch
import torch._dynamo  # what the first optimizer would load
import torch.distributions


def run(script, arguments, folder):
    """In the fork: the program, with its output in files. Returns the exit code."""
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv, sys.path[0] = [script, *arguments], os.path.dirname(script)
    try:
        runpy.run_path(script, run_name="__main__")
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(run(*json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
