// Child processes, each on a processor of its own: the clients on one, the servers on another.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace bench {

enum class processor { client, server }; // the same one where the machine has only one

class finished {
public:
    bool ok = false; // exit code 0
    std::string output;
    double cpu_us = 0; // user and system, of the process and its own children
};

// Runs a program to its end. `environment` is added to ours; stderr is ours only if `loud`. A program that
// takes longer than `limit_s` is killed.
finished run_process(const std::vector<std::string>& command, processor where,
                     const std::vector<std::pair<std::string, std::string>>& environment = {},
                     bool loud = false, unsigned limit_s = 120);

// A program that runs until the object ends; its standard input is a pipe that closes then.
class background_process {
public:
    background_process(const std::vector<std::string>& command, processor where);
    background_process(const background_process&) = delete;
    background_process& operator=(const background_process&) = delete;
    ~background_process(); // closes its input, sends SIGTERM, waits

    std::string read_line(); // of its output; empty at its end

private:
    pid_t pid_ = -1;
    int input_ = -1;
    int output_ = -1;
};

std::string find_program(const std::string& name); // empty when PATH does not have it
std::string own_program();                         // of this benchmark

} // namespace bench
