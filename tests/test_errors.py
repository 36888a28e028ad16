import pytest

from gaitgs_jax import errors


def test_an_error_is_printed_short_with_its_advice(capsys):
  errors.show(errors.UserError('bad: ' + 'x' * 30_000 + '; copy it again'))
  printed = capsys.readouterr().err
  assert len(printed) < 2100
  assert printed.startswith('error: bad: xxx')
  assert printed.endswith('; copy it again\n')


def test_a_short_text_stays_as_it_is():
  assert errors.shortened('abc', 3) == 'abc'
  assert len(errors.shortened('a' * 100, 50)) == 50
  assert errors.one_line('several\n  lines') == 'several lines'


@pytest.mark.parametrize(
  'items, text',
  [
    ('', ''),
    ('abc', 'a, b, c'),
    ('abcde', 'a, b, c, d, e'),
    ('abcdefg', 'a, b, c, d, e and 2 more'),
  ],
)
def test_a_long_list_is_counted(items, text):
  assert errors.listed(items) == text


@pytest.mark.parametrize(
  'name, hint',
  [
    ('casia-b', " (did you mean 'casia_b'?)"),
    ('CASIA_B', " (did you mean 'casia_b'?)"),
    ('oumlvp', " (did you mean 'oumvlp'?)"),
    ('kitchen', ''),
  ],
)
def test_a_misspelt_name_gets_a_hint(name, hint):
  assert errors.did_you_mean(name, ['casia_b', 'oumvlp']) == hint


def test_a_wrong_choice_names_the_choices():
  error = errors.wrong_choice("cache is 'rom'", 'rom', ['', 'ram'])
  assert str(error) == (
    "cache is 'rom' (did you mean 'ram'?); choose one of '', ram"
  )


@pytest.mark.parametrize(
  'text, shown',
  [
    ('Gänge 步态', 'Gänge 步态'),
    ('\x1b[2J\x07', r'\x1b[2J\x07'),
    ('a\nerror: b\r', r'a\nerror: b\r'),
    ('\x9b31m\x7f', r'\x9b31m\x7f'),
    ('exe.\u202egpj', r'exe.\u202egpj'),
    ('\ud800\udcff', r'\ud800\udcff'),
    ('a\u2028b\x00', r'a\u2028b\x00'),
  ],
)
def test_what_a_terminal_would_obey_is_shown_as_text(text, shown):
  assert errors.printable(text) == shown
  # As part of any message, whoever forgets to ask.
  assert str(errors.UserError(f'bad: {text}')) == f'bad: {shown}'


def test_a_message_is_short_whatever_is_in_it():
  name = '\x1b' * 200_000
  assert len(errors.printable(name)) <= 300
  assert len(errors.one_line(name)) <= 300
  assert len(str(errors.UserError(f'{name} is bad: copy it again'))) <= 2000
