// SPDX-License-Identifier: GPL-3.0-or-later
#include "ipc/native/proc.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace isobooth::ipc {

std::string proc(pid_t pid) { return "/proc/" + std::to_string(pid); }

std::string proc_file(pid_t pid, std::uint64_t number) {
    return proc(pid) + "/fd/" + std::to_string(static_cast<int>(number));
}

std::string read_link(const std::string& path) {
    std::array<char, PATH_MAX> target;
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

bool is_thread_of(pid_t process_or_thread, std::uint64_t thread) {
    const std::string path =
        proc(process_or_thread) + "/task/" + std::to_string(static_cast<std::uint32_t>(thread));
    return access(path.c_str(), F_OK) == 0;
}

long stat_field(pid_t pid, int field) {
    std::FILE* file = std::fopen((proc(pid) + "/stat").c_str(), "re");
    if (file == nullptr) return -1;
    std::array<char, 1024> text{};
    const std::size_t size = std::fread(text.data(), 1, text.size() - 1, file);
    std::fclose(file);
    text[size] = 0;
    const char* at = std::strrchr(text.data(), ')');
    for (int i = 2; at != nullptr && i < field; ++i) at = std::strchr(at + 1, ' ');
    return at != nullptr ? std::strtol(at + 1, nullptr, 10) : -1;
}

long named_field(const std::string& path, const char* name, int base) {
    std::FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return -1;
    std::array<char, 256> line{};
    long found = -1;
    while (found < 0 && std::fgets(line.data(), line.size(), file) != nullptr)
        if (std::strncmp(line.data(), name, std::strlen(name)) == 0)
            found = std::strtol(line.data() + std::strlen(name), nullptr, base);
    std::fclose(file);
    return found;
}

}  // namespace isobooth::ipc
