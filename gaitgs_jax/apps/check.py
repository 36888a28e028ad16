"""`python -m gaitgs_jax check`: reads every sequence, names the bad ones."""

import argparse

from gaitgs_jax import bar, cloud
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import checking, datasets, keypoints
from gaitgs_jax.input.partitions import partition_path, read_partition
from gaitgs_jax.input.sources import PreparedSource

# What one line per sequence may fill of a terminal; --all shows the rest.
_SHOWN = 50
# What is missing that the last line repeats.
_PARTS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--source',
    required=True,
    metavar='PATH',
    help='a tree of images, pickles or json, a csv file, or a prepared dataset',
  )
  parser.add_argument(
    '--dataset',
    default='',
    help='whose published counts to show: ' + ', '.join(datasets.DATASETS),
  )
  options.add_layout(parser)
  options.add_workers(parser)
  parser.add_argument(
    '--all', action='store_true', help='name every bad sequence, however many'
  )


def run(args: argparse.Namespace) -> None:
  """Checks one source.

  Raises:
    UserError: a sequence is bad, or the dataset is not whole.
  """
  facts = datasets.get(args.dataset) if args.dataset else None
  hollow: list[str] = []
  folder = cloud.local_copy(args.source)
  directory = checking.prepared_directory(folder)
  if directory:
    source = PreparedSource(directory)
    total = len(source.index)
    facts = facts or datasets.DATASETS.get(directory.parts[-3])
    print(f'{directory}: a prepared dataset of {total} sequences')
    found = checking.check_prepared(source, facts)
  else:
    tree = keypoints.open_tree(folder, args.layout, facts)
    total = len(tree.sequences)
    print(f'{tree.root}: {tree.layout} of {tree.kind}, {total} sequences')
    found = checking.check_tree(tree, args.workers, facts)
    hollow = [f'{folder}: holds no sequence' for folder in tree.hollow]
  found = bar.create('check', 'sequences', total, found)
  findings = checking.refuse_other_sizes(found)
  _print_counts(findings, facts)
  missing = hollow + ([] if directory else _missing(findings, facts))
  _conclude(findings, missing, args.all)


def _print_counts(
  findings: list[checking.Finding], facts: datasets.Dataset | None
) -> None:
  lengths = [each.length for each in findings if not each.bad]
  subjects = len({each.subject for each in findings})
  print(f'{subjects} subjects, {sum(lengths)} frames in good sequences', end='')
  if lengths:
    print(f', {min(lengths)} to {max(lengths)} each', end='')
  print('\nsequences', end='')
  published = None
  if facts and facts.subjects:
    published = {
      (condition, view): facts.subjects
      for condition in facts.conditions
      for view in facts.views
    }
    print(f' / as {facts.title} is published ({facts.citation})', end='')
  print(f':\n{checking.table(findings, published)}')


def _missing(
  findings: list[checking.Finding], facts: datasets.Dataset | None
) -> list[str]:
  """Returns what the tree lacks; prints how many sequences are missing."""
  if not facts or not facts.sequences:
    return []
  names = [(each.subject, each.condition, each.view) for each in findings]
  partition = read_partition(partition_path(facts))
  if len(names) < facts.sequences:
    print(
      f'{facts.sequences - len(names)} of the {facts.sequences} sequences of'
      ' the published design are not there'
    )
  return checking.missing_parts(names, facts, partition)


def _conclude(
  findings: list[checking.Finding], missing: list[str], show_all: bool
) -> None:
  """Names notes and bad sequences.

  Raises:
    UserError: there are bad ones, or something is missing.
  """
  bad = [each for each in findings if each.bad]
  for title, lines in (
    ('note', [f'{each.place}: {each.note}' for each in findings if each.note]),
    ('bad', [f'{each.place}: {each.bad}' for each in bad]),
    ('missing', missing),
  ):
    limit = len(lines) if show_all else _SHOWN
    for line in lines[:limit]:
      print(f'{title}: {line}')
    if len(lines) > limit:
      print(f'{title}: {len(lines) - limit} more; --all names them')
  if bad or missing:
    parts = [f'{len(bad)} of {len(findings)} sequences are bad'] if bad else []
    parts += [f'missing: {part}' for part in missing[:_PARTS]]
    raise UserError('; '.join(parts))
  print(f'all {len(findings)} sequences are good')
