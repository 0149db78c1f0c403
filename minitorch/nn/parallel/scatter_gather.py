"""A batch dealt out to GPUs, and collected: there are none here.   torch: torch/nn/parallel/scatter_gather.py"""

__all__ = ["gather", "parallel_apply", "replicate", "scatter"]

NO_GPU = "Torch not compiled with CUDA enabled\nthis installation computes on the CPU only: call the module itself"


def scatter(inputs, target_gpus, dim=0):
    """Parts of the batch, one for each GPU: raises AssertionError.   torch: nn.parallel.scatter"""
    raise AssertionError(NO_GPU)


def gather(outputs, target_device, dim=0):
    """The parts put together again, on a GPU: raises AssertionError.   torch: nn.parallel.gather"""
    raise AssertionError("Gather function not implemented for CPU tensors\nput them together with torch.cat(outputs, dim)")


def replicate(network, devices, detach=False):
    """Copies of a module, one for each GPU: raises AssertionError.   torch: nn.parallel.replicate"""
    raise AssertionError(NO_GPU)


def parallel_apply(modules, inputs, kwargs_tup=None, devices=None):
    """Each module on its own inputs, one after the other.   torch: nn.parallel.parallel_apply"""
    kwargs_tup = kwargs_tup or ({},) * len(modules)
    arguments = [x if isinstance(x, (list, tuple)) else (x,) for x in inputs]
    return [module(*args, **kwargs) for module, args, kwargs in zip(modules, arguments, kwargs_tup, strict=True)]
