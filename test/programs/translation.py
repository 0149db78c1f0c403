"""Sequence to sequence with additive attention (Bahdanau et al. 2014, arXiv:1409.0473) and teacher forcing: reverse the words."""

import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

PAD, BOS, EOS = 0, 1, 2


class Encoder(nn.Module):
    def __init__(self, vocabulary, embedding, hidden, dropout=0.3):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=PAD)
        self.rnn = nn.GRU(embedding, hidden, bidirectional=True)
        self.fc = nn.Linear(hidden * 2, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, src, lengths):
        embedded = self.dropout(self.embedding(src))
        packed = pack_padded_sequence(embedded, lengths.to("cpu"), enforce_sorted=False)
        outputs, hidden = self.rnn(packed)
        outputs, _ = pad_packed_sequence(outputs)
        return outputs, torch.tanh(self.fc(torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1)))


class Attention(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.attn = nn.Linear(hidden * 3, hidden)
        self.v = nn.Linear(hidden, 1, bias=False)

    def forward(self, hidden, outputs, mask):
        hidden = hidden.unsqueeze(1).repeat(1, outputs.shape[0], 1)
        energy = torch.tanh(self.attn(torch.cat((hidden, outputs.permute(1, 0, 2)), dim=2)))
        return F.softmax(self.v(energy).squeeze(2).masked_fill(mask == 0, -1e10), dim=1)


class Decoder(nn.Module):
    def __init__(self, vocabulary, embedding, hidden, dropout=0.3):
        super().__init__()
        self.attention = Attention(hidden)
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.rnn = nn.GRU(hidden * 2 + embedding, hidden)
        self.out = nn.Linear(hidden * 3 + embedding, vocabulary)
        self.dropout = nn.Dropout(dropout)

    def forward(self, token, hidden, outputs, mask):
        embedded = self.dropout(self.embedding(token.unsqueeze(0)))
        weights = self.attention(hidden, outputs, mask).unsqueeze(1)
        context = torch.bmm(weights, outputs.permute(1, 0, 2)).permute(1, 0, 2)
        output, hidden = self.rnn(torch.cat((embedded, context), dim=2), hidden.unsqueeze(0))
        scores = self.out(torch.cat((output.squeeze(0), context.squeeze(0), embedded.squeeze(0)), dim=1))
        return scores, hidden.squeeze(0), weights.squeeze(1)


class Seq2Seq(nn.Module):
    def __init__(self, vocabulary, embedding, hidden):
        super().__init__()
        self.encoder = Encoder(vocabulary, embedding, hidden)
        self.decoder = Decoder(vocabulary, embedding, hidden)
        self.vocabulary = vocabulary

    def forward(self, src, lengths, trg, teacher_forcing=0.5):
        scores = torch.zeros(*trg.shape, self.vocabulary)
        outputs, hidden = self.encoder(src, lengths)
        token, mask = trg[0], (src != PAD).permute(1, 0)
        for t in range(1, trg.shape[0]):
            scores[t], hidden, _ = self.decoder(token, hidden, outputs, mask)
            token = trg[t] if random.random() < teacher_forcing else scores[t].argmax(1)
        return scores


def batch(size=16):
    words = [torch.randint(3, 12, (random.randint(3, 7),)) for _ in range(size)]
    targets = [torch.cat([torch.tensor([BOS]), w.flip(0), torch.tensor([EOS])]) for w in words]
    return pad_sequence(words), torch.tensor([len(w) for w in words]), pad_sequence(targets)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=25)
    args = parser.parse_args()

    random.seed(1)
    torch.manual_seed(1)
    model = Seq2Seq(vocabulary=12, embedding=16, hidden=24)
    for name, p in model.named_parameters():
        if "weight" in name:
            nn.init.normal_(p.data, mean=0, std=0.1)
        else:
            nn.init.constant_(p.data, 0)
    print(f"{sum(p.numel() for p in model.parameters() if p.requires_grad):,} parameters")
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    for step in range(args.steps):
        src, lengths, trg = batch()
        optimizer.zero_grad()
        scores = model(src, lengths, trg)
        loss = criterion(scores[1:].view(-1, scores.shape[-1]), trg[1:].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        print(f"step {step} loss {loss.item():.6f}")

    model.eval()
    with torch.no_grad():
        src, lengths, trg = batch(2)
        print("translated", model(src, lengths, trg, 0)[1:].argmax(-1).T.tolist())


if __name__ == "__main__":
    main()
