"""A folder of this machine that stands in for the buckets of a cloud.

`Bucket` is fsspec's file system of it, and `serve` gives it to TensorStore, by
the few calls of Google's JSON API that its gs:// driver makes.
"""

import http.server
import json
import os
import pathlib
import sys
import threading
import types
import urllib.parse

import fsspec
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem


def create(root):
  """Returns a class of fsspec: gs://b/x and s3://b/x are the file ROOT/b/x."""

  class Bucket(DirFileSystem):
    protocol = ('gs', 'gcs', 's3')

    def __init__(self, **_):
      # As in a bucket, no folder need be there before what is in it.
      super().__init__(str(root), LocalFileSystem(auto_mkdir=True))

  return Bucket


def serve(root):
  """Makes gs:// of this process the folders below a root, for Orbax too.

  Returns:
    The class that answers; with `refuses` set, nothing that is to be written
    is taken.
  """
  for scheme in ('gs', 'gcs'):
    fsspec.register_implementation(scheme, create(root), clobber=True)
  handler = type('Handler', (_Handler,), {'root': pathlib.Path(root)})
  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
  threading.Thread(target=server.serve_forever, daemon=True).start()
  os.environ['TENSORSTORE_GCS_HTTP_URL'] = (
    f'http://127.0.0.1:{server.server_port}'
  )
  os.environ['GOOGLE_AUTH_TOKEN_FOR_TESTING'] = 'any'
  # Orbax asks whether a bucket has folders of its own; this one has not.
  client = types.SimpleNamespace(get_bucket=lambda name: name)
  storage = types.ModuleType('google.cloud.storage')
  storage.Client = lambda: client
  cloud = types.ModuleType('google.cloud')
  cloud.storage = storage
  sys.modules['google.cloud'] = cloud
  sys.modules['google.cloud.storage'] = storage
  return handler


class _Handler(http.server.BaseHTTPRequestHandler):
  protocol_version = 'HTTP/1.1'
  refuses = False
  disable_nagle_algorithm = True  # It would delay each answer by 40 ms.

  def log_message(self, *_):
    pass

  def do_GET(self):
    path, query = self._object()
    if not path.is_file():
      return self._answer(404)
    generation = str(path.stat().st_mtime_ns)
    if query.get('ifGenerationNotMatch') == generation:
      return self._answer(304)
    data, status = path.read_bytes(), 200
    if 'range' in self.headers:
      first, last = self.headers['range'].removeprefix('bytes=').split('-')
      total, status = len(data), 206
      data = data[int(first) : int(last or total) + 1]
      span = f'bytes {first}-{int(first) + len(data) - 1}/{total}'
      return self._answer(status, data, generation, span)
    return self._answer(status, data, generation)

  def do_POST(self):
    path, query = self._object()
    data = self.rfile.read(int(self.headers['content-length']))
    if self.refuses:
      return self._answer(403)
    there = str(path.stat().st_mtime_ns) if path.is_file() else '0'
    if query.get('ifGenerationMatch', there) != there:
      return self._answer(412)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f'.{path.name}.{threading.get_ident()}')
    beside.write_bytes(data)
    beside.replace(path)
    facts = {'name': query['name'], 'generation': str(path.stat().st_mtime_ns)}
    return self._answer(200, json.dumps(facts).encode())

  def do_DELETE(self):
    path, _ = self._object()
    path.unlink(missing_ok=True)
    return self._answer(204)

  def _object(self):
    """Returns the file that a request is about, and what it asks for."""
    url = urllib.parse.urlsplit(self.path)
    query = dict(urllib.parse.parse_qsl(url.query))
    bucket, _, name = url.path.split('/b/')[1].partition('/o')
    name = query.get('name', urllib.parse.unquote(name[1:]))
    return self.root / bucket / name, query

  def _answer(self, status, data=b'', generation='', span=''):
    self.send_response(status)
    self.send_header('content-length', str(len(data)))
    if generation:
      self.send_header('x-goog-generation', generation)
    if span:
      self.send_header('content-range', span)
    self.end_headers()
    self.wfile.write(data)
