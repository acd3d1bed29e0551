// Command load drives an etcd v3 endpoint with the unmodified Go client and prints one JSON line:
// what the benchmarks of Tidelock compare is always this program against two servers in turn.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Result is the measurement of one run.
type Result struct {
	Mode      string  `json:"mode"`
	Total     int     `json:"total"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	P50Ms     float64 `json:"p50Ms"`
	P99Ms     float64 `json:"p99Ms"`
	// EachP50Ms is by endpoint, where they are measured side by side.
	EachP50Ms []float64 `json:"eachP50Ms,omitempty"`
}

type options struct {
	endpoint   string
	mode       string
	conns      int
	clients    int
	seconds    float64
	warm       float64
	valueBytes int
	keys       int
	watchers   int
	events     int
	txnPuts    int
	leases     int
	rate       float64
	eachKeys   string
}

func main() {
	var o options
	flag.StringVar(&o.endpoint, "endpoint", "127.0.0.1:2379", "host:port of the server; several by commas, for the connections in turn")
	flag.StringVar(&o.mode, "mode", "put", "put, paced-put, get, serializable-get, watch, idle-watchers, load, leases")
	flag.IntVar(&o.conns, "conns", 10, "connections")
	flag.IntVar(&o.clients, "clients", 100, "concurrent clients over them")
	flag.Float64Var(&o.seconds, "seconds", 3, "how long to measure")
	flag.Float64Var(&o.warm, "warm-seconds", 0.5, "how long to run before it counts")
	flag.IntVar(&o.valueBytes, "value-bytes", 256, "size of a value")
	flag.IntVar(&o.keys, "keys", 10000, "size of the key space; for load: how many keys to write")
	flag.IntVar(&o.watchers, "watchers", 1000, "watch: how many watchers, all on one prefix; idle-watchers: each on something else")
	flag.IntVar(&o.events, "events", 20, "watch: how many puts each of them must see")
	flag.IntVar(&o.txnPuts, "txn-puts", 100, "load, leases: puts in one transaction")
	flag.IntVar(&o.leases, "leases", 1000, "leases: how many, each with a key")
	flag.Float64Var(&o.rate, "rate", 200, "paced-put: puts a second, of all clients together")
	flag.StringVar(&o.eachKeys, "each-keys", "", "paced-put: size of the key space of each endpoint, by commas")
	flag.Parse()
	result, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		os.Exit(1)
	}
}

func run(o options) (Result, error) {
	conns, err := dial(o)
	if err != nil {
		return Result{}, err
	}
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	value := string(make([]byte, o.valueBytes))
	switch o.mode {
	case "put":
		return timed(o, conns, func(c *clientv3.Client, n int) error {
			_, err := c.Put(context.Background(), keyOf(n%o.keys), value)
			return err
		})
	case "get", "serializable-get":
		var opts []clientv3.OpOption
		if o.mode != "get" {
			opts = append(opts, clientv3.WithSerializable())
		}
		return timed(o, conns, func(c *clientv3.Client, n int) error {
			_, err := c.Get(context.Background(), keyOf(n%o.keys), opts...)
			return err
		})
	case "watch":
		return watch(o, conns, value)
	case "load":
		return load(o, conns, value)
	case "paced-put":
		return pacedPut(o, conns, value)
	case "leases":
		return leases(o, conns, value)
	case "idle-watchers":
		return idleWatchers(o, conns)
	}
	return Result{}, fmt.Errorf("there is no mode %q", o.mode)
}

func dial(o options) ([]*clientv3.Client, error) {
	endpoints := strings.Split(o.endpoint, ",")
	conns := make([]*clientv3.Client, o.conns)
	for i := range conns {
		endpoint := endpoints[i%len(endpoints)]
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second})
		if err != nil {
			return nil, err
		}
		conns[i] = c
	}
	return conns, nil
}

func keyOf(n int) string { return fmt.Sprintf("bench/%010d", n) }

// timed runs op from all clients for a while, after a short warm-up that is not counted.
func timed(o options, conns []*clientv3.Client, op func(*clientv3.Client, int) error) (Result, error) {
	warmUntil := time.Now().Add(time.Duration(o.warm * float64(time.Second)))
	until := warmUntil.Add(time.Duration(o.seconds * float64(time.Second)))
	var next atomic.Int64
	var failure atomic.Value
	laps := make([][]time.Duration, o.clients)
	var wg sync.WaitGroup
	for i := 0; i < o.clients; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			c := conns[i%len(conns)]
			for {
				start := time.Now()
				// Slow as it may be, each client has something to tell.
				if start.After(until) && len(laps[i]) > 0 {
					return
				}
				if err := op(c, int(next.Add(1))); err != nil {
					failure.Store(err)
					return
				}
				if start.After(warmUntil) {
					laps[i] = append(laps[i], time.Since(start))
				}
			}
		}(i)
	}
	wg.Wait()
	seconds := time.Since(warmUntil).Seconds()
	if err, ok := failure.Load().(error); ok {
		return Result{}, err
	}
	var all []time.Duration
	for _, l := range laps {
		all = append(all, l...)
	}
	return summary(o.mode, all, seconds), nil
}

func summary(mode string, laps []time.Duration, seconds float64) Result {
	sort.Slice(laps, func(i, j int) bool { return laps[i] < laps[j] })
	at := func(share float64) float64 {
		if len(laps) == 0 {
			return 0
		}
		return float64(laps[int(share*float64(len(laps)-1))].Microseconds()) / 1000
	}
	return Result{Mode: mode, Total: len(laps), Seconds: seconds, PerSecond: float64(len(laps)) / seconds, P50Ms: at(0.5), P99Ms: at(0.99)}
}

// watch opens many watchers on one prefix, then puts, and measures until every watcher has seen all.
func watch(o options, conns []*clientv3.Client, value string) (Result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var ready, done sync.WaitGroup
	for i := 0; i < o.watchers; i++ {
		ready.Add(1)
		done.Add(1)
		events := conns[i%len(conns)].Watch(ctx, "fan/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
		go func() {
			defer done.Done()
			seen := 0
			for response := range events {
				if response.Created {
					ready.Done()
				}
				seen += len(response.Events)
				if seen >= o.events {
					return
				}
			}
		}()
	}
	ready.Wait()
	start := time.Now()
	for i := 0; i < o.events; i++ {
		if _, err := conns[0].Put(ctx, fmt.Sprintf("fan/%d", i), value); err != nil {
			return Result{}, err
		}
	}
	done.Wait()
	seconds := time.Since(start).Seconds()
	total := o.watchers * o.events
	return Result{Mode: o.mode, Total: total, Seconds: seconds, PerSecond: float64(total) / seconds}, nil
}

// load writes many keys, in transactions, from a few clients.
func load(o options, conns []*clientv3.Client, value string) (Result, error) {
	start := time.Now()
	err := shareOut(o.keys, o.txnPuts, o.clients, func(client, from, to int) error {
		var puts []clientv3.Op
		for n := from; n < to; n++ {
			puts = append(puts, clientv3.OpPut(keyOf(n), value))
		}
		_, err := conns[client%len(conns)].Txn(context.Background()).Then(puts...).Commit()
		return err
	})
	return whole(o.mode, o.keys, start), err
}
