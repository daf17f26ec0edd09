// workloads NAME N: the work of ../workloads.cpp, written the way one writes it in Go, on two processors. Prints
//
//	NAME N seconds ns_per_op max_rss_kib check
//
// where seconds is the work alone, ns_per_op is seconds / N and check is the result, which does not depend on the
// schedule and is the same number that the other programs print.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

const processors = 2

type workload struct {
	name string
	run  func(n int) int
	most int // the largest n whose result and memory still fit
}

var workloads = []workload{
	{"pingpong", pingpong, 1_000_000_000},
	{"pipeline", pipeline, 1_000_000_000},
	{"select", selecting, 1_000_000_000},
	{"mutex", mutex, 1_000_000_000},
	{"spawn", spawn, 100_000_000},
	{"alive", alive, 10_000_000},
	{"sieve", sieve, 1_000_000},
	{"matmul", matmul, 10_000},
	{"mergesort", mergesort, 1_000_000_000},
}

// maxRssKib is the peak of this process alone: getrusage would count the process that started it, too.
func maxRssKib() int {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		var kib int
		if count, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); count == 1 {
			return kib
		}
	}
	return 0
}

func fail(why string) {
	fmt.Fprintf(os.Stderr, "workloads: %s\nusage: workloads NAME N, NAME one of:", why)
	for _, w := range workloads {
		fmt.Fprintf(os.Stderr, " %s", w.name)
	}
	fmt.Fprintln(os.Stderr)
	os.Exit(2)
}

func main() {
	if len(os.Args) != 3 {
		fail("needs a name and a number")
	}
	for _, w := range workloads {
		if w.name != os.Args[1] {
			continue
		}
		n, err := strconv.Atoi(os.Args[2])
		if err != nil || n < 1 || n > w.most {
			fail(fmt.Sprintf("N of %s must be a whole number from 1 to %d, not '%s'", w.name, w.most, os.Args[2]))
		}
		runtime.GOMAXPROCS(processors)
		start := time.Now()
		check := w.run(n)
		took := time.Since(start)
		fmt.Printf("%s %d %.6f %.2f %d %d\n", w.name, n, took.Seconds(), float64(took.Nanoseconds())/float64(n), maxRssKib(), check)
		return
	}
	fail(fmt.Sprintf("no workload is called '%s'", os.Args[1]))
}
