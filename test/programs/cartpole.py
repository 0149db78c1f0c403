"""The cart and the pole of Barto, Sutton & Anderson (1983), as a class with gym's two methods. No program: others import it."""

import math

import numpy as np


class CartPole:
    """reset() → state;  step(action) → state, reward, done. The state: position, speed, angle, its speed."""

    gravity, cart, pole, half_length, force, dt = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02

    def __init__(self, seed=0, limit=60):
        self.rng = np.random.default_rng(seed)
        self.limit = limit

    def reset(self):
        self.state = self.rng.uniform(-0.05, 0.05, size=4)
        self.steps = 0
        return self.state.astype(np.float32)

    def step(self, action):
        x, v, angle, spin = self.state
        force = self.force if action == 1 else -self.force
        cos, sin = math.cos(angle), math.sin(angle)
        total, moment = self.cart + self.pole, self.pole * self.half_length
        push = (force + moment * spin**2 * sin) / total
        twist = (self.gravity * sin - cos * push) / (self.half_length * (4 / 3 - self.pole * cos**2 / total))
        pull = push - moment * twist * cos / total
        self.state = np.array([x + self.dt * v, v + self.dt * pull, angle + self.dt * spin, spin + self.dt * twist])
        self.steps += 1
        done = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * math.pi / 180 or self.steps >= self.limit
        return self.state.astype(np.float32), 1.0, bool(done)
