"""The profiler: what it counts, and that it leaves nothing behind."""

import gzip
import json
import threading
import time

import pytest
from oracle import agree, same_first_line

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
    table = prof.key_averages().table(sort_by="cpu_time_total", row_limit=2)
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
    assert seen == [6]  # two rows in each of two steps, and the steps
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


def compiled_model():
    """A module, compiled, and a step of it that went through: the next call is a program's."""
    model = minitorch.compile(minitorch.nn.Sequential(minitorch.nn.Linear(4, 8), minitorch.nn.ReLU(), minitorch.nn.Linear(8, 2)))
    x = minitorch.ones(3, 4)
    for _ in range(3):
        model(x).sum().backward()
    return model, x


def test_a_compiled_program_is_one_event_with_its_kernels_in_it(tmp_path):
    model, x = compiled_model()
    expected = model(x).sum()
    with minitorch.profiler.profile() as prof:
        with minitorch.profiler.record_function("step"):
            found = model(x).sum()
            found.backward()
    assert found.item() == expected.item() and MODE.listeners == ()
    events = {event.name: event for event in prof.events()}
    forward, backward, step = [events[name] for name in ("compiled Sequential", "compiled Sequential, backward", "step")]
    assert forward.cpu_children and backward.cpu_children
    for event in (forward, backward):
        assert event.cpu_parent is step and all(child.name.startswith("kernel ") for child in event.cpu_children)
        assert 0 < sum(child.cpu_time_total for child in event.cpu_children) <= event.cpu_time_total
        assert event.self_cpu_time_total < event.cpu_time_total
    assert events["aten::sum"].cpu_parent is step and "aten::linear" not in events
    table = prof.key_averages().table(sort_by="cpu_time_total")
    assert "kernel 0: matmul" in table and "Self CPU %" in table and "Self CPU time total:" in table
    prof.export_chrome_trace(tmp_path / "trace.json")
    traced = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {e["name"] for e in traced} == set(events) and {e["cat"] for e in traced} == {"cpu_op", "user_annotation"}


def test_a_profiled_training_step_trains_as_any_other():
    def trained(profile):
        minitorch.manual_seed(0)
        model = minitorch.nn.Sequential(minitorch.nn.Linear(4, 8), minitorch.nn.Dropout(0.5), minitorch.nn.Linear(8, 1))
        optimizer = minitorch.optim.Adam(model.parameters(), lr=0.01)
        schedule = minitorch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        x = minitorch.randn(6, 4)

        @minitorch.compile(fullgraph=True)
        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        losses = []
        for k in range(8):
            if profile and k in (1, 4, 5):
                with minitorch.profiler.profile() as prof:
                    losses.append(step(x).item())
                names = [event.name for event in prof.events()]
                assert any("compiled" in name for name in names) is (k > 1)
            else:
                losses.append(step(x).item())
            schedule.step()
        return [losses, *[p.tolist() for p in model.parameters()], *[p.grad.tolist() for p in model.parameters()]]

    assert trained(True) == trained(False)


def test_other_listeners_see_every_row_of_a_compiled_function():
    model, x = compiled_model()
    seen = []

    def listener(row, *_):
        seen.append(row.name)

    MODE.listeners = (listener,)
    try:
        with minitorch.profiler.profile() as prof:
            model(x)
    finally:
        MODE.listeners = ()
    assert seen == ["linear", "relu", "linear"] and [e.name for e in prof.events()] == ["aten::linear", "aten::relu", "aten::linear"]


def test_time_within_is_not_the_blocks_own():
    with minitorch.profiler.profile() as prof:
        with minitorch.profiler.record_function("outer"):
            minitorch.ones(2)
            with minitorch.profiler.record_function("inner"):
                minitorch.ones(2) + 1
    events = {event.name: event for event in prof.events()}
    outer, inner = events["outer"], events["inner"]
    assert [e.name for e in outer.cpu_children] == ["aten::full", "inner"] and [e.name for e in inner.cpu_children] == ["aten::full", "aten::add"]
    within = sum(e.cpu_time_total for e in outer.cpu_children)
    assert 0 < outer.self_cpu_time_total and abs(outer.self_cpu_time_total + within - outer.cpu_time_total) < 1e-3
    assert abs(prof.events().total_average().cpu_time_total - outer.cpu_time_total) < 1e-3


def test_a_rows_time_is_its_own():
    with minitorch.profiler.profile() as prof:
        with minitorch.profiler.record_function("block"):
            x = minitorch.ones(2)
            end = time.perf_counter() + 0.05
            while time.perf_counter() < end:  # Python's own time, which is nobody's but the block's
                pass
            x.add_(1)
    events = {event.name: event for event in prof.events()}
    assert events["block"].self_cpu_time_total > 50e3 > events["aten::add_"].cpu_time_total


def test_shapes_places_and_memory():
    x, w = minitorch.ones(3, 4), minitorch.ones(4, 5)
    with minitorch.profiler.profile(record_shapes=True, with_stack=True, profile_memory=True) as prof:
        x @ w
        (x @ w).t() + 1
    first, second = [e for e in prof.events() if e.name == "aten::matmul"]
    assert first.input_shapes == [[3, 4], [4, 5]] and first.self_cpu_memory_usage == 60
    assert "test_profiler.py" in first.stack[0] and first.stack[0] != second.stack[0]
    shapes = {str(e.input_shapes): e.count for e in prof.key_averages(group_by_input_shape=True)}
    assert shapes == {"[[3, 4], [4, 5]]": 2, "[[3, 5]]": 1, "[[5, 3], []]": 1}
    assert [e.count for e in prof.key_averages(group_by_stack_n=1) if e.key == "aten::matmul"] == [1, 1]
    table = prof.key_averages(group_by_input_shape=True, group_by_stack_n=1).table(sort_by="self_cpu_memory_usage")
    assert "[[5, 3], []]" in table and all([title in table for title in ("Self CPU Mem", "Input Shapes", "Source Location")])
    assert "Input Shapes" not in prof.key_averages().table()


def test_steps_are_named_and_counted_as_in_pytorch():
    def program(t):
        found = []

        def ready(prof):
            found.append((prof.step_num, sorted([e.name for e in prof.events() if "ProfilerStep" in e.name])))
            found.append([(e.key, e.count) for e in prof.key_averages() if "ProfilerStep" in e.key])

        with t.profiler.profile(schedule=t.profiler.schedule(wait=1, warmup=1, active=2, repeat=1), on_trace_ready=ready) as prof:
            for _ in range(11):
                t.ones(2) + 1
                prof.step()
        with t.profiler.profile(schedule=t.profiler.schedule(wait=0, warmup=0, active=3), on_trace_ready=ready) as prof:
            for _ in range(2):
                t.ones(2) + 1
                prof.step()
        return found

    agree(program)


@pytest.mark.parametrize("program", [
    lambda t: t.profiler.profile().events(),
    lambda t: t.profiler.profile().key_averages(),
    lambda t: t.profiler.profile().export_chrome_trace("never"),
    lambda t: t.profiler.profile(activities=[]).start(),
    lambda t: t.profiler.schedule(wait=-1, warmup=1, active=1),
    lambda t: t.profiler.schedule(wait=1, warmup=1, active=0),
])  # fmt: skip
def test_what_cannot_be_asked(program):
    same_first_line(program)


def test_nothing_ran():
    with minitorch.profiler.profile() as prof:
        pass
    assert prof.key_averages().table() == "" and prof.events() == []
    with minitorch.profiler.profile() as prof:
        minitorch.ones(2)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'\nsort_by is one of count, cpu_time_total"):
        prof.key_averages().table(sort_by="nonsense")
    assert "aten::full" in prof.key_averages().table(sort_by="cuda_time_total")


def test_other_threads_are_not_listened_to():
    def elsewhere():
        with minitorch.profiler.record_function("elsewhere"):
            minitorch.ones(2)

    with minitorch.profiler.profile() as prof:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        minitorch.ones(2)
    assert [e.name for e in prof.events()] == ["aten::full"]


def test_a_packed_trace(tmp_path):
    ready = minitorch.profiler.tensorboard_trace_handler(str(tmp_path), use_gzip=True)
    with minitorch.profiler.profile(record_shapes=True, on_trace_ready=ready) as prof:
        prof.add_metadata("model", "mine")
        minitorch.ones(2).exp()
    (file,) = tmp_path.iterdir()
    assert file.name.endswith(".pt.trace.json.gz")
    told = json.loads(gzip.decompress(file.read_bytes()))
    assert told["model"] == "mine" and told["traceEvents"][1]["args"] == {"Input Dims": [[2]]}
