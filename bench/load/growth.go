package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// What a server can be full of, and puts that are too few to keep it busy: how long one takes is
// then latency, and not the length of a queue.

// scatter is a prime that no size of a key space here is a multiple of: n * scatter visits all keys
// of a space, none of them near the one before.
const scatter = 6_700_417

// lingerSeconds is the TTL of leases that nobody renews while they are needed.
const lingerSeconds = 36_000

// slice is how long one endpoint is asked before it is the turn of the next: what else the machine
// does weighs on all of them alike, and few puts find a server that has just been idle.
const slice = 100 * time.Millisecond

// pacedPut makes o.rate puts a second from o.clients clients, each of which makes its next one when
// its time comes, or at once when it is late. The endpoints are asked in turn.
func pacedPut(o options, conns []*clientv3.Client, value string) (Result, error) {
	keys, err := numbers(o.eachKeys)
	if err != nil {
		return Result{}, err
	}
	if len(keys) != len(strings.Split(o.endpoint, ",")) || len(conns) < len(keys) {
		return Result{}, fmt.Errorf("there are %d key spaces for %s on %d connections", len(keys), o.endpoint, len(conns))
	}
	start := time.Now()
	warmUntil := start.Add(seconds(o.warm))
	until := warmUntil.Add(max(seconds(o.seconds), slice*time.Duration(2*len(keys))))
	pause := seconds(float64(o.clients) / o.rate)
	laps := make([][]time.Duration, len(keys))
	var mutex sync.Mutex
	err = shareOut(o.clients, 1, o.clients, func(_, client, _ int) error {
		at := start.Add(pause * time.Duration(client) / time.Duration(o.clients))
		for n := client; ; n += o.clients {
			time.Sleep(time.Until(at))
			begin := time.Now()
			if begin.After(until) {
				return nil
			}
			side := int(begin.Sub(start)/slice) % len(keys)
			// Connections go to the endpoints in turn.
			c := conns[side+len(keys)*(client%(len(conns)/len(keys)))]
			if _, err := c.Put(context.Background(), keyOf(int(uint64(n)*scatter%keys[side])), value); err != nil {
				return err
			}
			end := time.Now()
			if begin.After(warmUntil) {
				mutex.Lock()
				laps[side] = append(laps[side], end.Sub(begin))
				mutex.Unlock()
			}
			at = at.Add(pause)
			if at.Before(end) {
				at = end
			}
		}
	})
	if err != nil {
		return Result{}, err
	}
	result := summary(o.mode, slices.Concat(laps...), time.Since(warmUntil).Seconds())
	for side, each := range laps {
		if len(each) == 0 {
			return Result{}, fmt.Errorf("nothing was put to endpoint %d", side)
		}
		result.EachP50Ms = append(result.EachP50Ms, summary(o.mode, each, 1).P50Ms)
	}
	return result, nil
}

func seconds(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

// numbers reads positive numbers between commas.
func numbers(text string) ([]uint64, error) {
	var all []uint64
	for _, part := range strings.Split(text, ",") {
		number, err := strconv.ParseUint(part, 10, 64)
		if err != nil || number == 0 {
			return nil, fmt.Errorf("%q is no list of numbers above 0", text)
		}
		all = append(all, number)
	}
	return all, nil
}

// leases grants leases and attaches a key to each, in transactions.
func leases(o options, conns []*clientv3.Client, value string) (Result, error) {
	start := time.Now()
	err := shareOut(o.leases, o.txnPuts, o.clients, func(client, from, to int) error {
		c := conns[client%len(conns)]
		var puts []clientv3.Op
		for n := from; n < to; n++ {
			lease, err := c.Grant(context.Background(), lingerSeconds)
			if err != nil {
				return err
			}
			puts = append(puts, clientv3.OpPut(fmt.Sprintf("lease/%010d", n), value, clientv3.WithLease(lease.ID)))
		}
		_, err := c.Txn(context.Background()).Then(puts...).Commit()
		return err
	})
	return whole(o.mode, o.leases, start), err
}

// idleWatchers opens watchers which see nothing, as many on single keys as on prefixes, says how
// long that took, and keeps them until the standard input ends.
func idleWatchers(o options, conns []*clientv3.Client) (Result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start := time.Now()
	channels := make([]clientv3.WatchChan, o.watchers)
	err := shareOut(o.watchers, 1, o.clients, func(client, from, to int) error {
		c := conns[client%len(conns)]
		for n := from; n < to; n++ {
			var opts []clientv3.OpOption
			if n%2 == 1 {
				opts = append(opts, clientv3.WithPrefix())
			}
			// Returns when the server says that it watches.
			channels[n] = c.Watch(ctx, fmt.Sprintf("watch/%010d", n), opts...)
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	if err := json.NewEncoder(os.Stdout).Encode(whole(o.mode, o.watchers, start)); err != nil {
		return Result{}, err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, events := range channels {
		select {
		case response := <-events:
			return Result{}, fmt.Errorf("a watcher that was to see nothing saw %v", response)
		default:
		}
	}
	return whole(o.mode, o.watchers, start), nil
}

// shareOut hands the numbers below count to some clients, a piece at a time, until one of them
// fails.
func shareOut(count, piece, clients int, work func(client, from, to int) error) error {
	var next atomic.Int64
	var failure atomic.Value
	var wg sync.WaitGroup
	for i := 0; i < clients; i++ {
		wg.Add(1)
		go func(client int) {
			defer wg.Done()
			for failure.Load() == nil {
				from := int(next.Add(int64(piece))) - piece
				if from >= count {
					return
				}
				if err := work(client, from, min(from+piece, count)); err != nil {
					failure.CompareAndSwap(nil, fmt.Errorf("%w", err))
					return
				}
			}
		}(i)
	}
	wg.Wait()
	err, _ := failure.Load().(error)
	return err
}

// whole is the result of work that was done once.
func whole(mode string, total int, start time.Time) Result {
	seconds := time.Since(start).Seconds()
	return Result{Mode: mode, Total: total, Seconds: seconds, PerSecond: float64(total) / seconds}
}
