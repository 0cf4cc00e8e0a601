// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the preload library that sees allocation and locks (calls.c) and the worker that wants to
// know of them (sandbox/native/audit.cpp) agree on. C, like the library.
#pragma once

enum { ISOBOOTH_CALL_ALLOCATION, ISOBOOTH_CALL_LOCK };

// `what`: the function, and of locks whether somebody else held it; a literal. `caller`: where the
// call returns to. May call whatever it wants: it is not told of that if it says so itself.
typedef void (*isobooth_call_listener)(int kind, const char* what, const void* caller);

// From now on `listener` is told of the calling thread's calls; null:
// nobody is. Found by name, because the library may not be there.
#define ISOBOOTH_LISTEN_FUNCTION "isobooth_audit_listen"
typedef void (*isobooth_listen_function)(isobooth_call_listener listener);

// Asked before each allocation whether it shall fail; `caller` and what it may do are as above.
typedef int (*isobooth_allocation_judge)(const void* caller);

// From now on `judge` is asked about the calling thread's allocations; null: they are done.
#define ISOBOOTH_JUDGE_FUNCTION "isobooth_audit_judge"
typedef void (*isobooth_judge_function)(isobooth_allocation_judge judge);
