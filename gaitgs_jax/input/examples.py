"""Reads a tf.train.Example without TensorFlow, and without a copy."""

from collections.abc import Iterator


def fields(example: memoryview) -> Iterator[tuple[str, memoryview]]:
  """Yields (name, first bytes value) of a tf.train.Example's features.

  Raises:
    ValueError: the bytes are not one.
  """
  # Example.features = 1, Features.feature = 1: a map of entries (key = 1,
  # value = 2), Feature.bytes_list = 1, BytesList.value = 1.
  for entry in _parts(_part(example, 1), 1):
    name = bytes(_part(entry, 1)).decode()
    yield name, _part(_part(_part(entry, 2), 1), 1)


def _part(message: memoryview, number: int) -> memoryview:
  part = next(_parts(message, number), None)
  # Protocol buffers leave empty values out.
  return memoryview(b'') if part is None else part


def _parts(message: memoryview, number: int) -> Iterator[memoryview]:
  """Yields the length-delimited fields of one number in a message."""
  position = 0
  while position < len(message):
    tag, position = _varint(message, position)
    if tag & 7 != 2:
      raise ValueError('the record is not one of this format')
    length, position = _varint(message, position)
    if position + length > len(message):
      raise ValueError('the record is cut short')
    if tag >> 3 == number:
      yield message[position : position + length]
    position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
  value = 0
  for shift in range(0, 64, 7):
    if position >= len(message):
      raise ValueError('the record is cut short')
    byte = message[position]
    position += 1
    value |= (byte & 127) << shift
    if byte < 128:
      return value, position
  raise ValueError('the record is not one of this format')
