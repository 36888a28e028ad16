"""Cuts the power of a run's disk over and over; the run must go on each time.

  python -m tests.faults.cuts --cuts=18

Needs root and Linux: a run writes into an ext4 image that is mounted by loop.
The image's file holds what has reached the disk, and nothing of what the kernel
still keeps in memory. So a copy of it, up to 30 s after a checkpoint, is what a
power cut at that moment leaves. Each copy is mounted, which replays its
journal, evaluated, and trained on. Prints each cut, then how many failed; the
exit status is 1 if one did.
"""

import argparse
import contextlib
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from gaitgs_jax.training import kept
from tests.faults import kills
from tests.training import tiny

_BYTES = 64 << 20
_EVERY = 5  # Steps from a checkpoint to the next.
_MORE = 20  # Steps that a run makes after a cut.
# Seconds from a checkpoint to the cut, and of training before it, at most.
_AFTER, _TRAINING = 30.0, 3.0
_CONFIG = """
from training import tiny

def get_config():
  config = tiny.get_config({tree!r})
  config.total_steps, config.log_every = 1_000_000, {every}
  config.evaluation.every_steps = 4 * {every}
  config.checkpoint.every_steps = {every}
  return config
"""


def make(image: pathlib.Path) -> None:
  """Makes an image of an empty ext4 file system."""
  with open(image, 'wb') as file:
    file.truncate(_BYTES)
  _call('mkfs.ext4', '-q', '-b', '4096', image)


@contextlib.contextmanager
def mounted(image: pathlib.Path, options: str) -> Iterator[pathlib.Path]:
  """Mounts an image; yields the folder."""
  place = image.with_suffix('.mounted')
  place.mkdir(exist_ok=True)
  _call('mount', '-o', f'loop,{options}', image, place)
  try:
    yield place
  finally:
    _call('umount', place)


def cut(image: pathlib.Path, copy: pathlib.Path) -> None:
  """Copies what has reached an image's disk at one moment."""
  before = None
  while before != (before := image.stat().st_mtime_ns):
    shutil.copyfile(image, copy)


def check_cuts(root: pathlib.Path, options: str) -> None:
  """Asserts that a cut leaves what was synced, and nothing else."""
  image, copy = root / 'check.img', root / 'check-cut.img'
  make(image)
  with mounted(image, options) as place:
    (place / 'synced').write_bytes(bytes(5000))
    _call('sync', '-f', place)
    (place / 'unsynced').write_bytes(bytes(5000))
    cut(image, copy)
  with mounted(copy, options) as place:
    assert (place / 'synced').stat().st_size == 5000
    assert not (place / 'unsynced').exists()


def _call(*words: object) -> None:
  done = subprocess.run(
    [str(word) for word in words], capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr


class Writer:
  """A run that trains into an image for as long as it is let."""

  def __init__(self, config: pathlib.Path, workdir: pathlib.Path):
    self._folder = workdir / kept.FOLDER
    self._process = kills.start(config, workdir, stdout=subprocess.DEVNULL)

  def stop(self) -> list[int]:
    """Lets it train up to a next checkpoint; returns the latest steps."""
    self._process.send_signal(signal.SIGCONT)
    limit, before = time.monotonic() + 300, self._steps()[:1]
    while len(self._steps()) < 2 or self._steps()[:1] == before:
      assert self._process.poll() is None and time.monotonic() < limit
      time.sleep(0.001)
    self._process.send_signal(signal.SIGSTOP)
    return self._steps()

  def train(self, seconds: float) -> None:
    """Lets it train for a while."""
    self._process.send_signal(signal.SIGCONT)
    time.sleep(seconds)

  def close(self) -> None:
    self._process.kill()
    self._process.wait()

  def _steps(self) -> list[int]:
    return [int(step.name) for step in kept.steps(self._folder)]


def go_on(
  config: pathlib.Path, workdir: pathlib.Path, steps: list[int]
) -> tuple[str, str]:
  """Evaluates and trains what a cut left.

  Args:
    config: of the run.
    workdir: what the cut left of the run's.
    steps: of the checkpoints that there were before the cut, latest first.

  Returns:
    What was set aside, and what went wrong: '' if nothing.
  """
  total = steps[0] + _MORE
  printed, wrong = '', ''
  for flags, end in (
    (['--mode=evaluate'], 'rank-1'),
    ([f'--config.total_steps={total}'], f'trained {total} steps'),
  ):
    process = kills.start(config, workdir, *flags)
    out, _ = process.communicate(timeout=300)
    printed += out
    if process.returncode or 'Traceback' in out or end not in out.lower():
      wrong += f'{flags}: status {process.returncode}: {out}'
  resumed = re.search(r'going on from step (\d+)', printed)
  # Its name is on the disk with the next checkpoint's files at the latest.
  if not resumed or int(resumed[1]) < steps[1]:
    wrong += f'more was lost than one of the checkpoints {steps}: {printed}'
  told = [line for line in printed.splitlines() if 'damaged' in line]
  begin = resumed[0] if resumed else 'not going on'
  return '; '.join([begin, *told]), wrong


def main() -> int:
  """Cuts as often as asked; returns 0 if every run went on."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--cuts', type=int, default=18)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument(
    '--options', default='defaults', help='mount options, as noauto_da_alloc'
  )
  options = parser.parse_args()
  with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    check_cuts(root, options.options)
    failed = run(
      root, options.cuts, random.Random(options.seed), options.options
    )
  print(f'{options.cuts} cuts, {failed} failed')
  return int(failed > 0)


def run(
  root: pathlib.Path, cuts: int, chance: random.Random, options: str
) -> int:
  """Cuts the power of one run's disk again and again; returns failures."""
  tiny.write_tree(root / 'tree')
  config = root / 'config.py'
  config.write_text(_CONFIG.format(tree=str(root / 'tree'), every=_EVERY))
  image, copy, failed = root / 'disk.img', root / 'cut.img', 0
  make(image)
  with mounted(image, options) as disk, contextlib.ExitStack() as stack:
    writer = Writer(config, disk / 'run')
    stack.callback(writer.close)
    for number in range(1, cuts + 1):
      steps = writer.stop()
      seconds = chance.uniform(0, _AFTER)
      time.sleep(seconds)
      cut(image, copy)
      with mounted(copy, options) as left:
        found, wrong = go_on(config, left / 'run', steps)
      where = f'cut {number}: {seconds:.1f} s after step {steps[0]}'
      print(f'{where}: {found}', flush=True)
      if wrong:
        failed += 1
        print(f'FAILED {where}: {wrong}', flush=True)
      writer.train(chance.uniform(0, _TRAINING))
  return failed


if __name__ == '__main__':
  sys.exit(main())
