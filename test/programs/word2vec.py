"""Skip-grams with negative samples (Mikolov et al. 2013, arXiv:1310.4546) on a few sentences."""

import argparse
import random
from collections import Counter

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset

TEXT = """the quick fox jumps over the lazy dog while the small cat sleeps near the warm fire and
the brown dog barks at the quick fox until the cat wakes and the fox runs over the hill""".split()


class SkipGrams(IterableDataset):
    """(centre, neighbour, negatives), endlessly drawn: each pass has its own order and windows."""

    def __init__(self, words, window, negatives, noise):
        self.words, self.window, self.negatives, self.noise = words, window, negatives, noise

    def __iter__(self):
        places = list(range(len(self.words)))
        random.shuffle(places)
        for i in places:
            reach = random.randint(1, self.window)
            for j in range(max(0, i - reach), min(len(self.words), i + reach + 1)):
                if i != j:
                    yield self.words[i], self.words[j], torch.multinomial(self.noise, self.negatives, replacement=True)


class SkipGramModel(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.centre, self.context = nn.Embedding(vocabulary, width), nn.Embedding(vocabulary, width)
        self.centre.weight.data.uniform_(-0.5 / width, 0.5 / width)
        self.context.weight.data.uniform_(-0, 0)

    def forward(self, centre, positive, negatives):
        v = self.centre(centre)
        score = torch.mul(v, self.context(positive)).sum(dim=1)
        noise = torch.bmm(self.context(negatives), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(score) + F.logsigmoid(-noise).sum(1)).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()

    random.seed(0)
    torch.manual_seed(0)
    counts = Counter(TEXT)
    itos = sorted(counts, key=lambda word: (-counts[word], word))
    stoi = {word: i for i, word in enumerate(itos)}
    noise = torch.tensor([counts[word] for word in itos], dtype=torch.float).pow(0.75)
    data = SkipGrams([stoi[word] for word in TEXT], window=2, negatives=4, noise=noise / noise.sum())
    model = SkipGramModel(len(itos), 12)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=args.epochs)

    step = 0
    for _ in range(args.epochs):
        for centre, positive, negatives in DataLoader(data, batch_size=32):
            loss = model(centre, positive, negatives)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"step {step} loss {loss.item():.6f}")
            step += 1
        scheduler.step()
    vectors = F.normalize(model.centre.weight.detach(), dim=1)
    near = (vectors @ vectors[stoi["fox"]]).argsort(descending=True)[:3]
    print("near fox:", [itos[i] for i in near], f"norm {model.centre.weight.norm().item():.5f}")


if __name__ == "__main__":
    main()
