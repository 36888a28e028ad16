"""The commands of docs/video.md are ones that the program takes."""

import importlib
import pathlib
import re
import shlex

import pytest

from gaitgs_jax.__main__ import COMMANDS
from gaitgs_jax.apps import options

PAGE = pathlib.Path(__file__).parents[1] / 'docs/video.md'
LINES = re.findall(r'(?:^|`)gaitgs ([a-z-]+[^`\n]*)', PAGE.read_text(), re.M)


@pytest.mark.parametrize('line', LINES)
def test_commands_of_the_page_are_taken(line):
  name, *words = shlex.split(line)
  module = importlib.import_module(f'gaitgs_jax.apps.{COMMANDS[name][0]}')
  parser = options.Parser(prog=name)
  module.add_arguments(parser)
  parser.parse(words)


def test_the_page_has_commands():
  assert len(LINES) >= 8
