"""Machine code without a compiler on the machine: text for LLVM, code in memory, threads, and the two heavy kernels.

    text          LLVM text, line by line            target      the machine it is for
    link, cache   text → code in memory, kept on disk
    entry, arrays native functions that Python calls like its own, and what they ask of arrays
    sequence, rows    for small arrays: many rows in one call, single rows
    blas          products by NumPy's own BLAS
    threads       chunks of a phase, shared            emit, process, worklist   text → code by a second process too
    mathematics   elementwise rows in LLVM's words   kernel      one kernel as a function of arrays
    formula       elementwise formulas for any length   rowformula    those with sums along rows   rowwise    softmax
    rounding      16-bit numbers from float32, and to it
    scatter, pooling    rows that are added up at places; the largest in each window
    vectors       vectors of a machine's width       gemm, convolution, convolution_weight    products and convolutions
    product       products whose shapes come with the call       pairs      of 16-bit numbers
    recurrent, cells    recurrent layers, and their steps as formulas
"""
