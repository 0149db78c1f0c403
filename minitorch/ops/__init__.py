"""The vocabulary: what one can do with tensors, each as a plain function whose first argument is the tensor.

``engine.py`` lists these functions in the body of Tensor, so ``x.exp()`` and ``minitorch.exp(x)`` are one object. Here no
Tensor is imported: an operation reaches the gate through its argument, ``x._apply(row, inputs, params)``.
"""
