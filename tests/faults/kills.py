"""Kills a training run over and over; it must end as a whole run ends.

  python -m tests.faults.kills --kills=20

Each kill -9 falls at a random moment of training; about half of them wait until
a checkpoint is being written. Prints each, then whether every array of the last
checkpoint equals the whole run's, bit for bit; the exit status is 1 if not.
"""

import argparse
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import orbax.checkpoint as ocp

from gaitgs_jax.training import checkpoint, paths, restoring
from tests.training import tiny

_STEPS_PER_KILL = 60
# Seconds after which a run that goes on training is killed, at most.
_LIFE = 0.2
# Seconds that a checkpoint is being written before the kill, at most.
_INTO_SAVE = 0.03
_CONFIG = """
from training import tiny

def get_config():
  config = tiny.get_config({tree!r})
  config.total_steps, config.log_every = {steps}, 5
  config.evaluation.protocol = ''
  config.evaluation.every_steps = {steps}
  config.checkpoint.every_steps = 5
  return config
"""


def start(
  config: pathlib.Path, workdir: pathlib.Path, *flags: str, **options: Any
) -> subprocess.Popen:
  """Starts a run of the tiny model in a process of its own."""
  given = [f'--config={config}', f'--workdir={workdir}', *flags]
  streams = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, **options}
  return subprocess.Popen(
    [sys.executable, tiny.__file__, *given],
    text=True,
    env=tiny.environment(tensorflow=False),
    **streams,
  )


def finish(process: subprocess.Popen) -> str:
  """Waits for a run to end well; returns what it printed."""
  out, _ = process.communicate(timeout=300)
  assert process.returncode == 0, out
  return out


def kill(
  process: subprocess.Popen, workdir: pathlib.Path, chance: random.Random
) -> tuple[int, bool]:
  """Kills a run once it trains.

  Returns:
    The step that it went on from, and whether it was saving.
  """
  resumed, printed = 0, []
  for line in process.stdout:
    printed.append(line)
    if found := re.match(r'going on from step (\d+)', line):
      resumed = int(found[1])
    if line.startswith('step'):
      break
  folder = workdir / 'checkpoints'
  time.sleep(chance.uniform(0, _LIFE))
  if chance.random() < 0.5:
    limit = time.monotonic() + 60
    while not _saving(folder) and time.monotonic() < limit:
      time.sleep(0.0005)
    time.sleep(chance.uniform(0, _INTO_SAVE))
  process.kill()
  rest, _ = process.communicate()
  assert process.returncode == -9, ''.join([*printed, rest])
  return resumed, _saving(folder)


def _saving(folder: pathlib.Path) -> bool:
  return any(folder.glob('*.orbax-checkpoint-tmp*'))


def arrays(workdir: pathlib.Path) -> dict[str, np.ndarray]:
  """Returns every array of a workdir's last checkpoint, by name."""
  folder = checkpoint.find(workdir)
  with (
    restoring.quiet(),
    ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader,
  ):
    tree = reader.metadata(folder / 'default').item_metadata.tree
    how = ocp.checkpoint_utils.construct_restore_args(tree)
    how = {
      name: ocp.RestoreArgs(restore_type=np.ndarray)
      for name in paths.flatten(how)
    }
    args = ocp.args.PyTreeRestore(restore_args=paths.nest(how))
    found = reader.restore(folder / 'default', args=args)
  return paths.flatten(found)


def differences(left: pathlib.Path, right: pathlib.Path) -> list[str]:
  """Returns the arrays whose bits differ in two workdirs' last checkpoints."""
  one, other = arrays(left), arrays(right)
  assert one.keys() == other.keys() and len(one) > 10
  return [k for k in one if one[k].tobytes() != other[k].tobytes()]


def main() -> int:
  """Kills a run as often as asked; returns 0 if nothing was lost."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--kills', type=int, default=20)
  parser.add_argument('--seed', type=int, default=0)
  options = parser.parse_args()
  with tempfile.TemporaryDirectory() as name:
    different = run(pathlib.Path(name), options.kills, options.seed)
  print(f'arrays that differ: {", ".join(different) or "none"}')
  return bool(different)


def run(root: pathlib.Path, kills: int, seed: int) -> list[str]:
  """Trains once whole and once with kills; returns the arrays that differ."""
  tiny.write_tree(root / 'tree')
  config = root / 'config.py'
  steps = _STEPS_PER_KILL * (kills + 1)
  config.write_text(_CONFIG.format(tree=str(root / 'tree'), steps=steps))
  finish(start(config, root / 'whole'))
  chance, saving, before = random.Random(seed), 0, 0
  for number in range(kills):
    resumed, was_saving = kill(
      start(config, root / 'killed'), root / 'killed', chance
    )
    assert resumed >= before, 'a checkpoint was lost'
    before = resumed
    saving += was_saving
    where = 'while it saved' if was_saving else 'between saves'
    print(f'kill {number + 1}: from step {resumed}, {where}', flush=True)
  out = finish(start(config, root / 'killed'))
  assert f'trained {steps} steps' in out
  print(f'{kills} kills, {saving} while saving; trained {steps} steps')
  return differences(root / 'whole', root / 'killed')


if __name__ == '__main__':
  sys.exit(main())
