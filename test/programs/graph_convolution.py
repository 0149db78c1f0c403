"""Graph networks without a graph library: messages gathered by index and summed by index_add or scatter_reduce.

GCN (Kipf & Welling 2017, arXiv:1609.02907), a max-pooling variant (GraphSAGE), and GAT (Veličković et al. 2018,
arXiv:1710.10903) with a softmax over each node's neighbours, on two communities of which few labels are known.
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


class GCNConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.lin = nn.Linear(n_in, n_out, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x, edge_index):
        n = x.size(0)
        loops = torch.arange(n).repeat(2, 1)
        row, col = torch.cat([edge_index, loops], dim=1)
        deg = torch.zeros(n).scatter_add_(0, col, torch.ones(col.size(0)))
        norm = deg.pow(-0.5)
        norm[norm == float("inf")] = 0
        messages = self.lin(x)[row] * (norm[row] * norm[col]).view(-1, 1)
        return torch.zeros(n, messages.size(1)).index_add_(0, col, messages) + self.bias


class SAGEConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.pool, self.own, self.neighbours = nn.Linear(n_in, n_in), nn.Linear(n_in, n_out), nn.Linear(n_in, n_out, bias=False)

    def forward(self, x, edge_index):
        source, target = edge_index
        messages = self.pool(x).sigmoid().index_select(0, source)
        index = target.unsqueeze(-1).expand_as(messages)
        pooled = torch.zeros_like(x).scatter_reduce(0, index, messages, reduce="amax", include_self=False)
        mean = torch.zeros_like(x).scatter_reduce_(0, index, messages, "mean", include_self=False)
        return self.own(x) + self.neighbours(pooled + mean)


class GATConv(nn.Module):
    def __init__(self, n_in, n_out, heads=2):
        super().__init__()
        self.heads, self.n_out = heads, n_out
        self.lin = nn.Linear(n_in, heads * n_out, bias=False)
        self.att_src = nn.Parameter(torch.empty(1, heads, n_out))
        self.att_dst = nn.Parameter(torch.empty(1, heads, n_out))
        nn.init.xavier_uniform_(self.att_src)
        nn.init.xavier_uniform_(self.att_dst)

    def forward(self, x, edge_index):
        n = x.shape[0]
        src, dst = edge_index
        h = self.lin(x).view(n, self.heads, self.n_out)
        alpha = (h * self.att_src).sum(-1)[src] + (h * self.att_dst).sum(-1)[dst]
        alpha = F.leaky_relu(alpha, 0.2)
        index = dst[:, None].expand_as(alpha)
        top = torch.full((n, self.heads), float("-inf")).scatter_reduce(0, index, alpha.detach(), reduce="amax")
        alpha = torch.exp(alpha - top[dst])
        alpha = alpha / (torch.zeros(n, self.heads).scatter_add(0, index, alpha)[dst] + 1e-16)
        out = torch.zeros_like(h).index_add(0, dst, h[src] * alpha.unsqueeze(-1))
        return out.flatten(1)


class Network(nn.Module):
    def __init__(self, conv, n_in, hidden, classes):
        super().__init__()
        self.conv1 = conv(n_in, hidden)
        self.conv2 = conv(hidden * getattr(self.conv1, "heads", 1), hidden)
        self.out = nn.Linear(hidden * getattr(self.conv2, "heads", 1), classes)

    def forward(self, x, edge_index):
        x = F.elu(self.conv1(x, edge_index))
        x = F.dropout(x, p=0.2, training=self.training)
        return self.out(F.elu(self.conv2(x, edge_index)))


def two_communities(n=60, inside=0.2, across=0.02):
    label = (torch.arange(n) >= n // 2).long()
    same = label[:, None] == label[None, :]
    edges = torch.bernoulli(torch.where(same, inside, across)).triu(diagonal=1)
    row, col = edges.nonzero(as_tuple=True)
    edge_index = torch.stack([torch.cat([row, col]), torch.cat([col, row])])
    x = torch.randn(n, 8) + label[:, None].float() * 0.3
    return x, edge_index, label


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=25)
    args = parser.parse_args()

    torch.manual_seed(0)
    x, edge_index, y = two_communities()
    degree = torch.bincount(edge_index[0], minlength=len(x))
    print("nodes", len(x), "edges", edge_index.shape[1], "largest degree", degree.max().item())
    train_mask = torch.zeros(len(x), dtype=torch.bool)
    train_mask[torch.randperm(len(x))[:20]] = True

    step = 0
    for conv in (GCNConv, SAGEConv, GATConv):
        model = Network(conv, 8, 8, 2)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
        for _ in range(args.epochs):
            model.train()
            optimizer.zero_grad()
            loss = F.nll_loss(F.log_softmax(model(x, edge_index), dim=1)[train_mask], y[train_mask])
            loss.backward()
            optimizer.step()
            print(f"step {step} {conv.__name__} loss {loss.item():.6f}")
            step += 1
        model.eval()
        with torch.no_grad():
            pred = model(x, edge_index).argmax(dim=-1)
        print(f"{conv.__name__} accuracy {int((pred == y)[~train_mask].sum()) / int((~train_mask).sum()):.4f}")


if __name__ == "__main__":
    main()
