"""The example that chapters 9 to 14 carry through the compiler: two layers, and one step of their training.

Each chapter imports from here what the chapters before it made: the recording, the graph, the kernels, the plan.
"""

import minitorch as torch
from minitorch import nn, optim
from minitorch.compiler import Place, simplify, writable
from minitorch.compiler.access import accesses, in_order
from minitorch.compiler.fuse import fuse
from minitorch.compiler.plan import plan
from minitorch.compiler.recompute import recompute
from minitorch.compiler.schedule import schedule
from minitorch.compiling.recording import record

torch.manual_seed(0)
x, y = torch.randn(8, 2), torch.randn(8, 1)
model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = optim.SGD(model.parameters(), lr=0.1)


def step(x, y):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


loss, recording, why = record(step, (x, y), {}, model.parameters())  # chapter 9
graph = recording.graph

plain = in_order(simplify(graph), recording.strides)  # chapter 10

found = accesses(plain, recording.strides)  # chapter 11
kernels, found = recompute(fuse(plain, found, writable), found, plain)

written = [Place("input", k) for k in recording.written]  # chapter 12
fresh = [Place("output", k) for k in range(len(plain.outputs) - len(written))]
laid = plan(schedule(kernels, found, plain, written + fresh), found, plain, written + fresh)
found = laid.found

names = {value: f"%{k}" for k, value in enumerate((*plain.inputs, *[step.out for step in plain.steps]))}
