/* A Cortex-M4 with nothing on it: the vectors that it starts from, a word to the host, and how deep a call's stack goes. */
#include <stdint.h>

extern uint32_t stack_top;
int main(void);

/* Semihosting: what a debugger, or QEMU, does for the program. */
static uint32_t host(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void say(const char *text) { host(0x04, text); }

void say_number(uint32_t number)
{
    char digits[12], *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    say(first);
    say(" ");
}

/* The bytes of stack that a call takes at most. */
uint32_t stack_of(void (*call)(void))
{
    enum { words = 16384 };
    const uint32_t mark = UINT32_C(0x5a5a5a5a);
    volatile uint32_t *begin, *at;
    uint32_t here;
    __asm__ volatile("mov %0, sp" : "=r"(here));
    begin = (volatile uint32_t *)here - 16 - words;
    for (at = begin; at < begin + words; ++at) {
        *at = mark;
    }
    call();
    for (at = begin; *at == mark && at < begin + words; ++at) {
    }
    return here - (uint32_t)(uintptr_t)at;
}

void start(void)
{
    *(volatile uint32_t *)UINT32_C(0xE000ED88) |= UINT32_C(0xF) << 20; /* the floating-point unit on */
    __asm__ volatile("dsb\n\tisb");
    main();
    host(0x18, (const void *)UINT32_C(0x20026)); /* the end, and all is well */
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) const void *const vectors[2] = {&stack_top, (const void *)start};
