"""Actor and critic on the cart-pole, one network with two heads: policy gradient against a learned baseline."""

import argparse
from collections import namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from cartpole import CartPole
from torch.distributions import Categorical

SavedAction = namedtuple("SavedAction", ["log_prob", "value", "entropy"])


class ActorCritic(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, hidden), nn.Tanh())
        self.action_head = nn.Linear(hidden, 2)
        self.value_head = nn.Linear(hidden, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.orthogonal_(layer.weight, gain=nn.init.calculate_gain("tanh"))
                nn.init.zeros_(layer.bias)

    def forward(self, x):
        x = self.body(x)
        return self.action_head(x), self.value_head(x)


def discounted(rewards, gamma):
    returns = torch.zeros(len(rewards))
    future = 0.0
    for i in reversed(range(len(rewards))):
        returns[i] = future = rewards[i] + gamma * future
    return returns


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--gamma", type=float, default=0.97)
    args = parser.parse_args()

    torch.manual_seed(1)
    env, model = CartPole(seed=1), ActorCritic()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=7e-3, alpha=0.99, eps=1e-5)
    eps = torch.finfo(torch.float32).eps
    for episode in range(args.episodes):
        state, done = env.reset(), False
        saved, rewards = [], []
        while not done:
            logits, value = model(torch.as_tensor(state))
            policy = Categorical(logits=logits)
            action = policy.sample()
            saved.append(SavedAction(policy.log_prob(action), value.squeeze(-1), policy.entropy()))
            state, reward, done = env.step(int(action))
            rewards.append(reward)

        returns = discounted(rewards, args.gamma)
        returns = (returns - returns.mean()) / (returns.std(unbiased=False) + eps)
        policy_losses, value_losses = [], []
        for (log_prob, value, _), R in zip(saved, returns):
            advantage = R - value.item()
            policy_losses.append(-log_prob * advantage)
            value_losses.append(F.smooth_l1_loss(value, R.clone().detach()))
        entropy = torch.stack([s.entropy for s in saved]).mean()
        loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum() - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), 5.0)
        optimizer.step()
        print(f"step {episode} loss {loss.item():.7f} entropy {entropy:.5f} length {len(rewards)}")


if __name__ == "__main__":
    main()
