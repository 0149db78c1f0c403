"""nn.Transformer learns to reverse a sequence: padding masks, a causal mask, tied embeddings, cross entropy that smooths."""

import argparse
import math

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

PAD, BOS, EOS = 0, 1, 2


class PositionalEncoding(nn.Module):
    def __init__(self, width: int, dropout: float, longest: int = 40):
        super().__init__()
        den = torch.exp(-torch.arange(0, width, 2) * math.log(10000) / width)
        pos = torch.arange(0, longest).reshape(longest, 1)
        table = torch.zeros((longest, width))
        table[:, 0::2], table[:, 1::2] = torch.sin(pos * den), torch.cos(pos * den)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("table", table.unsqueeze(-2), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x + self.table[: x.size(0), :])


class Reverser(nn.Module):
    def __init__(self, vocabulary, width=32, norm_first=False):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.position = PositionalEncoding(width, 0.1)
        self.transformer = nn.Transformer(
            d_model=width, nhead=4, num_encoder_layers=2, num_decoder_layers=2, dim_feedforward=64, dropout=0.1,
            activation="gelu", norm_first=norm_first,
        )  # fmt: skip
        self.generator = nn.Linear(width, vocabulary, bias=False)
        self.generator.weight = self.embed.weight
        self.scale = math.sqrt(width)

    def tokens(self, x):
        return self.position(self.embed(x.long()) * self.scale)

    def forward(self, src, tgt):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(0))
        padded, tgt_padded = (src == PAD).T, (tgt == PAD).T
        out = self.transformer(
            self.tokens(src), self.tokens(tgt), tgt_mask=causal, src_key_padding_mask=padded,
            tgt_key_padding_mask=torch.zeros_like(tgt_padded, dtype=torch.float).masked_fill(tgt_padded, float("-inf")),
            memory_key_padding_mask=padded,
        )  # fmt: skip
        return self.generator(out)


def collate(words):
    src = pad_sequence(words, padding_value=PAD)
    ends = torch.tensor([BOS]), torch.tensor([EOS])
    tgt = pad_sequence([torch.cat([ends[0], w.flip(0), ends[1]]) for w in words], padding_value=PAD)
    return src, tgt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--norm-first", action="store_true")
    args = parser.parse_args()

    torch.manual_seed(0)
    data = [torch.randint(3, 14, (int(n),)) for n in torch.randint(3, 9, (400,))]
    loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True, collate_fn=collate, drop_last=True)
    model = Reverser(14, norm_first=args.norm_first)
    for p in model.parameters():
        if p.dim() > 1:
            nn.init.xavier_uniform_(p)
    loss_fn = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.05)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98), eps=1e-9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=args.steps)

    step = 0
    while step < args.steps:
        for src, tgt in loader:
            logits = model(src, tgt[:-1, :])
            loss = loss_fn(logits.reshape(-1, logits.shape[-1]), tgt[1:, :].reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            print(f"step {step} loss {loss.item():.6f} norm {norm:.5f}")
            step += 1
            if step == args.steps:
                break

    model.eval()  # without gradients the encoder takes its fast path
    with torch.no_grad():
        src, tgt = collate(data[:3])
        score = model(src, tgt[:-1]).log_softmax(-1).gather(-1, tgt[1:].unsqueeze(-1)).squeeze(-1)
        print(f"held score {(score * (tgt[1:] != PAD)).sum().item():.5f}")


if __name__ == "__main__":
    main()
