// The cases of string_cases.cpp, which is compiled as C++17 and knows no std::span.
#pragma once

namespace vigil::test {

void race_string_appended_to();
void race_string_assigned();
void race_string_measured();
void race_wide_string_erased();
void clean_strings_under_a_lock();
void clean_string_read_by_all();
void clean_strings_through_streams_and_exceptions();

}  // namespace vigil::test
