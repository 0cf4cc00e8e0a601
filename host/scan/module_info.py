# SPDX-License-Identifier: GPL-3.0-or-later
"""What a VST3 bundle's moduleinfo.json says that it holds. Its code may say something else, and is
asked if it can be; this gives a name to a plugin that cannot."""

import re
from pathlib import Path

# Bundles describe themselves in a few kB; what is larger is something else.
_MOST_BYTES = 1024 * 1024
# The file is JSON5, with comments and trailing commas: these keys are all that is wanted of it.
_CLASS = re.compile(r'"CID"\s*:')
_KEY = r'"{}"\s*:\s*"((?:[^"\\]|\\.){{1,200}})"'
_CATEGORY = re.compile(_KEY.format("Category"))
_NAME = re.compile(_KEY.format("Name"))
_AUDIO = "Audio Module Class"


def told_names(bundle: Path) -> list[str]:
    """Names of the plugins, in their order; none where there is no such file."""
    for place in ("Contents/Resources/moduleinfo.json", "Contents/moduleinfo.json"):
        try:
            with open(bundle / place, "rb") as file:
                text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
        parts = _CLASS.split(text)[1:]
        named = ((_CATEGORY.search(part), _NAME.search(part)) for part in parts)
        return [name[1] for category, name in named if category and name and category[1] == _AUDIO]
    return []
