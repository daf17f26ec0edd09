// Phrases that every rendering shares: who an actor is, how long it waited, where a frame lies.
#pragma once

#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

std::string actor_words(const Actor& actor);            // "task 7", "thread 1 (main)"
std::string duration_words(std::int64_t milliseconds);  // "1.2 s", "3 min 20 s"
std::string object_words(const Object& object);         // "channel c3 `results`, capacity 0"
std::string place_words(const Frame& frame);            // "worker.cpp:12", "libc.so.6+0x1234"
std::string participant_words(const Finding& finding,
                              const Participant& participant);  // "waiting for 1.2 s to receive from ..."
std::string tasks_words(const Tasks& tasks);                    // "3 started, 2 finished, ..."
std::string command_words(const Program& program);              // the command line, quoted where a shell would need it
// A shell line that runs the program again as it was run, watched by vigil: folder, the options that decide what
// happens and what is looked for (schedule and seed among them), arguments. "" when the program's path is unknown.
std::string reproduce_words(const Report& report);
std::string shell_word(const std::string& word);  // as a shell reads it back
std::string capitalised(std::string text);        // an id ("m1 was taken here") stays as it is

}  // namespace vigil::reports
