"""What the commands of a gallery share: options, the model, its thresholds."""

import argparse
import re

from gaitgs_jax import cloud, local
from gaitgs_jax.apps import embedder, trained
from gaitgs_jax.apps.embedder import Embedder
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.evaluation import result_files
from gaitgs_jax.gallery import Calibration, Model, Store, postgres

# Exit statuses; 2 is a wrong input.
FOUND, UNKNOWN = 0, 1


def add_gallery(parser: argparse.ArgumentParser) -> None:
  """Declares --gallery."""
  parser.add_argument(
    '--gallery',
    required=True,
    metavar='FILE',
    help='the SQLite file of people, or postgresql://USER@HOST/DATABASE',
  )


def add_model(parser: argparse.ArgumentParser) -> None:
  """Declares the options that say which run, and its evaluation."""
  trained.add_arguments(parser)
  parser.add_argument(
    '--source',
    required=True,
    metavar='PATH',
    help='a .npy or .pkl file, a folder of images, folders of these, or a'
    ' video',
  )
  parser.add_argument(
    '--evaluation',
    default='',
    metavar='FILE',
    help="where thresholds are from (default: the checkpoint's evaluation)",
  )


def add_far(parser: argparse.ArgumentParser) -> None:
  """Declares --far."""
  parser.add_argument(
    '--far',
    default='1e-2',
    metavar='SHARE',
    help='of strangers that may be taken for somebody (default: %(default)s)',
  )


def add_json(parser: argparse.ArgumentParser) -> None:
  """Declares --json."""
  parser.add_argument(
    '--json', action='store_true', help='print JSON, for scripts'
  )


def far(args: argparse.Namespace) -> float:
  """Returns --far as a number.

  Raises:
    UserError: it is not a share above 0.
  """
  number = re.fullmatch(r'[0-9]*\.?[0-9]+([eE]-?[0-9]{1,2})?', args.far)
  if not number or not 0 < float(args.far) <= 1:
    raise UserError(
      f'--far={one_line(args.far)}: pass a share above 0 and up to 1, such as'
      ' 1e-2 for one stranger in a hundred'
    )
  return float(args.far)


def open_model(args: argparse.Namespace) -> Embedder:
  """Opens the model that the options name.

  Raises:
    UserError: there is none, or it does not fit its config.
  """
  config = trained.read_config(args)
  return embedder.opened(config, args.workdir, args.checkpoint)


def open_store(args: argparse.Namespace, *, create: bool = False) -> Store:
  """Opens --gallery.

  Raises:
    UserError: it is not a gallery, or cannot be opened.
  """
  place = args.gallery
  return Store(
    place if postgres.is_url(place) else local.path(place), create=create
  )


def check_owner(args: argparse.Namespace, model: Embedder) -> None:
  """Refuses --gallery if it is there and another model's.

  Raises:
    UserError: it is, or cannot be opened.
  """
  place = args.gallery
  if postgres.is_url(place) or local.path(place).exists():
    with open_store(args, create=True) as store:
      store.check_model(described(model))


def walks(count: int) -> str:
  """Returns a number of walks as text."""
  return f'{count:,} walk{"" if count == 1 else "s"}'


def people(count: int) -> str:
  """Returns a number of people as text."""
  return '1 person' if count == 1 else f'{count:,} people'


def described(model: Embedder) -> Model:
  """Returns what a gallery stores of a model."""
  return Model(model.fingerprint, model.title, model.metric)


def stored_calibration(
  store: Store, model: Embedder, args: argparse.Namespace
) -> Calibration | None:
  """Returns a gallery's calibration, read from the run again if it is there.

  Raises:
    UserError: a file is damaged, or of another metric.
  """
  found = run_calibration(model, args)
  stored = store.calibration()
  if found is None:
    return Calibration.from_json(stored) if stored else None
  if found.to_json() != stored:
    store.set_calibration(found.to_json())
  return found


def run_calibration(
  model: Embedder, args: argparse.Namespace
) -> Calibration | None:
  """Returns the calibration by the evaluation of a checkpoint, if there is one.

  Raises:
    UserError: its file is damaged, of another metric, or --evaluation names a
      file without thresholds.
  """
  path = cloud.folder(args.evaluation) if args.evaluation else model.evaluation
  if path is None:
    return None
  saved = result_files.load(path)
  metric = saved.meta.get('metric', model.metric)
  if metric != model.metric:
    raise UserError(
      f'{path}: counts {metric} distances, and the config says {model.metric};'
      ' evaluate again'
    )
  data = saved.meta.get('dataset', 'its test set')
  try:
    found = Calibration.of(
      saved, one_line(f'the evaluation on {data} ({path})')
    )
  except ValueError as error:
    raise UserError(f'{path}: {error}; evaluate again') from error
  if found is None and args.evaluation:
    raise missing(args, f'{path} holds no thresholds')
  return found


def missing(args: argparse.Namespace, what: str) -> UserError:
  """Returns the error where there are no thresholds, which says what to do."""
  config = args.config or f'{args.workdir}/config.json'
  step = f' --checkpoint={args.checkpoint}' if args.checkpoint else ''
  return UserError(
    f'{what}; evaluate the model with them: python -m gaitgs_jax evaluate'
    f' --config={config} --workdir={args.workdir}{step}'
    ' --config.evaluation.verification=True'
  )
