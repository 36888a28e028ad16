"""`python -m gaitgs_jax silhouettes`: the people of a video as walks."""

import argparse
import contextlib
import json
import pathlib
import re
import sys
import time
from collections.abc import Iterator

import numpy as np

from gaitgs_jax import atomic, bar, local
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError
from gaitgs_jax.video import frames, overlay, pipeline, quality, tree
from gaitgs_jax.video.quality import Quality
from gaitgs_jax.video.watching import Seen, Watcher

# Frames of the shortest walk that is written.
_SHORTEST = 15
# A video with a smaller share of the frames that it claims is cut short.
_WHOLE = 0.9


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--source',
    required=True,
    metavar='VIDEO',
    help='a video file, a folder of images, or the number of a camera',
  )
  parser.add_argument(
    '--out',
    required=True,
    metavar='TREE',
    help='must not exist yet: TREE/person/00/000/silhouettes.pkl and'
    f' keypoints.pkl, {tree.QUALITY} and {overlay.NAME}',
  )
  _add_finding(parser)
  _add_frames(parser)
  parser.add_argument(
    '--json', action='store_true', help='print the quality of walks as JSON'
  )


def _add_finding(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    '--detector',
    default='people',
    choices=pipeline.DETECTORS,
    help='what finds people: a network, or what moves before a fixed camera'
    ' (default: %(default)s)',
  )
  parser.add_argument(
    '--segmenter',
    default='pose',
    choices=pipeline.SEGMENTERS,
    help='what cuts them out: a network, which finds joints too, or what moves'
    ' (default: %(default)s)',
  )
  parser.add_argument(
    '--masks',
    default='',
    metavar='DIR',
    help="another segmenter's masks instead, an image a frame: 0 where nobody"
    ' is; may be the --source itself',
  )
  parser.add_argument(
    '--detail',
    type=options.whole_number(64, 4096),
    default=768,
    metavar='PIXELS',
    help='longer side of what the detector of people sees: larger finds'
    ' smaller people, in more time (default: %(default)s)',
  )
  for name in ('people', 'pose'):
    parser.add_argument(
      f'--{name}-model',
      default='',
      metavar='FILE',
      help='a .tflite file instead of that of `fetch-models`',
    )


def _add_frames(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    '--rate',
    type=options.whole_number(1, 1000),
    default=0,
    metavar='N',
    help='frames per second, where the source does not know',
  )
  parser.add_argument(
    '--every',
    type=options.whole_number(1, 1000),
    default=1,
    metavar='N',
    help='take each N-th frame, as of a camera with 60 a second',
  )
  parser.add_argument(
    '--frames',
    type=options.whole_number(1, 10_000_000),
    default=0,
    metavar='N',
    help='take so many frames at most',
  )
  parser.add_argument(
    '--min-frames',
    type=options.whole_number(1, 1_000_000),
    default=_SHORTEST,
    metavar='N',
    help='leave out shorter walks (default: %(default)s)',
  )
  parser.add_argument(
    '--min-height',
    type=options.whole_number(8, 4096),
    default=40,
    metavar='PIXELS',
    help='leave out people who are smaller (default: %(default)s)',
  )
  parser.add_argument(
    '--size',
    type=options.whole_number(2, 4096),
    default=64,
    help='height of the silhouettes: 64 or 128 (default: %(default)s)',
  )


def run(args: argparse.Namespace) -> None:
  """Writes the walks of a video.

  Raises:
    UserError: the source cannot be read or shows nobody, a network is not
      there, or the result cannot be written.
  """
  if args.size % 2:
    raise UserError(f'--size={args.size}: give an even number, 64 or 128')
  out = local.path(args.out).absolute()
  atomic.check_new(out)
  settings = pipeline.Settings(
    detector=args.detector,
    segmenter=args.segmenter,
    masks=args.masks,
    detail=args.detail,
    height=args.min_height,
    every=args.every,
    frames=args.frames,
    size=args.size,
    people_model=args.people_model,
    pose_model=args.pose_model,
  )
  started = time.monotonic()
  found, count = write(args.source, out, settings, args.rate, args.min_frames)
  if args.json:
    print(json.dumps([each.plain() for each in found]))
    return
  print('\n'.join(quality.lines(found)))
  used = sum(each.used for each in found)
  print(
    f'{out}: {len(found)} walks, {used} silhouettes from {count} frames,'
    f' {count / (time.monotonic() - started):.1f} frames/s; look them over in'
    f' {out / overlay.NAME}'
  )


def write(
  given: str,
  out: pathlib.Path,
  settings: pipeline.Settings,
  rate: float = 0,
  least: int = _SHORTEST,
) -> tuple[list[Quality], int]:
  """Writes the walks of a video as a tree.

  Args:
    given: see `frames.open_source`.
    out: the tree, which does not exist yet.
    settings: how people are found.
    rate: frames per second, 0 for those of the source.
    least: frames of the shortest walk that is written.

  Returns:
    The quality of each walk in the tree, and how many frames there were.

  Raises:
    UserError: the source cannot be read or shows nobody, a network is not
      there, or the tree cannot be written.
  """
  source = frames.open_source(given, rate)
  pipeline.check(source, settings)
  watcher = pipeline.create_watcher(source, settings)
  try:
    with atomic.folder(out) as unfinished:
      return _write(source, settings, watcher, unfinished, least)
  except OSError as error:
    raise UserError(f'cannot write {out}: {error.strerror or error}') from error


def _write(
  source: frames.Source,
  settings: pipeline.Settings,
  watcher: Watcher,
  folder: pathlib.Path,
  least: int,
) -> tuple[list[Quality], int]:
  rate = source.rate / settings.every
  with _showing(source, settings, folder, rate) as show:
    walks, count = pipeline.watch(source, settings, watcher, show)
  found = [
    (walk, quality.judge(walk, _name(source.stem, walk.number), rate))
    for walk in walks
  ]
  kept = [each for each in found if each[1].used >= least]
  if not kept:
    raise _nobody(source.title, count, [each for _, each in found], least)
  for walk, each in kept:
    tree.write_walk(folder, each.name, walk)
  tree.write_quality(folder, [each for _, each in kept])
  whole = _expected(source, settings)
  if count < _WHOLE * whole:
    print(
      f'note: {source.title} ends after {count} of {whole} frames, is it cut'
      ' short?',
      file=sys.stderr,
    )
  return [each for _, each in kept], count


def _expected(source: frames.Source, settings: pipeline.Settings) -> int:
  """Returns how many frames are taken, 0 where nobody knows."""
  total = -(-source.total // settings.every)
  return min(total or settings.frames, settings.frames or total)


@contextlib.contextmanager
def _showing(
  source: frames.Source,
  settings: pipeline.Settings,
  folder: pathlib.Path,
  rate: float,
) -> Iterator[pipeline.Show]:
  """Opens the overlay, which takes each frame and the people in it."""
  total = _expected(source, settings)
  path = folder / overlay.NAME
  with (
    overlay.Writer(path, source.size, rate or quality.TRAINED_RATE) as writer,
    bar.create('silhouettes', 'frames', total or None) as progress,
  ):

    def show(frame: np.ndarray, seen: list[Seen]) -> None:
      writer.add(overlay.draw(frame, seen))
      progress.update()

    yield show


def _name(stem: str, number: int) -> str:
  """Returns a person's folder, which every file system takes."""
  plain = re.sub(r'[^A-Za-z0-9_-]+', '-', stem).strip('-')[:64] or 'video'
  return f'{plain}-{number:02d}'


def _nobody(
  title: str, count: int, found: list[Quality], least: int
) -> UserError:
  """Returns the error of a video without a walk."""
  if not count:
    return UserError(f'{title}: has no frames')
  if not found:
    return UserError(
      f'{title}: nobody is found in {count} frames; for small people pass a'
      ' larger --detail, and a smaller --min-height'
    )
  best = max(found, key=lambda each: each.used)
  return UserError(
    f'{title}: no walk has {least} good frames; the longest: {best.line()};'
    ' pass a smaller --min-frames to keep it'
  )
