package main

import "sync"

// What fills memory here is int32, since the other programs' int has 32 bits.

// matmul: c = a * b for n x n numbers, a[i] = i % 7, b[i] = i % 5, by four tasks that take every fourth row.
// Result: the sum of c.
func matmul(n int) int {
	const taskCount = 4
	a := make([]int32, n*n)
	b := make([]int32, n*n)
	c := make([]int32, n*n)
	for i := range a {
		a[i] = int32(i % 7)
		b[i] = int32(i % 5)
	}
	var tasks sync.WaitGroup
	tasks.Add(taskCount)
	for t := 0; t < taskCount; t++ {
		go func(t int) {
			for row := t; row < n; row += taskCount {
				for column := 0; column < n; column++ {
					var sum int32
					for k := 0; k < n; k++ {
						sum += a[row*n+k] * b[k*n+column]
					}
					c[row*n+column] = sum
				}
			}
			tasks.Done()
		}(t)
	}
	tasks.Wait()
	sum := 0
	for _, value := range c {
		sum += int(value)
	}
	return sum
}

// mergeHalves copies both sorted halves of values to scratch and merges them back.
func mergeHalves(values, scratch []int32) {
	middle := len(values) / 2
	copy(scratch, values)
	left, right := 0, middle
	for i := range values {
		if right == len(values) || (left < middle && scratch[left] <= scratch[right]) {
			values[i] = scratch[left]
			left++
		} else {
			values[i] = scratch[right]
			right++
		}
	}
}

// mergeSort sorts values; a half goes to a task of its own while splitsLeft lasts.
func mergeSort(values, scratch []int32, splitsLeft int) {
	if len(values) < 2 {
		return
	}
	middle := len(values) / 2
	if splitsLeft > 0 {
		var leftHalf sync.WaitGroup
		leftHalf.Add(1)
		go func() {
			mergeSort(values[:middle], scratch[:middle], splitsLeft-1)
			leftHalf.Done()
		}()
		mergeSort(values[middle:], scratch[middle:], splitsLeft-1)
		leftHalf.Wait()
	} else {
		mergeSort(values[:middle], scratch[:middle], 0)
		mergeSort(values[middle:], scratch[middle:], 0)
	}
	mergeHalves(values, scratch)
}

// mergesort: n numbers of a linear congruential sequence, sorted with halves in parallel down to depth 6.
// Result: the middle one.
func mergesort(n int) int {
	const parallelDepth = 6
	values := make([]int32, n)
	scratch := make([]int32, n)
	x := uint32(12345)
	for i := range values {
		x = x*1664525 + 1013904223
		values[i] = int32(x >> 8)
	}
	mergeSort(values, scratch, parallelDepth)
	return int(values[n/2])
}
