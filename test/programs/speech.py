"""Speech by CTC (Graves et al. 2006) on made-up sounds: convolution, two bidirectional LSTM layers, packed; greedy decoding."""

import argparse

import torch
import torch.nn as nn

BLANK = 0


class SpeechRecognizer(nn.Module):
    def __init__(self, bands=13, hidden=24, letters=6):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(bands, hidden, 5, stride=2, padding=2, bias=False), nn.BatchNorm1d(hidden), nn.Hardtanh(0, 20)
        )
        self.rnn = nn.LSTM(hidden, hidden, num_layers=2, bidirectional=True, batch_first=True, dropout=0.1)
        self.norm, self.fc = nn.LayerNorm(2 * hidden), nn.Linear(2 * hidden, letters)

    def forward(self, x, lengths):
        x = self.conv(x).transpose(1, 2)
        lengths = torch.div(lengths + 1, 2, rounding_mode="floor")
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.fc(self.norm(x)).log_softmax(-1).transpose(0, 1), lengths


def sounds(batch=8):
    """A letter sounds for eight frames in a band of its own; noise everywhere."""
    target_lengths = torch.randint(2, 6, (batch,))
    targets = torch.randint(1, 6, (int(target_lengths.sum()),))
    lengths = target_lengths * 8
    x = torch.zeros(batch, 13, int(lengths.max()))
    for row, letters in enumerate(targets.split(target_lengths.tolist())):
        for i, letter in enumerate(letters):
            x[row, letter, i * 8 : (i + 1) * 8] = 1
    return x + 0.1 * torch.randn_like(x), lengths, targets, target_lengths


def augment(x, width=3):
    """Silence a few neighbouring bands."""
    first = int(torch.randint(0, x.shape[1] - width, (1,)))
    masked = x.clone()
    masked[:, first : first + width] = 0
    return masked


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=25)
    args = parser.parse_args()

    torch.manual_seed(2)
    model, ctc = SpeechRecognizer(), nn.CTCLoss(blank=BLANK, zero_infinity=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=8, T_mult=2)
    for step in range(args.steps):
        x, lengths, targets, target_lengths = sounds()
        scores, lengths = model(augment(x), lengths)
        loss = ctc(scores, targets, lengths, target_lengths)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        print(f"step {step} loss {loss.item():.6f} lr {scheduler.get_last_lr()[0]:.2e}")

    model.eval()
    with torch.no_grad():
        scores, lengths = model(*sounds(3)[:2])
    for row, n in zip(scores.argmax(-1).T, lengths):
        letters = torch.unique_consecutive(row[:n])
        print("heard", letters[letters != BLANK].tolist())


if __name__ == "__main__":
    main()
