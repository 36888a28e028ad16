import argparse
import importlib

import pytest

from gaitgs_jax import __main__ as command


@pytest.mark.parametrize(
  'line, words',
  [
    ('repor', "unknown command 'repor' (did you mean 'report'?)"),
    ('report', '--workdir is missing'),
    ('silhouettes', '--source, --out are missing'),
    ('report --workdir', '--workdir needs a value'),
    ('report --workdir=', '--workdir needs a value'),
    ('report --workdir=a --workdir=b', '--workdir is given more than once'),
    ('report --workdir a --out x --out y', '--out is given more than once'),
    ('report --worksdir=a', '--worksdir (did you mean'),
    (
      'report --workdir=a --ou=b',
      "unknown option --ou (did you mean '--out'?)",
    ),
    ('report --workdir=a b', "unexpected argument 'b'"),
    ('check --source=a --all=yes', '--all takes no value'),
    (
      'check --source=a --workers=0',
      '--workers: expected a whole number from 1 to',
    ),
    ('check --source=a --workers=1000000', "1,000, not '1000000'"),
    (
      'embed --workdir=a --source=b --batch-frames=10000000000',
      "--batch-frames: expected a whole number from 1 to 1,000,000,000, not '1",
    ),
    (
      'embed --workdir=a --source=b --batch-size=8',
      "unknown option --batch-size (did you mean '--batch-frames'?)",
    ),
    ('check --source=a --workers=two', "not 'two'"),
    ('prepare --root=a --data_dir=b', '--data_dir is given more than once'),
    ('prepare --dataset=casia-b', "(did you mean 'casia_b'?)"),
    ('prepare --dataset=casia_b --variant=65', "no variant '65'"),
    ('walkers --out=x.png --views=91', "unknown view '91'"),
  ],
)
def test_a_wrong_command_line_is_one_message(line, words, capsys):
  assert command.main(line.split()) == 2
  printed = capsys.readouterr().err
  assert printed.startswith('error: ')
  assert words in printed
  assert printed.count('\n') == 1


@pytest.mark.parametrize('name', command.COMMANDS)
def test_no_option_of_a_command_takes_its_last_value(name, capsys):
  parser = argparse.ArgumentParser()
  module, _ = command.COMMANDS[name]
  importlib.import_module(f'gaitgs_jax.apps.{module}').add_arguments(parser)
  once = [
    f'{action.option_strings[0]}={action.choices[0] if action.choices else 64}'
    for action in parser._actions
    if isinstance(action, argparse._StoreAction) and action.option_strings
  ]
  assert once
  for option in once:
    assert command.main([name, option, *once]) == 2
    assert 'is given more than once' in capsys.readouterr().err
