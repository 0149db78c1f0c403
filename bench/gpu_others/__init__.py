"""Steps that the GPU's compiler wasn't made for, as people write them: ``python bench/gpu.py --others``. See gpu_worker.py.

Each is ``build(torch, device, real)``: it makes model and data on the CPU, the same in both libraries, and gives the step, a function of
one batch, and the batches, which are taken in turn. ``real`` chooses sizes for a GPU, else such that a test takes no time.
"""

import itertools

from . import images, plain, sequences, untrained

__all__ = ["OTHERS", "build"]


def build(name, torch, device, real):
    """The step of a program, and a function that gives the next batch."""
    torch.manual_seed(0)
    step, batches = OTHERS[name](torch, device, real)
    turns = itertools.cycle(batches)
    return step, lambda: next(turns)


OTHERS = {
    "ResNet-18": images.resnet, "MobileNet": images.mobilenet, "ConvNeXt": images.convnext, "ViT, bfloat16": images.vit,
    "UNet": images.unet, "DCGAN": images.dcgan, "CNN, float16 scaled": images.scaled_cnn, "autoencoder, resized": images.upsampled,
    "WaveNet": images.waves, "LSTM": sequences.lstm, "GRU both ways": sequences.gru, "encoder, padding": sequences.encoder,
    "translator": sequences.translator, "nanoGPT": sequences.nanogpt, "Llama, bfloat16": sequences.llama,
    "experts": sequences.experts, "CTC": sequences.speech, "VAE": plain.vae, "recommender": plain.recommender,
    "graph network": plain.graph_network, "PPO": plain.policy, "Q-learning": plain.q_learning, "diffusion": plain.diffusion,
    "neural ODE": plain.neural_ode, "waves, float64": plain.physics, "accumulated": plain.accumulated,
    "LeNet, batch 1": plain.alone, "SimCLR": plain.pairs, "many words, dropout": plain.words, "RealNVP": plain.flow,
    "distillation": plain.taught, "Gaussian process": plain.gaussian_process, "CNN inference": untrained.told,
    "generation, cached": untrained.generated, "options": untrained.options,
}  # fmt: skip
