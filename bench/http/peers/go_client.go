// Go's net/http as a client of bench_http: URL REQUESTS IN_FLIGHT BODY_BYTES keep|close CA_FILE.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_client:", err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

func cpu() float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e3
}

func runAll(client *http.Client, url string, requests, inFlight, bodyBytes int) []int64 {
	var lock sync.Mutex
	var all sync.WaitGroup
	left := requests
	latencies := make([]int64, 0, requests)
	for i := 0; i < inFlight; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			mine := []int64{}
			for {
				lock.Lock()
				more := left > 0
				left--
				lock.Unlock()
				if !more {
					break
				}
				begin := time.Now()
				response, err := client.Get(url)
				must(err)
				size, err := io.Copy(io.Discard, response.Body)
				must(err)
				response.Body.Close()
				if response.StatusCode != 200 || size != int64(bodyBytes) {
					must(fmt.Errorf("a wrong response"))
				}
				mine = append(mine, time.Since(begin).Nanoseconds())
			}
			lock.Lock()
			latencies = append(latencies, mine...)
			lock.Unlock()
		}()
	}
	all.Wait()
	return latencies
}

func main() {
	runtime.GOMAXPROCS(1)
	url, requests, inFlight, bodyBytes := os.Args[1], number(os.Args[2]), number(os.Args[3]), number(os.Args[4])
	transport := &http.Transport{
		MaxIdleConns:        inFlight,
		MaxIdleConnsPerHost: inFlight,
		MaxConnsPerHost:     inFlight,
		DisableKeepAlives:   os.Args[5] == "close",
	}
	if pem, err := os.ReadFile(os.Args[6]); err == nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	client := &http.Client{Transport: transport}
	runAll(client, url, requests/10+inFlight, inFlight, bodyBytes)
	begin, used := time.Now(), cpu()
	latencies := runAll(client, url, requests, inFlight, bodyBytes)
	used = cpu() - used
	seconds := time.Since(begin).Seconds()
	sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
	at := func(share float64) float64 { return float64(latencies[int(share*float64(len(latencies)-1)+0.5)]) / 1e3 }
	fmt.Printf("{\"requests\": %d, \"seconds\": %f, \"cpu_us\": %f, \"p50_us\": %f, \"p99_us\": %f}\n",
		requests, seconds, used, at(0.5), at(0.99))
}
