"""A PyTorch module judged by handgrad's certificate: are its gradients right to the last digits that float32 has?"""

import torch

import handgrad

torch.manual_seed(0)
module = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.SiLU(), torch.nn.Linear(16, 1))
x, y = torch.randn(64, 6), torch.randn(64, 1)
print(handgrad.check_torch(module, x, y, loss="squared_error"))
