"""More rows of the table, by family, in the form of ``primitives.py``.

complex, numbers                    complex numbers; numbers as they are divided and stored
linalg, special, spectral           factorizations of matrices; gamma, Bessel and their kin; Fourier transforms
windows, resampling, recurrent      convolutions and pooling; other sizes, alignments; recurrent layers as a whole
draws, strides, softmax, bags       draws that depend on tensors; ``as_strided``; softmax's gradients; bags of indices
"""
