"""Learn how names are spelled, then invent new ones.

    python examples/names.py                                 on two hundred first names that come with this file
    python examples/names.py --model rnn                     a recurrent network instead of a fixed window
    python examples/names.py --data names.txt --steps 3000 --report 500        on your own long list, one name a line

On two hundred names watch the loss on the names kept apart: it rises again as soon as the model begins to learn the
list by heart. Thirty thousand names cure that.

Both models read a name letter by letter and say at each place how likely each letter is to come next. The MLP sees the
last three letters (Bengio, Ducharme, Vincent & Jauvin 2003, "A neural probabilistic language model"); the RNN keeps a
memory of all letters so far (Elman 1990, "Finding structure in time").

This is an ordinary PyTorch program: write ``torch`` for ``minitorch`` in the imports and it prints the same numbers.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

import minitorch as torch
import minitorch.nn as nn
import minitorch.nn.functional as F
from minitorch.utils.data import DataLoader, TensorDataset

BOUNDARY = 0  # the token before the first letter of a name, and after its last
IGNORED = -1  # the target at places behind the end of a name


# ---- data ------------------------------------------------------------------------------------------------------------


def read_names(path):
    """The names in a text file, one a line, lower case, in the file's order and each only once."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise SystemExit(f"names.py: {path} does not exist: --data wants a text file with one name a line.") from None
    names = list(dict.fromkeys(line.strip().lower() for line in lines if line.strip()))
    if len(names) < 20:
        raise SystemExit(f"names.py: {path} has {len(names)} different names: at least 20 are needed.")
    return names


def encode(names, letters):
    """Names as a dataset of (input, target), both (longest + 1,) tokens; the target is the input's next letter.

    "eve" with a longest name of five letters:   input  . e v e . .     target  e v e . - -     (. boundary, - ignored)
    """
    token = {letter: index + 1 for index, letter in enumerate(letters)}
    length = max(len(name) for name in names) + 1
    inputs = torch.full((len(names), length), BOUNDARY)
    targets = torch.full((len(names), length), IGNORED)
    for row, name in enumerate(names):
        tokens = torch.tensor([token[letter] for letter in name])
        inputs[row, 1 : len(name) + 1] = tokens
        targets[row, : len(name)] = tokens
        targets[row, len(name)] = BOUNDARY
    return TensorDataset(inputs, targets)


def split(dataset, seed):
    """(training set, validation set): a tenth is kept apart, chosen by the seed."""
    inputs, targets = dataset.tensors
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    validation, training = order[: len(order) // 10], order[len(order) // 10 :]
    return TensorDataset(inputs[training], targets[training]), TensorDataset(inputs[validation], targets[validation])


# ---- models ----------------------------------------------------------------------------------------------------------


class MLP(nn.Module):
    """The last ``context`` letters, each a vector, through one hidden layer: tokens (B, T) to scores (B, T, tokens)."""

    def __init__(self, tokens, context=3, embedding=16, hidden=128):
        super().__init__()
        self.context = context
        self.embedding = nn.Embedding(tokens, embedding)
        self.hidden = nn.Linear(context * embedding, hidden)
        self.scores = nn.Linear(hidden, tokens)

    def forward(self, tokens):
        # Before a name there is nothing but boundary; then one window of letters ends at each place.
        windows = F.pad(tokens, (self.context - 1, 0), value=BOUNDARY).unfold(1, self.context, 1)  # (B, T, context)
        x = self.embedding(windows).flatten(2)  # (B, T, context * embedding)
        return self.scores(torch.tanh(self.hidden(x)))


class RNN(nn.Module):
    """hₜ = tanh(W xₜ + U hₜ₋₁ + b), scores from each hₜ: tokens (B, T) to scores (B, T, tokens)."""

    def __init__(self, tokens, embedding=16, hidden=128):
        super().__init__()
        self.embedding = nn.Embedding(tokens, embedding)
        self.from_letter = nn.Linear(embedding, hidden)
        self.from_memory = nn.Linear(hidden, hidden, bias=False)
        self.scores = nn.Linear(hidden, tokens)

    def forward(self, tokens):
        letters = self.from_letter(self.embedding(tokens))  # (B, T, hidden)
        memory = torch.zeros(len(tokens), letters.shape[2])
        memories = []
        for t in range(tokens.shape[1]):
            memory = torch.tanh(letters[:, t] + self.from_memory(memory))
            memories.append(memory)
        return self.scores(torch.stack(memories, dim=1))


MODELS = {"mlp": MLP, "rnn": RNN}


# ---- training --------------------------------------------------------------------------------------------------------


def loss_of(model, inputs, targets):
    """The mean of -log p(right letter) over all letters; even guessing among 27 tokens makes log 27 = 3.30."""
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


@torch.no_grad()
def evaluate(model, dataset):
    model.eval()
    return loss_of(model, *dataset.tensors).item()


def batches(loader, steps):
    """``steps`` batches, beginning the loader again (in a new order) as often as needed."""
    while steps > 0:
        for batch in loader:
            if steps == 0:
                return
            steps -= 1
            yield batch


def train(args, model, training, validation):
    """AdamW with a learning rate that falls to zero; returns the losses of all steps."""
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.steps)

    losses = []
    progress = tqdm(batches(loader, args.steps), total=args.steps, unit="step", disable=None)
    for inputs, targets in progress:
        model.train()
        loss = loss_of(model, inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if len(losses) % args.report == 0 or len(losses) == args.steps:
            latest = losses[-args.report :]
            mean, check = sum(latest) / len(latest), evaluate(model, validation)
            tqdm.write(f"step {len(losses):5}: loss {mean:.4f}, on names kept apart {check:.4f}")
    return losses


@torch.no_grad()
def sample(model, letters, count, seed, longest=20):
    """Invent names: draw the next letter from the model's own distribution until it draws the boundary."""
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.full((count, 1), BOUNDARY)
    for _ in range(longest):
        probabilities = F.softmax(model(tokens)[:, -1], dim=1)
        tokens = torch.cat([tokens, torch.multinomial(probabilities, 1, generator=generator)], dim=1)

    names = []
    for row in tokens[:, 1:].tolist():
        end = row.index(BOUNDARY) if BOUNDARY in row else longest
        names.append("".join(letters[token - 1] for token in row[:end]))
    return names


# ---- command line ----------------------------------------------------------------------------------------------------


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="Learn how names are spelled, then invent new ones.")
    included = Path(__file__).with_name("first_names.txt")
    parser.add_argument("--data", default=included, metavar="FILE", help="names, one a line (default: %(default)s)")
    parser.add_argument("--model", choices=sorted(MODELS), default="mlp", help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="training steps (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="names a step (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=0.005, help="learning rate at the start (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of split, weights, order, samples (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=20, help="names to invent (default: %(default)s)")
    parser.add_argument("--report", type=int, default=20, help="steps between two reports (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the command line; returns the losses of the training steps."""
    args = parse_arguments(argv)
    names = read_names(args.data)
    letters = sorted(set("".join(names)))
    training, validation = split(encode(names, letters), args.seed)
    print(f"{len(names)} names, {len(letters)} letters; {len(validation)} names kept apart")

    torch.manual_seed(args.seed)
    model = MODELS[args.model](tokens=len(letters) + 1)
    losses = train(args, model, training, validation)

    for name in sample(model, letters, args.samples, args.seed):
        print(f"    {name}" + ("   (a real one)" if name in names else ""))
    return losses


if __name__ == "__main__":
    main()
