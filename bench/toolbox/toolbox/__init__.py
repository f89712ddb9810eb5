"""Small tools for everyday programs."""

from toolbox.caches import LRU, TTL, cached_method, memoize
from toolbox.dicts import Counts, FrozenDict, MultiDict, OneToOne, deep_get, deep_merge
from toolbox.iteration import chunked, flatten, one, partition, peekable, unique, windowed
from toolbox.moments import Stopwatch, daterange, format_duration, parse_duration, relative
from toolbox.numbers import Running, clamp, histogram, mean, median, percentile, variance
from toolbox.streams import LineBuffer, MultiReader, atomic_write, read_backwards, tee
from toolbox.texts import Template, camel_to_snake, ellipsize, indent, ordinal, pluralize, slugify, table

__all__ = [
    "LRU",
    "TTL",
    "Counts",
    "FrozenDict",
    "LineBuffer",
    "MultiDict",
    "MultiReader",
    "OneToOne",
    "Running",
    "Stopwatch",
    "Template",
    "atomic_write",
    "cached_method",
    "camel_to_snake",
    "chunked",
    "clamp",
    "daterange",
    "deep_get",
    "deep_merge",
    "ellipsize",
    "flatten",
    "format_duration",
    "histogram",
    "indent",
    "mean",
    "median",
    "memoize",
    "one",
    "ordinal",
    "parse_duration",
    "partition",
    "peekable",
    "percentile",
    "pluralize",
    "read_backwards",
    "relative",
    "slugify",
    "table",
    "tee",
    "unique",
    "variance",
    "windowed",
]
