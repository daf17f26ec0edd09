/* libstdc++'s configuration, as vigil_instrument() has it: std::string and std::wstring are compiled with the program,
 * and so instrumented, as C++20 does it anyway. Before C++20 libstdc++ says that its own code, which is not, is to be
 * called for them: then no access to a string would be seen that is made by a function of its own.
 *
 * -1 is libstdc++'s own setting for that, of what it uses where its assertions are on (which this does not turn on).
 * Everything else of the library stays as it is: streams and locales order by themselves what their code shares.
 *
 * Not with the strings of the ABI before g++ 5: they share their memory by counts that the library's own code changes,
 * too.
 *
 * No include guard: the header behind this one has its own, and what comes after it says the same each time. */
#pragma GCC system_header
#include_next <bits/c++config.h>

#if defined(_GLIBCXX_EXTERN_TEMPLATE) && _GLIBCXX_EXTERN_TEMPLATE > 0 && _GLIBCXX_USE_CXX11_ABI
#undef _GLIBCXX_EXTERN_TEMPLATE
#define _GLIBCXX_EXTERN_TEMPLATE -1
#endif
