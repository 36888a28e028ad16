"""Writes docs/config.md, every field of a config, from the code.

python -m docs.make_config
"""

import inspect
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from gaitgs_jax import modalities, models, skeletons
from gaitgs_jax.apps import config_file
from gaitgs_jax.evaluation import protocols
from gaitgs_jax.input import datasets, partitions
from gaitgs_jax.training import choices, meanings
from gaitgs_jax.training.choices import Choice

PAGE = pathlib.Path(__file__).with_name('config.md')

_HEAD = """# Fields of a config

<!-- Made by `python -m docs.make_config`; do not edit. -->

A config is the whole truth of one run: a file of Python with `get_config()`, as
in [configs/](../configs), or the `config.json` that a run leaves.
`--config=FILE` takes either; `--config=demo` is the package's own.
`--mode=show` prints every field of a config, in the form of `config.json`:

```
python launch.py --config=demo --mode=show > mine.json
python launch.py --config=mine.json --workdir=runs/mine
```

Any field can be set from the shell:

```
--config.batch.subjects=4
--config.model.channels='(8, 16, 32)'       a tuple
--config.augment.0.probability=0.3          of the first transform of a list
--config.augment.2.name=rotation            adds one to a list of two
--config.augment="({'name': 'rotation', 'degrees': 5.0},)"    a whole list
--config.losses.second.kind=triplet --config.losses.second.margin=0.1
--config.optimizer.groups.body.paths='extractor/*'    a group of weights
--config.init.checkpoint=runs/casia_b       starts from another run's weights
--config.mixture.own.name=own               a dataset to train on (docs/data.md)
--config.schedule="{'name': 'cosine', 'final': 1e-6}"     a whole section
```

A field that does not exist is an error.
"""
_INPUTS = """## inputs: by modality

`size` is the shape of the frames that the model sees. Of images it may have
fewer columns than the stored ones: the middle is cut out. In a tree a modality
is the first pickle whose name has one of its words, or that fits `files`, such
as `files='*sync*Sils_aligned*'`. A model that sees one
modality is called with its array, with several a dict of arrays by name:

```
config.inputs = dict(silhouettes=dict(size=(64, 44)))
config.inputs = dict(silhouettes=dict(size=(64, 44)), keypoints=dict())
```
"""


def page() -> str:
  """Returns the page."""
  return '\n'.join(
    [
      _HEAD,
      _fields(),
      _modalities(),
      _section('batch', 'by `batch.sampler`', choices.batch_samplers()),
      '## batch: with any sampler\n',
      _options(choices.batch()),
      _section('model', 'by `model_name`', choices.all_models()),
      '## augment, evaluation.transform: options of every transform\n',
      _options(choices.of_every_transform()),
      *(
        _section('augment, evaluation.transform', f'of {what}', table)
        for what, table in choices.transforms().items()
      ),
      _section('losses', 'by kind', choices.all_losses()),
      _section('optimizer', 'by `optimizer.name`', choices.all_optimizers()),
      '## optimizer: with any name\n',
      _options(choices.every_optimizer()),
      '## optimizer.groups: of each group, by a name of your own\n',
      _options(choices.optimizer_group()),
      '## Sections that a config may do without\n',
      *(
        f'**`{name}`** {choice.summary}\n\n{_options(choice)}'
        for name, choice in choices.optional_sections().items()
      ),
      _section('schedule', 'by `schedule.name`', choices.all_schedules()),
      _named(),
    ]
  )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
  lines = [head, ('---',) * len(head), *rows]
  cells = [[cell.replace('|', '\\|') for cell in line] for line in lines]
  return '\n'.join(f'| {" | ".join(line)} |' for line in cells) + '\n'


def _fields() -> str:
  example = config_file.load('casia_b')
  rows = []
  for path, meaning in meanings.MEANINGS.items():
    value: Any = example
    for name in path.split('.'):
      value = value.get(name, {})
    shown = '' if hasattr(value, 'keys') else f'`{value!r}`'
    rows.append((f'`{path}`', meaning, shown))
  return '## Fields\n\n' + _table(('field', 'meaning', 'in casia_b.py'), rows)


def _modalities() -> str:
  rows = [
    (
      f'`{row.name}`',
      f'{row.dtype.name} {row.shape}',
      'the joints of the dataset'
      if row.name == 'keypoints'
      else f'({", ".join(map(str, row.axes))})',
      ', '.join(row.words),
    )
    for row in modalities.MODALITIES.values()
  ]
  head = ('modality', 'stored as', '`size`', 'in names of files')
  return f'{_INPUTS}\n{_table(head, rows)}'


def _section(name: str, what: str, table: Mapping[str, Choice]) -> str:
  parts = [f'## {name}: {what}\n']
  for each, choice in table.items():
    parts.append(f'**`{each}`** {choice.summary}{_use(name, choice)}\n')
    if choice.options:
      parts.append(_options(choice))
  return '\n'.join(parts)


def _use(name: str, choice: Choice) -> str:
  if not name.startswith('augment'):
    return ''
  return ' Random, so not for evaluation.' if choice.random else ''


def _options(choice: Choice) -> str:
  rows = [
    (f'`{option.name}`', _default(option), option.meaning)
    for option in choice.options
  ]
  return _table(('option', 'default', 'meaning'), rows)


def _default(option: choices.Option) -> str:
  if option.name in models.FACTS:
    return 'of the data'
  value = option.default
  if value is inspect.Parameter.empty:
    return 'must be set'
  if inspect.isclass(value) or hasattr(value, 'dtype'):
    value = value.__name__  # A dtype.
  return f'`{value!r}`'


def _named() -> str:
  rows = [
    *(
      (f'`{name}`', 'dataset.name', facts.title)
      for name, facts in datasets.DATASETS.items()
    ),
    *(
      (f'`{path.stem}`', 'dataset.partition', 'a published partition')
      for path in sorted(partitions.PUBLISHED.glob('*.json'))
    ),
    *(
      (f'`{name}`', 'model.skeleton', f'{len(each.joints)} joints')
      for name, each in skeletons.SKELETONS.items()
    ),
    *(
      (f'`{name}`', 'evaluation.protocol', protocol.title)
      for name, protocol in protocols.PROTOCOLS.items()
    ),
  ]
  return '## Other names\n\n' + _table(('name', 'of', 'what'), rows)


def main() -> None:
  """Writes the page."""
  PAGE.write_text(page())


if __name__ == '__main__':
  main()
