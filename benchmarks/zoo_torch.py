"""A network of OpenGait in PyTorch, for `benchmarks.zoo`; prints JSON.

  git clone https://github.com/ShiqiYu/OpenGait
  pip install torch einops PyYAML
  python -m benchmarks.zoo_torch --code=OpenGait --model=gaitset

Its network, its losses and its optimizer are run as its own config says, in
float32 on the CPU, on noise; its input is not. Needs no JAX.
"""

import argparse
import importlib
import inspect
import json
import pathlib
import resource
import statistics
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import original, torch_resnet

# Row of `benchmarks.zoo` -> module, class, config, and the shape of a frame.
FORMS: dict[str, tuple[str, str, str, tuple[int, ...]]] = {
  'gaitset': ('gaitset', 'GaitSet', 'gaitset/gaitset', (64, 44)),
  'gaitpart': ('gaitpart', 'GaitPart', 'gaitpart/gaitpart', (64, 44)),
  'gaitgl': ('gaitgl', 'GaitGL', 'gaitgl/gaitgl', (64, 44)),
  'gaitbase': ('baseline', 'Baseline', 'gaitbase/gaitbase_da_casiab', (64, 44)),
  'deepgaitv2': (
    'deepgaitv2',
    'DeepGaitV2',
    'deepgaitv2/DeepGaitV2_casiab',
    (64, 44),
  ),
  'skeletongaitpp': (
    'skeletongait++',
    'SkeletonGaitPP',
    'skeletongait/skeletongait++_CCPG',
    (3, 64, 44),
  ),
  'gaittr': ('gaittr', 'GaitTR', 'gaittr/gaittr_OUMVLP17', (10, 17, 1)),
}
# OpenGait has no config of it for CASIA-B; its networks are of the same shape.
_FIELDS: dict[str, dict[str, Any]] = {
  'gaittr': dict(in_channels=[10, 64, 64, 128, 256], num_class=128)
}
# In evaluation it refuses a batch of several.
_ONE_AT_A_TIME = ('gaitgl',)
_LOSSES = {'TripletLoss': 'triplet', 'CrossEntropyLoss': 'ce'}
# Whose own __init__ imports all of a folder, and with it what few have.
_FOLDERS = (
  'modeling',
  'modeling.models',
  'modeling.losses',
  'modeling.backbones',
)
# Imported there to draw and to log, which does not happen here.
_UNUSED: dict[str, dict[str, Any]] = {
  'matplotlib': {},
  'matplotlib.pyplot': {},
  'torch.utils.tensorboard': {'SummaryWriter': None},
  'torchvision': {},
  'torchvision.utils': {},
  'torchvision.ops': {'RoIAlign': None},
  'torchvision.models': {},
}


def accepted(function: Any, given: dict[str, Any]) -> dict[str, Any]:
  """Returns the arguments that a function takes."""
  known = inspect.signature(function).parameters
  return {name: value for name, value in given.items() if name in known}


def prepare(torch: Any, code: pathlib.Path) -> None:
  """Makes the networks of a checkout importable on a CPU."""
  root = code / 'opengait'
  if not (root / 'modeling').is_dir():
    sys.exit(f'{code} has no opengait/modeling: give a checkout of OpenGait')
  sys.path.insert(0, str(root))
  # The modules say .cuda() wherever they make a tensor.
  torch.Tensor.cuda = lambda self, *args, **options: self
  torch.distributed.init_process_group(
    'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1
  )
  for name in _FOLDERS:
    folder: Any = types.ModuleType(name)
    folder.__path__ = [str(root / name.replace('.', '/'))]
    sys.modules[name] = folder
  base = {'BaseModel': base_model(torch)}
  for name, contents in {
    **_UNUSED,
    'torchvision.models.resnet': torch_resnet.contents(torch),
    'modeling.base_model': base,
  }.items():
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    sys.modules[name] = module


def base_model(torch: Any) -> type:
  """Returns what takes the place of OpenGait's class of that name."""

  class Base(torch.nn.Module):
    def __init__(self, settings: dict[str, Any]):
      super().__init__()
      self.cfgs = settings
      self.build_network(settings['model_cfg'])

    def build_network(self, fields: dict[str, Any]) -> None:
      """Builds nothing: every network has its own."""

    def get_backbone(self, fields: dict[str, Any]) -> Any:
      """Returns the backbone of that type."""
      name = fields['type']
      module = 'resnet' if name.startswith('Res') else name.lower()
      found = importlib.import_module(f'modeling.backbones.{module}')
      kind = getattr(found, name)
      return kind(**accepted(kind.__init__, fields))

  return Base


class Original:
  """A network with its losses and its optimizer.

  Args:
    code: a checkout of OpenGait.
    row: of FORMS.
  """

  def __init__(self, code: pathlib.Path, row: str):
    # They are no requirements.
    self.torch: Any = importlib.import_module('torch')
    yaml: Any = importlib.import_module('yaml')
    prepare(self.torch, code)
    module, name, path, self.frame = FORMS[row]
    self.single = row in _ONE_AT_A_TIME
    text = (code / 'configs' / f'{path}.yaml').read_text()
    settings = yaml.safe_load(text)
    settings['model_cfg'].update(_FIELDS.get(row, {}))
    found = importlib.import_module(f'modeling.models.{module}')
    self.network = getattr(found, name)(settings)
    chosen = settings['loss_cfg']
    self.losses = [
      (each['log_prefix'], self.loss(each))
      for each in (chosen if isinstance(chosen, list) else [chosen])
    ]
    fields = settings['optimizer_cfg']
    kind = getattr(self.torch.optim, fields['solver'])
    self.optimizer = kind(
      self.network.parameters(), **accepted(kind.__init__, fields)
    )

  def loss(self, fields: dict[str, Any]) -> Any:
    """Returns a loss of its config."""
    name = fields['type']
    module = importlib.import_module(f'modeling.losses.{_LOSSES[name]}')
    kind = getattr(module, name)
    return kind(**accepted(kind.__init__, fields))

  def inputs(self, rows: int, frames: int) -> Any:
    """Returns noise, and two sequences of each subject."""
    rng = np.random.default_rng(0)
    drawn = rng.uniform(size=(rows, frames, *self.frame)).astype('f4')
    subjects = self.torch.arange(rows) // 2
    return [self.torch.from_numpy(drawn)], subjects, None, None, None

  def train_step(self, rows: int, frames: int) -> Callable[[], None]:
    """Returns what makes one update."""
    inputs = self.inputs(rows, frames)

    def step() -> None:
      self.network.train()
      self.optimizer.zero_grad()
      given = self.network(inputs)['training_feat']
      sum(
        loss(**given[name])[0].mean() for name, loss in self.losses
      ).backward()
      self.optimizer.step()

    return step

  def embed(self, rows: int, frames: int) -> Callable[[], None]:
    """Returns what embeds the same sequences, in one batch if it can."""
    times, size = (rows, 1) if self.single else (1, rows)
    inputs = self.inputs(size, frames)

    def embed() -> None:
      self.network.eval()
      with self.torch.no_grad():
        for _ in range(times):
          self.network(inputs)

    return embed


def main() -> None:
  """Prints the figures by the names that ours has."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--code', type=pathlib.Path, required=True)
  parser.add_argument('--model', choices=FORMS, required=True)
  for name, default in (('rows', 4), ('frames', 30), ('repeats', 5)):
    parser.add_argument(f'--{name}', type=int, default=default)
  options = parser.parse_args()
  size, found = (options.rows, options.frames), {}
  network = Original(options.code, options.model)
  found['parameters'] = sum(x.numel() for x in network.network.parameters())
  times = original.timed(network.train_step(*size), options.repeats)
  found['train'] = options.rows / statistics.median(times)
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  found['GiB'] = peak / 2**20
  times = original.timed(network.embed(*size), options.repeats)
  found['embed'] = options.rows / statistics.median(times)
  print(json.dumps(found))


if __name__ == '__main__':
  main()
