// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the native tests fail: they say where and why, and end the program at once, because other
// threads may be at work on what is broken.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace isobooth::tests {

[[noreturn, gnu::format(printf, 1, 2)]] inline void fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::fputs("FAILED ", stdout);
    std::vprintf(format, arguments);
    std::fputc('\n', stdout);
    va_end(arguments);
    std::fflush(stdout);
    std::_Exit(1);
}

}  // namespace isobooth::tests

// CHECK(condition, format, values...)
#define CHECK(condition, format, ...)                                       \
    do {                                                                    \
        if (!(condition))                                                   \
            isobooth::tests::fail("%s:%d: %s: " format, __FILE__, __LINE__, \
                                  #condition __VA_OPT__(, ) __VA_ARGS__);   \
    } while (false)
