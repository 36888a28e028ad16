"""Makes a dataset's sequences on many machines, with Apache Beam.

Every machine must see the source and the dataset's folder under the same paths.
Only `generator` imports Beam.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gaitgs_jax import atomic, files
from gaitgs_jax.data.work import Job
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import prepared
from gaitgs_jax.modalities import Arrays

# Of a million sequences, ten times over.
_MOST_BYTES = 1 << 30
# A job's place in its split, the job, and what it made.
_Made = tuple[int, Job, Arrays]


def is_wanted(config: Any) -> bool:
  """Returns whether TFDS was asked to generate with Beam.

  Args:
    config: `tfds.download.DownloadConfig`, or None.

  Raises:
    UserError: it was, and to keep no order of the records.
  """
  if config is None or not (config.beam_options or config.beam_runner):
    return False
  if config.nondeterministic_order:
    raise UserError(
      'records are found by their order: leave out --nondeterministic_order'
    )
  return True


def generator(jobs: Sequence[Job], rows: Path) -> Any:
  """Returns the `beam.PTransform` that makes one split.

  Args:
    jobs: the sequences of the split, in record order.
    rows: where to write the facts on them that `read_rows` reads.
  """
  import apache_beam as beam

  @beam.ptransform_fn
  def generate(pipeline: Any) -> Any:
    made = (
      pipeline
      | beam.Create(list(enumerate(jobs)))
      | beam.Reshuffle()
      | beam.Map(_make)
    )
    _ = (
      made
      | beam.Map(_row)
      | beam.combiners.ToList()
      | beam.Map(_write_rows, rows)
    )
    return made | beam.FlatMap(_examples, len(jobs))

  return generate()


def _make(numbered: tuple[int, Job]) -> _Made:
  number, job = numbered
  return number, job, {name: call() for name, call in job.calls.items()}


def _row(made: _Made) -> list[Any]:
  number, job, arrays = made
  length = job.length(arrays)
  return [number, job.subject, job.condition, job.view, length]


def _examples(made: _Made, total: int) -> Iterator[tuple[int, dict[str, Any]]]:
  """Yields the key and record of a sequence, nothing of one without frames."""
  number, job, arrays = made
  if job.length(arrays):
    yield prepared.record_key(number, total), job.example(arrays)


def _write_rows(rows: list[list[Any]], path: Path) -> None:
  atomic.write(path, json.dumps(sorted(rows)))


def read_rows(
  path: Path,
) -> tuple[list[tuple[str, str, str, int]], list[str]]:
  """Reads and removes what a pipeline wrote about a split.

  Returns:
    Subject, condition, view and frames of each record in order, and the names
    of the sequences without frames.
  """
  found = json.loads(files.read(path, _MOST_BYTES))
  path.unlink()
  rows = [
    (subject, condition, view, length)
    for _, subject, condition, view, length in found
    if length
  ]
  dropped = ['/'.join(each[1:4]) for each in found if not each[4]]
  return rows, dropped
