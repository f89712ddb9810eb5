"""What diffs of Python have in common: a text that zlib is given before each of them, so that a short one packs well.

Written by hand from the language, its standard library and the form of diffs; lines that were of no help with the history of
public programs were left out again. The end of it is nearest, so what is most common stands last. A dictionary that was
released is never edited: each row of the archive names the one that it was packed with, by its Adler-32.
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
import contextlib
import json
import logging
import os
import pytest
import subprocess
import sys
import tempfile
import threading
import typing
import urllib.parse
import warnings
logger = logging.getLogger(__name__)
__version__ = '
__all__ = [
if TYPE_CHECKING:
if sys.version_info >= (3,
if __name__ == '__main__':
@pytest.mark.parametrize(
@pytest.fixture
@dataclass(frozen=True)
@contextlib.contextmanager
    @overload
    @classmethod
    @staticmethod
    @property
        await self.
        async with
        with pytest.raises(ValueError, match=
        with open(path, encoding="utf-8") as f:
        with self.assertRaises(
        self.assertEqual(
        warnings.warn(
            DeprecationWarning,
            stacklevel=2,
        raise NotImplementedError(
        raise RuntimeError(
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
            return None
            return result
        global
        nonlocal
        lambda x: x
        print(
        assert isinstance(
        assert result == expected
        elif isinstance(value, str):
        elif name ==
        if not isinstance(
            if hasattr(self, "
            if getattr(self, "
        if len(args) > 1 and
        if value is not None and
        if value is None:
            value = self.
        if not self.
        if self.
        if any(
        if all(
            else:
            for i in range(len(
            for index, item in enumerate(
            for key, value in kwargs.items():
            for line in lines:
                if line.startswith("
            results.extend(
            self._data.update(
            self.config.get("
            ".join(
            .format(
            .split(
            .strip(
            .replace("
            .setdefault(
            .values()
            .keys()
            .copy()
            .lower()
            .read()
            .write(
            .close()
            os.path.join(os.path.dirname(__file__),
            os.environ.get("
            str(path)
            max(
            min(
    def __init__(self, name: str, *, value: Optional[str] = None) -> None:
    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.name!r})"
    def __str__(self):
    def __eq__(self, other: object) -> bool:
    def __enter__(self):
    def __exit__(self, exc_type, exc_value, traceback):
    def set_
    def _get_
class Test
(Exception):
    \"\"\"
        .. versionadded::
        .. versionchanged::
        .. deprecated::
    Args:
    Parameters
    Example::
    # type: ignore
    # pragma: no cover
 This is the that will be used when there are no more than one of the given with for this and the from which is not an to be
, default=None, help="
, encoding="utf-8")
, errors="replace"
: str = "", int = 0, bool = False, float, bytes, list[str], dict[str, Any], tuple[str, ...], Optional[str] = None, | None = None
) -> str:
) -> Any:
 == != <= >= += -= *= // ** % << >> and or not in is None True False
deleted file mode 100644
rename to
\\ No newline at end of file
new file mode 100644
--- /dev/null
@@ -0,0 +1,
@@ -1,6 +1,6 @@
@@ -1,7 +1,8 @@
@@ -234,8 +234,9 @@ def
-            return
     def (self,
"""

#: By Adler-32, oldest first.
DICTIONARIES: Mapping[int, bytes] = {zlib.adler32(text): text for text in (_FIRST,)}
#: The one to pack with.
NEWEST = [*DICTIONARIES][-1]
