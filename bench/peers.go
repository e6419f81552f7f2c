// SPDX-License-Identifier: GPL-2.0

// What Go's own allocator costs, in nanoseconds: the one that goalloc is
// written after.
//
//	GOMAXPROCS=1 go run peers.go ROUNDS
//
// Go frees nothing; it collects.  So a round is long enough for a few dozen
// collections, and what they cost is part of an allocation's figure, as a free
// is part of a pair's.  Nothing is live when they run, so they are as cheap as
// can be.  On a busy machine no such round goes undisturbed: the time is that
// of the CPU, which includes the collector's.  Go's objects are always zeroed.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"syscall"
)

const ops = 1 << 21

type withPointer struct {
	next *withPointer
	data [7]uint64
}

// What is stored here escapes, so that it is not allocated on the stack.
var (
	pointerSink *withPointer
	noscanSink  *[64]byte
	eightSink   *uint64
	fifteenSink *[15]byte
)

var (
	somePointer = new(withPointer)
	someNoscan  = new([64]byte)
	someEight   = new(uint64)
	someFifteen = new([15]byte)
)

type loop func(n int)

// A workload, with the loop that stores and does not allocate.
type workload struct {
	name, param string
	none, fn    loop
}

var workloads = []workload{
	{"warm", "64",
		func(n int) {
			for i := 0; i < n; i++ {
				pointerSink = somePointer
			}
		},
		func(n int) {
			for i := 0; i < n; i++ {
				pointerSink = new(withPointer)
			}
		}},
	{"noscan", "64",
		func(n int) {
			for i := 0; i < n; i++ {
				noscanSink = someNoscan
			}
		},
		func(n int) {
			for i := 0; i < n; i++ {
				noscanSink = new([64]byte)
			}
		}},
	{"tiny", "8",
		func(n int) {
			for i := 0; i < n; i++ {
				eightSink = someEight
			}
		},
		func(n int) {
			for i := 0; i < n; i++ {
				eightSink = new(uint64)
			}
		}},
	{"tiny", "15",
		func(n int) {
			for i := 0; i < n; i++ {
				fifteenSink = someFifteen
			}
		},
		func(n int) {
			for i := 0; i < n; i++ {
				fifteenSink = new([15]byte)
			}
		}},
}

// How long this process had a CPU.
func clock() int64 {
	var u syscall.Rusage

	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func timed(fn loop) int64 {
	start := clock()
	fn(ops)
	return clock() - start
}

func row(w workload, measure string, t, none int64) {
	if t < none {
		t = none
	}
	fmt.Printf("BENCH %s,%s,go,%s,%d,%d\n", w.name, w.param, measure,
		t-none, ops)
}

func sorted(t []int64) []int64 {
	sort.Slice(t, func(i, j int) bool { return t[i] < t[j] })
	return t
}

func measure(w workload, rounds int) {
	var none, t []int64

	for i := 0; i < rounds; i++ {
		none = append(none, timed(w.none))
		t = append(t, timed(w.fn))
	}
	none, t = sorted(none), sorted(t)
	row(w, "ns", t[rounds/2], none[rounds/2])
	row(w, "ns_q1", t[rounds/4], none[rounds/2])
	row(w, "ns_q3", t[3*rounds/4], none[rounds/2])
}

func main() {
	rounds := 0
	if len(os.Args) == 2 {
		rounds, _ = strconv.Atoi(os.Args[1])
	}
	if rounds <= 0 {
		fmt.Fprintln(os.Stderr, "usage: go ROUNDS")
		os.Exit(2)
	}
	fmt.Printf("HEAD go=%s\n", runtime.Version())
	for _, w := range workloads {
		measure(w, rounds)
	}
}
