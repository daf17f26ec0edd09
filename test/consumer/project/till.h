#ifndef TILL_H
#define TILL_H
#ifdef __cplusplus
extern "C" {
#endif
void till_take(long cents);
long till_holds(void);
#ifdef __cplusplus
}
#endif
#endif
