"""The zoo on this machine: size, arithmetic, speed and memory of each model.

  python -m benchmarks.zoo
  python -m benchmarks.zoo --untimed
  python -m benchmarks.zoo --torch=OpenGait --models gaitset gaitpart gaitgl \
      gaitbase deepgaitv2 skeletongaitpp gaittr

Prints a markdown table for docs/results.md. GFLOPs are those of embedding one
sequence, as XLA counts them for the host before it optimises: a multiplication
and an addition are two. A train step has --rows sequences, two of each person,
and the config's losses, optimizer and transforms; what embeds has --rows
sequences too. All of it is float32, of --frames frames. Each model runs in a
process of its own, so that its peak memory is its own and a failure loses one
row. --torch takes a checkout of OpenGait and adds its networks, in turns with
ours; see `benchmarks.zoo_torch`.
"""

import argparse
import importlib
import json
import pathlib
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from benchmarks import measuring, zoo_torch
from gaitgs_jax import modalities
from gaitgs_jax.models import convolution
from gaitgs_jax.training import (
  facts,
  forecast,
  meshes,
  preprocessing,
  setup,
  states,
  steps,
)

# Row -> config, and fields of its model that make another form of it.
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
  'gaitgs': ('casia_b', {}),
  'cstl': ('cstl_casia_b', {}),
  'gaitset': ('gaitset_casia_b', {}),
  'gaitpart': ('gaitpart_casia_b', {}),
  'gaitgl': ('gaitgl_casia_b', {}),
  'gln': ('gln_phase2_casia_b', {}),
  'gaitbase': ('gaitbase_casia_b', {}),
  'gaitbase_plain': (
    'gaitbase_casia_b',
    dict(backbone='plain', bins=(8, 4, 2, 1)),
  ),
  'deepgaitv2_2d': ('deepgaitv2_casia_b', dict(kind='2d')),
  'deepgaitv2': ('deepgaitv2_casia_b', {}),
  'deepgaitv2_3d': ('deepgaitv2_3d_oumvlp', {}),
  'swingait': ('swingait_grew', {}),
  'sconet': ('sconet_scoliosis1k', {}),
  'skeletongait': ('skeletongait_ccpg', {}),
  'skeletongaitpp': ('skeletongaitpp_ccpg', {}),
  'parsinggait': ('parsinggait_gait3d_parsing', {}),
  'gaitgraph': ('gaitgraph_casia_b', {}),
  'gaitgraph2': ('gaitgraph2_casia_b', {}),
  'gaittr': ('gaittr_casia_b', {}),
  'gpgait': ('gpgait_casia_b', {}),
  'gpgaitpp': ('gpgaitpp_casia_b', {}),
}
CONFIGS = pathlib.Path(__file__).parents[1] / 'configs'


def config_of(row: str, options: argparse.Namespace) -> Any:
  """Returns the config of a row of FORMS, at the size of the command."""
  name, fields = FORMS[row]
  config = importlib.import_module(f'gaitgs_jax.configs.{name}').get_config()
  if row == 'parsinggait':
    config.model.num_classes = 3_000
  config.model.update(fields, dtype='float32')
  config.update(accumulate=1, remat='none')
  config.batch.frames = options.frames
  if config.batch.sampler == 'instances':
    config.batch.sequences = options.rows
  else:
    config.batch.update(subjects=options.rows // 2, sequences=2)
  for transform in (*config.augment, *config.evaluation.get('transform', ())):
    if 'frames' in transform:
      transform['frames'] = options.frames
  return facts.of_dataset(config)


def noise(shapes: dict[str, Any]) -> dict[str, np.ndarray]:
  """Returns a batch of these shapes; a time does not depend on pixels."""
  rng = np.random.default_rng(0)
  found: dict[str, np.ndarray] = {}
  for name, like in shapes.items():
    if name == 'mask':
      found[name] = np.ones(like.shape, bool)
    elif name not in modalities.MODALITIES:
      found[name] = np.arange(len(like), dtype=like.dtype) // 2
    elif like.dtype == np.uint8:
      top = 12 if name == 'parsing' else 256
      found[name] = rng.integers(0, top, like.shape, np.uint8)
    else:
      found[name] = rng.uniform(1, 200, like.shape).astype(like.dtype)
  return found


def batch_of(config: Any) -> dict[str, np.ndarray]:
  """Returns a config's training batch."""
  mesh = meshes.create(**config.mesh, devices=jax.devices()[:1])
  return noise(forecast.describe_batch(config, mesh))


def embedding(config: Any) -> tuple[Any, Any, Any]:
  """Returns the jitted (params, stats, batch) -> embedding, and its weights."""
  sizes = preprocessing.input_sizes(config)
  transform = preprocessing.create_transform(config)
  graphdef, params, stats = states.split(
    setup.create_model(config, training=False)
  )

  @jax.jit
  def embed(params: Any, stats: Any, batch: Any) -> jax.Array:
    model = states.join(graphdef, params, stats)
    return model(*transform.of_batch(batch, sizes)).embedding

  return embed, params, stats


def training(config: Any) -> Callable[[], Any]:
  """Returns what makes one update."""
  graphdef, params, stats = states.split(setup.create_model(config))
  optimizer, _ = setup.create_optimizer(config)
  step = steps.make_train_step(
    graphdef,
    setup.create_losses(config),
    optimizer,
    sizes=preprocessing.input_sizes(config),
    augment=preprocessing.create_augmentation(config),
    hold=setup.create_groups(config).hold,
  )
  state = jax.device_put(states.create(params, stats, optimizer))
  batch, key = jax.device_put(batch_of(config)), jax.random.key(0)

  def once() -> Any:
    nonlocal state
    state, metrics = step(state, batch, key)
    return metrics

  return once


def alone(row: str, options: argparse.Namespace) -> dict[str, float]:
  """Returns the figures of one model, in this process."""
  config = config_of(row, options)
  embed, params, stats = embedding(config)
  batch = batch_of(config)
  one = {name: array[:1] for name, array in batch.items()}
  with convolution.lowered('native'):
    flops = measuring.arithmetic(embed, (params, stats, one))
  found = {
    'parameters': sum(x.size for x in jax.tree.leaves(params)),
    'GFLOPs': flops / 1e9,
  }
  if options.untimed:
    return found
  # Traced again: JAX's cache does not distinguish lowerings.
  jax.clear_caches()
  given = jax.device_put((params, stats, batch))
  # The memory of training is the larger one, and comes first.
  trained = measuring.seconds(training(config), options.repeats, 1)
  found |= {'train': options.rows / trained, 'GiB': peak_gib()}
  embedded = measuring.seconds(lambda: embed(*given), options.repeats, 1)
  return found | {'embed': options.rows / embedded}


def peak_gib() -> float:
  """Returns the most memory that this process has held, its compiler's too."""
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measured(command: list[str]) -> dict[str, float]:
  """Returns the figures that a process prints last; none if it fails."""
  done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
  return {} if done.returncode else json.loads(done.stdout.splitlines()[-1])


def median(found: list[dict[str, float]]) -> dict[str, float]:
  """Returns the median of each figure; none if a turn failed."""
  if not all(found):
    return {}
  return {
    name: statistics.median(each[name] for each in found) for name in found[0]
  }


def compared(row: str, options: argparse.Namespace) -> list[dict[str, float]]:
  """Returns the figures of ours and of the original, measured in turns."""
  flags = [f'--{name}={getattr(options, name)}' for name in _NUMBERS]
  ours = [sys.executable, '-m', 'benchmarks.zoo', '--alone', '--models', row]
  ours += [*flags, *(['--untimed'] if options.untimed else [])]
  commands = [ours]
  if options.torch and row in zoo_torch.FORMS:
    original = [options.torch_python, '-m', 'benchmarks.zoo_torch', *flags]
    commands.append([*original, f'--code={options.torch}', f'--model={row}'])
  count = 1 if len(commands) == 1 else options.turns
  found: list[list[dict[str, float]]] = [[] for _ in commands]
  for _ in range(count):
    for command, each in zip(commands, found, strict=True):
      each.append(measured(command))
  return [median(each) for each in found]


def line(row: str, found: list[dict[str, float]]) -> str:
  """Returns a row of the table; what was not measured is 'not run'."""
  ours = found[0]

  def cell(name: str, form: str, among: dict[str, float] = ours) -> str:
    return format(among[name], form) if name in among else 'not run'

  config = f'`{FORMS[row][0]}.py`'
  fields = ''.join(f', {key}={x}' for key, x in FORMS[row][1].items())
  cells = [row, config + fields, cell('parameters', ',.0f')]
  cells.append(cell('GFLOPs', '.4g'))
  cells += [cell(name, '.3g') for name in ('train', 'embed', 'GiB')]
  if len(found) > 1:
    released = found[1]
    cells += [cell(x, '.3g', released) for x in ('train', 'embed', 'GiB')]
    if ours and released:
      cells += [f'{released[x] / ours[x]:.2f}' for x in ('train', 'embed')]
  return f'| {" | ".join(cells)} |'


_NUMBERS = ('rows', 'frames', 'repeats')
_HEAD = ['model', 'config', 'parameters', 'GFLOPs', 'train, sequences/s']
_HEAD += ['embed, sequences/s', 'peak GiB']
_TORCH = ['PyTorch: train', 'embed', 'peak GiB']
_TORCH += ['our time / its, train', 'embed']


def arguments() -> argparse.Namespace:
  """Reads the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--models', nargs='+', choices=FORMS, default=list(FORMS))
  parser.add_argument('--rows', type=int, default=4)
  parser.add_argument('--frames', type=int, default=30)
  parser.add_argument('--repeats', type=int, default=5)
  parser.add_argument('--untimed', action='store_true', help='size alone')
  parser.add_argument('--torch', help='a checkout of OpenGait')
  parser.add_argument('--torch_python', default=sys.executable)
  parser.add_argument('--turns', type=int, default=3)
  parser.add_argument('--alone', action='store_true', help='print JSON')
  options = parser.parse_args()
  if options.rows < 4 or options.rows % 2:
    parser.error('--rows: triplets need 4 sequences or more, two of a person')
  return options


def main() -> None:
  """Prints the table."""
  options = arguments()
  if options.alone:
    print(json.dumps(alone(options.models[0], options)))
    return
  head = _HEAD + (_TORCH if options.torch else [])
  print(f'| {" | ".join(head)} |\n|{"---|" * len(head)}')
  failed = []
  for row in options.models:
    found = compared(row, options)
    print(line(row, found), flush=True)
    if not all(found):
      failed.append(row)
  if failed:
    sys.exit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
  main()
