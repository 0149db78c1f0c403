"""An LSTM language model, trained by truncated backpropagation through time. Zaremba et al. 2014; Merity et al. 2017."""

import argparse
import math
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F


class Dictionary(object):
    def __init__(self):
        self.word2idx = {}
        self.idx2word = []

    def add_word(self, word):
        if word not in self.word2idx:
            self.idx2word.append(word)
            self.word2idx[word] = len(self.idx2word) - 1
        return self.word2idx[word]

    def __len__(self):
        return len(self.idx2word)


class Corpus(object):
    """A made-up text in three files, and its words as numbers."""

    def __init__(self, path):
        os.makedirs(path, exist_ok=True)
        self.dictionary = Dictionary()
        for i, (split, sentences) in enumerate([("train", 500), ("valid", 60), ("test", 60)]):
            name = os.path.join(path, split + ".txt")
            self.write(name, random.Random(i), sentences)
            setattr(self, split, self.tokenize(name))

    def write(self, path, rng, sentences):
        nouns, verbs, places = "cat dog king nobody".split(), "sees likes hears".split(), "home here away".split()
        with open(path, "w", encoding="utf8") as f:
            for _ in range(sentences):
                words = ["the", rng.choice(nouns), rng.choice(verbs), "the", rng.choice(nouns)]
                f.write(" ".join(words + rng.sample(places, rng.randrange(2))) + "\n")

    def tokenize(self, path):
        idss = []
        with open(path, "r", encoding="utf8") as f:
            for line in f:
                ids = [self.dictionary.add_word(word) for word in line.split() + ["<eos>"]]
                idss.append(torch.tensor(ids).type(torch.int64))
        return torch.cat(idss)


class RNNModel(nn.Module):
    """An encoder, a recurrent module and a decoder."""

    def __init__(self, rnn_type, ntoken, ninp, nhid, nlayers, dropout=0.5, tie_weights=False):
        super(RNNModel, self).__init__()
        self.ntoken = ntoken
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        if rnn_type in ["LSTM", "GRU"]:
            self.rnn = getattr(nn, rnn_type)(ninp, nhid, nlayers, dropout=dropout)
        else:
            self.rnn = nn.RNN(ninp, nhid, nlayers, nonlinearity={"RNN_TANH": "tanh", "RNN_RELU": "relu"}[rnn_type], dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        if tie_weights:
            if nhid != ninp:
                raise ValueError("When using the tied flag, nhid must be equal to emsize")
            self.decoder.weight = self.encoder.weight
        initrange = 0.1
        nn.init.uniform_(self.encoder.weight, -initrange, initrange)
        nn.init.zeros_(self.decoder.bias)
        nn.init.uniform_(self.decoder.weight, -initrange, initrange)
        self.rnn_type, self.nhid, self.nlayers = rnn_type, nhid, nlayers

    def forward(self, input, hidden):
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        decoded = self.decoder(self.drop(output)).view(-1, self.ntoken)
        return F.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        if self.rnn_type == "LSTM":
            return (weight.new_zeros(self.nlayers, bsz, self.nhid), weight.new_zeros(self.nlayers, bsz, self.nhid))
        return weight.new_zeros(self.nlayers, bsz, self.nhid)


def batchify(data, bsz, device):
    """Columns that are read one after the other: (length, bsz)."""
    nbatch = data.size(0) // bsz
    data = data.narrow(0, 0, nbatch * bsz)
    return data.view(bsz, -1).t().contiguous().to(device)


def repackage_hidden(h):
    """The same state without its history."""
    return h.detach() if isinstance(h, torch.Tensor) else tuple(repackage_hidden(v) for v in h)


def get_batch(source, i, bptt):
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i : i + seq_len], source[i + 1 : i + 1 + seq_len].view(-1)


def evaluate(model, source, criterion, bptt):
    model.eval()
    total_loss = 0.0
    hidden = model.init_hidden(source.size(1))
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            data, targets = get_batch(source, i, bptt)
            output, hidden = model(data, hidden)
            hidden = repackage_hidden(hidden)
            total_loss += len(data) * criterion(output, targets).item()
    return total_loss / (len(source) - 1)


def main():
    parser = argparse.ArgumentParser(description="PyTorch RNN language model")
    parser.add_argument("--data", type=str, default="corpus", help="location of the data corpus")
    parser.add_argument("--model", type=str, default="LSTM", help="RNN_TANH, RNN_RELU, LSTM or GRU")
    parser.add_argument("--emsize", type=int, default=24)
    parser.add_argument("--nhid", type=int, default=24)
    parser.add_argument("--nlayers", type=int, default=2)
    parser.add_argument("--lr", type=float, default=10)
    parser.add_argument("--clip", type=float, default=0.25, help="gradient clipping")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--bptt", type=int, default=16, help="sequence length")
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--tied", action="store_true", help="tie the word embedding and softmax weights")
    parser.add_argument("--seed", type=int, default=1111)
    parser.add_argument("--save", type=str, default="model.pt")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    device = torch.device("cpu")

    corpus = Corpus(args.data)
    ntokens = len(corpus.dictionary)
    train_data = batchify(corpus.train, args.batch_size, device)
    val_data, test_data = batchify(corpus.valid, 4, device), batchify(corpus.test, 4, device)
    model = RNNModel(args.model, ntokens, args.emsize, args.nhid, args.nlayers, args.dropout, args.tied).to(device)
    criterion = nn.NLLLoss()

    lr, best_val_loss = args.lr, None
    for epoch in range(1, args.epochs + 1):
        model.train()
        hidden = model.init_hidden(args.batch_size)
        for batch, i in enumerate(range(0, train_data.size(0) - 1, args.bptt)):
            data, targets = get_batch(train_data, i, args.bptt)
            model.zero_grad()
            hidden = repackage_hidden(hidden)
            output, hidden = model(data, hidden)
            loss = criterion(output, targets)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
            for p in model.parameters():
                p.data.add_(p.grad, alpha=-lr)
            print(f"| epoch {epoch} | batch {batch} | lr {lr:.3f} | loss {loss.item():.6f} | norm {norm:.5f}")
        val_loss = evaluate(model, val_data, criterion, args.bptt)
        print(f"| end of epoch {epoch} | valid loss {val_loss:.5f} | valid ppl {math.exp(val_loss):.4f}")
        if not best_val_loss or val_loss < best_val_loss:
            with open(args.save, "wb") as f:
                torch.save(model, f)
            best_val_loss = val_loss
        else:
            lr /= 4.0

    with open(args.save, "rb") as f:
        model = torch.load(f, weights_only=False)
        model.rnn.flatten_parameters()
    test_loss = evaluate(model, test_data, criterion, args.bptt)
    print(f"| End of training | test loss {test_loss:.5f} | test ppl {math.exp(test_loss):.4f}")
    with torch.no_grad():
        hidden, input, words = model.init_hidden(1), torch.randint(ntokens, (1, 1), dtype=torch.long), []
        for _ in range(40):
            output, hidden = model(input, hidden)
            word_idx = torch.multinomial(output.squeeze().div(0.9).exp().cpu(), 1)[0]
            input.fill_(word_idx)
            words.append(corpus.dictionary.idx2word[word_idx])
    print(" ".join(words))


if __name__ == "__main__":
    main()
