"""A world of one process against PyTorch's over gloo."""

import os
import socket

import pytest
import torch
from oracle import agree, same_first_line

import minitorch


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", free_port())
    for lib in (torch, minitorch):
        lib.distributed.init_process_group("gloo", rank=0, world_size=1)
    yield
    for lib in (torch, minitorch):
        lib.distributed.destroy_process_group()


INSIDE = """
d.is_initialized(), d.get_rank(), d.get_world_size(), d.get_backend(), d.is_available()
d.barrier(), d.monitored_barrier()
d.all_reduce(x), x
d.all_reduce(x, op=d.ReduceOp.AVG), x
d.all_reduce(x, async_op=True).wait()
d.all_reduce(3)
d.broadcast(x, 0), d.broadcast(x, src=0), d.reduce(x, 0), x
[l := [t.zeros(3)], d.all_gather(l, x)]
[l := t.zeros(3), d.all_gather_into_tensor(l, x)]
[l := [t.zeros(3)], d.gather(x, l, dst=0)]
[l := t.zeros(3), d.scatter(l, [x], src=0)]
[l := t.zeros(3), d.reduce_scatter(l, [x])]
[l := t.zeros(3), d.reduce_scatter_tensor(l, x)]
[l := [t.zeros(3)], d.all_to_all(l, [x])]
[l := t.zeros(3), d.all_to_all_single(l, x)]
[l := [None], d.all_gather_object(l, {'a': 1})]
[l := [None], d.gather_object({'a': 1}, l)]
[l := [{'b': 1}], d.broadcast_object_list(l, src=0)]
[l := [None], d.scatter_object_list(l, [{'b': 1}], src=0)]
d.new_group([0]).size(), d.new_group([0]).rank(), d.get_world_size(d.new_group([0]))
d.GroupMember.WORLD is d.group.WORLD, d.get_process_group_ranks(d.group.WORLD), d.get_global_rank(d.group.WORLD, 0)
str(d.Backend('GLOO')), d.Backend.NCCL, d.Backend.MPI, d.is_backend_available('gloo'), d.get_default_backend_for_device('cpu')
[repr(getattr(d.ReduceOp, name)) for name in ('SUM', 'AVG', 'PRODUCT', 'MIN', 'MAX', 'BAND', 'BOR', 'BXOR', 'PREMUL_SUM')]
d.init_process_group('gloo', rank=0, world_size=1)
d.send(x, 0)
repr(t.nn.parallel.DistributedDataParallel(t.nn.Linear(1, 1)))
list(t.nn.parallel.DistributedDataParallel(t.nn.Linear(1, 1)).state_dict())
t.nn.parallel.DistributedDataParallel(t.nn.ReLU())
t.nn.parallel.DistributedDataParallel(t.nn.Linear(1, 1), device_ids=[0])
""".strip().splitlines()


@pytest.mark.parametrize("text", INSIDE)
def test_inside(text, world):
    agree(lambda t: eval(text, {"t": t, "d": t.distributed, "x": t.arange(3.0)}))


OUTSIDE = """
d.is_initialized()
d.get_rank()
d.get_world_size()
d.get_backend()
d.barrier()
d.all_reduce(t.ones(1))
d.destroy_process_group()
d.is_nccl_available(), d.is_gloo_available(), d.is_mpi_available(), d.is_torchelastic_launched()
d.init_process_group('gloo')
d.get_node_local_rank()
d.GroupMember.NON_GROUP_MEMBER, d.group.WORLD, d.constants.default_pg_timeout, d.default_pg_timeout
t.nn.parallel.DistributedDataParallel(t.nn.Linear(1, 1))
t.utils.data.DistributedSampler([1, 2, 3])
t.utils.data.DistributedSampler([1, 2, 3], num_replicas=2, rank=3)
t.nn.parallel.gather([t.ones(1)], 'cpu')
""".strip().splitlines()


@pytest.mark.parametrize("text", OUTSIDE)
def test_outside(text, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    agree(lambda t: eval(text, {"t": t, "d": t.distributed}))


def test_from_the_environment(monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)

    def program(t):
        t.distributed.init_process_group("gloo")
        seen = t.distributed.get_rank(), t.distributed.get_world_size(), t.distributed.get_node_local_rank()
        t.distributed.destroy_process_group()
        return seen, t.distributed.is_initialized()

    agree(program)


def test_more_processes_are_refused(monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "1")
    with pytest.raises(NotImplementedError, match="more than one process"):
        minitorch.distributed.init_process_group("gloo", rank=0, world_size=2)
    with pytest.raises(RuntimeError, match="NCCL"):
        minitorch.distributed.init_process_group("nccl", rank=0, world_size=1)
    assert not minitorch.distributed.is_initialized()


def test_training(world):
    def program(t):
        t.manual_seed(0)
        model = t.nn.parallel.DistributedDataParallel(t.nn.Linear(3, 2))
        optimizer = t.optim.SGD(model.parameters(), lr=0.1)
        for i in range(4):
            if i % 2:
                with model.no_sync():
                    model(t.ones(2, 3)).square().sum().backward()
            else:
                model(t.ones(2, 3)).square().sum().backward()
                optimizer.step()
        return model.state_dict(), model.module.weight.grad

    agree(program)


@pytest.mark.parametrize("count", [1, 2, 7, 10, 11])
@pytest.mark.parametrize("replicas", [1, 2, 3, 4])
@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"drop_last": True}, {"seed": 5}, {"shuffle": False, "drop_last": True}])
def test_each_process_gets_the_indices_that_it_gets_in_pytorch(count, replicas, options):
    def program(t):
        seen = []
        for rank in range(replicas):
            sampler = t.utils.data.distributed.DistributedSampler(range(count), replicas, rank, **options)
            for epoch in (0, 3):
                sampler.set_epoch(epoch)
                try:
                    seen.append((list(sampler), len(sampler), sampler.total_size))
                except AssertionError:
                    seen.append("refused")
        return seen

    agree(program)


def test_the_environment_names_what_is_missing(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    same_first_line(lambda t: t.distributed.init_process_group("gloo"))
    assert "RANK" in os.environ
