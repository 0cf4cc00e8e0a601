// SPDX-License-Identifier: GPL-3.0-or-later
//
// Memory that workers share with the host: locked where allowed, and guarded against its owner.
//
// A worker may truncate its file; touching the lost pages is then SIGBUS in the host. The handler
// maps zeros over the whole file and marks it as lost, so that the block goes on and the control
// thread can condemn the record.
#pragma once

#include <atomic>
#include <cstddef>

namespace isobooth::host {

class SharedMemory {
public:
    // Guards [base, base+size), which must outlive this object, and asks the kernel to keep it in
    // memory. Throws std::runtime_error if more files are guarded than any host needs.
    SharedMemory(void* base, std::size_t size);
    ~SharedMemory();
    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    // The file shrank under the host; zeros are mapped in its place.
    bool lost() const noexcept;
    bool locked() const noexcept { return locked_; }

private:
    int entry_ = -1;
    bool locked_ = false;
};

}  // namespace isobooth::host
