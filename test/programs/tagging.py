"""Structured outputs: a BiLSTM-CRF that tags words (Lample et al. 2016, arXiv:1603.01360), and a pointer network that sorts
(Vinyals et al. 2015, arXiv:1506.03134)."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCES = [
    ("the old bank of the river was closed on monday", "O O B I I I O O O B"),
    ("anna met the new mayor of the town in april", "B O O O B I I I O B"),
    ("in may the mayor met anna", "O B O B O B"),
]


class CRF(nn.Module):
    """Scores of tag sequences: emissions and transitions. emissions: (T, tags)."""

    def __init__(self, tags):
        super().__init__()
        self.transitions = nn.Parameter(torch.randn(tags, tags) * 0.1)
        self.start, self.end = nn.Parameter(torch.zeros(tags)), nn.Parameter(torch.zeros(tags))

    def log_partition(self, emissions):
        alpha = self.start + emissions[0]
        for emission in emissions[1:]:
            alpha = torch.logsumexp(alpha.unsqueeze(1) + self.transitions, dim=0) + emission
        return torch.logsumexp(alpha + self.end, dim=0)

    def score(self, emissions, tags):
        steps = emissions.gather(1, tags.unsqueeze(1)).sum() + self.transitions[tags[:-1], tags[1:]].sum()
        return self.start[tags[0]] + steps + self.end[tags[-1]]

    @torch.no_grad()
    def viterbi(self, emissions):
        best, back = self.start + emissions[0], []
        for emission in emissions[1:]:
            best, origin = (best.unsqueeze(1) + self.transitions).max(dim=0)
            best = best + emission
            back.append(origin)
        score, tag = (best + self.end).max(dim=0)
        path = [tag.item()]
        for origin in reversed(back):
            path.append(origin[path[-1]].item())
        return score.item(), path[::-1]


class Tagger(nn.Module):
    def __init__(self, vocabulary, tags, embedding=8, hidden=12):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden // 2, bidirectional=True)
        self.out, self.crf = nn.Linear(hidden, tags), CRF(tags)

    def emissions(self, words):
        hidden = torch.zeros(2, 1, self.lstm.hidden_size), torch.zeros(2, 1, self.lstm.hidden_size)
        output, _ = self.lstm(self.embedding(words).unsqueeze(1), hidden)
        return self.out(output.squeeze(1))

    def loss(self, words, tags):
        emissions = self.emissions(words)
        return self.crf.log_partition(emissions) - self.crf.score(emissions, tags)


class PointerNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.encoder, self.decoder = nn.LSTM(1, hidden, batch_first=True), nn.LSTMCell(hidden, hidden)
        self.w1, self.w2 = nn.Linear(hidden, hidden, bias=False), nn.Linear(hidden, hidden, bias=False)
        self.v = nn.Linear(hidden, 1, bias=False)
        self.first = nn.Parameter(torch.FloatTensor(hidden).uniform_(-0.1, 0.1))

    def forward(self, x, target=None):
        batch, length, _ = x.shape
        encoded, (h, c) = self.encoder(x)
        h, c, token = h[-1], c[-1], self.first.expand(batch, -1)
        free, scores, chosen = torch.ones(batch, length, dtype=torch.bool), [], []
        for t in range(length):
            h, c = self.decoder(token, (h, c))
            u = self.v(torch.tanh(self.w1(encoded) + self.w2(h).unsqueeze(1))).squeeze(-1)
            scores.append(F.log_softmax(torch.where(free, u, torch.tensor(-1e9)), dim=-1))
            index = scores[-1].argmax(1) if target is None else target[:, t]
            chosen.append(index)
            free = free.scatter(1, index.unsqueeze(1), False)
            token = encoded[torch.arange(batch), index]
        return torch.stack(scores, 1), torch.stack(chosen, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()

    torch.manual_seed(1)
    words = {}
    for sentence, _ in SENTENCES:
        for word in sentence.split():
            words.setdefault(word, len(words))
    tags = {"B": 0, "I": 1, "O": 2}
    data = [
        (torch.tensor([words[w] for w in sentence.split()]), torch.tensor([tags[t] for t in answer.split()]))
        for sentence, answer in SENTENCES
    ]
    model = Tagger(len(words), len(tags))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)
    step = 0
    for _ in range(args.epochs):
        for sentence, answer in data:
            model.zero_grad()
            loss = model.loss(sentence, answer)
            loss.backward()
            optimizer.step()
            print(f"step {step} loss {loss.item():.6f}")
            step += 1
    model.eval()
    for sentence, _ in data:
        score, path = model.crf.viterbi(model.emissions(sentence))
        print(f"score {score:.5f} tags {path}")

    pointer = PointerNet()
    optimizer = torch.optim.Adam(pointer.parameters(), lr=1e-2)
    for step in range(len(data) * args.epochs, len(data) * args.epochs + 12):
        x = torch.rand(16, 5, 1)
        order = x.squeeze(-1).argsort(dim=1)
        scores, _ = pointer(x, order)
        loss = F.nll_loss(scores.reshape(-1, 5), order.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step} pointer loss {loss.item():.6f}")


if __name__ == "__main__":
    main()
