"""The released GaitGS in PyTorch and ours, in turns on the present device.

  git clone https://github.com/Haijun-Xiong/GaitGS
  pip install torch==2.13.0
  python -m benchmarks.original --code=GaitGS --work=train_step --rows=4

Flags that are not named here go to `benchmarks.train_step` or `.embed`, which
runs ours in a process of its own at each turn; with --alone only the original
runs, and what is printed is JSON. The original computes as it was
released: float32 on a CPU, float16 mixed precision on a GPU, one sequence at a
time where it embeds. Its network and its losses are run; its input is not.
"""

import argparse
import contextlib
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import turns

# Form -> module and class of the released network, its fields, and the angles
# of its views.
FORMS: dict[str, tuple[str, str, dict[str, Any], list[int]]] = {
  'gaitgs_casia_b': (
    'gaitgs',
    'GaitGS',
    dict(channels=[32, 64, 128], view_num=11),
    [18 * view for view in range(11)],
  ),
  'gaitgs_oumvlp': (
    'gaitgs_OUMVLP',
    'GaitGS_OUMVLP',
    dict(channels=[32, 64, 128, 256], view_num=14, class_num=5153),
    [15 * view for view in (*range(7), *range(12, 19))],
  ),
}
FIELDS = dict(parts_num=32, depth=3, kernel_size=7, num_head=8, out_dim=256)
# Output of the network -> weight of its loss, scale, whether it is smoothed.
CROSS_ENTROPIES = {'softmax': (1.0, 16, True), 'view_softmax': (0.2, 1, False)}


class Original:
  """The released network with its losses and its optimizer.

  Args:
    code: folder of the clone.
    form: of FORMS.
  """

  def __init__(self, code: pathlib.Path, form: str):
    # It is not a requirement.
    self.torch: Any = importlib.import_module('torch')
    self.cuda = self.torch.cuda.is_available()
    _prepare(self.torch, code, self.cuda)
    module, name, fields, self.views = FORMS[form]
    network = importlib.import_module(f'modeling.models.{module}')
    losses: Any = importlib.import_module('modeling.losses')
    self.network = getattr(network, name)(FIELDS | fields)
    self.losses = {
      'triplet': (1.0, losses.triplet.TripletLoss(margin=0.25)),
      **{
        name: (weight, losses.ce.CrossEntropyLoss(scale, smoothed))
        for name, (weight, scale, smoothed) in CROSS_ENTROPIES.items()
      },
    }
    if self.cuda:
      self.network.cuda()
      self.torch.backends.cudnn.benchmark = True
    self.optimizer = self.torch.optim.Adam(
      self.network.parameters(), lr=1e-4, weight_decay=5e-4
    )
    self.scaler = self.torch.amp.GradScaler(enabled=self.cuda)

  def _silhouettes(self, rows: int, frames: int) -> Any:
    shape = (rows, frames, 64, 44)
    drawn = np.random.default_rng(0).integers(0, 2, shape).astype(np.float32)
    return self._placed(self.torch.from_numpy(drawn))

  def _placed(self, tensor: Any) -> Any:
    return tensor.cuda() if self.cuda else tensor

  def _mixed(self) -> contextlib.AbstractContextManager[Any]:
    return self.torch.autocast('cuda', enabled=self.cuda)

  def _wait(self) -> None:
    if self.cuda:
      self.torch.cuda.synchronize()

  def gib(self) -> float:
    """Returns the most memory of the GPU that was in use at once."""
    held = self.torch.cuda.max_memory_allocated() if self.cuda else 0
    return held / 2**30

  def train_step(self, rows: int, frames: int) -> Callable[[], None]:
    """Returns what makes one update: two sequences of each subject."""
    subjects = self._placed(self.torch.arange(rows) // 2)
    views = [str(self.views[row % len(self.views)]) for row in range(rows)]
    inputs = ([self._silhouettes(rows, frames)], subjects, None, views, None)

    def step() -> None:
      self.network.train()
      self.optimizer.zero_grad()
      with self._mixed():
        given = self.network(inputs)['training_feat']
        total = sum(
          weight * loss(**given[name])[0].mean()
          for name, (weight, loss) in self.losses.items()
          if name in given
        )
      self.scaler.scale(total).backward()
      self.scaler.step(self.optimizer)
      self.scaler.update()
      self._wait()

    return step

  def embed(self, rows: int, frames: int) -> Callable[[], None]:
    """Returns what embeds some sequences, one at a time."""
    one = self._placed(self.torch.zeros(1, dtype=self.torch.long))
    view = [str(self.views[0])]
    sequences = self._silhouettes(rows, frames)

    def embed() -> None:
      self.network.eval()
      with self.torch.no_grad(), self._mixed():
        for sequence in sequences:
          self.network(([sequence[None]], one, None, view, None))
      self._wait()

    return embed


def _prepare(torch: Any, code: pathlib.Path, cuda: bool) -> None:
  """Makes the clone's networks importable, without what they do not use."""
  if not (code / 'opengait' / 'modeling').is_dir():
    sys.exit(f'{code} has no opengait/modeling: give a clone with --code')
  sys.path.insert(0, str(code / 'opengait'))
  if not cuda:
    # Their modules say .cuda() wherever they make a tensor.
    torch.Tensor.cuda = lambda self, *args, **options: self
    torch.nn.Module.cuda = lambda self, *args, **options: self
  # Their losses gather the embeddings of all processes.
  torch.distributed.init_process_group(
    'nccl' if cuda else 'gloo',
    store=torch.distributed.HashStore(),
    rank=0,
    world_size=1,
  )

  class Base(torch.nn.Module):
    def __init__(self, fields: dict[str, Any]):
      super().__init__()
      self.build_network(fields)

  for name, contents in (
    ('torch.utils.tensorboard', {'SummaryWriter': None}),
    ('torchvision', {}),
    ('torchvision.utils', {}),
    ('torchvision.ops', {'RoIAlign': None}),
    ('evaluation', {'mean_iou': None}),
    ('modeling.base_model', {'BaseModel': Base}),
  ):
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    sys.modules[name] = module


def timed(
  work: Callable[[], None], repeats: int, turn: pathlib.Path | None = None
) -> list[float]:
  """Returns the seconds of some calls, after one to warm up and its turn."""
  work()
  turns.wait(turn)
  times = []
  for _ in range(repeats):
    start = time.perf_counter()
    work()
    times.append(time.perf_counter() - start)
  return times


def alone(original: Original, times: list[float], rows: int) -> dict[str, Any]:
  """Returns the figures of the original, by the names that ours has."""
  return {
    'seconds, median': statistics.median(times),
    'seconds, smallest': min(times),
    'sequences/s': rows / statistics.median(times),
    'held at most, GiB': original.gib(),
  }


def ours(options: argparse.Namespace, flags: list[str]) -> float:
  """Returns the median seconds of ours, in a process of its own."""
  command = [sys.executable, '-m', f'benchmarks.{options.work}', '--json']
  command += [f'--form={options.form}', f'--rows={options.rows}']
  command += [f'--frames={options.frames}', f'--repeats={options.repeats}']
  environment = dict(os.environ)
  if options.preload:
    environment['LD_PRELOAD'] = options.preload
  done = subprocess.run(
    command + flags,
    env=environment,
    stdout=subprocess.PIPE,
    text=True,
  )
  if done.returncode:
    sys.exit(done.returncode)  # It said why.
  return json.loads(done.stdout.splitlines()[-1])['seconds, median']


def main() -> None:
  """Prints the times of both."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--code', type=pathlib.Path, required=True)
  parser.add_argument(
    '--work', choices=('train_step', 'embed'), default='train_step'
  )
  parser.add_argument('--form', choices=FORMS, default='gaitgs_casia_b')
  parser.add_argument('--rows', type=int, default=4)
  parser.add_argument('--frames', type=int, default=30)
  parser.add_argument('--turns', type=int, default=3)
  parser.add_argument('--repeats', type=int, default=4, help='a turn')
  parser.add_argument('--preload', default='', help='a library for ours alone')
  parser.add_argument('--alone', action='store_true', help='without ours')
  turns.add_flag(parser)
  options, flags = parser.parse_known_args()
  if options.work == 'train_step' and options.rows < 4:
    parser.error('--rows: its triplets need 4 sequences, of two subjects')
  original = Original(options.code, options.form)
  work = getattr(original, options.work)(options.rows, options.frames)
  if options.alone:
    times = timed(work, options.repeats, options.turn)
    print(json.dumps(alone(original, times, options.rows)))
    return
  released: list[float] = []
  own: list[float] = []
  for turn in range(options.turns):
    own.append(ours(options, flags))
    released += timed(work, options.repeats)
    print(
      f'turn {turn + 1}: the original '
      f'{statistics.median(released[-options.repeats :]):.3f} s, '
      f'ours {own[-1]:.3f} s',
      flush=True,
    )
  median, middle = statistics.median(released), statistics.median(own)
  print(f'the original {median:.3f} s (smallest {min(released):.3f})')
  print(f'ours {middle:.3f} s (smallest median {min(own):.3f})')
  print(f'ours takes {middle / median:.2f} of the original')


if __name__ == '__main__':
  main()
