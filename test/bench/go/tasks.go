package main

import "sync"

// mutex: eight tasks, each n / 8 times: lock, ++ on a plain int, unlock. Result: the count.
func mutex(n int) int {
	const taskCount = 8
	var lock sync.Mutex
	count := 0
	var tasks sync.WaitGroup
	tasks.Add(taskCount)
	for t := 0; t < taskCount; t++ {
		go func() {
			for i := 0; i < n/taskCount; i++ {
				lock.Lock()
				count++
				lock.Unlock()
			}
			tasks.Done()
		}()
	}
	tasks.Wait()
	return count
}

// spawn: n tasks, each writes its slot of a slice and says done. Result: the sum of the slots.
func spawn(n int) int {
	slots := make([]int, n)
	var tasks sync.WaitGroup
	tasks.Add(n)
	for i := 0; i < n; i++ {
		go func(i int) {
			slots[i] = i
			tasks.Done()
		}(i)
	}
	tasks.Wait()
	sum := 0
	for _, slot := range slots {
		sum += slot
	}
	return sum
}

// alive: n tasks alive at once: each says ready and receives from one channel, which main closes when all are ready;
// then it writes its slot. Result: how many slots were written.
func alive(n int) int {
	slots := make([]uint8, n)
	gate := make(chan struct{})
	var ready, finished sync.WaitGroup
	ready.Add(n)
	finished.Add(n)
	for i := 0; i < n; i++ {
		go func(i int) {
			ready.Done()
			<-gate
			slots[i] = 1
			finished.Done()
		}(i)
	}
	ready.Wait()
	close(gate)
	finished.Wait()
	count := 0
	for _, slot := range slots {
		count += int(slot)
	}
	return count
}
