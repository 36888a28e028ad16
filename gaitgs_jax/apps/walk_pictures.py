"""Pictures of walks of a test set: strips, and what the model looks at."""

import io
import pathlib
from argparse import Namespace

import numpy as np
from PIL import Image

from gaitgs_jax import skeletons
from gaitgs_jax.apps import drawing, explain, trained
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checkpoint, preprocessing, setup

_SHOWN = 5  # Frames in a strip.
_HEIGHT = 160  # Of a strip, in pixels.


class Pictures:
  """Draws walks of the data of a run.

  Args:
    workdir: of the run, whose latest checkpoint is asked.

  Raises:
    UserError: its data or its checkpoint cannot be opened.
  """

  def __init__(self, workdir: pathlib.Path):
    config = trained.read_config(Namespace(workdir=str(workdir), config=''))
    self._draw = explain.drawer(config)
    self._data = setup.open_data(config)
    found = checkpoint.choose(str(workdir), '')
    self._model = trained.restore(config, found, devices=1)
    index = self._data.source.index
    self._rows = {index.name(row): row for row in range(len(index))}

  def strip(self, name: str) -> bytes:
    """Returns a PNG of some frames of a walk, spread over it."""
    row = np.array([self._row(name)])
    batch = next(self._model.batches(self._data.source, row, 1))
    mask = batch['mask'][0]
    if 'silhouettes' in batch:
      frames = batch['silhouettes'][0][mask].astype(np.float32) / 255
      pictures = drawing.silhouettes(_some(frames), _some(frames) * 0)
    else:
      frames = batch['keypoints'][0][mask].astype(np.float32)
      kind = preprocessing.skeleton_seen(self._model.config, training=False)
      edges = skeletons.get(kind).edges
      heat = np.zeros(frames.shape[:2], np.float32)
      pictures = _some(drawing.skeletons(frames, heat, edges))
    return _png(pictures, _HEIGHT)

  def look(self, name: str) -> tuple[str, bytes]:
    """Returns a caption and a PNG of what the model looks at in a walk."""
    pictures, notes = self._draw(self._model, self._data, self._row(name))
    return '; '.join([name, *notes]), _png(_some(pictures, 8), 2 * _HEIGHT)

  def _row(self, name: str) -> int:
    if name not in self._rows:
      raise UserError(
        f'{name} is not in the data of this run: evaluate again, or leave'
        ' --walks out'
      )
    return self._rows[name]


def _some(frames: np.ndarray, count: int = _SHOWN) -> np.ndarray:
  places = np.linspace(0, len(frames) - 1, min(count, len(frames))).round()
  return frames[places.astype(int)]


def _png(pictures: np.ndarray, height: int) -> bytes:
  """Returns pictures [s,h,w,3] side by side."""
  image = Image.fromarray(np.concatenate([*pictures], axis=1))
  width = round(image.width * height / image.height)
  file = io.BytesIO()
  image.resize((width, height)).save(file, 'png', optimize=True)
  return file.getvalue()
