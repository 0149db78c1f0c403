"""The profiler: what it counts, and that it leaves nothing behind."""

import json

from oracle import agree

import minitorch
from minitorch.engine import MODE


def test_counts_and_tables(tmp_path):
    x = minitorch.ones(2, requires_grad=True)
    with minitorch.profiler.profile(activities=[minitorch.profiler.ProfilerActivity.CPU], record_shapes=True) as prof:
        with minitorch.profiler.record_function("mine"):
            (x * x).sum().backward()
    counts = {event.key: event.count for event in prof.key_averages()}
    assert counts["aten::sum"] == 1 and counts["aten::mul"] >= 2 and counts["mine"] == 1
    assert all(event.cpu_time_total >= 0 for event in prof.events()) and MODE.listeners == ()
    table = prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=2)
    assert table.count("\n") == 7 and "mine" in table
    prof.export_chrome_trace(tmp_path / "trace.json")
    assert len(json.loads((tmp_path / "trace.json").read_text())["traceEvents"]) == len(prof.events())


def test_schedules():
    def program(t):
        plan = t.profiler.schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
        return [plan(step).name for step in range(12)]

    agree(program)


def test_steps_that_are_measured(tmp_path):
    seen = []
    with minitorch.profiler.profile(
        schedule=minitorch.profiler.schedule(wait=1, warmup=1, active=2, repeat=1), on_trace_ready=lambda p: seen.append(len(p.events()))
    ) as prof:
        for _ in range(8):
            minitorch.ones(1) + 1
            prof.step()
    assert seen == [4]
    handler = minitorch.profiler.tensorboard_trace_handler(str(tmp_path / "log"))
    handler(prof)
    assert len(list((tmp_path / "log").iterdir())) == 1


def test_the_older_name():
    with minitorch.autograd.profiler.profile() as prof:
        minitorch.ones(1).exp()
    assert "aten::exp" in prof.table() and prof.total_average().count == 2
    with minitorch.autograd.profiler.profile(enabled=False) as prof:
        minitorch.ones(1).exp()
    assert prof.events() == []
