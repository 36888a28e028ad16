"""docs/config.md: complete, and as the code is."""

import pathlib

import pytest

from docs import make_config
from gaitgs_jax.apps import config_file
from gaitgs_jax.input import opening
from gaitgs_jax.training import choices, meanings, settings

TABLES = (
  choices.all_losses,
  choices.all_optimizers,
  choices.all_schedules,
  choices.all_models,
)


def _documented(path):
  """Tells whether a config's field is in the page's tables."""
  if '.'.join(path) in meanings.MEANINGS:
    return True
  return path[-1] in choices.allowed(path[:-1], frozenset())


def _paths(section, prefix=()):
  for name, value in section.items():
    yield (*prefix, name)
    # Names of results, and of modalities.
    named = prefix == ('published',)
    if hasattr(value, 'items') and not named:
      yield from _paths(value, (*prefix, name))


def test_the_page_is_up_to_date():
  there = pathlib.Path(make_config.PAGE).read_text()
  assert there == make_config.page(), 'run: python -m docs.make_config'


@pytest.mark.parametrize('name', config_file.names())
def test_every_field_of_a_config_is_on_the_page(name):
  sections = {*settings.FIELDS, *settings.OPTIONAL}
  for path in _paths(config_file.load(name)):
    is_section = path[0] in sections and len(path) == 1
    # Groups of weights are called as one likes.
    is_section |= path[:-1] == ('optimizer', 'groups')
    assert is_section or _documented(path), '.'.join(path)


def test_every_option_has_a_meaning():
  tables = [table() for table in TABLES] + [*choices.transforms().values()]
  for table in tables:
    for name, choice in table.items():
      assert choice.summary, name
      for option in choice.options:
        assert option.meaning, f'{name}.{option.name}'
  assert all(option.meaning for option in choices.batch().options)
  assert all(meanings.MEANINGS.values())


def test_the_fields_of_a_dataset_are_those_that_are_read():
  names = {f'dataset.{name}' for name in opening.FIELDS}
  assert names == {n for n in meanings.MEANINGS if n.startswith('dataset.')}
