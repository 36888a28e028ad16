"""Where a run's numbers go: metrics.csv, and TensorBoard through clu.

The one module that touches `clu.metric_writers`, and with it TensorFlow; both
are optional.
"""

import csv
import io
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from gaitgs_jax import atomic, cloud
from gaitgs_jax.errors import UserError


class Table:
  """A CSV file of one row per step, 'step' first, and blanks for no value.

  A new column rewrites the file; so does a second write to the same step,
  whose numbers join the row. Every other write appends one line, except in a
  bucket, where nothing can be appended to.
  """

  def __init__(self, path: pathlib.Path, *, resume_step: int = 0):
    self._path = path
    self._columns = ['step']
    self._rows: dict[int, dict[str, str]] = {}
    if path.exists():
      self._read(resume_step)
      self._rewrite()

  def _read(self, last: int) -> None:
    """Reads the rows up to a step; those after it will be written again."""
    reader = csv.DictReader(self._path.read_text().splitlines())
    self._columns = list(reader.fieldnames or self._columns)
    for row in reader:
      # A killed process may leave a torn last line.
      step = row.get('step') or ''
      if step.isdigit() and int(step) <= last:
        self._rows[int(step)] = {k: v for k, v in row.items() if v and k}

  def write(self, step: int, scalars: Mapping[str, float]) -> None:
    """Adds numbers to a step's row."""
    texts = {key: f'{value:.9g}' for key, value in scalars.items()}
    fresh = [key for key in texts if key not in self._columns]
    append = (
      not fresh
      and step not in self._rows
      and not cloud.is_url(self._path)
      and self._path.exists()
    )
    self._columns += fresh
    self._rows[step] = {**self._rows.get(step, {'step': str(step)}), **texts}
    if not append:
      self._rewrite()
      return
    with open(self._path, 'a', newline='') as file:
      csv.DictWriter(file, self._columns).writerow(self._rows[step])

  def _rewrite(self) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, self._columns)
    writer.writeheader()
    writer.writerows(self._rows[step] for step in sorted(self._rows))
    atomic.write(self._path, text.getvalue())


class Writers:
  """Writes scalars to metrics.csv and, if asked, to TensorBoard files.

  Of several processes only the first one writes.
  """

  def __init__(
    self, workdir: pathlib.Path, *, resume_step: int, tensorboard: bool
  ):
    self._table = self._tensorboard = None
    if jax.process_index():
      return
    self._table = Table(workdir / 'metrics.csv', resume_step=resume_step)
    if tensorboard:
      self._tensorboard = _open_tensorboard(workdir)

  def __enter__(self) -> 'Writers':
    return self

  def __exit__(self, *_: object) -> None:
    if self._tensorboard is not None:
      self._tensorboard.close()

  def write(self, step: int, scalars: Mapping[str, float]) -> None:
    """Writes the numbers of one step."""
    if self._table is not None:
      self._table.write(step, scalars)
    if self._tensorboard is not None:
      self._tensorboard.write_scalars(step, dict(scalars))


def _open_tensorboard(workdir: pathlib.Path) -> Any:
  """Returns clu's writer, or None where it is not installed.

  Raises:
    UserError: TensorFlow cannot write in the bucket.
  """
  try:
    from clu import metric_writers
  except ImportError as error:
    print(f'no TensorBoard files: {error}; metrics.csv has the same numbers')
    return None
  try:
    writer = metric_writers.SummaryWriter(os.fspath(workdir))
  except Exception as error:
    if not cloud.is_url(workdir):
      raise
    reason = ' '.join(str(error).split())
    raise UserError(
      f'TensorFlow cannot write TensorBoard files in {workdir} ({reason}): set '
      '--config.tensorboard=False; metrics.csv has the same numbers'
    ) from error
  return metric_writers.AsyncWriter(writer)
