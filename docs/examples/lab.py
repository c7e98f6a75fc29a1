"""The two variants of the assignment as a student would write them: one fully connected layer, and a deeper network.

    tui-vae --model baseline=docs/examples/lab.py \
            --model deep=docs/examples/lab.py:DeepEncoder,DeepDecoder
"""

import torch
from torch import nn
from torch.nn import functional as F


class Encoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.mu = nn.Linear(784, zdim)
        self.log_sigma = nn.Linear(784, zdim)

    def forward(self, x):
        return self.mu(x), torch.exp(self.log_sigma(x))


class Decoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.mean = nn.Linear(zdim, 784)

    def forward(self, z):
        return self.mean(z)


class DeepEncoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.first = nn.Linear(784, 512)
        self.second = nn.Linear(512, 256)
        self.mu = nn.Linear(256, zdim)
        self.log_sigma = nn.Linear(256, zdim)

    def forward(self, x):
        h = F.relu(self.first(x))
        h = F.relu(self.second(h))
        return self.mu(h), torch.exp(self.log_sigma(h))


class DeepDecoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.first = nn.Linear(zdim, 256)
        self.second = nn.Linear(256, 512)
        self.mean = nn.Linear(512, 784)

    def forward(self, z):
        h = F.relu(self.first(z))
        h = F.relu(self.second(h))
        return self.mean(h)
