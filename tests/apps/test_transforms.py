import cv2
import pytest

from gaitgs_jax.apps import transforms
from gaitgs_jax.apps.options import Parser
from gaitgs_jax.errors import UserError
from gaitgs_jax.input.point_transforms import POINTS
from gaitgs_jax.input.time_transforms import TIME


def _arguments(*words):
  parser = Parser()
  transforms.add_arguments(parser)
  return parser.parse(words)


def test_the_sheet_has_a_row_for_each_transform(tmp_path):
  out = tmp_path / 'sheet.png'
  transforms.run(_arguments(f'--out={out}', '--modalities=points', '--draws=1'))
  image = cv2.imread(str(out))
  # The heights are no picture.
  rows = len(POINTS) + len(TIME) - 1
  assert image.shape[0] == rows * (128 + 20 + 2)
  assert (image > 190).mean() > 0.02


def test_an_unknown_modality_is_reported(tmp_path):
  with pytest.raises(UserError, match="'poses'; choose one of silhouettes"):
    transforms.run(
      _arguments(f'--out={tmp_path / "a.png"}', '--modalities=poses')
    )
