"""Labels of saved evaluations: no result takes the place of another."""

import itertools
import pathlib
from collections.abc import Iterator, Mapping

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import result_files

# What was not saved with the results of earlier versions.
_UNSAVED = {'others': ''}


def of_step(step: int) -> str:
  """Returns the label of an evaluation of the workdir's own checkpoint."""
  return f'step_{step:06d}'


def choose(
  folder: pathlib.Path,
  step: int,
  other: pathlib.Path | None,
  counted: Mapping[str, str],
) -> str:
  """Returns the label to save an evaluation under.

  Where the shortest label holds another result, folders above the checkpoint
  are put before it, or what was counted behind it.

  Args:
    folder: of the saved evaluations.
    step: of the checkpoint.
    other: the checkpoint's folder, if it is of another workdir.
    counted: protocol, metric and dataset, as saved with the result; texts that
      are empty are not in a label.
  """
  checkpoint = str(other or '')
  for base in _bases(step, other):
    for label in (base, '_'.join(filter(None, [base, *counted.values()]))):
      saved = _meta(folder / f'{label}.json')
      if saved is None:
        return label
      if saved.get('checkpoint', '') != checkpoint:
        break
      if all(
        saved.get(key, _UNSAVED.get(key, value)) == value
        for key, value in counted.items()
      ):
        return label
  raise AssertionError('labels never end')


def _bases(step: int, other: pathlib.Path | None) -> Iterator[str]:
  label = of_step(step)
  if other is None:
    yield label
    names = [label]
  else:
    # .../WORKDIR/checkpoints/STEP
    *above, last = [part for part in other.parts if part != other.anchor]
    names = [part for part in above if part != 'checkpoints'] or [last]
    for count in range(1, len(names) + 1):
      yield '_'.join([*names[-count:], label])
    names.append(label)
  for number in itertools.count(2):
    yield '_'.join([*names, str(number)])


def _meta(path: pathlib.Path) -> Mapping[str, str] | None:
  """Returns what was saved with a result, None if there is none to keep."""
  if not path.exists():
    return None
  try:
    return result_files.load(path).meta
  except UserError:
    return None
