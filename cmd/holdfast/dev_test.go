package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/provider"
)

// A program is holdfast as a person starts it.
type program struct {
	*exec.Cmd
	t      *testing.T
	out    *tail
	exited chan struct{}
}

// startDev starts `holdfast dev`, with a Temporal server of its own.
func startDev(t *testing.T, data string, more ...string) *program {
	t.Helper()
	args := []string{"dev", "--data", data, "--temporal-port", "0", "--ui-port", "0", "--devserver", devserverPath(t)}
	return startProgram(t, append(args, more...)...)
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &program{Cmd: exec.Command(self, args...), t: t, out: &tail{}, exited: make(chan struct{})}
	d.Env = append(os.Environ(), asProgram+"=1")
	d.Stdout, d.Stderr = d.out, d.out
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.Wait() // how it ended is in the process state
		close(d.exited)
	}()
	t.Cleanup(func() { d.kill(syscall.SIGKILL) })
	return d
}

func (d *program) kill(s syscall.Signal) {
	_ = d.Process.Signal(s) // it may have ended
	<-d.exited
}

func (d *program) awaitGreeting() *program {
	d.t.Helper()
	return d.awaitText("Ctrl-C stops everything")
}

func (d *program) awaitText(text string) *program {
	d.t.Helper()
	eventually(d.t, "it says "+text, func() bool {
		select {
		case <-d.exited:
			d.t.Fatalf("it ended: %s", d.out)
		default:
		}
		return strings.Contains(d.out.String(), text)
	})
	return d
}

// ends tells it to end, and expects that it does so without a complaint.
func (d *program) ends(s syscall.Signal) {
	d.t.Helper()
	if err := d.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.exited:
	case <-time.After(30 * time.Second):
		d.t.Fatalf("it did not end: %s", d.out)
	}
	if code := d.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("exit status %d: %s", code, d.out)
	}
}

// fails waits for a start that does not succeed and returns what was said.
func (d *program) fails() string {
	d.t.Helper()
	select {
	case <-d.exited:
	case <-time.After(30 * time.Second):
		d.t.Fatalf("it did not end: %s", d.out)
	}
	if d.ProcessState.ExitCode() != 1 {
		d.t.Errorf("exit status %d, want 1", d.ProcessState.ExitCode())
	}
	return d.out.String()
}

// devData makes a data directory whose demonstration configuration has ports that are free.
func devData(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	path := filepath.Join(data, demoConfig)
	if err := writeDemo(path, data); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`127\.0\.0\.1:(8080|9090)`).ReplaceAll(text, []byte("127.0.0.1:0"))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func (d *program) address(name string) string {
	d.t.Helper()
	m := regexp.MustCompile(name + ` +http://([0-9.:]+)`).FindStringSubmatch(d.out.String())
	if m == nil {
		d.t.Fatalf("no %s in: %s", name, d.out)
	}
	return m[1]
}

func (d *program) send(data, sample string, flags sendFlags) string {
	d.t.Helper()
	cfg, err := config.Load(filepath.Join(data, demoConfig), known(), os.LookupEnv)
	if err != nil {
		d.t.Fatal(err)
	}
	flags.url = "http://" + d.address("ingress")
	var out bytes.Buffer
	if err := send(d.t.Context(), cfg, flags, sample, nil, &out); err != nil {
		d.t.Fatal(err)
	}
	return out.String()
}

// What was accepted and what is known survive a kill -9 of dev, and a second start on the same data.
func TestDevSurvivesKill(t *testing.T) {
	data := devData(t)
	d := startDev(t, data).awaitGreeting()
	published, _, _ := sample("nxtele/account-banned")
	body, err := freshen(published, placeholders{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ban.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile := sendFlags{source: "nxtele-demo"}
	d.send(data, file, fromFile)
	eventually(t, "the terminal shows the ban", func() bool { return strings.Contains(d.out.String(), "account.banned") })
	d.kill(syscall.SIGKILL)

	var again *program
	eventually(t, "dev starts again", func() bool { // the old Temporal server ends within a moment of its parent
		again = startDev(t, data)
		for {
			select {
			case <-again.exited:
				return false
			case <-time.After(50 * time.Millisecond):
				if strings.Contains(again.out.String(), "Ctrl-C stops everything") {
					return true
				}
			}
		}
	})
	if answer := again.send(data, file, fromFile); !strings.HasPrefix(answer, "duplicate ") {
		t.Errorf("redelivery after the restart: %s", answer)
	}
	again.send(data, "nxtele/account-reinstated", sendFlags{account: "4711"})
	eventually(t, "the terminal shows the reinstatement", func() bool { return strings.Contains(again.out.String(), "account.reinstated") })
	if strings.Contains(again.out.String(), "account.banned") {
		t.Error("the ban was told again")
	}
}

// Whatever sample is sent, the demonstration has a source for it.
func TestDemoKnowsEveryProvider(t *testing.T) {
	cfg, err := devConfig(&commonFlags{}, devData(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range provider.List() {
		if _, source, err := target(cfg, "", d.Name); err != nil || source.Provider == nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

func TestDevRefusesToShare(t *testing.T) {
	data := devData(t)
	d := startDev(t, data).awaitGreeting()
	want := fmt.Sprintf("another 'holdfast dev' (process %d) is using this data directory", d.Process.Pid)
	if said := startDev(t, data).fails(); !strings.Contains(said, want) {
		t.Errorf("second instance: %s", said)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if said := startDev(t, devData(t), "--temporal-port", port).fails(); !strings.Contains(said, "choose another with --temporal-port") {
		t.Errorf("taken port: %s", said)
	}

	resp, err := http.Get("http://" + d.address("Temporal UI"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if page, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(page, []byte("<html")) {
		t.Errorf("Temporal UI: status %d, %v", resp.StatusCode, err)
	}

	began := time.Now()
	d.kill(syscall.SIGINT)
	if code := d.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status after Ctrl-C: %d", code)
	}
	t.Logf("stopped within %s", time.Since(began).Round(time.Millisecond))
}

// The terminal destination believes nobody but us.
func TestSinkRefusesForgeries(t *testing.T) {
	out := &tail{}
	s, err := openSink(out, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	resp, err := http.Post(s.url, "application/json", strings.NewReader(`{"type":"account.banned"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || out.String() != "" {
		t.Errorf("status %d, printed %q", resp.StatusCode, out)
	}
}

// Whoever writes to the business does not speak to the terminal.
func TestSinkPrintsWhatIsVisible(t *testing.T) {
	out := &tail{}
	s, err := openSink(out, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	body := `{"type":"message.received","data":{"details":{"text":"a` + "\u009b2J\u202e\x7f" + `é👩‍👧"}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	req.Header.Set("webhook-id", "evt_1")
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", s.key.Sign("evt_1", now, []byte(body)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if !strings.Contains(out.String(), `{"text":"a?2J??é👩‍👧"}`) {
		t.Errorf("status %d, printed %q", resp.StatusCode, out)
	}
}

// Without its Temporal server dev can do nothing, and does not pretend to.
func TestDevEndsWithItsServer(t *testing.T) {
	d := startDev(t, devData(t)).awaitGreeting()
	children, err := exec.Command("pgrep", "-P", strconv.Itoa(d.Process.Pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if said := d.fails(); !strings.Contains(said, "the Temporal server ended: signal: killed") {
		t.Errorf("it does not say why: %s", said)
	}
}

// Whoever closes the terminal wants it to end; what others may read they are told of, and nothing is changed there.
func TestDevEndsWithItsTerminal(t *testing.T) {
	data := devData(t)
	if err := os.Chmod(data, 0o750); err != nil {
		t.Fatal(err)
	}
	d := startDev(t, data).awaitGreeting()
	if !strings.Contains(d.out.String(), "'chmod 700 "+data+"'") {
		t.Errorf("no word of a directory that others may read: %s", d.out)
	}
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("the directory was changed: %v, %v", info, err)
	}
	d.ends(syscall.SIGHUP)
}

func TestDevData(t *testing.T) {
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "new")
	if err := makeData(dir, &out); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 || out.Len() > 0 {
		t.Errorf("a new directory: %v, %v, %s", info, err, &out)
	}
}

func TestDevserverThatDoesNotStart(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{broken, broken + "-missing"} {
		if said := startDev(t, devData(t), "--devserver", path).fails(); !strings.Contains(said, "start the Temporal server") || !strings.Contains(said, path+":") {
			t.Errorf("it does not name %s: %s", path, said)
		}
	}
}
