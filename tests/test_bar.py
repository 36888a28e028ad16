import sys

from gaitgs_jax import bar


def test_a_log_gets_few_plain_lines(capsys):
  assert list(bar.create('check', 'sequences', 500, range(500))) == [
    *range(500)
  ]
  lines = capsys.readouterr().err.splitlines()
  assert 1 <= len(lines) <= 3
  assert lines[-1].startswith('check: 500 of 500 sequences')
  assert not any('\r' in line for line in lines)


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
  monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
  list(bar.create('check', 'sequences', 3, range(3)))
  assert '\r' in capsys.readouterr().err
