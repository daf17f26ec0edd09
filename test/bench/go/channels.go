package main

import (
	"context"
	"sync"
)

// pingpong: two tasks, two unbuffered channels; n round trips, the other side adds 1. Result: the sum of what came back.
func pingpong(n int) int {
	there := make(chan int)
	back := make(chan int)
	sum := 0
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		for i := 0; i < n; i++ {
			there <- i
			sum += <-back
		}
		close(there)
		both.Done()
	}()
	go func() {
		for value := range there {
			back <- value + 1
		}
		both.Done()
	}()
	both.Wait()
	return sum
}

// pipeline: one producer, four workers that double, main adds up; both channels hold 128. Result: the sum.
func pipeline(n int) int {
	const doublerCount = 4
	numbers := make(chan int, 128)
	doubled := make(chan int, 128)
	var doublers sync.WaitGroup
	doublers.Add(doublerCount)
	go func() {
		for i := 0; i < n; i++ {
			numbers <- i
		}
		close(numbers)
	}()
	for w := 0; w < doublerCount; w++ {
		go func() {
			for value := range numbers {
				doubled <- 2 * value
			}
			doublers.Done()
		}()
	}
	go func() {
		doublers.Wait()
		close(doubled)
	}()
	sum := 0
	for value := range doubled {
		sum += value
	}
	return sum
}

// selecting: four senders, each selects between sending its next number and the context's end; main selects over their
// channels. Result: the sum.
func selecting(n int) int {
	const senderCount = 4
	each := n / senderCount
	ctx, cancel := context.WithCancel(context.Background())
	var from [senderCount]chan int
	var senders sync.WaitGroup
	senders.Add(senderCount)
	for s := range from {
		to := make(chan int)
		from[s] = to
		go func() {
			defer senders.Done()
			done := ctx.Done()
			for k := 0; k < each; k++ {
				select {
				case to <- k:
				case <-done:
					return
				}
			}
		}()
	}
	sum := 0
	for i := 0; i < each*senderCount; i++ {
		select {
		case value := <-from[0]:
			sum += value
		case value := <-from[1]:
			sum += value
		case value := <-from[2]:
			sum += value
		case value := <-from[3]:
			sum += value
		}
	}
	cancel()
	senders.Wait()
	return sum
}

// sieve: a generator and one filter a prime, a chain of tasks over unbuffered channels. After n primes the context is
// cancelled; the generator closes its channel, each filter then its own, and all tasks end. Result: the n-th prime.
func sieve(n int) int {
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	source := make(chan int)
	tasks.Add(1)
	go func(to chan<- int) {
		defer tasks.Done()
		defer close(to)
		done := ctx.Done()
		for i := 2; ; i++ {
			select {
			case to <- i:
			case <-done:
				return
			}
		}
	}(source)
	prime := 0
	for i := 0; i < n; i++ {
		prime = <-source
		filtered := make(chan int)
		tasks.Add(1)
		go func(from <-chan int, to chan<- int, prime int) {
			for candidate := range from {
				if candidate%prime != 0 {
					to <- candidate
				}
			}
			close(to)
			tasks.Done()
		}(source, filtered, prime)
		source = filtered
	}
	cancel()
	for range source { // what is still on its way keeps the chain from ending
	}
	tasks.Wait()
	return prime
}
