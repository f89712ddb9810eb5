"""What diffs of Python have in common: a text that zlib is given before each of them, so that a short one packs well.

Written by hand from the language, its standard library and the form of diffs; the ends of it are nearest, so what is most
common stands last. A dictionary that was released is never edited: each row of the archive names the one that it was
packed with, by its Adler-32 (RFC 1950, section 2.2).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

_FIRST = b"""\
# -*- coding: utf-8 -*-
#!/usr/bin/env python3
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union, cast, TYPE_CHECKING
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections import defaultdict, OrderedDict, namedtuple
from functools import partial, wraps, lru_cache
from unittest import mock, TestCase
from datetime import datetime, timedelta
from pathlib import Path
import argparse
import asyncio
import collections
import contextlib
import functools
import itertools
import json
import logging
import os
import pytest
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import types
import typing
import unittest
import urllib.parse
import warnings
logger = logging.getLogger(__name__)
__version__ = '
__all__ = [
if TYPE_CHECKING:
if sys.version_info >= (3,
if __name__ == '__main__':
    main()
    unittest.main()
@pytest.mark.parametrize(
@pytest.fixture
@dataclass(frozen=True)
@contextlib.contextmanager
    @abstractmethod
    @overload
    @classmethod
    def from_
    @staticmethod
    @property
    async def
        await self.
        async with
        with pytest.raises(ValueError, match=
        with open(path, encoding="utf-8") as f:
        with self.assertRaises(
        self.assertEqual(
        self.assertTrue(
        self.assertFalse(
        self.assertIn(
        self.assertIsNone(
        warnings.warn(
            DeprecationWarning,
            stacklevel=2,
        raise NotImplementedError(
        raise AssertionError(
        raise AttributeError(
        raise RuntimeError(
        raise TypeError(
        raise KeyError(
        raise ValueError(
            raise ValueError(f"
        except (AttributeError, TypeError, ValueError):
        except UnicodeDecodeError:
        except ImportError:
        except IndexError:
        except OSError as exc:
        except StopIteration:
        except Exception as e:  # noqa:
        except KeyError:
            pass
            break
            continue
        finally:
        try:
            yield
            return True
            return False
            return None
            return result
        while True:
        while len(
        global
        nonlocal
        del self.
        lambda x: x
        print(
        assert isinstance(
        assert result == expected
        assert len(
        assert not
        elif isinstance(value, (list, tuple)):
        elif isinstance(value, str):
        elif name ==
        if not isinstance(
            if isinstance(node,
            if hasattr(self, "
            if getattr(self, "
        if len(args) > 1 and
        if value is not None and
        if value is None:
            value = self.
        if not self.
        if self.
        if not
        if key not in
        if any(
        if all(
            else:
            for i in range(len(
            for index, item in enumerate(
            for key, value in kwargs.items():
            for name in sorted(
            for line in lines:
                if line.startswith("
                if line.endswith("
                    lines.append(
            result.append(
            results.extend(
            self._data.update(
            self.config.get("
            ".join(
            .format(
            .split(
            .strip(
            .replace("
            .decode("utf-8")
            .encode("utf-8")
            .setdefault(
            .items()
            .values()
            .keys()
            .pop(
            .get(
            .copy()
            .lower()
            .read()
            .write(
            .close()
            os.path.join(os.path.dirname(__file__),
            os.environ.get("
            str(path)
            dict(
            list(
            tuple(
            set(
            max(
            min(
            sum(
            int(
            zip(
            isinstance(
            super().__init__(*args, **kwargs)
    def __init__(self, *args, **kwargs):
    def __init__(self, name: str, *, value: Optional[str] = None) -> None:
        super().__init__(
        self.name = name
        self._name = name
    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.name!r})"
    def __str__(self):
    def __eq__(self, other: object) -> bool:
    def __enter__(self):
    def __exit__(self, exc_type, exc_value, traceback):
    def __getitem__(self, key):
    def __len__(self):
    def __iter__(self):
    def setUp(self):
    def get_
    def set_
    def is_
    def _get_
    def test_
def test_
class Test
class (object):
(Exception):
    \"\"\"
    Returns the
    Return a
        :param
        :type
        :return:
        :rtype:
        :class:`
        .. versionadded::
        .. versionchanged::
        .. deprecated::
    Args:
    Raises:
    Parameters
    ----------
    Example::
        >>>
    # type: ignore
    # pragma: no cover
 This is the that will be used when there are no more than one of the given with for this and the from which is not an to be
, default=None, help="
, encoding="utf-8")
, errors="replace"
, *args, **kwargs)
: str = "", int = 0, bool = False, float, bytes, list[str], dict[str, Any], tuple[str, ...], Optional[str] = None, | None = None
) -> None:
) -> bool:
) -> int:
) -> str:
) -> Any:
]:
 == != <= >= += -= *= // ** % << >> and or not in is None True False

deleted file mode 100644
new file mode 100755
old mode 100644
new mode 100755
rename from
rename to
\\ No newline at end of file
--- /dev/null
+++ /dev/null
diff --git a/setup.py b/setup.py
diff --git a/src/__init__.py b/src/__init__.py
--- a/src/
+++ b/src/
diff --git a/tests/test_
new file mode 100644
--- /dev/null
+++ b/tests/test_
@@ -0,0 +1,
--- a/tests/test_
+++ b/tests/test_
@@ -1,6 +1,6 @@
@@ -1,7 +1,8 @@
@@ -10,9 +10,9 @@ class
@@ -120,7 +120,6 @@     def _
@@ -234,8 +234,9 @@ def


+
-
+
-

+
-

         return
-        return
+        return
         self.
-        self.
+        self.
-        if
+        if
-            return
+            return
-    def
+    def
     def (self,
+
+import
-import
+from
-from
 import
 from
diff --git a/
--- a/
+++ b/
@@ -
"""

#: By Adler-32, oldest first.
DICTIONARIES: Mapping[int, bytes] = {zlib.adler32(text): text for text in (_FIRST,)}
#: The one to pack with.
NEWEST = [*DICTIONARIES][-1]
