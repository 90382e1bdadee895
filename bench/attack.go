package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A way to harm an ingress, for somebody who knows its URL and no secret.
type way struct {
	name, about string
	connections int
	// talk uses a connection until it ends.
	talk func(ctx context.Context, c net.Conn, path string, done *deeds)
}

// deeds are counted while an attack goes on.
type deeds struct{ connections, requests, bytes, answers atomic.Int64 }

func attacks() []way {
	bomb := sync.OnceValue(compressed)
	return []way{
		{"forged", "bad signatures from 64 connections as fast as they are refused", 64, forged},
		{"slow", "500 connections that send a body of 100 kB byte by byte", 500, slow},
		{"headers", "32 connections that send headers of 1 MB", 32, headers},
		{"crowd", "5,000 connections that say nothing", 5000, silent},
		{"bombs", "32 connections that send 10 MB of zeros, compressed", 32, bombs(bomb)},
	}
}

// attack is the program `bench attack NAME ADDRESS PATH`: it attacks until it is stopped, and then says what it did.
func attack(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("attack takes a name, an address and a path")
	}
	for _, w := range attacks() {
		if w.name == args[0] {
			d := w.against(ctx, args[1], args[2])
			return json.NewEncoder(os.Stdout).Encode(d)
		}
	}
	return fmt.Errorf("there is no attack %q", args[0])
}

func (w way) against(ctx context.Context, address, path string) attackReport {
	var d deeds
	var wg sync.WaitGroup
	for range w.connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", address)
				if err != nil {
					sleep(ctx, 100*time.Millisecond)
					continue
				}
				d.connections.Add(1)
				stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // ends what it waits for
				w.talk(ctx, c, path, &d)
				stop()
				_ = c.Close() // it may have been closed
				sleep(ctx, 10*time.Millisecond)
			}
		})
	}
	wg.Wait()
	return attackReport{Connections: d.connections.Load(), Requests: d.requests.Load(), Bytes: d.bytes.Load(), Answers: d.answers.Load()}
}

// attackReport is what an attack did.
type attackReport struct {
	Connections int64 `json:"connections"`
	Requests    int64 `json:"requests"`
	Bytes       int64 `json:"bytes"`
	Answers     int64 `json:"answers"`
}

// head begins a request with a signature of the right form, which opens the door as far as it opens.
func head(path, length string, more ...string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=" +
		strings.Repeat("0a", 32) + "\r\nContent-Length: " + length + "\r\n" + strings.Join(more, "") + "\r\n"
}

func (d *deeds) send(c net.Conn, data []byte) bool {
	n, err := c.Write(data)
	d.bytes.Add(int64(n))
	return err == nil
}

// answered reads an answer, and reports whether the connection can be used for another request.
func (d *deeds) answered(r *bufio.Reader) bool {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	d.answers.Add(1)
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && !resp.Close
}

// request sends the same request again and again.
func request(ctx context.Context, c net.Conn, d *deeds, data []byte) {
	r := bufio.NewReader(c)
	for ctx.Err() == nil {
		d.requests.Add(1)
		if !d.send(c, data) || !d.answered(r) {
			return
		}
	}
}

func forged(ctx context.Context, c net.Conn, path string, d *deeds) {
	body := `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"x":"` + strings.Repeat("y", 800) + `"}}]}]}`
	request(ctx, c, d, []byte(head(path, fmt.Sprint(len(body)))+body))
}

func slow(ctx context.Context, c net.Conn, path string, d *deeds) {
	d.requests.Add(1)
	if !d.send(c, []byte(head(path, "100000"))) {
		return
	}
	for d.send(c, []byte{' '}) && sleep(ctx, time.Second) {
	}
}

func headers(ctx context.Context, c net.Conn, path string, d *deeds) {
	request(ctx, c, d, []byte(head(path, "2", "X-Filling: "+strings.Repeat("x", 1<<20)+"\r\n")+"{}"))
}

func silent(_ context.Context, c net.Conn, _ string, _ *deeds) {
	_, _ = io.Copy(io.Discard, c) // until it is closed
}

func bombs(bomb func() []byte) func(context.Context, net.Conn, string, *deeds) {
	return func(ctx context.Context, c net.Conn, path string, d *deeds) {
		request(ctx, c, d, append([]byte(head(path, fmt.Sprint(len(bomb())), "Content-Encoding: gzip\r\n")), bomb()...))
	}
}

// compressed is 10 MB of zeros.
func compressed() []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(make([]byte, 10<<20)) // to memory, like the next
	_ = w.Close()
	return b.Bytes()
}

// An attacking is a process that attacks.
type attacking struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// attacker starts the attack of a scenario; nil if it has none.
func (s *stack) attacker(ctx context.Context, sc scenario) (*attacking, error) {
	if sc.attack == "" {
		return nil, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	a := &attacking{cmd: exec.CommandContext(ctx, self, "attack", sc.attack, s.ingress, "/webhooks/meta")}
	a.cmd.Cancel = func() error { return a.cmd.Process.Signal(os.Interrupt) }
	a.cmd.Stdout, a.cmd.Stderr = &a.out, os.Stderr
	return a, a.cmd.Start()
}

// finish ends it, and says what it did.
func (a *attacking) finish() *attackReport {
	_ = a.cmd.Process.Signal(os.Interrupt) // it may have ended
	_ = a.cmd.Wait()                       // what it says tells
	var r attackReport
	if err := json.Unmarshal(a.out.Bytes(), &r); err != nil {
		return nil
	}
	return &r
}
