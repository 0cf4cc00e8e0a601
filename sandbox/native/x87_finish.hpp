// SPDX-License-Identifier: GPL-3.0-or-later
//
// Does what an instruction of the x87 has not done because it trapped. An instruction of SSE that
// traps is run again when the handler returns. One of the x87 is told by the next, when it has long
// been left behind with its operands as they were; going on there, its result would be missing, and
// its operands would fill the registers. x86-64 only.
#pragma once

#if defined(__x86_64__)
#include <ucontext.h>

namespace isobooth::sandbox {

// In the handler of SIGFPE: `machine` is what was interrupted; its control word masks by now what the
// instruction raised. `denormal`: nothing but a denormal operand. For exceptions that are raised
// before a result is there: invalid operations, denormal operands, division by zero.
void finish_x87_instruction(mcontext_t& machine, bool denormal) noexcept;

}  // namespace isobooth::sandbox
#endif
