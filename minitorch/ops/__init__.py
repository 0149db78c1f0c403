"""The vocabulary: what one can do with tensors, each as a plain function whose first argument is the tensor.

elementwise, arithmetic, special, complex       one element at a time: sums to exponentials, the less common, gamma, i;
                                                ``activation`` has two that are methods too
reduce, statistics, calculus                    many to few; quantiles, histograms, covariances; integrals, differences
movement, joining, indexing, scatter, sorting   the same numbers elsewhere: views, pieces, places, order;
                                                ``index_checks`` whether places are there
linalg, sums, norms, factors, equations         products, A = Q R, A x = b; ``older_linalg`` has their former names,
                                                ``matrix_checks`` what they ask of a matrix
spectral, stft, conv, pooling                   transforms and windows
random, draws                                   PyTorch's random numbers
attributes, conversion, protocol                what a tensor is, is made into, is to Python
memory_format, strides, copies                  where its elements lie
inplace, aliases, spelling, legacy, sparse      variants, other names, what is old, what isn't here
vocabulary                                      all of them as the methods of Tensor

``engine.py`` makes Tensor on top of ``vocabulary``, so ``x.exp()`` and ``torch.exp(x)`` are one function. Here no Tensor is
imported: an operation reaches the gate through its argument, ``x._apply(row, inputs, params)``.
"""
