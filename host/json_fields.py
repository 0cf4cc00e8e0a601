# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that people write by hand, made into typed structs, or one line that names the field.

The structs (msgspec) declare type, range and default of each field once, with a description that
completes the sentence "expected ...". This module walks the declaration and the data side by
side, because a stock decoder's message ("Expected `float` <= 24.0") tells neither what was
written nor what the number means, and it lets control characters and repeated keys pass.

A field's `Meta(extra=...)` may hold `check`, a function that raises InputError with the rest of
the sentence, and `in_file: False` for what is no part of the file.
"""

import base64
import binascii
import difflib
import functools
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from ipc.errors import InputError
from ipc.text import one_line

T = TypeVar("T", bound=msgspec.Struct)

# C0, DEL and C1 controls, line separators (messages are one line) and lone surrogates (which no
# file and no terminal can hold).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHOWN_CHARS = 60


class _Object(dict[str, Any]):
    """A JSON object that remembers the first key that it was given twice."""

    repeated: str | None = None


def decode(text: bytes | str, where: str) -> object:
    """JSON text as plain objects; InputError names line and column. NaN is left to `build`."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_keep_repeated, parse_int=_parse_int)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: not UTF-8 text (byte {error.start}): is it an audio or MIDI file, not JSON?"
        ) from None
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise InputError(
            f"{where}: not JSON: line {error.lineno}, column {error.colno}: {reason}"
        ) from None
    except RecursionError:
        raise InputError(f"{where}: brackets are nested too deep") from None


def _keep_repeated(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                made.repeated = key
                break
            seen.add(key)
    return made


def _parse_int(digits: str) -> int | float:
    # int() refuses thousands of digits with an error of its own; all our ranges end far below.
    return int(digits) if len(digits) < 30 else float(digits)


def build(model: type[T], data: object, where: str) -> T:
    """`data` (objects of `decode`, or the like made by a program) as a `model`, or InputError.

    `where` is the file's name, which begins the message.
    """
    made = _Builder(where).struct(_struct_info(model), data, "")
    assert isinstance(made, model)
    return made


@functools.cache
def _struct_info(model: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(model)
    assert isinstance(info, inspect.StructType)
    return info


def error_at(where: str, path: str, problem: str) -> InputError:
    """The error of one field: "song.json: tracks[0].gain_db: expected ..."."""
    return InputError(f"{where}: {path}: {problem}" if path else f"{where}: {problem}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that ends a message, or nothing."""
    some = list(itertools.islice(known, 1000))  # the search is slow, and the rest no help
    close = difflib.get_close_matches(word, some, n=3, cutoff=0.6)
    close.sort(key=lambda found: abs(len(found) - len(word)))  # a wrong letter before one too many
    return f"; did you mean {shown(close[0])}?" if close else ""


def shown(value: object) -> str:
    """A value as JSON would write it, short enough for a message."""
    match value:
        case None | bool():
            return json.dumps(value)
        case str():
            text = value if len(value) <= _SHOWN_CHARS else value[:_SHOWN_CHARS] + "..."
            return f'"{one_line(text)}"'
        case float():
            return json.dumps(value)
        case int():
            return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
        case Mapping():
            return "an object"
        case Sequence() if not isinstance(value, bytes | bytearray):
            return "a list"
    return f"a value of type {type(value).__name__}"


def joined(path: str, key: str) -> str:
    """The path of a field, or of an object's entry, within what is at `path`."""
    if not _PLAIN_KEY.fullmatch(key) or len(key) > _SHOWN_CHARS:
        return f"{path}[{shown(key)}]"
    return f"{path}.{key}" if path else key


class _Builder:
    """One walk through one document."""

    def __init__(self, where: str) -> None:
        self._where = where

    def _expected(self, path: str, what: str, value: object) -> InputError:
        return error_at(self._where, path, f"expected {what}, got {shown(value)}")

    def _wrong_length(self, path: str, what: str, items: Sequence[object]) -> InputError:
        return error_at(self._where, path, f"expected {what}, got a list of {len(items)}")

    def struct(self, info: inspect.StructType, data: object, path: str) -> Any:
        self._check_object(data, path, "an object with fields such as " + _field_names(info, 3))
        assert isinstance(data, Mapping)
        fields = {field.encode_name: field for field in info.fields if _is_in_file(field)}
        for key in data:
            if key not in fields:
                name = key if isinstance(key, str) else shown(key)
                hint = did_you_mean(name, fields) or f"; known here: {', '.join(fields)}"
                raise error_at(self._where, joined(path, name), f"unknown field{hint}")
        values = {}
        for name, field in fields.items():
            at = joined(path, name)
            if name in data:
                values[field.name] = self.value(field.type, data[name], at)
            elif field.required:
                raise error_at(self._where, at, f"missing; expected {describe(field.type)}")
        return info.cls(**values)

    def _check_object(self, data: object, path: str, what: str) -> None:
        if not isinstance(data, Mapping):
            raise self._expected(path, what, data)
        if isinstance(data, _Object) and data.repeated is not None:
            raise error_at(self._where, joined(path, data.repeated), "stands here twice")

    def value(self, info: inspect.Type, value: object, path: str) -> Any:
        """`value` as the declared type; a Meta that wraps the type adds words and checks."""
        what = describe(info)
        check = None
        while isinstance(info, inspect.Metadata):
            check = (info.extra or {}).get("check", check)
            info = info.type
        made = self._typed(info, value, path, what)
        if check is not None:
            try:
                check(made)
            except InputError as error:
                raise error_at(self._where, path, str(error)) from None
        return made

    def _typed(self, info: inspect.Type, value: object, path: str, what: str) -> Any:
        match info:
            case inspect.StructType():
                return self.struct(info, value, path)
            case inspect.UnionType():
                member = next((one for one in info.types if _same_kind(one, value)), None)
                if member is None:
                    raise self._expected(path, what, value)
                return self.value(member, value, path)
            case inspect.VarTupleType():
                items = self._list(value, path, what)
                if info.max_length is not None and len(items) > info.max_length:
                    raise self._wrong_length(path, what, items)
                return tuple(
                    self.value(info.item_type, item, f"{path}[{index}]")
                    for index, item in enumerate(items)
                )
            case inspect.TupleType():
                items = self._list(value, path, what)
                if len(items) != len(info.item_types):
                    raise self._wrong_length(path, what, items)
                return tuple(
                    self.value(kind, item, f"{path}[{index}]")
                    for index, (kind, item) in enumerate(zip(info.item_types, items, strict=True))
                )
            case inspect.DictType():
                return self._dict(info, value, path, what)
            case inspect.NoneType() if value is None:
                return None
            case inspect.BoolType() if isinstance(value, bool):
                return value
            case inspect.LiteralType() if _is_one_of(value, info.values):
                return value
            case inspect.EnumType() if isinstance(value, str) and value in _texts(info):
                return info.cls(value)
            case inspect.IntType() | inspect.FloatType():
                return self._number(info, value, path, what)
            case inspect.StrType() if isinstance(value, str):
                return self._text(info, value, path, what)
            case inspect.BytesType() if isinstance(value, str):
                return self._bytes(value, path)
        raise self._expected(path, what, value)

    def _list(self, value: object, path: str, what: str) -> Sequence[object]:
        if not isinstance(value, list | tuple):
            raise self._expected(path, what, value)
        return value

    def _dict(self, info: inspect.DictType, value: object, path: str, what: str) -> Any:
        self._check_object(value, path, what)
        assert isinstance(value, Mapping)
        made = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise self._expected(path, what, key)
            at = f"{path}[{shown(key)}]"
            made[self.value(info.key_type, key, at)] = self.value(info.value_type, item, at)
        return made

    def _number(
        self, info: inspect.IntType | inspect.FloatType, value: object, path: str, what: str
    ) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._expected(path, what, value)
        whole = isinstance(info, inspect.IntType)
        if isinstance(value, float) and (
            not math.isfinite(value) or (whole and not value.is_integer())
        ):
            raise self._expected(path, what, value)
        if (
            (info.ge is not None and value < info.ge)
            or (info.gt is not None and value <= info.gt)
            or (info.le is not None and value > info.le)
            or (info.lt is not None and value >= info.lt)
        ):
            raise self._expected(path, what, value)
        return int(value) if whole else float(value)

    def _text(self, info: inspect.StrType, value: str, path: str, what: str) -> str:
        if _CONTROL.search(value):
            raise error_at(self._where, path, f"holds a control character: {shown(value)}")
        if (
            len(value) < (info.min_length or 0)
            or (info.max_length is not None and len(value) > info.max_length)
            or (info.pattern is not None and not re.fullmatch(info.pattern, value))
        ):
            raise self._expected(path, what, value)
        return value

    def _bytes(self, value: str, path: str) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise error_at(self._where, path, f"not base64: {error}".lower()) from None


def _same_kind(info: inspect.Type, value: object) -> bool:
    """Whether JSON writes values of this type as it writes `value`; decides between a union's."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    match info:
        case inspect.NoneType():
            return value is None
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType() | inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.StrType() | inspect.BytesType() | inspect.EnumType():
            return isinstance(value, str)
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, Mapping)
        case inspect.VarTupleType() | inspect.TupleType():
            return isinstance(value, list | tuple)
    return False


def _texts(info: inspect.EnumType) -> list[str]:
    return [str(member) for member in info.cls]


def _is_one_of(value: object, allowed: Iterable[object]) -> bool:
    # type(): True == 1 in Python, not in JSON
    return any(type(value) is type(one) and value == one for one in allowed)


def _is_in_file(field: inspect.Field) -> bool:
    info = field.type
    return not (
        isinstance(info, inspect.Metadata) and (info.extra or {}).get("in_file", True) is False
    )


def _field_names(info: inspect.StructType, count: int) -> str:
    return ", ".join(field.encode_name for field in info.fields[:count])


def describe(info: inspect.Type) -> str:
    """What a field of this type should hold: the words after "expected"."""
    match info:
        case inspect.Metadata():
            words = (info.extra_json_schema or {}).get("description")
            return str(words) if words else describe(info.type)
        case inspect.UnionType():
            return " or ".join(describe(one) for one in info.types)
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.StrType():
            return "text"
        case inspect.BytesType():
            return "base64 text"
        case inspect.LiteralType():
            return "one of " + ", ".join(json.dumps(value) for value in info.values)
        case inspect.EnumType():
            return "one of " + ", ".join(json.dumps(text) for text in _texts(info))
        case inspect.StructType():
            return "an object with fields such as " + _field_names(info, 3)
        case inspect.DictType():
            return "an object"
    return "a list"
