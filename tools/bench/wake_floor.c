// SPDX-License-Identifier: GPL-3.0-or-later
//
// What waking processes costs on this machine with nothing to do in between: the floor under every
// figure of slot cost. Compiled by the bench.
//
// usage: wake_floor N relayed|hosted WORKER_CPU HOST_CPU FIFO_PRIORITY BLOCKS   (-1: unpinned)
// prints the median and p99 of a block, microseconds.
#define _GNU_SOURCE
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, SPACING = 128 };

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void settle(int cpu, int priority) {
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    if (priority > 0) {
        struct sched_param param = {.sched_priority = priority};
        sched_setscheduler(0, SCHED_FIFO, &param);
    }
}

static int ascending(const void* a, const void* b) {
    const double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

int main(int argc, char** argv) {
    if (argc != 7) return 2;
    const int count = atoi(argv[1]), relayed = !strcmp(argv[2], "relayed");
    const int worker_cpu = atoi(argv[3]), host_cpu = atoi(argv[4]), priority = atoi(argv[5]);
    const int blocks = atoi(argv[6]);
    if (count < 1 || count > MOST || blocks < 1) return 2;
    char* memory =
        mmap(NULL, (MOST + 1) * SPACING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
#define SEM(i) ((sem_t*)(memory + (i)*SPACING))
    for (int i = 0; i <= count; ++i) sem_init(SEM(i), 1, 0);
    pid_t workers[MOST];
    for (int i = 0; i < count; ++i) {
        if ((workers[i] = fork()) == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            settle(worker_cpu, priority ? priority - 10 : 0);
            for (;;) {
                while (sem_wait(SEM(i)) != 0) {
                }
                sem_post(SEM(relayed ? i + 1 : count));
            }
        }
    }
    settle(host_cpu, priority);
    usleep(50000);
    double* times = malloc((size_t)blocks * sizeof *times);
    double next = now_us();
    for (int block = 0; block < blocks; ++block) {
        next += 128e6 / 48000;
        const struct timespec wake = {(time_t)(next / 1e6),
                                      (long)((next - 1e6 * (time_t)(next / 1e6)) * 1e3)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
        const double begin = now_us();
        if (relayed) {
            sem_post(SEM(0));
            while (sem_wait(SEM(count)) != 0) {
            }
        } else {
            for (int i = 0; i < count; ++i) {
                sem_post(SEM(i));
                while (sem_wait(SEM(count)) != 0) {
                }
            }
        }
        times[block] = now_us() - begin;
    }
    for (int i = 0; i < count; ++i) kill(workers[i], SIGKILL);
    for (int i = 0; i < count; ++i) waitpid(workers[i], NULL, 0);
    qsort(times, (size_t)blocks, sizeof *times, ascending);
    printf("%.2f %.2f\n", times[blocks / 2], times[blocks * 99 / 100]);
    return 0;
}
