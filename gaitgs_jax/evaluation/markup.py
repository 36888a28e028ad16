"""Builds HTML from elements, so that no text can become markup.

A name in a page may come from a file of somebody else: that of an evaluation, a
field of a config, a column of a table. An element holds text as text, and only
`document` writes tags.
"""

import html
import xml.etree.ElementTree as tree

from gaitgs_jax.errors import printable

Element = tree.Element

# What has no end tag.
_VOID = ('img', 'meta')
_QUOTE = '"'
# Longest text of one place on a page, in characters.
_LONGEST = 2000
# Nothing is loaded and nothing runs, even if a tag got in. Styles are inline,
# and images are part of the page.
_POLICY = (
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
  " base-uri 'none'; form-action 'none'"
)


def element(
  tag: str, *content: Element | str | None, **attributes: str
) -> Element:
  """Returns an element.

  Args:
    tag: such as 'td'.
    *content: elements and texts in their order; None is left out.
    **attributes: values by name, `class_` for 'class' and `aria_label` for
      'aria-label'; those that are empty are left out.
  """
  names = {name: name.rstrip('_').replace('_', '-') for name in attributes}
  found = Element(
    tag,
    {
      names[name]: printable(value, len(value))
      for name, value in attributes.items()
      if value
    },
  )
  for each in content:
    if isinstance(each, Element):
      found.append(each)
    elif each:
      _add_text(found, printable(each, _LONGEST))
  return found


def _add_text(parent: Element, text: str) -> None:
  if len(parent):
    parent[-1].tail = (parent[-1].tail or '') + text
  else:
    parent.text = (parent.text or '') + text


def document(title: str, style: str, *content: Element | None) -> str:
  """Returns a whole page that needs no other file, no script and no network.

  Args:
    title: of the page, for the browser.
    style: CSS, which is not escaped: never a text from outside.
    *content: of the page's body.
  """
  sheet = Element('style')
  sheet.text = style
  head = element(
    'head',
    element('meta', charset='utf-8'),
    element('meta', http_equiv='Content-Security-Policy', content=_POLICY),
    element(
      'meta', name='viewport', content='width=device-width, initial-scale=1'
    ),
    element('title', title),
    sheet,
  )
  page = element('html', head, element('body', *content), lang='en')
  return f'<!doctype html>\n{_text(page)}\n'


def _escaped(text: str) -> str:
  return html.escape(text, quote=False)


def _text(node: Element) -> str:
  """Returns an element in HTML; ElementTree's own leaves < in attributes."""
  attributes = ''.join(
    f' {name}="{_escaped(value).replace(_QUOTE, "&quot;")}"'
    for name, value in node.items()
  )
  start = f'<{node.tag}{attributes}>'
  if node.tag in _VOID:
    return start
  text = node.text or ''
  inner = text if node.tag == 'style' else _escaped(text)
  for child in node:
    inner += _text(child) + _escaped(child.tail or '')
  return f'{start}{inner}</{node.tag}>'
