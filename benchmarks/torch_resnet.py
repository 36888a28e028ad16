"""Residual networks with torchvision's interface, for `benchmarks.zoo_torch`.

OpenGait's GaitBase derives its backbone from torchvision's `ResNet`, whose
released builds load only next to the one build of torch that each was compiled
with. These compute the same; https://arxiv.org/abs/1512.03385.
"""

from typing import Any


def contents(torch: Any) -> dict[str, Any]:
  """Returns what OpenGait imports of `torchvision.models.resnet`."""
  nn: Any = torch.nn

  class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut, [n,c,h,w]."""

    expansion = 1

    def __init__(self, entering: int, planes: int, stride: int = 1):
      super().__init__()
      shape = dict(kernel_size=3, padding=1, bias=False)
      self.conv1 = nn.Conv2d(entering, planes, stride=stride, **shape)
      self.bn1 = nn.BatchNorm2d(planes)
      self.relu = nn.ReLU(inplace=True)
      self.conv2 = nn.Conv2d(planes, planes, **shape)
      self.bn2 = nn.BatchNorm2d(planes)
      self.downsample = None
      if stride != 1 or entering != planes:
        self.downsample = nn.Sequential(
          nn.Conv2d(entering, planes, 1, stride=stride, bias=False),
          nn.BatchNorm2d(planes),
        )

    def forward(self, x: Any) -> Any:
      y = self.relu(self.bn1(self.conv1(x)))
      y = self.bn2(self.conv2(y))
      shortcut = x if self.downsample is None else self.downsample(x)
      return self.relu(y + shortcut)

  class ResNet(nn.Module):
    """What a derived class builds its stages with."""

    def __init__(self, block: type, layers: list[int]):
      super().__init__()
      del block, layers  # The derived class makes its own stages.
      self.inplanes = 64
      self.relu = nn.ReLU(inplace=True)
      self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    def _make_layer(
      self,
      block: Any,
      planes: int,
      blocks: int,
      stride: int = 1,
      dilate: bool = False,
    ) -> Any:
      if dilate:
        raise ValueError('dilated stages are not needed here')
      stage = [block(self.inplanes, planes, stride)]
      self.inplanes = planes * block.expansion
      stage += [block(self.inplanes, planes) for _ in range(blocks - 1)]
      return nn.Sequential(*stage)

  return {'BasicBlock': BasicBlock, 'Bottleneck': None, 'ResNet': ResNet}
