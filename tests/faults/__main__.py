"""Tries random faults for as long as is asked, and counts.

  PYTHONPATH=.:tests python -m tests.faults --minutes=60
  PYTHONPATH=.:tests python -m tests.faults --kind='broken output' --seed=17

Goes round the kinds of fault, a new seed each time. Prints each trial that
fails, with its seed, then how many trials of each kind were made and failed.
The exit status is 1 if one failed.
"""

import argparse
import collections
import pathlib
import sys
import tempfile
import time
import traceback

from faults import trials


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--minutes', type=float, default=60)
  parser.add_argument('--kind', help='only this kind')
  parser.add_argument('--seed', type=int, help='only the trial of this seed')
  parser.add_argument('--first', type=int, default=0, help='the first seed')
  arguments = parser.parse_args()
  kinds = [
    kind for kind in trials.kinds() if arguments.kind in (None, kind.name)
  ]
  if not kinds:
    names = ', '.join(kind.name for kind in trials.kinds())
    parser.error(f'no kind is called so; there are: {names}')
  end = time.monotonic() + 60 * arguments.minutes
  made, failed = collections.Counter(), collections.Counter()
  seed = arguments.first if arguments.seed is None else arguments.seed
  while time.monotonic() < end:
    for kind in kinds:
      made[kind.name] += 1
      failed[kind.name] += not _passes(kind, seed)
    if arguments.seed is not None:
      break
    seed += 1
  for kind in kinds:
    print(f'{made[kind.name]:6} {failed[kind.name]:4} failed  {kind.name}')
  print(f'{made.total():6} {failed.total():4} failed')
  return int(failed.total() > 0)


def _passes(kind: trials.Kind, seed: int) -> bool:
  with tempfile.TemporaryDirectory() as folder:
    try:
      kind.run(seed, pathlib.Path(folder))
    except Exception:  # noqa: BLE001 - the next trial must be made.
      print(f'FAILED {kind.name} --seed={seed}', flush=True)
      traceback.print_exc(file=sys.stdout)
      return False
  return True


if __name__ == '__main__':
  sys.exit(main())
