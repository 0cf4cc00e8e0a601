# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and things that are nearly messages, made from the declarations themselves.

Noise is refused at its first byte; what finds mistakes is a good message with one thing wrong.
So each example begins as a valid message of a declared type, and is then damaged as objects (a
value of another type or size, a field lost or added) and as bytes.
"""

from typing import Any, get_args

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from tests.fuzz.damage import damaged_bytes, damaged_objects


def messages(union: Any) -> st.SearchStrategy[msgspec.Struct]:
    """Valid messages of all types of a union."""
    return st.one_of(*(_struct(inspect.type_info(one)) for one in get_args(union)))


def bodies(union: Any) -> st.SearchStrategy[bytes]:
    """Bodies of frames: valid messages, and such as were damaged."""
    numbers = st.one_of(st.integers(0, 3), st.sampled_from([-1, 2**31, 2**63, 2**64 - 1]))
    whole = st.tuples(numbers, messages(union)).map(msgspec.to_builtins)
    objects = st.one_of(whole, damaged_objects(whole))
    return damaged_bytes(objects.map(_encoded))


def _encoded(objects: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(objects)
    except (OverflowError, TypeError, ValueError):  # damage that no encoder can write
        return msgspec.msgpack.encode(repr(objects))


def _struct(info: Any) -> st.SearchStrategy[Any]:
    fields = {field.name: _of(field.type) for field in info.fields}
    return st.builds(info.cls, **fields)


def _of(info: inspect.Type) -> st.SearchStrategy[Any]:
    match info:
        case inspect.StructType():
            return _struct(info)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_of, types))
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=least, le=most, lt=beyond):
            if beyond is not None:
                most = beyond - 1
            return st.integers(-(2**63) if least is None else least, most or 2**53)
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False)
        case inspect.StrType(max_length=most):
            return st.text(max_size=min(most or 40, 40))
        case inspect.BytesType(min_length=least, max_length=most):
            return st.binary(min_size=least or 0, max_size=min(most or 40, 40))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.ListType(item_type=item, min_length=least):
            return st.lists(_of(item), min_size=least or 0, max_size=4)
        case inspect.VarTupleType(item_type=item):
            return st.lists(_of(item), max_size=4).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(_of, items))
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_of(key), _of(value), max_size=4)
    raise TypeError(f"no examples are made for {info}")
