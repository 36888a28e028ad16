"""Training and evaluating without end: `python stops.py ROOT WORKDIR`.

Every time it was stopped, it prints how, and begins the next; test_stops.py
runs it in two processes and sends the signals.
"""

import itertools
import os
import sys

import jax
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.input import pipeline
from gaitgs_jax.training import evaluating, loop, processes

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def get_config(root):
  config = tiny.get_config(root)
  config.mesh.data = -1
  config.total_steps, config.log_every = 1_000_000, 20
  config.evaluation.every_steps = config.checkpoint.every_steps = 1_000_000
  return config


def _report_writes(workdir):
  """Prints every file that Python opens to write in the workdir."""

  def hook(event, arguments):
    if event == 'open' and isinstance(arguments[0], str):
      path, _, flags = arguments
      if flags & _WRITES and path.startswith(workdir):
        print('wrote', path, flush=True)

  sys.addaudithook(hook)


def _endless(evaluation_batches):
  def batches(*args, **options):
    known = list(evaluation_batches(*args, **options))
    for number in itertools.count():
      if number % 20 == 0 and not jax.process_index():
        print('evaluating', flush=True)
      yield known[number % len(known)]

  return batches


def _until_stopped(run, *args):
  try:
    run(*args)
    print('left normally', flush=True)
  except (KeyboardInterrupt, SystemExit) as error:
    print(f'left by {error!r}', flush=True)


def main(root, workdir):
  # Loading it takes longer than all that is computed here.
  sys.modules['tensorflow'] = None
  models.create = tiny.create
  processes.join()
  if jax.process_index():
    _report_writes(workdir)
  config = get_config(root)
  _until_stopped(loop.train, config, workdir)
  _until_stopped(loop.train, config, workdir)
  pipeline.evaluation_batches = _endless(pipeline.evaluation_batches)
  _until_stopped(evaluating.evaluate, config, workdir)
  _until_stopped(evaluating.evaluate, config, workdir)
  evaluating.evaluate(config, workdir)


if __name__ == '__main__':
  main(*sys.argv[1:])
