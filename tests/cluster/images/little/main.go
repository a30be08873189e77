// A little service that can be good, or bad in every way that matters. What it is comes with its image, as variables:
//
//	VERSION    what it answers
//	FAIL       percent of requests answered 500
//	SLOW       milliseconds before each answer
//	HANG       percent of requests that are never answered
//	CRASH      exit with status 3 after this many seconds; 0: at once
//	EAT        take this many mebibytes of memory at the start
//	UNREADY    not ready any more after this many seconds
//
// `little exit N` prints what it was told, its variables named TOLD_*, and exits with status N: a job.
// `little ask` asks $HEADWAY_URL ten times, and fails with what it was answered unless that was $HEADWAY_VERSION each time: a check.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var started = time.Now()
var asked atomic.Int64
var eaten [][]byte

func number(name string) (int, bool) {
	value, err := strconv.Atoi(os.Getenv(name))
	return value, err == nil
}

// Spread evenly, not by chance: 10 percent is every tenth request.
func hits(count int64, percent int) bool {
	return count*int64(percent)/100 != (count-1)*int64(percent)/100
}

func told() string {
	var lines []string
	for _, one := range os.Environ() {
		if strings.HasPrefix(one, "TOLD_") {
			lines = append(lines, one)
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func answer(w http.ResponseWriter, r *http.Request) {
	count := asked.Add(1)
	if percent, set := number("HANG"); set && hits(count, percent) {
		<-r.Context().Done()
		return
	}
	if slow, set := number("SLOW"); set {
		time.Sleep(time.Duration(slow) * time.Millisecond)
	}
	if percent, set := number("FAIL"); set && hits(count, percent) {
		http.Error(w, "KeyError: 'basket'", http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, os.Getenv("VERSION"))
}

func ready(w http.ResponseWriter, _ *http.Request) {
	if after, set := number("UNREADY"); set && time.Since(started) > time.Duration(after)*time.Second {
		http.Error(w, "not ready any more", http.StatusServiceUnavailable)
	}
}

func ask() {
	fmt.Println(told())
	for range 10 {
		answer, err := http.Get(os.Getenv("HEADWAY_URL"))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		said, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || strings.TrimSpace(string(said)) != os.Getenv("HEADWAY_VERSION") {
			fmt.Println("answered", answer.StatusCode, strings.TrimSpace(string(said)))
			os.Exit(1)
		}
	}
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "exit" {
		fmt.Println(told())
		status, _ := strconv.Atoi(os.Args[2])
		os.Exit(status)
	}
	if len(os.Args) > 1 && os.Args[1] == "ask" {
		ask()
		return
	}
	fmt.Println("little", os.Getenv("VERSION"), "starts")
	if mebibytes, set := number("EAT"); set {
		for range mebibytes {
			piece := make([]byte, 1<<20)
			for at := range piece {
				piece[at] = 1
			}
			eaten = append(eaten, piece)
		}
	}
	if after, set := number("CRASH"); set {
		time.AfterFunc(time.Duration(after)*time.Second, func() {
			fmt.Println("panic: no DATABASE")
			os.Exit(3)
		})
	}
	http.HandleFunc("/", answer)
	http.HandleFunc("/ready", ready)
	http.HandleFunc("/told", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, told()) })
	server := &http.Server{Addr: ":8080"}
	done := make(chan os.Signal, 1)
	signal.Notify(done, syscall.SIGTERM)
	go func() {
		<-done
		inTime, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Shutdown(inTime)
		os.Exit(0)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}
