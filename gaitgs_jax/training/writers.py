"""Where a run's numbers go: metrics.csv, and TensorBoard and W&B through clu.

The one module that touches `clu.metric_writers`, and with it TensorFlow; both
are optional, and so is wandb.
"""

import contextlib
import csv
import io
import os
import pathlib
import re
import stat
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gaitgs_jax import atomic, cloud
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.training import workdirs

# W&B's own variable: where it is set, a run is logged there.
_PROJECT = 'WANDB_PROJECT'


class Table:
  """A CSV file of one row per step, 'step' first, and blanks for no value.

  A new column rewrites the file; so does a second write to the same step,
  whose numbers join the row. Every other write appends one line, except in a
  bucket, where nothing can be appended to. What cannot be written, a line says
  so, is written later.

  A torn line or zeros at its end, as a power failure leaves them after the last
  `sync`, are dropped. A file that is damaged otherwise is renamed, and a line
  says so; the rows before the damage are kept.

  Raises:
    UserError: the file cannot be read, or not be written when it is opened.
  """

  def __init__(self, path: pathlib.Path, *, resume_step: int = 0):
    self._path = path
    self._columns = ['step']
    self._rows: dict[int, dict[str, str]] = {}
    self._is_whole = True  # As far as this process wrote it.
    self._is_synced = True
    try:
      self._read(resume_step)
    except FileNotFoundError:
      return
    except (ValueError, csv.Error):
      aside = workdirs.set_aside(path)
      kept = f'; {len(self._rows)} rows of it are kept' if self._rows else ''
      print(f'{path} is damaged: it is {aside.name} now{kept}', flush=True)
      if not self._rows:
        return
    self._rewrite()

  def _read(self, last: int) -> None:
    """Reads the rows up to a step; those after it will be written again."""
    text = workdirs.read(self._path).decode().rstrip('\0')
    whole, zeros, _ = text.partition('\0')
    whole = whole[: whole.rfind('\n') + 1]
    reader = csv.DictReader(whole.splitlines())
    columns = list(reader.fieldnames or ())
    if columns[:1] != ['step'] or len(set(columns)) < len(columns):
      raise ValueError('its head is not whole')
    self._columns = columns
    for row in reader:
      step = row.get('step') or ''
      if step.isdecimal() and int(step) <= last:
        self._rows[int(step)] = {k: v for k, v in row.items() if v and k}
    if zeros:
      raise ValueError('it holds zeros')

  def write(self, step: int, scalars: Mapping[str, float]) -> None:
    """Adds numbers to a step's row."""
    texts = {key: f'{value:.9g}' for key, value in scalars.items()}
    fresh = [key for key in texts if key not in self._columns]
    append = not fresh and step not in self._rows and self._is_whole
    self._columns += fresh
    self._rows[step] = {**self._rows.get(step, {'step': str(step)}), **texts}
    was_whole, self._is_whole = self._is_whole, False
    try:
      if not append or not self._append(self._rows[step]):
        self._rewrite()
      self._is_whole = True
    except (OSError, UserError) as error:
      if was_whole:
        print(f'{self._path}: {error}; this is tried again', flush=True)

  def sync(self) -> None:
    """Puts what was appended on the disk, where that is possible."""
    if not self._is_synced:
      with contextlib.suppress(OSError):
        atomic.sync_file(self._path)
        self._is_synced = True

  def close(self) -> None:
    """Writes what could not be written before, if it can be now."""
    if not self._is_whole:
      with contextlib.suppress(UserError):
        self._rewrite()
    self.sync()

  def _append(self, row: Mapping[str, str]) -> bool:
    """Appends a row; returns False where there is no file to append to."""
    if cloud.is_url(self._path):
      return False
    try:
      flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
      descriptor = os.open(self._path, flags)
    except OSError:
      return False
    with open(descriptor, 'a', newline='') as file:
      if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
      csv.DictWriter(file, self._columns).writerow(row)
    self._is_synced = False
    return True

  def _rewrite(self) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, self._columns)
    writer.writeheader()
    writer.writerows(self._rows[step] for step in sorted(self._rows))
    atomic.write(self._path, text.getvalue(), follow=False)
    self._is_synced = True


class Writers:
  """Writes numbers to metrics.csv and, if asked, to TensorBoard files.

  Where Weights & Biases is installed and WANDB_PROJECT set, it gets the same.
  Of several processes only the first one writes.
  """

  def __init__(
    self, workdir: pathlib.Path, *, resume_step: int, tensorboard: bool
  ):
    self._table = None
    self._boards: dict[str, Any] = {}
    if jax.process_index():
      return
    self._table = Table(workdir / 'metrics.csv', resume_step=resume_step)
    openers = {'TensorBoard': _open_tensorboard} if tensorboard else {}
    openers |= {'W&B': _open_wandb} if os.environ.get(_PROJECT) else {}
    for name, opener in openers.items():
      if (board := opener(workdir)) is not None:
        self._boards[name] = board

  def __enter__(self) -> 'Writers':
    return self

  def __exit__(self, *_: object) -> None:
    if self._table is not None:
      self._table.close()
    self._on_boards(lambda board: board.close())

  @property
  def shows_pictures(self) -> bool:
    """Whether what `show` takes goes anywhere."""
    return bool(self._boards)

  def write(self, step: int, scalars: Mapping[str, float]) -> None:
    """Writes the numbers of one step; a run never ends here."""
    if self._table is not None:
      self._table.write(step, scalars)
    self._on_boards(lambda board: board.write_scalars(step, dict(scalars)))

  def show(
    self,
    step: int,
    images: Mapping[str, np.ndarray],
    histograms: Mapping[str, np.ndarray],
  ) -> None:
    """Writes pictures uint8 [n,h,w,c] and histograms of values, as `write`."""
    self._on_boards(lambda board: board.write_images(step, images))
    self._on_boards(lambda board: board.write_histograms(step, histograms))

  def sync(self) -> None:
    """Puts the table on the disk, as before a checkpoint that follows it."""
    if self._table is not None:
      self._table.sync()

  def _on_boards(self, write: Callable[[Any], None]) -> None:
    """Writes to each board, and goes on without one that cannot be written."""
    for name, board in list(self._boards.items()):
      try:
        write(board)
      except Exception as error:  # noqa: BLE001 - TensorFlow's have many classes.
        del self._boards[name]
        what = f'{name} files' if name == 'TensorBoard' else name
        reason = one_line(error)
        print(f'{what} cannot be written ({reason}); going on without')


class WandbWriter:
  """Weights & Biases behind the methods of clu's writers that a run calls.

  Args:
    run: what `wandb.init` returned.
    image: `wandb.Image`.
    histogram: `wandb.Histogram`.
  """

  def __init__(
    self, run: Any, image: Callable[..., Any], histogram: Callable[..., Any]
  ):
    self._run, self._image, self._histogram = run, image, histogram

  def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
    """Logs numbers."""
    self._run.log(dict(scalars), step=step)

  def write_images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
    """Logs the pictures uint8 [n,h,w,c] of each name."""
    shown = {
      name: [self._image(each.squeeze()) for each in images[name]]
      for name in images
    }
    self._run.log(shown, step=step)

  def write_histograms(
    self,
    step: int,
    arrays: Mapping[str, np.ndarray],
    num_buckets: Mapping[str, int] | None = None,
  ) -> None:
    """Logs histograms of values; wandb chooses their bars."""
    del num_buckets
    shown = {name: self._histogram(each) for name, each in arrays.items()}
    self._run.log(shown, step=step)

  def flush(self) -> None:
    """Does nothing: wandb sends by itself."""

  def close(self) -> None:
    """Ends the run."""
    self._run.finish()


def _open_wandb(workdir: pathlib.Path) -> Any:
  """Returns a writer to W&B, or None where it is not installed or refuses.

  A workdir has one run there, which goes on when it is resumed.
  """
  try:
    import wandb
    from clu import metric_writers

    run = wandb.init(
      dir=None if cloud.is_url(workdir) else os.fspath(workdir),
      id=re.sub(r'\W+', '-', workdir.name),
      resume='allow',
    )
  except Exception as error:  # noqa: BLE001 - as of a library not known here.
    print(f'nothing goes to W&B ({one_line(error)}); unset {_PROJECT}')
    return None
  writer = WandbWriter(run, wandb.Image, wandb.Histogram)
  return metric_writers.AsyncWriter(writer)


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
