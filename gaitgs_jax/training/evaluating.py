"""Evaluating a checkpoint, on one dataset or on several."""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

import jax

from gaitgs_jax import cloud, streams
from gaitgs_jax.evaluation import protocols, report
from gaitgs_jax.training import (
  checkpoint,
  checks,
  elsewhere,
  facts,
  holding,
  meshes,
  restoring,
  scoring,
  setup,
  workdirs,
)
from gaitgs_jax.training.scoring import Scorer
from gaitgs_jax.training.stopping import Stopping, leave


@streams.optional()
def evaluate(
  config: Any,
  workdir: str | os.PathLike,
  checkpoint_path: str | os.PathLike | None = None,
) -> None:
  """Evaluates a checkpoint by the config's protocol, saves and prints.

  Args:
    config: of the model and of the dataset to evaluate on.
    workdir: results go to its evaluation folder.
    checkpoint_path: a step's folder, a checkpoints folder or another workdir
      (default: this workdir), the latest step where there are several; or
      'best' for this workdir's best.

  Raises:
    UserError: there is no such checkpoint, it is damaged or holds another
      model, or the workdir is read-only.
    KeyboardInterrupt: after a Ctrl-C in any of the processes.
    SystemExit: after SIGTERM or SIGHUP in any of several processes.
  """
  checks.check_config(config, training=False)
  folder = cloud.folder(workdir)
  found = checkpoint.choose(workdir, checkpoint_path)
  if not jax.process_index():
    holding.check_writable(folder)
  mesh = meshes.create(**config.mesh)
  built = facts.of_checkpoint(config, found)
  graphdef, params, stats = setup.describe_model(built, mesh)
  checks.check_state(params)
  stopping = Stopping('leaving') if jax.process_count() > 1 else None
  scorers = {
    label: scoring.Scorer(
      each,
      setup.open_data(each),
      graphdef,
      mesh,
      folder,
      stopping,
      setup.open_gallery(each),
      '' if each is config else label,
    )
    for label, each in elsewhere.every(config)
  }
  step, params, stats = restoring.restore_model(found, params, stats)
  own = found.is_relative_to(cloud.absolute(folder))
  # One process alone has nothing to save, and leaves at once.
  with (
    workdirs.full_disk_as_user_error(folder),
    stopping or contextlib.nullcontext(),
  ):
    with contextlib.suppress(scoring.Stopped):
      results = {
        label: scorer.checkpoint(step, params, stats, None if own else found)
        for label, scorer in scorers.items()
      }
      for scorer in scorers.values():
        scorer.show()
      if len(scorers) > 1:
        _show_datasets(scorers, results)
    if stopping is not None:
      leave(stopping.settle())


def _show_datasets(
  scorers: Mapping[str, Scorer], results: Mapping[str, protocols.Result]
) -> None:
  """Prints one table of what a checkpoint gives on several datasets."""
  if jax.process_index():
    return
  grid = [['%', 'protocol', 'number', 'value', '95 %']]
  for label, scorer in scorers.items():
    result, rules = results[label], scorer.protocol
    for key, name, what in report.rows({label: result}, rules):
      number = report.number(result.get(key))
      ends = report.interval(result, key)
      grid.append([label, rules.name, f'{name} {what}'.strip(), number, ends])
  print('\n' + '\n'.join(report.aligned(grid)) + '\n', flush=True)
