"""Every model of the zoo, trained a little on synthetic walkers.

  python -m benchmarks.zoo_accuracy
  python -m benchmarks.zoo_accuracy --models gaitset gaittr --seeds=1
  python -m benchmarks.zoo_accuracy --kept=FOLDER

Prints a markdown table: Rank-1 in percent on people that no model was trained
on, mean and standard deviation over the seeds, and the baselines that need no
training. A port that is wrong learns less than its baseline. The forms are
small, and the budget is the same for all: Adam, a cosine, batches of 8 people x
4 walks. ScoNet tells conditions apart, not people: its figures are the shares
of NM, BG and CL that it recognises. Each model runs in a process of its own.
With --kept, the walks and every score stay in a folder: the same command goes
on where an earlier one ended.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from benchmarks import walker_arrays
from gaitgs_jax import losses, models
from gaitgs_jax.evaluation import baseline, protocols
from gaitgs_jax.input import augment
from gaitgs_jax.training import optimizers, states, steps

KINDS = ('NM', 'BG', 'CL')
_STAGES = dict(channels=(8, 16, 32, 64), bins=(8,), features=64)
_GRAPH = dict(channels=(32, 16, 64, 128), blocks=(1, 1, 1), features=128)
_PARTS = dict(channels=(32, 32, 64), shared=1, features=64)


class Form(NamedTuple):
  """A small form of a model.

  Attributes:
    fields: of the model.
    inputs: the modalities that it sees.
    width: columns of the images.
    features: transforms of the keypoints, in training and in evaluation.
    model: its name, where a form has another one.
  """

  fields: dict[str, Any]
  inputs: tuple[str, ...] = ('silhouettes',)
  width: int = 22
  features: tuple[dict[str, Any], ...] = ()
  model: str = ''


_KEYPOINTS = ('keypoints',)
# Of missing joints, which lie at (0, 0): the walkers' detector loses some.
_REPAIRED = (dict(name='repair'),)
_GPGAIT = (
  *_REPAIRED,
  dict(name='rescale_centre', height=225.0, centre='neck'),
  dict(name='bones_and_angles'),
)
_MOTION = (
  *_REPAIRED,
  dict(name='rescale_centre', height=225.0, centre='neck'),
  dict(name='motion_and_bones', convention='fastposegait'),
)
FORMS: dict[str, Form] = {
  'gaitgs': Form(
    dict(channels=(8, 16, 32), parts=16, strips=4, features=64, heads=4)
    | dict(depth=1, dropout=0.0)
  ),
  'cstl': Form(dict(channels=(8, 16, 32), parts=16, squeeze=4, features=64)),
  'gaitset': Form(dict(channels=(8, 16, 32), bins=(8, 4, 2, 1), features=64)),
  'gaitpart': Form(
    dict(channels=(8, 16, 32), strips=(1, 2, 4), parts=8, features=64)
  ),
  'gaitgl': Form(dict(channels=(8, 16, 32), strips=4, parts=16)),
  # The first phase; the second starts from its weights.
  'gln': Form(
    dict(channels=(8, 16, 32), lateral=32, bins=(8, 4, 2, 1), features=64)
    | dict(num_classes=None),
    width=24,
  ),
  'gaitbase': Form(_STAGES),
  'gaitbase_plain': Form(
    {**_STAGES, 'backbone': 'plain', 'bins': (4, 2, 1)}, model='gaitbase'
  ),
  'deepgaitv2_2d': Form({**_STAGES, 'kind': '2d'}, model='deepgaitv2'),
  'deepgaitv2': Form({**_STAGES, 'kind': 'p3d', 'blocks': (1, 1, 1, 1)}),
  'deepgaitv2_3d': Form({**_STAGES, 'kind': '3d'}, model='deepgaitv2'),
  'swingait': Form(
    dict(channels=(16, 32), width=32, heads=(2, 4), window=(3, 4, 4))
    | dict(grid=(8, 8), drop_path=0.0, features=64)
  ),
  'sconet': Form(_STAGES),
  'skeletongait': Form(_STAGES, ('heatmaps',)),
  'skeletongaitpp': Form(_STAGES, ('heatmaps', 'silhouettes')),
  'parsinggait': Form(_STAGES, ('parsing',)),
  'gaitgraph': Form({**_GRAPH, 'reduction': 4}, _KEYPOINTS, features=_REPAIRED),
  'gaitgraph2': Form(
    {**_GRAPH, 'reduction': 4, 'joined': True}, _KEYPOINTS, features=_REPAIRED
  ),
  'gaittr': Form(
    dict(channels=(32, 64), features=64, dropout=0.0),
    _KEYPOINTS,
    features=_MOTION,
  ),
  'gpgait': Form(_PARTS, _KEYPOINTS, features=_GPGAIT),
  'gpgaitpp': Form(_PARTS, _KEYPOINTS, features=_GPGAIT),
}


class Run:
  """One model, one data set, one budget.

  Args:
    form: of FORMS.
    walks: arrays by name, of `walker_arrays`.
    options: of the command.
  """

  def __init__(self, form: str, walks: Any, options: argparse.Namespace):
    self.form, self.walks, self.options = FORMS[form], walks, options
    self.name = self.form.model or form
    self.classifies = self.name == 'sconet'
    self.learned = walks['subject'] < options.people
    self.sizes = {
      name: walks[name].shape[2:]
      if name == 'keypoints'
      else (walker_arrays.SIZE, self.form.width, *walks[name].shape[4:])
      for name in self.form.inputs
    }
    self.transform = augment.create(
      self.form.features,
      skeleton='coco17' if 'keypoints' in self.sizes else '',
      modalities=tuple(self.sizes),
    )
    kinds = np.char.partition(walks['condition'], '-')[:, 0]
    self.kinds = np.char.upper(kinds)
    order = list(KINDS)
    self.labels = {
      'subject': walks['subject'].astype(np.int32),
      'view': np.unique(walks['view'], return_inverse=True)[1].astype('i4'),
      'condition': np.array([order.index(k) for k in self.kinds], np.int32),
      'sequence': np.arange(len(kinds), dtype=np.int32),
    }

  def model(self, seed: int) -> nnx.Module:
    """Returns the model with a seed's weights."""
    counts = dict(
      num_classes=self.options.people,
      num_views=len(walker_arrays.VIEWS),
      num_conditions=len(KINDS),
    )
    taken = models.fields(self.name)
    fields = {key: n for key, n in counts.items() if key in taken}
    return models.create(
      self.name, rngs=nnx.Rngs(seed), **fields | self.form.fields
    )

  def losses(self) -> dict[str, Any]:
    """Returns config.losses: what the published forms learn from."""
    if self.name.startswith('gaitgraph'):
      return dict(supervised_contrastive=dict(temperature=0.1))
    chosen: dict[str, Any] = dict(triplet=dict(margin=0.2))
    facts = models.facts(self.name)
    if 'num_views' in facts:
      chosen['view'] = dict(weight=0.2)
    without = self.name == 'gaitgs' or 'num_classes' in self.form.fields
    if self.classifies or ('num_classes' in facts and not without):
      chosen['identity'] = dict(scale=16.0, smoothing=0.1)
    if self.classifies:
      chosen['identity']['labels'] = 'condition'
    return chosen

  def batch(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draws 8 people, 4 walks of each, and so many frames in a row of each."""
    subjects = self.labels['subject']
    people = rng.choice(self.options.people, 8, replace=False)
    rows = np.concatenate(
      [
        rng.choice(np.flatnonzero(subjects == each), 4, replace=False)
        for each in people
      ]
    )
    frames = self.options.frames
    start = rng.integers(0, walker_arrays.FRAMES - frames + 1, len(rows))
    at = start[:, None] + np.arange(frames)
    found = {name: self.walks[name][rows[:, None], at] for name in self.sizes}
    return {
      **{name: self.cut(name, array) for name, array in found.items()},
      'mask': np.ones(at.shape, bool),
      **{name: label[rows] for name, label in self.labels.items()},
    }

  def cut(self, name: str, frames: np.ndarray) -> np.ndarray:
    """Returns the middle columns [n,s,h,w,...] that the model sees."""
    if name == 'keypoints':
      return frames
    first = (walker_arrays.SIZE - self.form.width) // 2
    return frames[:, :, :, first : first + self.form.width]

  def functions(self, graphdef: nnx.GraphDef) -> tuple[Any, Any, Any]:
    """Returns the train step, what embeds a batch, and the optimizer."""
    optimizer, _ = optimizers.create(
      dict(name='adam', learning_rate=self.options.rate, weight_decay=0.0),
      dict(name='cosine', warmup_steps=self.options.steps // 10),
      self.options.steps,
    )
    step = steps.make_train_step(
      graphdef,
      losses.create(self.losses()),
      optimizer,
      sizes=self.sizes,
      augment=self.transform,
    )

    @jax.jit
    def embed(params: Any, stats: Any, batch: Any) -> jax.Array:
      model = states.join(graphdef, params, stats)
      output = model(*self.transform.of_batch(batch, self.sizes))
      return output.logits if self.classifies else output.embedding

    return step, embed, optimizer

  def embeddings(
    self, embed: Callable[[Any], jax.Array], rows: np.ndarray
  ) -> np.ndarray:
    """Embeds whole walks [N,p,d], 25 at a time; the last ones come twice."""
    found = []
    for first in range(0, len(rows), 25):
      some = rows[first : first + 25]
      some = np.resize(some, 25)
      batch = {n: self.cut(n, self.walks[n][some]) for n in self.sizes}
      batch['mask'] = np.ones((25, walker_arrays.FRAMES), bool)
      found.append(np.asarray(embed(batch)))
    return np.concatenate(found)[: len(rows)]

  def scores(self, embeddings: np.ndarray, rows: np.ndarray) -> list[float]:
    """Returns Rank-1 of NM, BG and CL, or the share of each that is right."""
    if self.classifies:
      guess = embeddings.mean(1).argmax(-1)
      right = guess == self.labels['condition'][rows]
      return [100 * right[self.kinds[rows] == kind].mean() for kind in KINDS]
    return rank1(self.walks, embeddings, rows)

  def go(self, seeds: Iterable[int]) -> Iterator[list[float]]:
    """Trains and evaluates; yields the scores of each seed."""
    rows = np.flatnonzero(~self.learned)
    functions = None
    for seed in seeds:
      graphdef, params, stats = states.split(self.model(seed))
      functions = functions or self.functions(graphdef)
      step, embed, optimizer = functions
      state = states.create(params, stats, optimizer)
      rng, key = np.random.default_rng(seed), jax.random.key(seed)
      for _ in range(self.options.steps):
        state, _ = step(state, self.batch(rng), key)

      def trained(batch: Any, state: Any = state, embed: Any = embed) -> Any:
        return embed(state.params, state.stats, batch)

      yield self.scores(self.embeddings(trained, rows), rows)


class Scores:
  """The scores of some runs, one line of a file for each.

  Args:
    path: of the file; runs with other settings may be in it.
    options: of the command.
  """

  def __init__(self, path: pathlib.Path, options: argparse.Namespace):
    self.path = path
    self.settings = {name: getattr(options, name) for name in _SETTINGS}

  def of(self, form: str) -> dict[int, dict[str, Any]]:
    """Returns what `add` was given of a form, by seed."""
    if not self.path.exists():
      return {}
    lines = map(json.loads, self.path.read_text().splitlines())
    key = dict(form=form, settings=self.settings)
    return {x['seed']: x for x in lines if x.items() >= key.items()}

  def add(
    self, form: str, seed: int, scores: list[float], seconds: float
  ) -> None:
    """Appends a run's line."""
    run = dict(form=form, seed=seed, scores=scores, seconds=seconds)
    with self.path.open('a') as file:
      file.write(json.dumps(run | dict(settings=self.settings)) + '\n')


def rank1(walks: Any, embeddings: np.ndarray, rows: np.ndarray) -> list[float]:
  """Returns Rank-1 of NM, BG and CL by the protocol of CASIA-B."""
  labels = (
    [str(each) for each in walks[name][rows]]
    for name in ('subject', 'condition', 'view')
  )
  result = protocols.evaluate('casia_b', embeddings, *labels)
  return [float(result[f'{kind}/rank1']) for kind in KINDS]


def baselines(walks: Any, people: int) -> dict[str, list[float]]:
  """Returns the scores of what needs no training."""
  rows = np.flatnonzero(walks['subject'] >= people)
  energy = np.stack(
    [baseline.gait_energy_image(x) for x in walks['silhouettes']]
  )
  mean = np.stack([baseline.mean_skeleton(x) for x in walks['keypoints']])
  learned = np.flatnonzero(walks['subject'] < people)
  kinds = np.char.upper(np.char.partition(walks['condition'], '-')[:, 0])
  flat = energy[:, 0]
  distances = (flat[learned] ** 2).sum(-1) - 2 * flat[rows] @ flat[learned].T
  right = kinds[learned][distances.argmin(-1)] == kinds[rows]
  return {
    'gait energy image': rank1(walks, energy[rows], rows),
    'mean skeleton': rank1(walks, mean[rows], rows),
    'condition of the nearest gait energy image': [
      100 * float(right[kinds[rows] == kind].mean()) for kind in KINDS
    ],
  }


_SETTINGS = ('steps', 'frames', 'rate', 'people', 'tested')


def line(name: str, scores: list[list[float]], seconds: float) -> str:
  """Returns a row of the table."""
  cells = [
    f'{mean:.1f} ± {spread:.1f}' if len(scores) > 1 else f'{mean:.1f}'
    for mean, spread in zip(
      np.mean(scores, 0),
      np.std(scores, 0, ddof=min(1, len(scores) - 1)),
      strict=True,
    )
  ]
  time_taken = f'{seconds:.0f}' if seconds else ''
  return f'| {name} | {" | ".join(cells)} | {time_taken} |'


def arguments() -> argparse.Namespace:
  """Reads the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--models', nargs='+', choices=FORMS, default=list(FORMS))
  parser.add_argument('--seeds', type=int, default=3)
  parser.add_argument('--steps', type=int, default=150)
  parser.add_argument('--frames', type=int, default=12, help='in training')
  parser.add_argument('--rate', type=float, default=2e-3)
  parser.add_argument('--people', type=int, default=24, help='that train, 8 up')
  parser.add_argument('--tested', type=int, default=10, help='other people')
  parser.add_argument('--kept', type=pathlib.Path, help='folder to go on from')
  parser.add_argument('--alone', action='store_true', help='without the table')
  options = parser.parse_args()
  if options.people < 8 or not 1 <= options.frames <= walker_arrays.FRAMES:
    parser.error('--people must be 8 or more, --frames 1 to 24')
  return options


def run(form: str, walks: Any, scores: Scores, seeds: int) -> None:
  """Adds the scores of a form that are not there yet."""
  missing = [seed for seed in range(seeds) if seed not in scores.of(form)]
  start = time.perf_counter()
  found = Run(form, walks, argparse.Namespace(**scores.settings)).go(missing)
  for seed, each in zip(missing, found, strict=True):
    scores.add(form, seed, each, time.perf_counter() - start)
    start = time.perf_counter()


def table(options: argparse.Namespace, walks: Any, scores: Scores) -> list[str]:
  """Prints the rows of all models; returns those that failed."""
  print('| model | NM | BG | CL | seconds |\n|---|---|---|---|---|')
  for name, untrained in baselines(walks, options.people).items():
    print(line(name, [untrained], 0), flush=True)
  command = [sys.executable, '-m', 'benchmarks.zoo_accuracy', '--alone']
  command += [f'--{name}={value}' for name, value in scores.settings.items()]
  command += [f'--seeds={options.seeds}', f'--kept={scores.path.parent}']
  failed = []
  for name in options.models:
    if len(scores.of(name)) < options.seeds:
      subprocess.run([*command, '--models', name], check=False)
    found = list(scores.of(name).values())[: options.seeds]
    if len(found) < options.seeds:
      failed.append(name)
    if found:
      seconds = sum(each['seconds'] for each in found)
      print(line(name, [x['scores'] for x in found], seconds), flush=True)
  return failed


def kept(
  path: pathlib.Path, make: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
  """Returns the arrays of a file, which is made if it is not there."""
  if not path.exists():
    partial = path.with_suffix('.partial.npz')
    np.savez(partial, allow_pickle=False, **make())
    partial.rename(path)
  with np.load(path) as file:
    return dict(file)


def main() -> None:
  """Prints the table, one process for each model."""
  options = arguments()
  with tempfile.TemporaryDirectory() as temporary:
    folder = options.kept or pathlib.Path(temporary)
    folder.mkdir(parents=True, exist_ok=True)
    people = options.people + options.tested
    walks = kept(
      folder / f'walks_{people}.npz', lambda: walker_arrays.draw(people)
    )
    # They take much longer than all the rest.
    if any('heatmaps' in FORMS[name].inputs for name in options.models):
      walks |= kept(
        folder / f'heatmaps_{people}.npz',
        lambda: walker_arrays.draw_heat_maps(walks['keypoints']),
      )
    scores = Scores(folder / 'scores.jsonl', options)
    if options.alone:
      run(options.models[0], walks, scores, options.seeds)
      return
    failed = table(options, walks, scores)
  if failed:
    sys.exit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
  main()
