# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a VST3 plugin is: PATH, which is the first in its bundle, or PATH#CLASS for another one.

CLASS is the plugin's class id, 32 hexadecimal digits. Host and worker must cut such a text at the
same place, and neither may look at the disk for it.
"""

import re
from typing import NamedTuple

_WITH_CLASS = re.compile(r"(.+\.vst3)#([0-9A-F]{32})", re.IGNORECASE | re.DOTALL)


class Vst3Location(NamedTuple):
    path: str
    class_id: str  # empty: the first plugin of the bundle

    def __str__(self) -> str:
        return f"{self.path}#{self.class_id}" if self.class_id else self.path


def split_vst3_location(text: str) -> Vst3Location:
    match = _WITH_CLASS.fullmatch(text)
    return Vst3Location(match[1], match[2].upper()) if match else Vst3Location(text, "")
