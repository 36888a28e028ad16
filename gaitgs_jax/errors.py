"""The one exception that means "the user's input is wrong"."""


class UserError(Exception):
  """Bad input from the user, told in one sentence: what, where, how to mend.

  The command line prints the sentence on stderr, without a traceback, and
  exits with status 2. Every other exception is a bug.
  """
