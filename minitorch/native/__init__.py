"""Machine code without a compiler on the machine: text for LLVM, code in memory, threads, and kernels; and text for GPUs.

Text and code
    text, vectors, constants        LLVM text: names and loops, vectors of a machine's width, numbers
    target                          the machine that it is for
    link, elf, cache                text → code in memory; without LLVM, where objects are kept on disk
    emit, process, worklist         text → objects; by a second process too; what is still to be done
    entry, arrays                   native functions that Python calls like its own, and what they ask of arrays
    threads                         chunks of a phase, claimed one by one
    heap                            memory that is given back

Elementwise rows
    mathematics, functions, wide    the table's rows in LLVM's words; functions that processors don't have
    narrow, rounding                numbers of 16 bits: one, and arrays of them
    formula, kernel                 several rows at once, for arrays of any length; a kernel as a function of arrays
    rowformula, steps, rowwise      those with sums along rows; softmax
    rows, sequence, blas            for small arrays: single rows, many in one call, products with NumPy's own bits

Products
    gemm, transpose, pairs          of fixed shapes; matrices that are turned on their way; numbers of 16 bits
    product, triangles              of any shape; equations with a triangle, Cholesky's
    attention, distances            a softmax between two products; distances of all rows from all others
    recurrent, cells                recurrent layers, and their steps as formulas

Convolutions
    convolution                     forward, and the gradient of the input; convolution_geometry: what slides over what
    convolution_weight              the gradient of the weight; convolution_columns: as a product, convolution_exact: once more, with NaN
    convolution_layout, convolution_tiles          the input with its borders, and the tiles that run over it
    where another way is shorter    convolution_channels, convolution_dense, convolution_depthwise, convolution_images,
                                    convolution_product; for the weight's gradient, convolution_outputs
    pooling                         the largest in each window

Places
    scatter, sorting                rows that are added up at places; places in order

GPUs: the same in CUDA's words
    cuda, cuda_formulas, cuda_row_formulas         rows and formulas
    cuda_tiles, cuda_attention, cuda_cells         products, attention, steps of recurrent layers
    cuda_convolution                which functions a convolution becomes: cuda_windows, cuda_weights, cuda_sliding, cuda_patches
    cuda_pooling, cuda_scatter      pools, and rows that are added up at places
    philox                          random numbers
"""
